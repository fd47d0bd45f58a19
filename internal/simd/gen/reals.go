package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// reals writes the functions of package real. Each repeats the operations of its
// scalar twin there in the same order; where that branches, all branches are
// computed and the right one is chosen last.
func reals(g *gen) {
	for _, f := range []struct {
		name string
		body func(*gen, VecVirtual) VecVirtual
	}{{"log", (*gen).log}, {"log1p", (*gen).log1p}, {"exp", (*gen).exp}, {"expm1", (*gen).expm1}} {
		g.text(f.name, "func(dst, x []float64)", "computes real."+f.name+" of each value.")
		g.each(func(load func() VecVirtual, store func(VecVirtual)) { store(f.body(g, load())) })
	}
}

// each loops over dst and x, vector by vector; the last one may be partial.
func (g *gen) each(body func(load func() VecVirtual, store func(VecVirtual))) {
	dst, x := Load(Param("dst").Base(), GP64()), Load(Param("x").Base(), GP64())
	n := Load(Param("dst").Len(), GP64())
	SUBQ(U8(g.lanes), n)
	JL(LabelRef("tail"))
	Label("loop")
	body(func() VecVirtual {
		v := g.reg()
		VMOVUPD(Mem{Base: x}, v)
		return v
	}, func(v VecVirtual) { VMOVUPD(v, Mem{Base: dst}) })
	ADDQ(U8(g.bytes()), x)
	ADDQ(U8(g.bytes()), dst)
	SUBQ(U8(g.lanes), n)
	JGE(LabelRef("loop"))
	Label("tail")
	ADDQ(U8(g.lanes), n)
	JZ(LabelRef("done"))
	m := g.firstLanes(n)
	body(func() VecVirtual {
		v := g.reg()
		if g.wide() {
			VMOVUPD_Z(Mem{Base: x}, m.k, v)
		} else {
			VMASKMOVPD(Mem{Base: x}, m.v, v)
		}
		return v
	}, func(v VecVirtual) {
		if g.wide() {
			VMOVUPD(v, m.k, Mem{Base: dst})
		} else {
			VMASKMOVPD(v, m.v, Mem{Base: dst})
		}
	})
	Label("done")
	VZEROUPPER()
	RET()
}

// firstLanes holds for the first n lanes.
func (g *gen) firstLanes(n Register) mask {
	if g.wide() {
		ones, k := GP64(), K()
		MOVQ(U64(math.MaxUint64), ones)
		BZHIQ(n, ones, ones)
		KMOVB(ones.As32(), k)
		return mask{k: k}
	}
	x, all, v := XMM(), YMM(), YMM()
	VMOVQ(n, x)
	VPBROADCASTQ(x, all)
	VPCMPGTQ(g.vectorOf(0, 1, 2, 3), all, v)
	return mask{v: v}
}

const (
	canonicalNaN = 0x7FF8000000000000
	ln2High      = 0x1.62e42fefa3800p-1
	ln2Low       = 0x1.ef35793c76730p-45
)

func (g *gen) nan() konst { return g.bits(canonicalNaN) }

// fastTwoSum and twoSum are those of package real.
func (g *gen) fastTwoSum(a, b VecVirtual) (sum, err VecVirtual) {
	sum = g.add(a, b)
	return sum, g.sub(b, g.sub(sum, a))
}

func (g *gen) twoSum(a, b VecVirtual) (sum, err VecVirtual) {
	sum = g.add(a, b)
	part := g.sub(sum, a)
	return sum, g.add(g.sub(a, g.sub(sum, part)), g.sub(b, part))
}

// binary is real.binary of normal numbers: k as a float, and m. shifted is k + 1024
// as an integer.
func (g *gen) binary(x VecVirtual) (k, m, shifted VecVirtual) {
	const middle = 0x3FE6A09E << 32
	const bias = 1024 // so that a logical shift will do
	shifted = g.shiftRight(g.addInts(x, g.bits(bias<<52-middle)), 52)
	m = g.subInts(x, g.subInts(g.shiftLeft(shifted, 52), g.bits(bias<<52)))
	return g.floatOf(shifted, bias), m, shifted
}

// floatOf is n - bias as a float, for integers n from 0 to 2^52-1.
func (g *gen) floatOf(n VecVirtual, bias float64) VecVirtual {
	return g.sub(g.or(n, g.c(0x1p52)), g.c(0x1p52+bias))
}

func (g *gen) log(x VecVirtual) VecVirtual {
	tiny := g.test(less, x, g.c(0x1p-1022))
	k, m, _ := g.binary(g.choose(tiny, x, g.mul(x, g.c(0x1p54))))
	k = g.choose(tiny, k, g.add(k, g.c(-54)))
	y := g.logSum(k, g.sub(m, g.c(1)), nil)
	y = g.choose(g.test(above, x, g.c(math.MaxFloat64)), y, x)
	y = g.choose(g.test(equal, x, g.zero()), y, g.c(math.Inf(-1)))
	return g.choose(g.test(notAtLeast, x, g.zero()), y, g.nan())
}

func (g *gen) log1p(x VecVirtual) VecVirtual {
	u, c := g.twoSum(g.held(g.c(1)), x)
	k, m, shifted := g.binary(u)
	// For k > 60 the factor is garbage, and dropped.
	factor := g.shiftLeft(g.subInts(g.held(g.bits(1023+1024)), shifted), 52)
	c = g.only(g.test(atMost, k, g.c(60)), g.mul(c, factor))
	f, rest := g.twoSum(g.sub(m, g.c(1)), c)
	y := g.logSum(k, f, g.sub(rest, g.mul(rest, f)))
	y = g.choose(g.test(above, x, g.c(math.MaxFloat64)), y, x)
	y = g.choose(g.test(less, g.abs(x), g.c(0x1p-54)), y, x)
	y = g.choose(g.test(equal, x, g.c(-1)), y, g.c(math.Inf(-1)))
	return g.choose(g.test(notAtLeast, x, g.c(-1)), y, g.nan())
}

// logSum is real.logSum; a nil rest is 0.
func (g *gen) logSum(k, f, rest VecVirtual) VecVirtual {
	z := g.mul(f, f)
	high, low := g.fastTwoSum(g.mul(k, g.c(ln2High)), f)
	part := g.mul(k, g.c(ln2Low))
	if rest == nil {
		part = g.add(part, g.c(0)) // makes -0 a 0, as there
	} else {
		part = g.add(part, rest)
	}
	small := g.add(low, part)
	small = g.add(g.mul(g.mul(f, z), g.logPolynomial(f, z)), small)
	return g.add(high, g.sub(small, g.mul(z, g.c(0.5))))
}

// line is a + b f.
func (g *gen) line(f VecVirtual, b, a float64) VecVirtual { return g.mulAdd(f, g.c(b), g.c(a)) }

func (g *gen) logPolynomial(f, z VecVirtual) VecVirtual {
	a := g.line(f, -0x1.0000000000007p-2, 0x1.5555555555555p-2)
	a = g.mulAdd(g.line(f, -0x1.5555555553457p-3, 0x1.99999999998d7p-3), z, a)
	c := g.line(f, -0x1.000000017c537p-3, 0x1.249249249e4aap-3)
	c = g.mulAdd(g.line(f, -0x1.9999989e9cd62p-4, 0x1.c71c71bf5dae5p-4), z, c)
	z2 := g.mul(z, z)
	a = g.mulAdd(c, z2, a)

	e := g.line(f, -0x1.55558229a00ddp-4, 0x1.745d1806bb4dfp-4)
	e = g.mulAdd(g.line(f, -0x1.248da65935e4ap-4, 0x1.3b13c73d45a59p-4), z, e)
	h := g.line(f, -0x1.00471d7e38c82p-4, 0x1.110a3ca1062aap-4)
	h = g.mulAdd(g.line(f, -0x1.c29e20290a705p-5, 0x1.e3351dc7fa4a8p-5), z, h)
	e = g.mulAdd(h, z2, e)

	j := g.line(f, -0x1.a4f2c03141503p-5, 0x1.9ef542a887b4fp-5)
	j = g.mulAdd(g.line(f, -0x1.ba0e12fbf27d8p-5, 0x1.e4de413226fa1p-5), z, j)
	j = g.add(g.mul(z2, g.c(0x1.7d2985cade08bp-6)), j)

	z4 := g.mul(z2, z2)
	return g.mulAdd(g.mul(z4, z4), j, g.mulAdd(e, z4, a))
}

func (g *gen) exp(x VecVirtual) VecVirtual {
	k, r, q := g.reduceExp(x)
	high, low := g.fastTwoSum(g.held(g.c(1)), r)
	y := g.scale(g.add(high, g.add(low, q)), k)
	y = g.choose(g.test(above, x, g.c(710)), y, g.c(math.Inf(1)))
	y = g.choose(g.test(less, x, g.c(-746)), y, g.c(0))
	return g.choose(g.test(unordered, x, x), y, g.nan())
}

func (g *gen) expm1(x VecVirtual) VecVirtual {
	k, r, q := g.reduceExp(x)
	// -2^-k, or 0 for k > 60, where it is lost beside 1.
	minus := g.shiftLeft(g.subInts(g.held(g.bits(1023+2048+2048)), k), 52)
	minus = g.only(g.test(atMost, g.floatOf(k, 2048), g.c(60)), minus)
	one, rest := g.twoSum(g.held(g.c(1)), minus)
	high, low := g.fastTwoSum(one, r)
	y := g.scale(g.add(high, g.add(low, g.add(q, rest))), k)
	y = g.choose(g.test(equal, x, g.zero()), y, x)
	y = g.choose(g.test(above, x, g.c(710)), y, g.c(math.Inf(1)))
	y = g.choose(g.test(less, x, g.c(-40)), y, g.c(-1))
	return g.choose(g.test(unordered, x, x), y, g.nan())
}

// reduceExp is real.reduceExp; k is 2048 more, so that it is positive where the
// result is used.
func (g *gen) reduceExp(x VecVirtual) (k, r, q VecVirtual) {
	const log2e = 0x1.71547652b82fep+0
	const rounder = 0x1.8p52
	shifted := g.mulAdd(x, g.c(log2e), g.c(rounder))
	n := g.sub(shifted, g.c(rounder))
	k = g.subInts(shifted, g.bits(math.Float64bits(rounder)-2048))

	a := g.sub(x, g.mul(n, g.c(ln2High)))
	b := g.mul(n, g.c(ln2Low))
	first := g.sub(a, b)
	rest := g.add(g.sub(g.sub(a, first), b), g.c(0))
	r, c := g.fastTwoSum(first, rest)

	z := g.mul(r, r)
	small := g.mulAdd(g.mul(z, r), g.expPolynomial(r, z), g.mulAdd(c, r, c))
	return k, r, g.add(g.mul(z, g.c(0.5)), small)
}

func (g *gen) expPolynomial(r, z VecVirtual) VecVirtual {
	a := g.line(r, 0x1.5555555555556p-5, 0x1.5555555555555p-3)
	a = g.mulAdd(g.line(r, 0x1.6c16c16c162d6p-10, 0x1.1111111111111p-7), z, a)
	c := g.line(r, 0x1.a01a01a6d787dp-16, 0x1.a01a01a019b2bp-13)
	c = g.mulAdd(g.line(r, 0x1.27e4db679d0c0p-22, 0x1.71de3a5904972p-19), z, c)
	e := g.line(r, 0x1.1f72fca335d17p-29, 0x1.ae64344d66a09p-26)
	e = g.add(g.mul(z, g.c(0x1.61b2b04a0777ap-33)), e)
	z2 := g.mul(z, z)
	return g.mulAdd(g.mul(z2, z2), e, g.mulAdd(c, z2, a))
}

// scale is real.scale: v * 2^(k-2048) in two products.
func (g *gen) scale(v, k VecVirtual) VecVirtual {
	half := g.shiftRight(k, 1) // the first exponent, and 1024
	first := g.shiftLeft(g.subInts(half, g.bits(1)), 52)
	second := g.shiftLeft(g.subInts(g.subInts(k, half), g.bits(1)), 52)
	return g.mul(g.mul(v, first), second)
}
