package pipeline

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"
)

// log is what the workers of a grid did.
type gridLog struct {
	mu     sync.Mutex
	done   map[task]int
	ended  map[int]int // per component: how many workers began and ended it
	closed int
}

// gridProbe is a worker that checks how it is used.
type gridProbe struct {
	*gridLog
	t    *testing.T
	at   int // component begun; -1: none
	fail func(task) error
}

func (w *gridProbe) begin(component int) error {
	if w.at >= 0 {
		w.t.Errorf("component %d begins before %d has ended", component, w.at)
	}
	w.at = component
	return nil
}

func (w *gridProbe) do(_ context.Context, t task) error {
	if w.at != t.component {
		w.t.Errorf("task %v while component %d is begun", t, w.at)
	}
	w.mu.Lock()
	w.done[t]++
	w.mu.Unlock()
	return w.fail(t)
}

func (w *gridProbe) end() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended[w.at]++
	w.at = -1
	return nil
}

func (w *gridProbe) close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed++
	return nil
}

func runGrid(t *testing.T, ctx context.Context, components, chunks, workers int, fail func(task) error) (*gridLog, error) {
	log := &gridLog{done: map[task]int{}, ended: map[int]int{}}
	err := newGrid(components, chunks).run(ctx, workers, func() (gridWorker, error) {
		return &gridProbe{gridLog: log, t: t, at: -1, fail: fail}, nil
	})
	return log, err
}

func TestGridDoesEveryTaskOnce(t *testing.T) {
	pause := func(task) error {
		time.Sleep(time.Duration(rand.IntN(50)) * time.Microsecond)
		return nil
	}
	for components := 1; components <= 6; components++ {
		for _, chunks := range []int{0, 1, 2, 7, 40} {
			for _, workers := range []int{1, 2, 3, 8} {
				log, err := runGrid(t, context.Background(), components, chunks, workers, pause)
				if err != nil || len(log.done) != components*chunks {
					t.Fatalf("%d components, %d chunks, %d workers: %d tasks, %v", components, chunks, workers, len(log.done), err)
				}
				for task, n := range log.done {
					if n != 1 {
						t.Errorf("task %v was done %d times", task, n)
					}
				}
				for c := range components {
					if n := log.ended[c]; chunks > 0 && (n < 1 || n > workers) {
						t.Errorf("component %d ended %d times, with %d workers", c, n, workers)
					}
				}
			}
		}
	}
}

// TestGridLeavesComponentsToOneWorker: with one worker less than components, nobody
// helps before the others are taken.
func TestGridLeavesComponentsToOneWorker(t *testing.T) {
	log, err := runGrid(t, context.Background(), 5, 10, 1, func(task) error { return nil })
	for c, n := range log.ended {
		if n != 1 {
			t.Errorf("one worker ended component %d %d times", c, n)
		}
	}
	if err != nil || len(log.ended) != 5 {
		t.Errorf("%d components, %v", len(log.ended), err)
	}
}

// TestGridReportsTheLowestFailure whatever the timing: by chunk, then by component.
func TestGridReportsTheLowestFailure(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		components, chunks, workers := 1+r.IntN(5), 1+r.IntN(12), 1+r.IntN(6)
		bad, lowest := map[task]bool{}, -1
		for range 1 + r.IntN(4) {
			x := task{r.IntN(components), r.IntN(chunks)}
			bad[x] = true
			if at := x.chunk*components + x.component; lowest < 0 || at < lowest {
				lowest = at
			}
		}
		_, err := runGrid(t, context.Background(), components, chunks, workers, func(x task) error {
			time.Sleep(time.Duration(rand.IntN(300)) * time.Microsecond)
			if bad[x] {
				return fmt.Errorf("failure %d", x.chunk*components+x.component)
			}
			return nil
		})
		if want := fmt.Sprintf("failure %d", lowest); err == nil || err.Error() != want {
			t.Errorf("seed %d: %v, want %s", seed, err, want)
		}
	}
}

func TestGridStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	log, err := runGrid(t, ctx, 3, 1000, 2, func(x task) error {
		if x.chunk == 5 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || len(log.done) > 2000 || log.closed != 2 {
		t.Errorf("%d tasks after cancelling, %d of 2 workers closed, %v", len(log.done), log.closed, err)
	}
	_, err = runGrid(t, context.Background(), 2, 3, 2, func(x task) error { panic("oh") })
	if err == nil || !strings.Contains(err.Error(), "quern: bug: oh") {
		t.Errorf("a panic became %v", err)
	}
	err = newGrid(1, 1).run(context.Background(), 1, func() (gridWorker, error) { return nil, errors.New("no worker") })
	if err == nil || err.Error() != "no worker" {
		t.Errorf("a worker that cannot start: %v", err)
	}
}
