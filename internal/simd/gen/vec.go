package main

import (
	"fmt"
	"math"

	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// gen describes kernels over vectors of 8 (AVX-512) or 4 (AVX2) lanes of 64 bits.
// A kernel is written once in terms of its methods.
type gen struct {
	lanes  int
	suffix string
	name   string // of the kernel
	pool   Mem    // its constants, 32 bytes each
	pools  int    // how many there were: a table between them ends one
	offset map[[4]uint64]int
	orders Mem // see permuted; no base: none yet
}

func newGen(lanes int) *gen {
	g := &gen{lanes: lanes, suffix: "AVX2"}
	if lanes == 8 {
		g.suffix = "AVX512"
	}
	return g
}

// text begins a kernel.
func (g *gen) text(name, signature, doc string) {
	g.name = name + g.suffix
	g.offset, g.orders, g.pools = map[[4]uint64]int{}, Mem{}, 0
	TEXT(g.name, attr.NOSPLIT, signature)
	Pragma("noescape")
	Doc(g.name + " " + doc)
}

func (g *gen) wide() bool { return g.lanes == 8 }

func (g *gen) bytes() int { return 8 * g.lanes }

// konst is a constant of all lanes, in memory.
type konst struct{ mem Mem }

// bits is a constant by its bits.
func (g *gen) bits(b uint64) konst { return konst{g.vectorOf(b, b, b, b)} }

// vectorOf is a constant of four lanes.
func (g *gen) vectorOf(lanes ...uint64) Mem {
	if len(g.offset) == 0 {
		g.pools++
		g.pool = GLOBL(fmt.Sprint(g.name, "Constants", g.pools), attr.RODATA|attr.NOPTR)
	}
	key := [4]uint64(lanes)
	at, ok := g.offset[key]
	if !ok {
		at = 32 * len(g.offset)
		g.offset[key] = at
		for i, b := range lanes {
			DATA(at+8*i, U64(b))
		}
	}
	return g.pool.Offset(at)
}

// c is a floating constant.
func (g *gen) c(x float64) konst { return g.bits(math.Float64bits(x)) }

func (g *gen) reg() VecVirtual {
	if g.wide() {
		return ZMM()
	}
	return YMM()
}

// held is a constant in a register.
func (g *gen) held(k konst) VecVirtual {
	d := g.reg()
	VBROADCASTSD(k.mem, d)
	return d
}

func (g *gen) zero() VecVirtual {
	d := g.reg()
	VXORPD(d, d, d)
	return d
}

// bin is d = a op b, where b is a register, a konst or memory.
func (g *gen) bin(plain, broadcast func(...Op), a VecVirtual, b any) VecVirtual {
	d := g.reg()
	switch b := b.(type) {
	case konst:
		if g.wide() {
			broadcast(b.mem, a, d)
		} else {
			plain(b.mem, a, d)
		}
	case Op:
		plain(b, a, d)
	default:
		panic(fmt.Sprintf("operand %T", b))
	}
	return d
}

func (g *gen) add(a VecVirtual, b any) VecVirtual { return g.bin(VADDPD, VADDPD_BCST, a, b) }
func (g *gen) sub(a VecVirtual, b any) VecVirtual { return g.bin(VSUBPD, VSUBPD_BCST, a, b) }
func (g *gen) mul(a VecVirtual, b any) VecVirtual { return g.bin(VMULPD, VMULPD_BCST, a, b) }
func (g *gen) div(a VecVirtual, b any) VecVirtual { return g.bin(VDIVPD, VDIVPD_BCST, a, b) }

// mulAdd is x*y + z, both rounded.
func (g *gen) mulAdd(x VecVirtual, y, z any) VecVirtual { return g.add(g.mul(x, y), z) }

func (g *gen) addInts(a VecVirtual, b any) VecVirtual {
	return g.bin(VPADDQ, VPADDQ_BCST, a, b)
}

func (g *gen) subInts(a VecVirtual, b any) VecVirtual {
	return g.bin(VPSUBQ, VPSUBQ_BCST, a, b)
}

func (g *gen) and(a VecVirtual, b any) VecVirtual {
	if g.wide() {
		return g.bin(VPANDQ, VPANDQ_BCST, a, b)
	}
	return g.bin(func(o ...Op) { VPAND(o[0], o[1], o[2]) }, nil, a, b)
}

func (g *gen) or(a VecVirtual, b any) VecVirtual {
	if g.wide() {
		return g.bin(VPORQ, VPORQ_BCST, a, b)
	}
	return g.bin(func(o ...Op) { VPOR(o[0], o[1], o[2]) }, nil, a, b)
}

func (g *gen) xor(a VecVirtual, b any) VecVirtual {
	if g.wide() {
		return g.bin(VPXORQ, VPXORQ_BCST, a, b)
	}
	return g.bin(func(o ...Op) { VPXOR(o[0], o[1], o[2]) }, nil, a, b)
}

func (g *gen) shiftLeft(a VecVirtual, by uint8) VecVirtual {
	d := g.reg()
	VPSLLQ(U8(by), a, d)
	return d
}

func (g *gen) shiftRight(a VecVirtual, by uint8) VecVirtual {
	d := g.reg()
	VPSRLQ(U8(by), a, d)
	return d
}

func (g *gen) abs(a VecVirtual) VecVirtual { return g.and(a, g.bits(1<<63-1)) }

// Predicates of comparisons: ordered and quiet, but unordered, which finds NaNs.
const (
	equal      = 0x00
	less       = 0x11
	atMost     = 0x12
	unordered  = 0x03
	above      = 0x1e
	notAtLeast = 0x19 // less, or unordered
)

// mask holds a condition per lane.
type mask struct {
	k Register   // AVX-512
	v VecVirtual // AVX2: all ones or zeros
}

// test is a predicate b per lane.
func (g *gen) test(predicate uint8, a VecVirtual, b any) mask {
	if g.wide() {
		k := K()
		if c, ok := b.(konst); ok {
			VCMPPD_BCST(U8(predicate), c.mem, a, k)
		} else {
			VCMPPD(U8(predicate), b.(Op), a, k)
		}
		return mask{k: k}
	}
	d := g.reg()
	if c, ok := b.(konst); ok {
		VCMPPD(U8(predicate), c.mem, a, d)
	} else {
		VCMPPD(U8(predicate), b.(Op), a, d)
	}
	return mask{v: d}
}

// both is a && b.
func (g *gen) both(a, b mask) mask {
	if g.wide() {
		k := K()
		KANDB(a.k, b.k, k)
		return mask{k: k}
	}
	d := g.reg()
	VPAND(a.v, b.v, d)
	return mask{v: d}
}

// without is a && !b.
func (g *gen) without(a, b mask) mask {
	if g.wide() {
		k := K()
		KANDNB(a.k, b.k, k) // Go's order: the operand that is inverted comes second
		return mask{k: k}
	}
	d := g.reg()
	VPANDN(a.v, b.v, d)
	return mask{v: d}
}

// choose is b where m, else a.
func (g *gen) choose(m mask, a VecVirtual, b any) VecVirtual {
	d := g.reg()
	c, constant := b.(konst)
	switch {
	case g.wide() && constant:
		VBLENDMPD_BCST(c.mem, a, m.k, d)
	case g.wide():
		VBLENDMPD(b.(Op), a, m.k, d)
	case constant:
		VBLENDVPD(m.v, c.mem, a, d)
	default:
		VBLENDVPD(m.v, b.(Op), a, d)
	}
	return d
}

// only is a where m, else 0.
func (g *gen) only(m mask, a VecVirtual) VecVirtual {
	d := g.reg()
	if g.wide() {
		VMOVDQU64_Z(a, m.k, d)
	} else {
		VPAND(a, m.v, d)
	}
	return d
}

// count adds to n in how many lanes m holds.
func (g *gen) count(n Register, m mask) {
	c := GP32()
	if g.wide() {
		KMOVB(m.k, c)
	} else {
		VMOVMSKPD(m.v, c)
	}
	POPCNTL(c, c)
	ADDQ(c.As64(), n)
}

// accumulate adds a to the integers of sum where m.
func (g *gen) accumulate(sum VecVirtual, m mask, a VecVirtual) {
	if g.wide() {
		VPADDQ(a, sum, m.k, sum)
		return
	}
	VPADDQ(g.only(m, a), sum, sum)
}

// total is the sum of the lanes of integers.
func (g *gen) total(a VecVirtual) Register {
	y := a.AsY()
	if g.wide() {
		high := YMM()
		VEXTRACTI64X4(U8(1), a, high)
		VPADDQ(a.AsY(), high, high)
		a, y = high, high.AsY()
	}
	x, swapped, sum := XMM(), XMM(), GP64()
	VEXTRACTI128(U8(1), y, x)
	VPADDQ(a.AsX(), x, x)
	VPSHUFD(U8(0xEE), x, swapped)
	VPADDQ(x, swapped, x)
	VMOVQ(x, sum)
	return sum
}
