package pipeline

import (
	"context"
	"sync"
)

// grid is the work of one pass over a source: a task per component (columns that
// are read together) and chunk. A worker stays with a component as long as the
// component has chunks, so that most components are the work of one worker, which
// keeps one set of buffers and statistics for it; in the end, workers help each other
// out. Components come biggest first.
//
// After a failure only tasks of lower order (chunk, then component) are handed out,
// so that the failure of lowest order is always found, whatever the timing.
type grid struct {
	mu     sync.Mutex
	chunks int
	next   []int // per component: the next chunk that nobody has taken
	taken  []int // per component: how many workers have had a part in it
	failed int   // the order of the first failure; chunks*components: none
	err    error
}

// task is a component's work on a chunk.
type task struct{ component, chunk int }

func newGrid(components, chunks int) *grid {
	return &grid{chunks: chunks, next: make([]int, components), taken: make([]int, components), failed: components * chunks}
}

// order ranks tasks as an input file's reader would: by rows, then by columns.
func (g *grid) order(t task) int { return t.chunk*len(g.next) + t.component }

// take returns the next task of a worker whose last component is own (-1: none),
// and false when there is none left.
func (g *grid) take(own int) (task, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	best := -1
	for c := range g.next {
		if !g.open(c) {
			continue
		}
		if c == own {
			best = c
			break
		}
		if best < 0 || g.prefer(c, best) {
			best = c
		}
	}
	if best < 0 {
		return task{}, false
	}
	if best != own {
		g.taken[best]++
	}
	t := task{best, g.next[best]}
	g.next[best]++
	return t, true
}

// open reports whether component c has a task that may still start.
func (g *grid) open(c int) bool {
	return g.next[c] < g.chunks && g.order(task{c, g.next[c]}) < g.failed
}

// prefer reports whether a free worker should rather begin c than best: what nobody
// works on before what somebody does, then what has more left per worker.
func (g *grid) prefer(c, best int) bool {
	if (g.taken[c] == 0) != (g.taken[best] == 0) {
		return g.taken[c] == 0
	}
	if g.taken[c] == 0 {
		return false // the biggest come first
	}
	return (g.chunks-g.next[c])*(g.taken[best]+1) > (g.chunks-g.next[best])*(g.taken[c]+1)
}

// fail notes the error of a task.
func (g *grid) fail(t task, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if at := g.order(t); at < g.failed {
		g.failed, g.err = at, err
	}
}

// gridWorker does tasks. It is used by one goroutine.
type gridWorker interface {
	// begin readies the worker for tasks of a component.
	begin(component int) error
	// do does one of them.
	do(ctx context.Context, t task) error
	// end is called after the last one, unless there was an error.
	end() error
	// close frees what the worker holds.
	close() error
}

// run does all tasks with several workers, each made by start in its own goroutine.
func (g *grid) run(ctx context.Context, workers int, start func() (gridWorker, error)) error {
	var group sync.WaitGroup
	for range max(1, min(workers, g.chunks*len(g.next))) {
		group.Go(func() {
			if err := guarded(func() error { return g.work(ctx, start) }); err != nil {
				g.fail(task{len(g.next) - 1, g.chunks - 1}, err) // an error of another task says more
			}
		})
	}
	group.Wait()
	if g.err != nil {
		return g.err
	}
	return ctx.Err()
}

// work is what one worker does.
func (g *grid) work(ctx context.Context, start func() (gridWorker, error)) (err error) {
	w, err := start()
	if err != nil {
		return err
	}
	defer func() {
		if e := w.close(); err == nil {
			err = e
		}
	}()
	own := -1
	for ctx.Err() == nil {
		t, ok := g.take(own)
		if own >= 0 && (!ok || t.component != own) {
			if err := w.end(); err != nil {
				return err
			}
			own = -1
		}
		if !ok {
			return nil
		}
		if own < 0 {
			if err := w.begin(t.component); err != nil {
				return err
			}
			own = t.component
		}
		if err := guarded(func() error { return w.do(ctx, t) }); err != nil {
			g.fail(t, err)
		}
	}
	return nil
}
