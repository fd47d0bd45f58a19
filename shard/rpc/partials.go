package rpc

import (
	"sync"
	"time"

	"quern/shard/core"
	"quern/shard/record"
)

// partials keeps what workers submitted until a proposal names it: decoded, within a
// budget of bytes (as they were sent), and not for ever. Losing one costs a read of the
// store.
type partials struct {
	budget int64
	count  int
	life   time.Duration

	mu     sync.Mutex
	used   int64 // bytes, of kept partials and of those on their way
	kept   map[partialKey]*partial
	closed bool
}

// partialKey is what a partial is. Of which attempt it is does not matter: the same
// bytes are the same statistics.
type partialKey struct {
	job          record.Job
	phase, shard uint32
	digest       [32]byte
}

// partial is one that is kept.
type partial struct {
	statistic core.Statistic
	size      int64
	timer     *time.Timer // drops it when its life is over
}

// reserve takes n bytes of the budget; false: they are not there.
func (p *partials) reserve(n int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.used+n > p.budget {
		return false
	}
	p.used += n
	return true
}

// release gives bytes back.
func (p *partials) release(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.used -= n
}

// has reports whether a partial is kept.
func (p *partials) has(key partialKey) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.kept[key] != nil
}

// keep keeps a partial of size bytes that are reserved; they are its own from then on.
// False: there is no room in number; the bytes stay the caller's.
func (p *partials) keep(key partialKey, statistic core.Statistic, size int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.kept[key] != nil { // came twice at the same time
		p.used -= size
		return true
	}
	if p.closed || len(p.kept) >= p.count {
		return false
	}
	p.kept[key] = &partial{statistic, size, time.AfterFunc(p.life, func() { p.take(key) })}
	return true
}

// take removes a partial and returns it; nil if it is not kept.
func (p *partials) take(key partialKey) core.Statistic {
	p.mu.Lock()
	defer p.mu.Unlock()
	if k := p.kept[key]; k != nil {
		p.remove(key, k)
		return k.statistic
	}
	return nil
}

// drop removes the partials of a job's phases before one.
func (p *partials) drop(job record.Job, before uint32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, k := range p.kept {
		if key.job == job && key.phase < before {
			p.remove(key, k)
		}
	}
}

// close drops all and keeps no more.
func (p *partials) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for key, k := range p.kept {
		p.remove(key, k)
	}
}

// remove needs the lock.
func (p *partials) remove(key partialKey, k *partial) {
	k.timer.Stop()
	p.used -= k.size
	delete(p.kept, key)
}

// holds returns how many partials are kept, and the bytes in use.
func (p *partials) holds() (count int, bytes int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.kept), p.used
}
