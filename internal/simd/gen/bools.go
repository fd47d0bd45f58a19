package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// bools writes the kernels between bytes and bits, 64 at a time.
func bools(g *gen) {
	g.text("packBools", "func(dst []uint64, src []bool)", "is the inner loop of PackBools.")
	dst, src, n := Load(Param("dst").Base(), GP64()), Load(Param("src").Base(), GP64()), Load(Param("dst").Len(), GP64())
	zero := YMM()
	VPXOR(zero, zero, zero)
	Label("loop")
	SUBQ(U8(1), n)
	JL(LabelRef("done"))
	if g.wide() {
		v, k := ZMM(), K()
		VMOVDQU64(Mem{Base: src}, v)
		VPTESTMB(v, v, k)
		KMOVQ(k, Mem{Base: dst})
	} else {
		for half := range 2 {
			v, bits := YMM(), GP32()
			VPCMPEQB(Mem{Base: src, Disp: 32 * half}, zero, v)
			VPMOVMSKB(v, bits)
			NOTL(bits)
			MOVL(bits, Mem{Base: dst, Disp: 4 * half})
		}
	}
	ADDQ(U8(64), src)
	ADDQ(U8(8), dst)
	JMP(LabelRef("loop"))
	Label("done")
	finish()

	g.unpackBits()
}

// unpackBits writes a byte per bit of src xor flip.
func (g *gen) unpackBits() {
	g.text("unpackBits", "func(dst []bool, src []uint64, flip uint64)", "is the inner loop of UnpackBits.")
	dst, src, n := Load(Param("dst").Base(), GP64()), Load(Param("src").Base(), GP64()), Load(Param("src").Len(), GP64())
	flip := Load(Param("flip"), GP64())
	ones := g.held(g.bits(0x0101010101010101))
	spread, own := YMM(), YMM()
	if !g.wide() {
		VMOVDQU(g.vectorOf(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303), spread)
		VPBROADCASTQ(g.bits(0x8040201008040201).mem, own)
	}
	Label("loop")
	SUBQ(U8(1), n)
	JL(LabelRef("done"))
	bits := GP64()
	MOVQ(Mem{Base: src}, bits)
	XORQ(flip, bits)
	if g.wide() {
		v, k := ZMM(), K()
		KMOVQ(bits, k)
		VPMOVM2B(k, v)
		VPANDQ(ones, v, v)
		VMOVDQU64(v, Mem{Base: dst})
	} else {
		for half := range 2 {
			x, v := XMM(), YMM()
			VMOVD(bits.As32(), x)
			VPBROADCASTD(x, v)
			VPSHUFB(spread, v, v)
			VPAND(own, v, v)
			VPCMPEQB(own, v, v)
			VPAND(ones, v, v)
			VMOVDQU(v, Mem{Base: dst, Disp: 32 * half})
			SHRQ(U8(32), bits)
		}
	}
	ADDQ(U8(8), src)
	ADDQ(U8(64), dst)
	JMP(LabelRef("loop"))
	Label("done")
	finish()
}
