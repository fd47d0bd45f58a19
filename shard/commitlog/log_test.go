package commitlog

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"slices"
	"testing"

	"quern/pipeline/store"
	"quern/shard/core"
	"quern/shard/record"
)

// faulty is a store in which the steps of writing fail when a test says so.
type faulty struct {
	store.Store
	fail func(step string) error // create, write, sync, commit, committed, durable, open, list, remove
}

var errFault = errors.New("fault")

func (f *faulty) Create(ctx context.Context, name string) (store.Writer, error) {
	if err := f.fail("create"); err != nil {
		return nil, err
	}
	w, err := f.Store.Create(ctx, name)
	return &faultyWriter{w, f}, err
}

func (f *faulty) Open(ctx context.Context, name string) (store.Reader, error) {
	if err := f.fail("open"); err != nil {
		return nil, err
	}
	return f.Store.Open(ctx, name)
}

func (f *faulty) List(ctx context.Context, prefix string) ([]string, error) {
	if err := f.fail("list"); err != nil {
		return nil, err
	}
	return f.Store.List(ctx, prefix)
}

func (f *faulty) Remove(ctx context.Context, name string) error {
	if err := f.fail("remove"); err != nil {
		return err
	}
	return f.Store.Remove(ctx, name)
}

func (f *faulty) Sync(ctx context.Context, names []string) error {
	if err := f.fail("durable"); err != nil {
		return err
	}
	return f.Store.Sync(ctx, names)
}

type faultyWriter struct {
	store.Writer
	f *faulty
}

func (w *faultyWriter) Write(b []byte) (int, error) {
	if err := w.f.fail("write"); err != nil {
		return 0, err
	}
	return w.Writer.Write(b)
}

func (w *faultyWriter) Sync() error {
	if err := w.f.fail("sync"); err != nil {
		return err
	}
	return w.Writer.Sync()
}

// Commit fails before, or after it was done: a time-out after success.
func (w *faultyWriter) Commit() error {
	if err := w.f.fail("commit"); err != nil {
		return err
	}
	return errors.Join(w.Writer.Commit(), w.f.fail("committed"))
}

// at fails the steps of that name.
func at(step string) func(string) error {
	return func(s string) error {
		if s == step {
			return errFault
		}
		return nil
	}
}

func local(t *testing.T) *store.Local {
	t.Helper()
	s, err := store.NewLocal(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestOutcomesTellWhatIsKnown fails each step of a put and of a read.
func TestOutcomesTellWhatIsKnown(t *testing.T) {
	ctx := context.Background()
	for _, c := range []struct {
		step  string
		want  core.Outcome
		there bool // afterwards
	}{
		{"", core.Done, true}, {"create", core.Failed, false}, {"write", core.Failed, false}, {"sync", core.Failed, false},
		{"commit", core.Unknown, false}, {"committed", core.Unknown, true}, {"durable", core.Unknown, true},
	} {
		s := local(t)
		log := New(&faulty{s, at(c.step)})
		if got, err := log.Put(ctx, "_quern/jobs/x", []byte("text")); got != c.want || (err == nil) != (got == core.Done) {
			t.Errorf("put with a fault in %q: %v (%v), want %v", c.step, got, err, c.want)
		}
		data, got, err := New(s).Get(ctx, "_quern/jobs/x", true)
		if c.there && (got != core.Done || string(data) != "text") || !c.there && (got != core.Missing || err != nil) {
			t.Errorf("after a fault in %q: %v %q (%v)", c.step, got, data, err)
		}
		if got, err := New(s).Put(ctx, "_quern/jobs/x", []byte("other")); c.there != (got == core.Exists) || err != nil {
			t.Errorf("put after a fault in %q: %v (%v)", c.step, got, err)
		}
	}
	s := local(t)
	if _, err := New(s).Put(ctx, "x", []byte("text")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		step   string
		action core.Action
	}{
		{"open", core.Get{Op: 3, Name: "x"}}, {"durable", core.Get{Op: 3, Name: "x", Settled: true}},
		{"list", core.List{Op: 3}}, {"remove", core.Remove{Op: 3, Name: "x"}},
	} {
		if a, ok := New(&faulty{s, at(c.step)}).Do(ctx, c.action); !ok || a.Op != 3 || a.Outcome != core.Failed || a.Cause == "" {
			t.Errorf("%T with a fault in %q: %+v", c.action, c.step, a)
		}
		if a, ok := New(s).Do(ctx, c.action); !ok || a.Outcome != core.Done {
			t.Errorf("%T: %+v", c.action, a)
		}
	}
	if _, ok := New(s).Do(ctx, core.Exit{}); ok {
		t.Error("an action that is none of a store's was done")
	}
}

// TestPublish gives files their final names, by a link and by a copy.
func TestPublish(t *testing.T) {
	ctx := context.Background()
	file := func(name, text string) record.File {
		return record.File{Name: name, Final: "part", Size: int64(len(text)), SHA256: sha256.Sum256([]byte(text))}
	}
	for _, kind := range []string{"link", "copy"} {
		s := local(t)
		log := New(s)
		if kind == "copy" {
			log = New(&faulty{s, at("")})
		}
		for name, text := range map[string]string{"_quern/jobs/a": "text", "_quern/jobs/b": "other", "_quern/jobs/c": "texx"} {
			if o, err := log.Put(ctx, name, []byte(text)); o != core.Done {
				t.Fatal(o, err)
			}
		}
		for _, c := range []struct {
			what string
			file record.File
			want core.Outcome
		}{
			{"a file that is not there", file("_quern/jobs/z", "text"), core.Missing},
			{"a file with another byte", file("_quern/jobs/c", "text"), core.Corrupt},
			{"a file that is too long", file("_quern/jobs/b", "text"), core.Corrupt},
			{"a file", file("_quern/jobs/a", "text"), core.Done},
			{"it again", file("_quern/jobs/a", "text"), core.Done},
			{"it, its own name being gone", file("_quern/jobs/z", "text"), core.Done},
			{"another one", file("_quern/jobs/b", "other"), core.Conflict},
		} {
			if a, _ := log.Do(ctx, core.Publish{File: c.file}); a.Outcome != c.want {
				t.Errorf("%s: publishing %s: %v (%s), want %v", kind, c.what, a.Outcome, a.Cause, c.want)
			}
		}
		if data, _, err := log.Get(ctx, "part", false); string(data) != "text" {
			t.Errorf("%s: %q (%v)", kind, data, err)
		}
	}
}

func TestSaveAndCheck(t *testing.T) {
	ctx := context.Background()
	s := local(t)
	log := New(s)
	save := func(log *Log, names ...string) core.Outcome {
		var writers []store.Writer
		for _, name := range names {
			w, err := s.Create(ctx, name)
			if err != nil {
				t.Fatal(err)
			}
			defer w.Abort()
			io.WriteString(w, "text")
			writers = append(writers, w)
		}
		o, _ := log.Save(ctx, writers, names)
		return o
	}
	if o := save(log, "a", "b"); o != core.Done {
		t.Errorf("save: %v", o)
	}
	if o := save(log, "a"); o != core.Unknown {
		t.Errorf("save over a name that is taken: %v", o)
	}
	if o := save(New(&faulty{s, at("durable")}), "c"); o != core.Unknown {
		t.Errorf("save without durability: %v", o)
	}
	file := func(name, text string) record.File {
		return record.File{Name: name, Size: int64(len(text)), SHA256: sha256.Sum256([]byte(text))}
	}
	for want, f := range map[core.Outcome]record.File{
		core.Done: file("b", "text"), core.Corrupt: file("b", "texx"), core.Missing: file("z", "text"),
	} {
		if a, _ := log.Do(ctx, core.Check{Files: []record.File{file("a", "text"), f}}); a.Outcome != want {
			t.Errorf("check of %s: %v, want %v", f.Name, a.Outcome, want)
		}
	}
}

func TestStatus(t *testing.T) {
	ctx := context.Background()
	s := local(t)
	log := New(s)
	if jobs, err := log.Jobs(ctx); len(jobs) != 0 || err != nil {
		t.Errorf("%v %v", jobs, err)
	}
	plan := record.Plan{Phase: record.Phase{Learns: true, Shards: 3}, Document: "d", AllowFailed: 1}
	data, job := plan.Encode()
	n := record.NamesOf(job)
	c0, c2 := record.Claim{Shard: 0}, record.Claim{Shard: 2, Failure: "cut"}
	f := record.Fitted{State: record.File{Name: "s"}, Next: record.Phase{Number: 1, Shards: 1}}
	d := record.Claim{Phase: 1}
	m := record.Manifest{Claims: []record.Claim{d}, Document: record.File{Name: "d"}}
	for name, data := range map[string][]byte{
		n.Plan(): data, n.Epoch(1): (&record.Epoch{Number: 1}).Encode(job), n.Epoch(2): (&record.Epoch{Number: 2}).Encode(job),
		n.Claim(0, 0): c0.Encode(job), n.Claim(0, 2): c2.Encode(job), n.Fitted(0): f.Encode(job), n.Claim(1, 0): d.Encode(job),
		n.Manifest(): m.Encode(job), "_quern/jobs/foreign": nil,
	} {
		if o, err := log.Put(ctx, name, data); o != core.Done {
			t.Fatal(name, o, err)
		}
	}
	if jobs, err := log.Jobs(ctx); !slices.Equal(jobs, []record.Job{job}) || err != nil {
		t.Errorf("%v %v", jobs, err)
	}
	status, err := log.Status(ctx, job)
	if err != nil || status.Epoch != 2 || len(status.Phases) != 2 || status.Manifest == nil || status.Plan.AllowFailed != 1 {
		t.Fatalf("%+v %v", status, err)
	}
	if done, failed := status.Phases[0].Settled(); done != 1 || failed != 1 {
		t.Errorf("%d done, %d failed", done, failed)
	}
	s.Remove(ctx, n.Claim(0, 0))
	if o, err := log.Put(ctx, n.Claim(0, 0), c2.Encode(job)); o != core.Done {
		t.Fatal(err)
	}
	if _, err := log.Status(ctx, job); !errors.Is(err, record.ErrForeign) {
		t.Errorf("a claim in the wrong slot: %v", err)
	}
	if _, err := log.Status(ctx, record.Job{9}); err == nil {
		t.Error("a job that is not there has a status")
	}
}
