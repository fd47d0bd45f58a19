package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// elements writes the kernels that compute each value from those at its place.
func elements(g *gen) {
	arithmetic(g)
	clamps(g)
	converts(g)
	selects(g)
	compares(g)
}

func arithmetic(g *gen) {
	for _, op := range []struct {
		name string
		do   func(g *gen, a VecVirtual, b any) VecVirtual
	}{{"add", (*gen).add}, {"sub", (*gen).sub}, {"mul", (*gen).mul}, {"div", (*gen).div}} {
		g.text(op.name+"Const", "func(dst, a []float64, x float64)", "computes a "+op.name+" x.")
		x := g.scalar("x")
		g.loop([]slice{{"dst", 8}, {"a", 8}}, func(r *rows, half int) {
			r.store(op.do(g, r.load("a", half), x), "dst", half)
		})
		finish()
		g.text(op.name+"Floats", "func(dst, a, b []float64)", "computes a "+op.name+" b.")
		g.loop([]slice{{"dst", 8}, {"a", 8}, {"b", 8}}, func(r *rows, half int) {
			r.store(op.do(g, r.load("a", half), r.at("b", half)), "dst", half)
		})
		finish()
	}
	g.text("addScaled", "func(dst, a []float64, x float64)", "computes dst + a*x.")
	x := g.scalar("x")
	g.loop([]slice{{"dst", 8}, {"a", 8}}, func(r *rows, half int) {
		r.store(g.add(r.load("dst", half), g.mul(r.load("a", half), x)), "dst", half)
	})
	finish()
}

func clamps(g *gen) {
	for _, kind := range []string{"float64", "int64"} {
		g.text("clamp_"+kind, "func(dst, a []"+kind+", low, high "+kind+")", "computes low where a < low, else high where a > high, else a.")
		low, high := g.scalar("low"), g.scalar("high")
		g.loop([]slice{{"dst", 8}, {"a", 8}}, func(r *rows, half int) {
			a := r.load("a", half)
			if kind == "int64" {
				y := g.choose(g.testInts(6, a, high), a, high)
				r.store(g.choose(g.testInts(1, a, low), y, low), "dst", half)
				return
			}
			y := g.choose(g.test(above, a, high), a, high)
			r.store(g.choose(g.test(less, a, low), y, low), "dst", half)
		})
		finish()
	}
}

// testInts compares signed integers: 0 equal, 1 less, 6 greater.
func (g *gen) testInts(predicate uint8, a, b VecVirtual) mask {
	if g.wide() {
		k := K()
		VPCMPQ(U8(predicate), b, a, k)
		return mask{k: k}
	}
	d := g.reg()
	switch predicate {
	case 0:
		VPCMPEQQ(b, a, d)
	case 1:
		VPCMPGTQ(a, b, d)
	case 6:
		VPCMPGTQ(b, a, d)
	}
	return mask{v: d}
}

// converts writes conversions; each is "dst type, source type, lanes to lanes".
func converts(g *gen) {
	for _, c := range []struct {
		name, to, from string
		do             func(g *gen, r *rows, half int)
	}{
		{"canonical", "float64", "float64", func(g *gen, r *rows, half int) {
			r.store(g.canonical(r.load("a", half)), "dst", half)
		}},
		{"round32", "float64", "float64", func(g *gen, r *rows, half int) {
			y, d := g.narrow(r.load("a", half)), g.reg()
			VCVTPS2PD(y, d)
			r.store(g.canonical(d), "dst", half)
		}},
		{"widenFloats", "float64", "float32", func(g *gen, r *rows, half int) {
			r.store(r.loadAs("float32", "a", half), "dst", half)
		}},
		{"narrowFloats", "float32", "float64", func(g *gen, r *rows, half int) {
			r.storeHalf(g.narrow(g.canonical(r.load("a", half))), "dst", half)
		}},
		{"widenInts", "int64", "int32", func(g *gen, r *rows, half int) {
			r.store(r.loadAs("int32", "a", half), "dst", half)
		}},
		{"narrowInts", "int32", "int64", func(g *gen, r *rows, half int) {
			r.storeHalf(g.lowHalves(r.load("a", half)), "dst", half)
		}},
		{"floats32", "float64", "int32", func(g *gen, r *rows, half int) {
			d := g.reg()
			VCVTDQ2PD(r.at("a", half), d)
			r.store(d, "dst", half)
		}},
		{"floats64", "float64", "int64", func(g *gen, r *rows, half int) {
			r.store(g.floatOfInt(r.load("a", half)), "dst", half)
		}},
	} {
		g.text(c.name, "func(dst []"+c.to+", a []"+c.from+")", "converts "+c.from+" to "+c.to+".")
		size := map[string]int{"float64": 8, "int64": 8, "float32": 4, "int32": 4}
		g.loop([]slice{{"dst", size[c.to]}, {"a", size[c.from]}}, func(r *rows, half int) { c.do(g, r, half) })
		finish()
	}
}

func (g *gen) canonical(a VecVirtual) VecVirtual {
	return g.choose(g.test(unordered, a, a), a, g.nan())
}

// narrow is a rounded to float32, in half a vector.
func (g *gen) narrow(a VecVirtual) Register {
	if g.wide() {
		d := YMM()
		VCVTPD2PS(a, d)
		return d
	}
	d := XMM()
	VCVTPD2PSY(a, d)
	return d
}

// lowHalves are the low 32 bits of each lane.
func (g *gen) lowHalves(a VecVirtual) Register {
	if g.wide() {
		d := YMM()
		VPMOVQD(a, d)
		return d
	}
	order, d := YMM(), YMM()
	VMOVDQU(g.vectorOf(2<<32, 6<<32|4, 2<<32, 6<<32|4), order)
	VPERMD(a, order, d)
	return d.AsX()
}

// floatOfInt converts a signed integer with one rounding: both halves are exact, and
// only their sum is rounded.
func (g *gen) floatOfInt(a VecVirtual) VecVirtual {
	if g.wide() {
		d := g.reg()
		VCVTQQ2PD(a, d)
		return d
	}
	high := g.xor(g.shiftRight(a, 32), g.c(0x1p84+0x1p63)) // (a>>32 + 2^31) 2^32 + 2^84
	low := g.reg()
	VPBLENDD(U8(0xAA), g.held(g.c(0x1p52)), a, low)
	return g.add(g.sub(high, g.c(0x1p84+0x1p63+0x1p52)), low)
}

func selects(g *gen) {
	g.text("coalesceConst", "func(dst, a []uint64, valid []uint64, x uint64)", "computes a where its bit is set, else x.")
	x := g.scalar("x")
	g.loop([]slice{{"dst", 8}, {"a", 8}, {"valid", 0}}, func(r *rows, half int) {
		r.store(g.choose(r.present(half), x, r.load("a", half)), "dst", half)
	})
	finish()
	g.text("choose", "func(dst, a, b []uint64, choice []uint64)", "computes a where its bit is set, else b.")
	g.loop([]slice{{"dst", 8}, {"a", 8}, {"b", 8}, {"choice", 0}}, func(r *rows, half int) {
		r.store(g.choose(r.present(half), r.load("b", half), r.load("a", half)), "dst", half)
	})
	finish()
}

// compares writes comparisons with a constant, into bytes.
func compares(g *gen) {
	for _, c := range []struct {
		name     string
		float    uint8
		int      uint8 // of VPCMPQ
		narrow   uint8 // of testInts, for AVX2
		opposite bool  // AVX2: of that
	}{
		{"eq", 0x00, 0, 0, false}, {"ne", 0x04, 4, 0, true}, {"lt", 0x11, 1, 1, false},
		{"le", 0x12, 2, 6, true}, {"gt", 0x1e, 6, 6, false}, {"ge", 0x1d, 5, 1, true},
	} {
		g.text(c.name+"Float64", "func(dst []bool, a []float64, x float64)", "computes a "+c.name+" x.")
		x := g.scalar("x")
		g.loop([]slice{{"dst", 1}, {"a", 8}}, func(r *rows, half int) {
			r.storeBools(g.test(c.float, r.load("a", half), x), "dst", half, false)
		})
		finish()
		g.text(c.name+"Int64", "func(dst []bool, a []int64, x int64)", "computes a "+c.name+" x.")
		y := g.scalar("x")
		g.loop([]slice{{"dst", 1}, {"a", 8}}, func(r *rows, half int) {
			predicate := c.narrow
			if g.wide() {
				predicate = c.int
			}
			r.storeBools(g.testInts(predicate, r.load("a", half), y), "dst", half, c.opposite && !g.wide())
		})
		finish()
	}
}

// storeBools writes a byte per lane.
func (r *rows) storeBools(m mask, name string, half int, opposite bool) {
	bits := GP64()
	if r.wide() {
		ones := GP64()
		MOVQ(U64(0x0101010101010101), ones)
		KMOVB(m.k, bits.As32())
		PDEPQ(ones, bits, bits)
		MOVQ(bits, r.at(name, half))
		return
	}
	VMOVMSKPD(m.v, bits.As32())
	if opposite {
		XORL(U8(15), bits.As32())
	}
	spread := GP64() // bit i to byte i: PDEP is slow on some processors of this level
	IMUL3L(U32(0x00204081), bits.As32(), spread.As32())
	ANDL(U32(0x01010101), spread.As32())
	MOVL(spread.As32(), r.at(name, half))
}
