package work

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quern/shard/core"
	"quern/shard/drive"
)

// coordinator drives a job to its end, as a process that was started anew.
func (s scene) coordinator(j *Job) core.Exit {
	mine, err := Open(s.t.Context(), j.URI, s.options())
	if err != nil {
		s.t.Fatal(err)
	}
	m := core.NewCoordinator(core.CoordinatorOptions{Options: core.Options{Seed: drive.Seed()}, Plan: mine.Plan, Tick: 1_000_000})
	return drive.New(m, drive.Options{Log: mine.Log, Work: mine, Document: mine.Plan.Document}).Run(s.t.Context())
}

// late has processes of a finished job come once more. They find that it is done.
func (s scene) late(j *Job) {
	s.t.Helper()
	for phase := range uint32(2) {
		if exit := s.task(j, phase, 0); exit.Code != core.Committed {
			s.t.Errorf("a task of phase %d: %+v", phase, exit)
		}
	}
	if exit := s.coordinator(j); exit.Code != core.Committed {
		s.t.Errorf("a coordinator: %+v", exit)
	}
	if err := j.Collect(s.t.Context()); err != nil {
		s.t.Errorf("collecting: %v", err)
	}
}

// TestWhoComesLateShowsNothing: a job is done, another one replaces what it made, then the
// user removes that. Processes of the first job neither bring its manifest back nor take
// what is there now for damage.
func TestWhoComesLateShowsNothing(t *testing.T) {
	s := newScene(t, 1)
	first := s.plan(s.request(1))
	s.finish(first)
	was := s.files()
	s.late(first)
	compare(t, s.files(), maps.Clone(was))
	s.write("recipe.yaml", strings.Replace(recipeText, "buckets: 64", "buckets: 32", 1))
	want := s.replaced()
	if want["features/part-00000.parquet"] == was["features/part-00000.parquet"] {
		t.Fatal("both jobs make the same")
	}
	s.late(first)
	compare(t, s.files(), want)
	for _, output := range []string{"features", "tensors"} {
		if err := os.RemoveAll(filepath.Join(s.folder, "out", output)); err != nil {
			t.Fatal(err)
		}
	}
	s.late(first)
	for name := range s.files() {
		if name != "scene.quern" {
			t.Errorf("%s is back", name)
		}
	}
}

// replaced has another job replace the outputs, and returns what it made.
func (s scene) replaced() map[string]string {
	q := s.request(1)
	q.Overwrite = true
	second := s.plan(q)
	s.finish(second)
	if err := second.Collect(s.t.Context()); err != nil {
		s.t.Errorf("the job that replaced another cannot tidy up: %v", err)
	}
	return s.files()
}

// TestWhoComesLateShowsWhatWasLeft: whoever put the manifest died before readers saw it.
func TestWhoComesLateShowsWhatWasLeft(t *testing.T) {
	for name, come := range map[string]func(scene, *Job) core.Exit{
		"a task":        func(s scene, j *Job) core.Exit { return s.task(j, 1, 0) },
		"a coordinator": func(s scene, j *Job) core.Exit { return s.coordinator(j) },
	} {
		s := newScene(t, 1)
		j := s.plan(s.request(1))
		for phase := uint32(0); !s.done(j); phase++ {
			if exit := s.task(j, phase, 0); exit.Code != core.Committed {
				t.Fatalf("%+v", exit)
			}
		}
		want := s.files()
		if err := os.Remove(filepath.Join(s.folder, "out", "features", filepath.FromSlash(manifestName))); err != nil {
			t.Fatal(err)
		}
		if exit := come(s, j); exit.Code != core.Committed {
			t.Errorf("%s: %+v", name, exit)
		}
		compare(t, s.files(), want)
		if r, err := j.Finish(t.Context()); err != nil {
			t.Error(err)
		} else {
			s.verify(r)
		}
	}
}
