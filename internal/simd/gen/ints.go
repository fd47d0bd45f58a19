package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/reg"
)

// intSums writes the kernel of sums of small integers.
func intSums(g *gen) {
	g.text("sumInts", "func(x []int64, valid []uint64) (sum int64, low, high uint64, n int, over uint64)", "is sumIntsGo.")
	sum, low, high, over := g.zero(), g.zero(), g.zero(), g.zero()
	n := GP64()
	XORQ(n, n)
	least, half := g.held(g.bits(1<<31)), g.held(g.bits(1<<32-1))
	g.loop([]slice{{"x", 8}, {"valid", 0}}, func(r *rows, part int) {
		m := r.present(part)
		x := g.only(m, r.load("x", part))
		g.count(n, m)
		beyond := g.shiftRight(g.addInts(x, least), 32)
		square := g.reg()
		VPMULDQ(x, x, square)
		for _, s := range []struct{ to, x VecVirtual }{{sum, x}, {low, g.and(square, half)}, {high, g.shiftRight(square, 32)}} {
			VPADDQ(s.x, s.to, s.to)
		}
		if g.wide() {
			VPORQ(beyond, over, over)
		} else {
			VPOR(beyond, over, over)
		}
	})
	Store(g.total(sum), ReturnIndex(0))
	Store(g.total(low), ReturnIndex(1))
	Store(g.total(high), ReturnIndex(2))
	Store(n, ReturnIndex(3))
	// The sum of the lanes is 0 only if each is, as each is below 2^32.
	Store(g.total(over), ReturnIndex(4))
	finish()
}
