package work

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"quern/features/diag"
	"quern/pipeline"
	"quern/pipeline/source"
	"quern/shard/core"
	"quern/shard/record"
)

func code(err error) diag.Code {
	var e *diag.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

func TestAJobIsTakenUpWhereItWasLeft(t *testing.T) {
	s := newScene(t, 3)
	want := s.alone()
	j := s.plan(s.request(3))
	for shard := range uint32(2) {
		if exit := s.task(j, 0, shard); exit.Code != core.Committed {
			t.Fatal(exit)
		}
	}
	before, err := j.Log.Status(t.Context(), j.ID)
	if err != nil {
		t.Fatal(err)
	}
	again := s.plan(s.request(1)) // somebody else, with other wishes for shards
	if again.ID != j.ID {
		t.Fatal("the job was planned anew")
	}
	s.finish(again)
	compare(t, s.files(), want)
	after, err := j.Log.Status(t.Context(), j.ID)
	if err != nil {
		t.Fatal(err)
	}
	for shard := range 2 {
		if before.Phases[0].Claims[shard].Attempt != after.Phases[0].Claims[shard].Attempt {
			t.Errorf("shard %d was done again", shard)
		}
	}
}

func TestFoldersOfOthersAreNotTouched(t *testing.T) {
	s := newScene(t, 1)
	j := s.plan(s.request(1))
	if _, err := pipeline.Run(t.Context(), s.recipe(), s.options().Options); code(err) != "Q436" {
		t.Errorf("a run in one process: %v", err)
	}
	other := s.request(1)
	other.Text = append([]byte("# another text\n"), other.Text...)
	if _, err := Plan(t.Context(), other, s.options()); code(err) != "Q436" {
		t.Errorf("another job: %v", err)
	}
	other.Overwrite = true
	if taken := s.plan(other); taken.ID == j.ID {
		t.Error("another text gave the same job")
	}
}

func TestOverwrite(t *testing.T) {
	s := newScene(t, 2)
	want := s.alone()
	first := s.plan(s.request(2))
	s.finish(first)
	if _, err := Plan(t.Context(), s.request(2), s.options()); code(err) != "Q430" {
		t.Errorf("a finished output: %v", err)
	}
	q := s.request(2)
	q.Overwrite = true
	second := s.plan(q)
	if second.ID == first.ID {
		t.Fatal("the job that was done is begun again")
	}
	s.finish(second)
	compare(t, s.files(), want)
	if err := second.Collect(t.Context()); err != nil {
		t.Fatal(err)
	}
	compare(t, s.files(), want)
	left, err := second.Root.List(t.Context(), "_quern/jobs")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range left {
		if strings.Contains(name, "/file/") {
			t.Errorf("%s is left", name)
		}
	}
	if _, err := pipeline.Run(t.Context(), s.recipe(), s.options().Options); code(err) != "Q430" {
		t.Errorf("a run in one process: %v", err)
	}
}

func TestFailedShards(t *testing.T) {
	s := newScene(t, 3)
	for allowed := range uint32(2) {
		q := s.request(3)
		q.AllowFailed, q.Overwrite = allowed, allowed > 0
		s.restore()
		j := s.plan(q)
		if err := os.Truncate(filepath.Join(s.folder, "rows-1.parquet"), 1000); err != nil {
			t.Fatal(err)
		}
		codes := []core.Code{}
		for range 2 {
			for shard := range uint32(3) {
				exit := s.task(j, 0, shard)
				codes = append(codes, exit.Code)
				if exit.Code == core.Poisoned && !strings.Contains(exit.Reason, "Q216") {
					t.Errorf("%+v", exit)
				}
			}
		}
		if want := []core.Code{0, core.Poisoned, 0, 0, 0, 0}; !slices.Equal(codes, want) {
			t.Errorf("%d allowed: exit codes %v, want %v", allowed, codes, want)
		}
		status, err := j.Log.Status(t.Context(), j.ID)
		if err != nil || !strings.Contains(string(status.Phases[0].Claims[1].Note), `"worker":"test/1"`) {
			t.Errorf("the failure does not say whose it is (%v)", err)
		}
		if allowed == 0 {
			continue
		}
		for phase := uint32(1); !s.done(j); phase++ {
			for shard, want := range []core.Code{0, core.Poisoned, 0} {
				if exit := s.task(j, phase, uint32(shard)); exit.Code != want {
					t.Fatalf("phase %d shard %d: %+v", phase, shard, exit)
				}
			}
		}
		s.checkLoss(j)
	}
}

// checkLoss checks an output that lacks the rows of one file.
func (s scene) checkLoss(j *Job) {
	s.t.Helper()
	r, err := j.Finish(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	s.verify(r)
	for _, o := range r.Outputs {
		if o.Manifest.Rows != 2<<18 || !strings.Contains(strings.Join(o.Manifest.Notices, "\n"), "shard 1 failed") {
			s.t.Errorf("%s: %d rows, %q", o.Path, o.Manifest.Rows, o.Manifest.Notices)
		}
	}
	s.restore()
	if _, err := Plan(s.t.Context(), s.request(3), s.options()); code(err) != "Q430" {
		s.t.Errorf("planned again: %v", err)
	}
}

// restore writes the files of the source again as they were.
func (s scene) restore() {
	fresh := newScene(s.t, 3)
	for i := range 3 {
		name := fmt.Sprintf("rows-%d.parquet", i)
		data, err := os.ReadFile(filepath.Join(fresh.folder, name))
		if err != nil {
			s.t.Fatal(err)
		}
		s.write(name, string(data))
	}
}

func TestNotWithManyProcesses(t *testing.T) {
	s := newScene(t, 1)
	o := s.options()
	o.Quarantine = true
	if _, err := Plan(t.Context(), s.request(1), o); code(err) != "Q453" {
		t.Errorf("quarantine: %v", err)
	}
	q := s.request(1)
	q.Recipe.Output.Parquet, q.Recipe.Output.Tensor = nil, nil
	if _, err := Plan(t.Context(), q, s.options()); code(err) != "Q453" {
		t.Errorf("no output: %v", err)
	}
}

func TestOpenRefusesWhatIsNoJob(t *testing.T) {
	s := newScene(t, 1)
	for _, uri := range []string{"", "/", s.folder, filepath.Join(s.folder, "_quern/jobs/xyz"), filepath.Join(s.folder, "_quern/jobs/00112233445566778899aabbccddeeff")} {
		if _, err := Open(context.Background(), uri, s.options()); code(err) != "Q450" {
			t.Errorf("%q: %v", uri, err)
		}
	}
}

func TestPlaces(t *testing.T) {
	for _, c := range []struct{ a, b, root, first, second string }{
		{"/x/out/a", "/x/out/b", "/x/out", "a", "b"},
		{"/x/a", "/x/out/b", "/x", "a", "out/b"},
		{"/a", "/b", "", "", ""},
		{"s3://k/out/a", "s3://k/out/b", "s3://k/out", "a", "b"},
		{"s3://k/a", "s3://k/b", "s3://k", "a", "b"},
		{"s3://k/a", "s3://j/b", "", "", ""},
		{"s3://k/a", "/b", "", "", ""},
	} {
		root, err := common(c.a, c.b)
		if root != c.root || (err != nil) != (c.root == "") {
			t.Errorf("%s, %s: %q, %v", c.a, c.b, root, err)
		}
		if err == nil && (below(root, c.a) != c.first || below(root, c.b) != c.second) {
			t.Errorf("%s, %s: %q and %q", c.a, c.b, below(root, c.a), below(root, c.b))
		}
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		parts, shards, processes int
		want                     []int
	}{
		{0, 0, 2, nil},
		{1, 0, 8, []int{0}},
		{8, 2, 1, []int{0, 4}},
		{8, 8, 1, []int{0, 1, 2, 3, 4, 5, 6, 7}},
		{9, 4, 1, []int{0, 3, 5, 7}},
		{4, 100, 1, []int{0, 1, 2, 3}},
		{100, 0, 2, []int{0, 50}},
	} {
		var chunks []source.Chunk
		for i := range c.parts {
			chunks = append(chunks, source.Chunk{Index: i, Rows: 1 << 18, Bytes: 1000})
		}
		got := (&Request{Shards: c.shards, Processes: c.processes}).cut(chunks)
		if !slices.Equal(got, c.want) {
			t.Errorf("%d parts in %d shards: %v, want %v", c.parts, c.shards, got, c.want)
		}
	}
}

func FuzzSpec(f *testing.F) {
	f.Add((&spec{Version: version, Outputs: []string{"."}, Shards: []int{0, 2}}).encode())
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := parseSpec(data)
		if err != nil {
			if code(err) != "Q454" {
				t.Errorf("%v", err)
			}
			return
		}
		for shard := range s.Shards {
			if from, to, err := s.parts(uint32(shard), 10); err == nil && (from < 0 || to > 10 || from >= to) {
				t.Errorf("shard %d has parts %d to %d", shard, from, to)
			}
		}
	})
}

func FuzzState(f *testing.F) {
	f.Add(encodeState([][]byte{[]byte("a"), {}, []byte("bc")}))
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, data []byte) {
		partials, ok := decodeState(data)
		if ok && len(data) >= len(magic) && len(encodeState(partials)) > len(data) {
			t.Error("more came out than went in")
		}
	})
}

func TestPlansOfOthersAreRefused(t *testing.T) {
	s := newScene(t, 1)
	j := s.plan(s.request(1))
	for name, spec := range map[string][]byte{"no JSON": []byte("x"), "empty": []byte("{}")} {
		broken := record.Plan{Phase: j.Plan.Phase, Document: j.Plan.Document, Spec: spec}
		if err := j.take(&broken); code(err) != "Q454" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
