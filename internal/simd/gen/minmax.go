package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// minmaxes writes the kernels of least and greatest values. Floats are compared as
// integers in the same order, which puts -0 below 0.
func minmaxes(g *gen) {
	for _, kind := range []string{"float64", "float32", "int64", "int32"} {
		g.text("minMax_"+kind, "func(x []"+kind+", valid []uint64) (low, high int64, n, nans int)", "is minMaxGo.")
		size := 8
		if kind == "float32" || kind == "int32" {
			size = 4
		}
		floats := kind == "float32" || kind == "float64"
		low, high := g.held(g.bits(1<<63-1)), g.held(g.bits(1<<63))
		n, nans := GP64(), GP64()
		XORQ(n, n)
		XORQ(nans, nans)
		g.loop([]slice{{"x", size}, {"valid", 0}}, func(r *rows, half int) {
			v, m := r.loadAs(kind, "x", half), r.present(half)
			if floats {
				nan := g.both(m, g.test(unordered, v, v))
				g.count(nans, nan)
				m = g.without(m, nan)
				v = g.ordered(v)
			}
			g.count(n, m)
			g.widen(low, high, m, v)
		})
		Store(g.extreme(low, true), ReturnIndex(0))
		Store(g.extreme(high, false), ReturnIndex(1))
		Store(n, ReturnIndex(2))
		Store(nans, ReturnIndex(3))
		finish()
	}
}

// ordered is the integer of a float in the order of floats: all but the sign is
// inverted where it is negative.
func (g *gen) ordered(v VecVirtual) VecVirtual {
	signs := g.reg()
	if g.wide() {
		VPSRAQ(U8(63), v, signs)
	} else {
		zero := g.zero()
		VPCMPGTQ(v, zero, signs)
	}
	return g.xor(v, g.shiftRight(signs, 1))
}

// widen makes the range hold v where m.
func (g *gen) widen(low, high VecVirtual, m mask, v VecVirtual) {
	if g.wide() {
		VPMINSQ(v, low, m.k, low)
		VPMAXSQ(v, high, m.k, high)
		return
	}
	lower, higher := g.both(m, g.testInts(6, low, v)), g.both(m, g.testInts(6, v, high))
	VBLENDVPD(lower.v, v, low, low)
	VBLENDVPD(higher.v, v, high, high)
}

// extreme is the least or greatest lane.
func (g *gen) extreme(v VecVirtual, least bool) Register {
	var sum [8]GPVirtual
	best := GP64()
	parts := []Register{v.AsX()}
	for i := 1; i < g.lanes/2; i++ {
		x := XMM()
		if g.wide() {
			VEXTRACTI64X2(U8(i), v, x)
		} else {
			VEXTRACTI128(U8(i), v, x)
		}
		parts = append(parts, x)
	}
	for i := range g.lanes {
		sum[i] = GP64()
		VPEXTRQ(U8(i&1), parts[i/2], sum[i])
		if i == 0 {
			MOVQ(sum[i], best)
			continue
		}
		CMPQ(sum[i], best)
		if least {
			CMOVQLT(sum[i], best)
		} else {
			CMOVQGT(sum[i], best)
		}
	}
	return best
}
