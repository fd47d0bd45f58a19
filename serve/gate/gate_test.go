package gate

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func hours() time.Time { return time.Now().Add(time.Hour) }

// TestGateJudges: who cannot get a slot in time is told without waiting.
func TestGateJudges(t *testing.T) {
	none := context.Background()
	for _, c := range []struct {
		name    string
		took    time.Duration
		waiting int
		queue   int
		stands  time.Duration // the queue
		until   time.Duration
		want    error
	}{
		{"nobody waits", 0, 0, 10, 0, time.Hour, nil},
		{"there is time", 10 * time.Second, 5, 10, 0, time.Hour, nil},
		{"the queue is full", 0, 10, 10, 0, time.Hour, ErrFull},
		{"it would take too long", 10 * time.Second, 6, 10, 0, time.Hour, ErrFull},
		{"longer than the deadline", 10 * time.Second, 5, 10, 0, 29 * time.Second, ErrLate},
		{"the queue stands", 2 * time.Second, 5, 10, time.Hour, time.Hour, ErrFull},
		{"the queue stands, and is short", time.Second, 1, 10, time.Hour, time.Hour, nil},
	} {
		g := New(2, c.queue, 30*time.Second)
		g.Enter(none, hours(), nil)
		g.Enter(none, hours(), nil)
		g.took, g.empty = c.took, time.Now().Add(-c.stands)
		for range c.waiting {
			g.line.PushBack(&waiter{time.Now(), hours(), make(chan error, 1)})
		}
		if got := g.hopeless(time.Now(), time.Now().Add(c.until)); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		if g.Busy(time.Now().Add(c.until)) != (c.want != nil) {
			t.Errorf("%s: busy says otherwise", c.name)
		}
	}
}

// TestGateDropsTheLate: a slot that comes free goes to the first for whom it is not too late.
func TestGateDropsTheLate(t *testing.T) {
	g := New(1, 10, time.Hour)
	g.Enter(context.Background(), hours(), nil)
	g.empty = time.Now()
	past, now := time.Now().Add(-time.Minute), time.Now()
	line := []*waiter{{past, past, nil}, {past, past.Add(time.Second), nil}, {now, hours(), nil}, {now, hours(), nil}}
	for _, w := range line {
		w.verdict = make(chan error, 1)
		g.line.PushBack(w)
	}
	g.Leave(time.Millisecond)
	for i, want := range []error{ErrLate, ErrLate, nil} {
		select {
		case got := <-line[i].verdict:
			if got != want {
				t.Errorf("waiter %d: %v, want %v", i, got, want)
			}
		default:
			t.Errorf("waiter %d was told nothing", i)
		}
	}
	if g.Running() != 1 || g.Waiting() != 1 {
		t.Errorf("%d run, %d wait", g.Running(), g.Waiting())
	}
	// A queue that stands for longer than patience lets those go that waited for a tenth of it.
	g.empty = time.Now().Add(-2 * time.Hour)
	last := g.line.Front().Value.(*waiter)
	last.since = time.Now().Add(-10 * time.Minute)
	g.Leave(time.Millisecond)
	if got := <-last.verdict; got != ErrFull || g.Running() != 0 || g.Waiting() != 0 {
		t.Errorf("%v, %d run", got, g.Running())
	}
}

// TestGateGivesUp: whoever waited in vain is told why, and is in the line no longer.
func TestGateGivesUp(t *testing.T) {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for _, c := range []struct {
		name     string
		patience time.Duration
		ctx      context.Context
		until    time.Duration
		want     error
	}{
		{"its client went away", time.Hour, ended, time.Hour, ErrLate},
		{"its deadline passed", time.Hour, context.Background(), time.Millisecond, ErrLate},
		{"no patience is left", time.Millisecond, context.Background(), time.Hour, ErrFull},
	} {
		g := New(1, 10, c.patience)
		g.Enter(context.Background(), hours(), nil)
		if err := g.Enter(c.ctx, time.Now().Add(c.until), nil); err != c.want {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		if g.Running() != 1 || g.Waiting() != 0 {
			t.Errorf("%s: %d run, %d wait", c.name, g.Running(), g.Waiting())
		}
	}
}

// TestGatePassesTheGone: the slot of a client that went away while it waited goes to the next.
func TestGatePassesTheGone(t *testing.T) {
	g := New(1, 10, time.Hour)
	g.Enter(context.Background(), hours(), nil)
	verdicts := make(chan error, 2)
	for i, gone := range []bool{true, false} {
		go func() { verdicts <- g.Enter(context.Background(), hours(), func() bool { return gone }) }()
		for g.Waiting() != i+1 {
			time.Sleep(time.Millisecond)
		}
	}
	g.Leave(time.Millisecond)
	told := map[error]int{}
	for range 2 {
		select {
		case err := <-verdicts:
			told[err]++
		case <-time.After(10 * time.Second):
			t.Fatalf("the slot was not passed on: %d run, %d wait", g.Running(), g.Waiting())
		}
	}
	if told[nil] != 1 || told[ErrLate] != 1 {
		t.Errorf("%v, want one slot", told)
	}
	if g.Running() != 1 || g.Waiting() != 0 {
		t.Errorf("%d run, %d wait", g.Running(), g.Waiting())
	}
}

// TestGateCounts: whatever comes and goes, and gives up, never more than the slots are taken
// and at the end none is, and nobody waits.
func TestGateCounts(t *testing.T) {
	g := New(3, 20, 2*time.Millisecond)
	var inside, most, served, shed atomic.Int64
	var wg sync.WaitGroup
	for k := range 16 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(1, uint64(k)))
			for range 400 {
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rnd.IntN(3000))*time.Microsecond)
				if g.Enter(ctx, time.Now().Add(time.Duration(rnd.IntN(3000))*time.Microsecond), nil) != nil {
					shed.Add(1)
					cancel()
					continue
				}
				n := inside.Add(1)
				for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
				}
				for range rnd.IntN(2000) {
					_ = rnd.Uint64()
				}
				inside.Add(-1)
				g.Leave(time.Duration(rnd.IntN(1000)) * time.Microsecond)
				served.Add(1)
				cancel()
			}
		})
	}
	wg.Wait()
	if most.Load() > 3 || g.Running() != 0 || g.Waiting() != 0 || served.Load() == 0 {
		t.Errorf("%d at once; at the end %d run, %d wait; %d served, %d shed", most.Load(), g.Running(), g.Waiting(), served.Load(), shed.Load())
	}
}
