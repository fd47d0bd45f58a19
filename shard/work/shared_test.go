package work

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"quern/shard/core"
	"quern/shard/record"
)

// sheet is memory as processes share it.
type sheet struct {
	bytes  []byte
	sealed bool
	full   bool // it takes nothing
}

func (s *sheet) WriteAt(b []byte, at int64) (int, error) {
	if s.full || s.sealed {
		return 0, errors.New("nothing can be written here")
	}
	if missing := at + int64(len(b)) - int64(len(s.bytes)); missing > 0 {
		s.bytes = append(s.bytes, make([]byte, missing)...)
	}
	return copy(s.bytes[at:], b), nil
}

func (s *sheet) Seal() error {
	s.sealed = true
	return nil
}

func (s *sheet) Sealed() []byte {
	if !s.sealed {
		return nil
	}
	return s.bytes
}

// learnt does the phases that learn, and returns the last one's number and its state.
func (s scene) learnt(j *Job) (phase uint32, state record.File) {
	for ; ; phase++ {
		for shard := range j.Plan.Phase.Shards {
			if exit := s.task(j, phase, shard); exit.Code != core.Committed {
				s.t.Fatalf("phase %d shard %d: %+v", phase, shard, exit)
			}
		}
		f, err := j.fitted(s.t.Context(), phase)
		if err != nil {
			s.t.Fatal(err)
		}
		if !f.Next.Learns {
			return phase, f.State
		}
	}
}

// TestSharedModel: who has the model in shared memory does not read its file. Memory that is
// damaged, of something else or not sealed makes no difference.
func TestSharedModel(t *testing.T) {
	s := newScene(t, 2)
	want := s.alone()
	memory := &sheet{}
	s.shared = memory
	j := s.plan(s.request(2))
	last, state := s.learnt(j)
	if !memory.sealed || j.shared(state) == nil {
		t.Fatal("who made the model did not share it")
	}
	path := filepath.Join(j.Root.Location(), state.Name)
	if err := os.Rename(path, path+".aside"); err != nil {
		t.Fatal(err)
	}
	if exit := s.task(j, last+1, 0); exit.Code != core.Committed {
		t.Fatalf("with the model in memory: %+v", exit)
	}
	if err := os.Rename(path+".aside", path); err != nil {
		t.Fatal(err)
	}
	whole := *memory
	for name, spoil := range map[string]func(*sheet){
		"another model": func(m *sheet) { m.bytes[3]++ },
		"cut off":       func(m *sheet) { m.bytes = m.bytes[:len(m.bytes)/2] },
		"a document":    func(m *sheet) { m.bytes[60] = 0xff },
		"nothing":       func(m *sheet) { m.bytes = nil },
		"not sealed":    func(m *sheet) { m.sealed = false },
	} {
		*memory = sheet{bytes: slices.Clone(whole.bytes), sealed: true}
		if spoil(memory); j.shared(state) != nil {
			t.Errorf("%s: it is taken for the model", name)
		}
	}
	if exit := s.task(j, last+1, 1); exit.Code != core.Committed {
		t.Fatalf("with spoiled memory: %+v", exit)
	}
	if _, err := j.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	compare(t, s.files(), want)
}

// TestSharedMemoryIsFull: a model that nobody can share is not sealed, and no error.
func TestSharedMemoryIsFull(t *testing.T) {
	s := newScene(t, 2)
	memory := &sheet{full: true}
	s.shared = memory
	s.finish(s.plan(s.request(2)))
	if memory.sealed {
		t.Error("memory was sealed that holds no model")
	}
}
