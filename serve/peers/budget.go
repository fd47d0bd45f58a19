package peers

import "sync/atomic"

// Budget bounds the bytes of all bodies, or of all replies, that are held at one time, in
// total and for one address, which has half of them at most. It is made by NewBudget.
type Budget struct {
	left atomic.Int64
	each int64
}

// NewBudget returns a budget of so many bytes.
func NewBudget(all int64) *Budget {
	b := &Budget{each: all / 2}
	b.left.Store(all)
	return b
}

// Take takes n bytes for an address, or for nobody if p is nil, or nothing, and reports which.
func (b *Budget) Take(p *Peer, n int) bool {
	if b.left.Add(-int64(n)) < 0 {
		b.left.Add(int64(n))
		return false
	}
	if p != nil && p.bytes.Add(int64(n)) > b.each {
		b.Give(p, n)
		return false
	}
	return true
}

// Give gives back n bytes that were taken for an address.
func (b *Budget) Give(p *Peer, n int) {
	b.left.Add(int64(n))
	if p != nil {
		p.bytes.Add(-int64(n))
	}
}

// Spent reports whether there is next to nothing left for an address, or nothing for all.
func (b *Budget) Spent(p *Peer) bool {
	return b.left.Load() <= 0 || p != nil && p.bytes.Load() >= b.each*9/10
}

// Left returns how many bytes there are.
func (b *Budget) Left() int64 { return b.left.Load() }
