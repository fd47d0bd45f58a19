package serve

import (
	"container/list"
	"context"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"quern/serve/peers"
)

// gate bounds how many requests are worked on, and how long others wait for that.
//
// A burst may wait for as long as patience says. A queue that stands is no burst: then the
// server is asked for more than it can do, to wait helps nobody, and requests wait for a
// tenth of that only. Who cannot get a place in time, judged by how long requests took of
// late, is told at once; so a refusal takes no time, and what is worked on is still wanted.
type gate struct {
	slots    int
	queue    int
	patience time.Duration
	waiting  atomic.Int64 // for the metrics

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
	verdict      chan verdict // of one
}

// verdict is what becomes of a request at the gate.
type verdict int

const (
	entered verdict = iota
	full            // there are too many requests
	late            // its deadline passed, or its client went away
)

// enter takes a slot, which leave gives back, until a deadline. gone is asked when that took
// a wait: of a client that went away meanwhile the slot goes to the next. nil: none does.
func (g *gate) enter(ctx context.Context, until time.Time, gone func() bool) verdict {
	now := time.Now()
	g.mu.Lock()
	if g.running < g.slots && g.line.Len() == 0 {
		g.running++
		g.empty = now
		g.stands = g.stands && now.Sub(g.shed) <= g.patience
		g.mu.Unlock()
		return entered
	}
	if why := g.hopeless(now, until); why != entered {
		g.shed = now
		g.mu.Unlock()
		return why
	}
	w := &waiter{now, until, make(chan verdict, 1)}
	place := g.line.PushBack(w)
	g.waiting.Add(1)
	g.mu.Unlock()
	v := g.wait(ctx, place)
	if v == entered && gone != nil && gone() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.pass(time.Now())
		return late
	}
	return v
}

// wait waits for the verdict.
func (g *gate) wait(ctx context.Context, place *list.Element) verdict {
	w := place.Value.(*waiter)
	timer := time.NewTimer(min(g.patience, time.Until(w.until)))
	defer timer.Stop()
	why := full
	select {
	case v := <-w.verdict:
		return v
	case <-timer.C:
		if !time.Now().Before(w.until) {
			why = late
		}
	case <-ctx.Done():
		why = late
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case v := <-w.verdict: // meanwhile
		return v
	default:
		g.remove(place)
		return why
	}
}

// hopeless says why a request that came now would not get a slot in time, or entered. g is
// locked.
func (g *gate) hopeless(now, until time.Time) verdict {
	if g.running < g.slots {
		return entered
	}
	if g.line.Len() >= g.queue {
		return full
	}
	wait := g.took * time.Duration(g.line.Len()+1) / time.Duration(g.slots)
	switch {
	case wait > g.limit(now):
		return full
	case now.Add(wait).After(until):
		return late
	}
	return entered
}

// limit is how long a request may wait now. g is locked.
func (g *gate) limit(now time.Time) time.Duration {
	g.stands = g.stands || g.line.Len() > 0 && now.Sub(g.empty) > g.patience
	if g.stands {
		return g.patience / 10
	}
	return g.patience
}

// busy reports whether a request that came now would be refused.
func (g *gate) busy(until time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.hopeless(time.Now(), until) != entered
}

// leave gives a slot back, which was taken for some time.
func (g *gate) leave(took time.Duration) {
	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.took += (took - g.took) / 16
	g.pass(now)
}

// pass gives a slot to the first in the line for whom it is not too late. g is locked.
func (g *gate) pass(now time.Time) {
	if g.line.Len() == 0 {
		g.empty = now
	}
	for g.line.Len() > 0 {
		first := g.line.Front()
		w := first.Value.(*waiter)
		limit := g.limit(now)
		g.remove(first)
		switch {
		case !now.Before(w.until):
			w.verdict <- late
		case now.Sub(w.since) > limit:
			g.shed = now
			w.verdict <- full
		default:
			w.verdict <- entered
			return
		}
	}
	g.running--
}

func (g *gate) remove(place *list.Element) {
	g.line.Remove(place)
	g.waiting.Add(-1)
}

// budget bounds the bytes of all bodies, or replies, that are held at one time, in total
// and for one address.
type budget struct {
	left atomic.Int64
	each int64
}

func (b *budget) set(all int64) {
	b.left.Store(all)
	b.each = all / 2
}

// take takes n bytes for an address, or nil.
func (b *budget) take(p *peers.Peer, n int) bool {
	if b.left.Add(-int64(n)) < 0 {
		b.left.Add(int64(n))
		return false
	}
	if p != nil && p.Hold(n) > b.each {
		b.give(p, n)
		return false
	}
	return true
}

// spent reports whether there is nothing left, for all or for an address.
func (b *budget) spent(p *peers.Peer) bool {
	return b.left.Load() <= 0 || p != nil && p.Held() >= b.each*9/10
}

func (b *budget) give(p *peers.Peer, n int) {
	b.left.Add(int64(n))
	if p != nil {
		p.Hold(-n)
	}
}

// body is the body of a request, read whole before a slot is taken.
type body struct {
	bytes []byte
	held  int // bytes of the budget
	at    int
}

// The ends of read that are not the client's connection's.
type bodyProblem string

// Error is error's.
func (p bodyProblem) Error() string { return string(p) }

const (
	tooLarge  bodyProblem = "the body is too large"
	tooMany   bodyProblem = "the server is full of bodies"
	firstRead             = 4 << 10
)

// read reads all of from. The memory grows with what arrives, not with what is announced.
func (b *body) read(from io.Reader, limit int, all *budget, p *peers.Peer) error {
	b.bytes, b.at, b.held = b.bytes[:0], 0, 0
	for {
		if len(b.bytes) == cap(b.bytes) {
			grown := make([]byte, len(b.bytes), max(2*cap(b.bytes), firstRead))
			copy(grown, b.bytes)
			b.bytes = grown
		}
		if more := cap(b.bytes) - b.held; more > 0 {
			if !all.take(p, more) {
				return tooMany
			}
			b.held += more
		}
		n, err := from.Read(b.bytes[len(b.bytes):cap(b.bytes)])
		b.bytes = b.bytes[:len(b.bytes)+n]
		switch {
		case len(b.bytes) > limit:
			return tooLarge
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

// Read is io.Reader's.
func (b *body) Read(p []byte) (int, error) {
	n := copy(p, b.bytes[b.at:])
	if b.at += n; b.at == len(b.bytes) {
		return n, io.EOF
	}
	return n, nil
}

// Close is io.Closer's.
func (b *body) Close() error { return nil }
