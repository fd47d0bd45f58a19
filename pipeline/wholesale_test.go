package pipeline

import (
	"context"
	"slices"
	"sync"
	"testing"

	"quern/cpu"
	"quern/features/backend"
	"quern/features/column"
	"quern/features/program"
	"quern/features/stat"
	"quern/pipeline/source"
)

// chooser chooses a wholesaler for each pass, and notes what it was asked.
type chooser struct {
	backend.Backend
	whole *wholesaler
	asked []*program.Program
	rows  []int64
}

// Choose implements backend.Chooser.
func (c *chooser) Choose(p *program.Program, rows int64) backend.Backend {
	c.asked, c.rows = append(c.asked, p), append(c.rows, rows)
	return c.whole
}

// wholesaler is the CPU's back end, but it wants programs whole, as a device does. It
// notes what it was given.
type wholesaler struct {
	backend.Backend
	mu    sync.Mutex
	given map[*program.Program][]int // rows of its batches
}

func newWholesaler() *wholesaler {
	return &wholesaler{Backend: cpu.New(), given: map[*program.Program][]int{}}
}

// Wholesale implements backend.Wholesaler.
func (w *wholesaler) Wholesale() bool { return true }

func (w *wholesaler) Compile(p *program.Program) (backend.Executable, error) {
	exe, err := w.Backend.Compile(p)
	return &watchedExecutable{exe, w, p}, err
}

type watchedExecutable struct {
	backend.Executable
	by      *wholesaler
	program *program.Program
}

func (e *watchedExecutable) NewSession() backend.Session {
	return &watchedSession{e.Executable.NewSession(), e}
}

type watchedSession struct {
	backend.Session
	of *watchedExecutable
}

func (s *watchedSession) Run(in column.Batch, into []stat.Statistic) (column.Batch, error) {
	s.of.by.mu.Lock()
	s.of.by.given[s.of.program] = append(s.of.by.given[s.of.program], in.Rows)
	s.of.by.mu.Unlock()
	return s.Session.Run(in, into)
}

// TestWholesaleChangesNoByte: a back end that wants programs whole gets them, and whole
// chunks of rows; models and parts are the same as without.
func TestWholesaleChangesNoByte(t *testing.T) {
	for _, where := range []string{"", `, where: "distance > 500"`} {
		r := separable(t, where, false)
		apart, err := Run(context.Background(), r, Options{Backend: cpu.New(), Workers: 2})
		if err != nil {
			t.Fatal(err)
		}
		be := &chooser{Backend: cpu.New(), whole: newWholesaler()}
		whole, err := Run(context.Background(), r, Options{Backend: be, Workers: 2, Overwrite: true})
		if err != nil {
			t.Fatal(err)
		}
		a, b := apart.Outputs[0].Manifest, whole.Outputs[0].Manifest
		if apart.Digest != whole.Digest || a.Content != b.Content || !slices.Equal(a.Files, b.Files) {
			t.Errorf("where %q: %s, %+v\nwhole %s, %+v", where, apart.Digest, a.Files, whole.Digest, b.Files)
		}
		be.check(t, mustOpen(t, r).Chunks(), where != "")
	}
}

// check holds what was given against the chunks. Where rows are left out, batches are
// smaller.
func (c *chooser) check(t *testing.T, chunks []source.Chunk, filtered bool) {
	t.Helper()
	if len(c.asked) < 2 {
		t.Fatalf("asked %d times: not for each pass", len(c.asked))
	}
	for i, p := range c.asked {
		if len(c.whole.given[p]) != len(chunks) || c.rows[i] != rowsOf(chunks) {
			t.Errorf("program %d: %d batches of %d chunks, %d rows", i, len(c.whole.given[p]), len(chunks), c.rows[i])
		}
		if i == len(c.asked)-1 && !filtered { // transform: fit.where is for learning only
			for _, chunk := range chunks {
				if !slices.Contains(c.whole.given[p], int(chunk.Rows)) {
					t.Errorf("no batch of a whole chunk, %d rows: %v", chunk.Rows, c.whole.given[p])
				}
			}
		}
	}
}
