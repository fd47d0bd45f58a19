package drive

import (
	"context"
	"sync"
)

// budget bounds the bytes that are held at the same time. Whoever comes first is served
// first, so that something large is not passed over for ever.
type budget struct {
	mu    sync.Mutex
	size  int64
	free  int64
	queue []*claimant
}

// claimant waits for bytes.
type claimant struct {
	bytes int64
	ready chan struct{}
}

func newBudget(size int64) *budget { return &budget{size: size, free: size} }

// take waits until so many bytes are free and returns what gives them back. What is
// larger than the whole budget gets all of it, alone.
func (b *budget) take(ctx context.Context, bytes int64) (giveBack func(), err error) {
	c := &claimant{min(bytes, b.size), make(chan struct{})}
	b.mu.Lock()
	b.queue = append(b.queue, c)
	b.serve()
	b.mu.Unlock()
	select {
	case <-c.ready:
		return sync.OnceFunc(func() { b.give(c.bytes) }), nil
	case <-ctx.Done():
		b.leave(c)
		return nil, ctx.Err()
	}
}

// serve lets those in that fit; the lock is held.
func (b *budget) serve() {
	for len(b.queue) > 0 && b.queue[0].bytes <= b.free {
		b.free -= b.queue[0].bytes
		close(b.queue[0].ready)
		b.queue = b.queue[1:]
	}
}

func (b *budget) give(bytes int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.free += bytes
	b.serve()
}

// leave takes out a claimant that waits no more, or gives back what it just got.
func (b *budget) leave(c *claimant) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.queue {
		if b.queue[i] == c {
			b.queue = append(b.queue[:i:i], b.queue[i+1:]...)
			b.serve()
			return
		}
	}
	b.free += c.bytes
	b.serve()
}
