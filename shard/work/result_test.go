package work

import (
	"os"
	"path/filepath"
	"testing"

	"quern/pipeline/output"
	"quern/pipeline/store"
)

// Who was killed while it gave up the claims must leave the job where the next run finds
// it: in the first output.
func TestAClaimIsLeftUntilAllAreReleased(t *testing.T) {
	s := newScene(t, 1)
	j := s.plan(s.request(1))
	manifest := filepath.Join(s.folder, "out", "tensors", output.ManifestName)
	hidden := manifest + ".away"
	for phase := uint32(0); !s.done(j); phase++ {
		s.task(j, phase, 0)
	}
	if err := os.Rename(manifest, hidden); err != nil {
		t.Fatal(err)
	}
	if _, err := j.Finish(t.Context()); err == nil {
		t.Fatal("finished without a manifest")
	}
	if err := os.Rename(hidden, manifest); err != nil {
		t.Fatal(err)
	}
	again := s.plan(s.request(1))
	if again.ID != j.ID {
		t.Fatal("the job was not found")
	}
	if _, err := again.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"features", "tensors"} {
		if got := s.claim(name); got != "" {
			t.Errorf("%s is still claimed by %s", name, got)
		}
	}
}

// A process that finishes a job late must leave the claim of the job that came after.
func TestAClaimOfAnotherJobStays(t *testing.T) {
	s := newScene(t, 1)
	j := s.plan(s.request(1))
	st, err := store.NewLocal(filepath.Join(s.folder, "out", "features"))
	if err != nil {
		t.Fatal(err)
	}
	if err := output.Release(t.Context(), st, "another log"); err != nil {
		t.Fatal(err)
	}
	if got := s.claim("features"); got != j.URI {
		t.Errorf("the claim is %q, want %q", got, j.URI)
	}
}

// claim returns the log of the job that has claimed an output.
func (s scene) claim(name string) string {
	s.t.Helper()
	st, err := store.NewLocal(filepath.Join(s.folder, "out", name))
	if err != nil {
		s.t.Fatal(err)
	}
	log, err := output.Log(s.t.Context(), st)
	if err != nil {
		s.t.Fatal(err)
	}
	return log
}
