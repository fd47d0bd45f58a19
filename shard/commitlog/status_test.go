package commitlog

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"quern/pipeline/store"
	"quern/shard/core"
	"quern/shard/record"
)

// tall is a job of one phase with so many shards, all of them claimed.
func tall(t testing.TB, log *Log, shards int) record.Job {
	t.Helper()
	ctx := context.Background()
	plan := record.Plan{Phase: record.Phase{Shards: uint32(shards)}, Document: "d"}
	data, job := plan.Encode()
	n := record.NamesOf(job)
	put := func(name string, data []byte) error {
		if o, err := log.Put(ctx, name, data); o != core.Done {
			return fmt.Errorf("%s: %v %w", name, o, err)
		}
		return nil
	}
	if err := put(n.Plan(), data); err != nil {
		t.Fatal(err)
	}
	err := log.all(ctx, shards, func(_ context.Context, i int) error {
		c := record.Claim{Shard: uint32(i), Attempt: record.NewAttempt(int64(i), 0), Rows: 1, Note: []byte(`{"started":1,"ended":2,"worker":"host/1"}`)}
		return put(n.Claim(0, uint32(i)), c.Encode(job))
	})
	if err != nil {
		t.Fatal(err)
	}
	return job
}

// counting counts what is read of a store.
type counting struct {
	store.Store
	opened chan string
}

func (c *counting) Open(ctx context.Context, name string) (store.Reader, error) {
	c.opened <- name
	return c.Store.Open(ctx, name)
}

// TestUpdateReadsWhatIsNew: records never change, so none is read twice.
func TestUpdateReadsWhatIsNew(t *testing.T) {
	ctx := context.Background()
	s := &counting{local(t), make(chan string, 1000)}
	log := New(s)
	job := tall(t, log, 5)
	n := record.NamesOf(job)
	s.Remove(ctx, n.Claim(0, 3))
	status, err := log.Status(ctx, job)
	if err != nil || status.Phases[0].Claims[3] != nil || status.Phases[0].Claims[4].Shard != 4 {
		t.Fatalf("%v %+v", err, status)
	}
	for len(s.opened) > 0 {
		<-s.opened
	}
	lost, winner := record.NewAttempt(1, 1), record.NewAttempt(3, 0)
	claim := record.Claim{Shard: 3, Attempt: winner}
	for name, data := range map[string][]byte{
		n.Claim(0, 3): claim.Encode(job), n.Epoch(1): (&record.Epoch{Number: 1}).Encode(job),
		n.File(0, 3, winner, 0): nil, n.File(0, 3, lost, 0): nil, n.File(0, 3, lost, 1): nil, n.Prefix() + "phase-0/file/stray": nil,
	} {
		if o, err := log.Put(ctx, name, data); o != core.Done {
			t.Fatal(name, o, err)
		}
	}
	if err := log.Update(ctx, status); err != nil {
		t.Fatal(err)
	}
	var read []string
	for len(s.opened) > 0 {
		read = append(read, <-s.opened)
	}
	slices.Sort(read)
	if want := []string{n.Epoch(1), n.Manifest(), n.Claim(0, 3)}; !slices.Equal(read, want) {
		t.Errorf("read %q, not %q", read, want)
	}
	p := status.Phases[0]
	if done, _ := p.Settled(); done != 5 || len(status.Epochs) != 1 || !slices.Equal(p.Others, []Other{{3, lost}}) {
		t.Errorf("%d settled, %d epochs, others %v", done, len(status.Epochs), p.Others)
	}
}

// TestStatusNamesWhatIsDamaged: of many that are read at the same time.
func TestStatusNamesWhatIsDamaged(t *testing.T) {
	ctx := context.Background()
	s := local(t)
	log := New(s)
	job := tall(t, log, 200)
	name := record.NamesOf(job).Claim(0, 77)
	s.Remove(ctx, name)
	if o, err := log.Put(ctx, name, []byte("torn")); o != core.Done {
		t.Fatal(err)
	}
	if _, err := log.Status(ctx, job); err == nil || err.Error() != name+": "+record.ErrTorn.Error() {
		t.Errorf("%v", err)
	}
	stopped, stop := context.WithCancel(ctx)
	stop()
	if err := log.all(stopped, 10, func(context.Context, int) error { return nil }); err != context.Canceled {
		t.Errorf("a cancelled reader says %v", err)
	}
}

// BenchmarkStatus reads a job of 10,000 shards from a local disk.
func BenchmarkStatus(b *testing.B) {
	st, err := store.NewLocal(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	log := New(st)
	job := tall(b, log, 10_000)
	for b.Loop() {
		if s, err := log.Status(context.Background(), job); err != nil || s.Phases[0].Claims[9999] == nil {
			b.Fatal(err)
		}
	}
}
