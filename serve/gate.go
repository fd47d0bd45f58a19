package serve

import (
	"context"
	"io"
	"sync/atomic"
	"time"
)

// gate bounds how many requests are worked on, and how many wait for that.
type gate struct {
	slots    chan struct{}
	queue    int64
	patience time.Duration // the longest that a request waits
	waiting  atomic.Int64
}

// enter takes a slot. It reports false if the queue is full or the wait too long; then the
// server is asked for more than it can do, and the sooner the client knows, the better.
func (g *gate) enter(ctx context.Context) bool {
	select {
	case g.slots <- struct{}{}:
		return true
	default:
	}
	defer g.waiting.Add(-1)
	if g.waiting.Add(1) > g.queue {
		return false
	}
	wait := time.NewTimer(g.patience)
	defer wait.Stop()
	select {
	case g.slots <- struct{}{}:
		return true
	case <-wait.C:
	case <-ctx.Done():
	}
	return false
}

func (g *gate) leave() { <-g.slots }

// budget bounds the bytes of all bodies that are held at one time.
type budget struct{ left atomic.Int64 }

func (b *budget) take(n int) bool {
	if b.left.Add(-int64(n)) >= 0 {
		return true
	}
	b.left.Add(int64(n))
	return false
}

func (b *budget) give(n int) { b.left.Add(int64(n)) }

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
func (b *body) read(from io.Reader, limit int, all *budget) error {
	b.bytes, b.at, b.held = b.bytes[:0], 0, 0
	for {
		if len(b.bytes) == cap(b.bytes) {
			grown := make([]byte, len(b.bytes), max(2*cap(b.bytes), firstRead))
			copy(grown, b.bytes)
			b.bytes = grown
		}
		if more := cap(b.bytes) - b.held; more > 0 {
			if !all.take(more) {
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
