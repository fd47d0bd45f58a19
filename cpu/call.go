package cpu

import "quern/cpu/kernel"

// call is one instruction over one block: what its evaluation reads and writes.
type call struct {
	n      int
	dst    *lane
	args   []*lane
	own    bool // the result must be in dst's memory: it leaves, all blocks together
	stored bool // it leaves in storage form, and nothing else needs it
	// failed lists the slots that faulted; nulls and unused slots are still among
	// them.
	failed []int32

	// Scratch of at least a block.
	choice, other []uint64
	ones          []uint64 // every bit set; never written
	bools         []bool
	found         []int32
	ints          []int64
	parts         [][]int64
	texts         []*kernel.Views
	room          []byte
	probe         *kernel.Probe
	row           []int64
}

// evaluate computes c.dst from c.args. The validity of strict instructions is
// already in place; others set it.
type evaluate func(c *call)

// newCall returns a call with scratch for blocks of the given size.
func newCall(block int) call {
	ones := make([]uint64, kernel.Words(block))
	kernel.FillBits(ones, block)
	return call{
		ones:   ones,
		failed: make([]int32, 0, block),
		choice: make([]uint64, kernel.Words(block)),
		other:  make([]uint64, kernel.Words(block)),
		bools:  make([]bool, block),
		found:  make([]int32, block),
		ints:   make([]int64, block),
		room:   make([]byte, 0, 64),
		probe:  new(kernel.Probe),
	}
}

// fit readies c for instructions of up to args arguments.
func (c *call) fit(args int) {
	if len(c.row) < args {
		c.row = make([]int64, args)
		c.parts, c.texts = make([][]int64, 0, args), make([]*kernel.Views, 0, args)
	}
}

// forget drops what belongs to a session.
func (c *call) forget() {
	c.dst, c.args = nil, nil
	clear(c.parts[:cap(c.parts)])
	clear(c.texts[:cap(c.texts)])
}

// strict makes the result null where an argument is.
func (c *call) strict() {
	d := c.dst
	d.valid = nil
	for _, a := range c.args {
		switch {
		case a.valid == nil:
		case d.valid == nil:
			d.valid = d.bits[:kernel.Words(c.n)]
			kernel.CopyBits(d.valid, a.valid, c.n)
		default:
			kernel.AndBits(d.valid, a.valid)
		}
	}
}

// mayBeNull gives the result a bitmap, if it has none, so that slots can be
// cleared.
func (c *call) mayBeNull() {
	if c.dst.valid == nil {
		c.dst.valid = c.dst.bits[:kernel.Words(c.n)]
		kernel.FillBits(c.dst.valid, c.n)
	}
}

// nullify makes null what failed instead of a fault.
func (c *call) nullify() {
	if len(c.failed) == 0 {
		return
	}
	c.mayBeNull()
	for _, slot := range c.failed {
		c.dst.valid[slot>>6] &^= 1 << (slot & 63)
	}
	c.failed = c.failed[:0]
}
