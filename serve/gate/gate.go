package gate

import (
	"container/list"
	"context"
	"errors"
	"sync"
	"time"
)

// Why a request gets no slot.
var (
	ErrFull = errors.New("there are too many requests")
	ErrLate = errors.New("the deadline of a request passed, or its client went away")
)

// Gate bounds how many requests are worked on, and how long others wait for that. It is made
// by New.
type Gate struct {
	slots    int
	queue    int
	patience time.Duration

	mu      sync.Mutex
	running int
	line    list.List     // of *waiter, the longest wait first
	took    time.Duration // that a slot is taken, smoothed
	empty   time.Time     // when there was a slot for everybody last
	shed    time.Time     // when somebody was turned away last
	stands  bool          // the line does, until there is a slot and nobody was turned away of late
}

// waiter is a request in the line.
type waiter struct {
	since, until time.Time
	verdict      chan error // one: nil, and it has a slot, or why not
}

// New returns a gate of some slots. So many requests may wait for them, for as long as
// patience says.
func New(slots, queue int, patience time.Duration) *Gate {
	return &Gate{slots: slots, queue: queue, patience: patience}
}

// Enter takes a slot, which Leave gives back, until a deadline, or fails with ErrFull or
// ErrLate. gone is asked when that took a wait: of a client that went away meanwhile the slot
// goes to the next. nil: none does.
func (g *Gate) Enter(ctx context.Context, until time.Time, gone func() bool) error {
	now := time.Now()
	g.mu.Lock()
	if g.running < g.slots && g.line.Len() == 0 {
		g.running++
		g.empty = now
		g.stands = g.stands && now.Sub(g.shed) <= g.patience
		g.mu.Unlock()
		return nil
	}
	if why := g.hopeless(now, until); why != nil {
		g.shed = now
		g.mu.Unlock()
		return why
	}
	w := &waiter{now, until, make(chan error, 1)}
	place := g.line.PushBack(w)
	g.mu.Unlock()
	err := g.wait(ctx, place)
	if err == nil && gone != nil && gone() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.pass(time.Now())
		return ErrLate
	}
	return err
}

// wait waits for the verdict.
func (g *Gate) wait(ctx context.Context, place *list.Element) error {
	w := place.Value.(*waiter)
	timer := time.NewTimer(min(g.patience, time.Until(w.until)))
	defer timer.Stop()
	why := ErrFull
	select {
	case err := <-w.verdict:
		return err
	case <-timer.C:
		if !time.Now().Before(w.until) {
			why = ErrLate
		}
	case <-ctx.Done():
		why = ErrLate
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case err := <-w.verdict: // meanwhile
		return err
	default:
		g.line.Remove(place)
		return why
	}
}

// hopeless says why a request that came now would not get a slot in time, or nil. g is
// locked.
func (g *Gate) hopeless(now, until time.Time) error {
	if g.running < g.slots {
		return nil
	}
	if g.line.Len() >= g.queue {
		return ErrFull
	}
	wait := g.took * time.Duration(g.line.Len()+1) / time.Duration(g.slots)
	switch {
	case wait > g.limit(now):
		return ErrFull
	case now.Add(wait).After(until):
		return ErrLate
	}
	return nil
}

// limit is how long a request may wait now. g is locked.
func (g *Gate) limit(now time.Time) time.Duration {
	g.stands = g.stands || g.line.Len() > 0 && now.Sub(g.empty) > g.patience
	if g.stands {
		return g.patience / 10
	}
	return g.patience
}

// Busy reports whether a request that came now would be refused.
func (g *Gate) Busy(until time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.hopeless(time.Now(), until) != nil
}

// Leave gives a slot back, which was taken for some time.
func (g *Gate) Leave(took time.Duration) {
	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.took += (took - g.took) / 16
	g.pass(now)
}

// pass gives a slot to the first in the line for whom it is not too late. g is locked.
func (g *Gate) pass(now time.Time) {
	if g.line.Len() == 0 {
		g.empty = now
	}
	for g.line.Len() > 0 {
		first := g.line.Front()
		w := first.Value.(*waiter)
		limit := g.limit(now)
		g.line.Remove(first)
		switch {
		case !now.Before(w.until):
			w.verdict <- ErrLate
		case now.Sub(w.since) > limit:
			g.shed = now
			w.verdict <- ErrFull
		default:
			w.verdict <- nil
			return
		}
	}
	g.running--
}

// Running returns how many slots are taken.
func (g *Gate) Running() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.running
}

// Waiting returns how many requests wait for a slot.
func (g *Gate) Waiting() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.line.Len()
}
