package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Places in the constants of a sum; see sumConstants in package simd.
const (
	atSum0, atSum1, atSquare0, atSquare1, atSquare2, atLimit, atOnes = 0, 32, 64, 96, 128, 160, 192
)

// Places in its result; see Limbs in package simd.
const (
	outSum0, outSum1, outSquare0, outSquare1, outSquare2, outTaken, outNaNs, outRest = 0, 8, 16, 24, 32, 40, 48, 56
)

// summer is a kernel of exact sums under way.
type summer struct {
	*gen
	limbs          int // of the sum; the squares have one more
	x, valid, rest Register
	constants      Mem
	out            Mem
	taken, nans    Register
	sum            []VecVirtual
	squares        []VecVirtual
	cSum, cSquares []any
	limit          any
	start          Register
}

func sums(g *gen) {
	for _, k := range []struct {
		name  string
		limbs int
	}{{"sum24", 1}, {"sum53", 2}} {
		g.text(k.name, "func(x []float64, valid []uint64, c *[28]float64, out *[8]int64, rest []float64)",
			"is "+k.name+" in package simd.")
		s := &summer{gen: g, limbs: k.limbs}
		s.begin()
		s.loop()
		s.end()
	}
}

func (s *summer) begin() {
	s.x = Load(Param("x").Base(), GP64())
	s.rest = Load(Param("rest").Base(), GP64())
	s.start = GP64()
	MOVQ(s.rest, s.start)
	s.constants = Mem{Base: Load(Param("c"), GP64())}
	s.taken, s.nans = GP64(), GP64()
	XORQ(s.taken, s.taken)
	XORQ(s.nans, s.nans)
	at := []int{atSum0, atSum1}[:s.limbs]
	for _, o := range at {
		s.cSum = append(s.cSum, s.constant(o))
		s.sum = append(s.sum, s.zero())
	}
	for _, o := range []int{atSquare0, atSquare1, atSquare2}[:s.limbs+1] {
		s.cSquares = append(s.cSquares, s.constant(o))
		s.squares = append(s.squares, s.zero())
	}
	s.limit = s.constant(atLimit)
}

// constant is held in a register where there are enough of them.
func (s *summer) constant(at int) any {
	if !s.wide() {
		return s.constants.Offset(at)
	}
	d := s.reg()
	VBROADCASTSD(s.constants.Offset(at), d)
	return d
}

// loop takes eight values and a byte of the bitmap at a time.
func (s *summer) loop() {
	n := Load(Param("x").Len(), GP64())
	valid, step, bits := Load(Param("valid").Base(), GP64()), GP64(), GP64()
	MOVQ(U32(1), step)
	TESTQ(valid, valid)
	JNZ(LabelRef("begun"))
	LEAQ(s.constants.Offset(atOnes), valid)
	XORQ(step, step)
	Label("begun")
	SUBQ(U8(8), n)
	JL(LabelRef("tail"))

	Label("loop")
	MOVBQZX(Mem{Base: valid}, bits)
	s.eight(bits, "")
	ADDQ(step, valid)
	ADDQ(U8(64), s.x)
	SUBQ(U8(8), n)
	JGE(LabelRef("loop"))

	Label("tail")
	ADDQ(U8(8), n)
	JZ(LabelRef("done"))
	ones, byteBits := GP64(), GP64()
	MOVQ(U64(^uint64(0)), ones)
	BZHIQ(n, ones, ones)
	MOVBQZX(Mem{Base: valid}, byteBits)
	ANDQ(ones, byteBits)
	s.eight(byteBits, "Tail")
	Label("done")
}

// eight adds the eight values at x whose bit is set.
func (s *summer) eight(bits GPVirtual, tail string) {
	if s.wide() {
		k := K()
		KMOVB(bits.As32(), k)
		v := s.reg()
		if tail == "" {
			VMOVUPD(Mem{Base: s.x}, v)
		} else {
			VMOVUPD_Z(Mem{Base: s.x}, k, v)
		}
		s.vector(v, mask{k: k}, "left"+tail)
		return
	}
	x, all := XMM(), s.reg()
	VMOVQ(bits, x)
	VPBROADCASTQ(x, all)
	for half := range 2 {
		own := s.lanesOf(half)
		m := s.reg()
		VPAND(own, all, m)
		VPCMPEQQ(own, m, m)
		v := s.reg()
		if tail == "" {
			VMOVUPD(Mem{Base: s.x, Disp: 32 * half}, v)
		} else {
			VMASKMOVPD(Mem{Base: s.x, Disp: 32 * half}, m, v)
		}
		s.vector(v, mask{v: m}, "left"+tail+[]string{"Low", "High"}[half])
	}
}

// vector adds the lanes of v in m.
func (s *summer) vector(v VecVirtual, m mask, label string) {
	nan := s.both(m, s.test(unordered, v, v))
	s.count(s.nans, nan)
	// The limbs of v. It is in the window if nothing is left of it, and it is small.
	remainder, t := v, make([]VecVirtual, s.limbs)
	for i := s.limbs - 1; i >= 0; i-- {
		t[i] = s.add(remainder, s.cSum[i])
		back := s.sub(t[i], s.cSum[i])
		if i > 0 {
			remainder = s.sub(remainder, back)
		} else {
			in := s.both(s.test(equal, back, remainder), s.test(less, s.abs(v), s.limit))
			m2 := s.both(m, in)
			left := s.without(s.without(m, nan), m2)
			s.leave(v, left, label)
			m = m2
		}
	}
	s.count(s.taken, m)
	for i, t := range t {
		s.accumulate(s.sum[i], m, t)
	}
	p := s.mul(v, v)
	if s.limbs == 1 {
		s.digits(p, m, 1)
		return
	}
	e := s.reg()
	if s.wide() {
		VMOVUPD(v, e)
		VFMSUB213PD(p, v, e)
	} else {
		VMOVUPD(v, e)
		VFMSUB213PD(p, v, e)
	}
	high := s.digit(s.digit(p, m, 2), m, 1)
	low := s.digit(e, m, 1)
	s.accumulate(s.squares[0], m, s.add(s.add(high, low), s.cSquares[0]))
}

// digits adds all limbs of p to the squares, from limb i down.
func (s *summer) digits(p VecVirtual, m mask, i int) {
	for ; i > 0; i-- {
		p = s.digit(p, m, i)
	}
	s.accumulate(s.squares[0], m, s.add(p, s.cSquares[0]))
}

// digit adds limb i of p to the squares and returns what is left of p.
func (s *summer) digit(p VecVirtual, m mask, i int) VecVirtual {
	t := s.add(p, s.cSquares[i])
	s.accumulate(s.squares[i], m, t)
	return s.sub(p, s.sub(t, s.cSquares[i]))
}

// leave appends the lanes of v in m to the rest.
func (s *summer) leave(v VecVirtual, m mask, label string) {
	bits := GP32()
	if s.wide() {
		KMOVB(m.k, bits)
	} else {
		VMOVMSKPD(m.v, bits)
	}
	TESTL(bits, bits)
	JZ(LabelRef(label))
	if s.wide() {
		packed := s.reg()
		VPCOMPRESSQ_Z(v, m.k, packed)
		VMOVDQU64(packed, Mem{Base: s.rest})
		POPCNTL(bits, bits)
		LEAQ(Mem{Base: s.rest, Index: bits.As64(), Scale: 8}, s.rest)
	} else {
		s.leaveEach(v, bits, label)
	}
	Label(label)
}

// leaveEach appends the lanes of v in bits, one after the other.
func (s *summer) leaveEach(v VecVirtual, bits GPVirtual, label string) {
	high := XMM()
	VEXTRACTF128(U8(1), v, high)
	for lane := range 4 {
		x := v.AsX()
		if lane >= 2 {
			x = high
		}
		if lane&1 == 0 {
			VMOVLPD(x, Mem{Base: s.rest})
		} else {
			VMOVHPD(x, Mem{Base: s.rest})
		}
		one := GP32()
		MOVL(bits, one)
		SHRL(U8(lane), one)
		ANDL(U8(1), one)
		LEAQ(Mem{Base: s.rest, Index: one.As64(), Scale: 8}, s.rest)
	}
}

func (s *summer) end() {
	out := Mem{Base: Load(Param("out"), GP64())}
	sums, squares := []int{outSum0, outSum1}, []int{outSquare0, outSquare1, outSquare2}
	for i, v := range s.sum {
		MOVQ(s.total(v), out.Offset(sums[i]))
	}
	for i, v := range s.squares {
		MOVQ(s.total(v), out.Offset(squares[i]))
	}
	MOVQ(s.taken, out.Offset(outTaken))
	MOVQ(s.nans, out.Offset(outNaNs))
	SUBQ(s.start, s.rest)
	SHRQ(U8(3), s.rest)
	MOVQ(s.rest, out.Offset(outRest))
	VZEROUPPER()
	RET()
}
