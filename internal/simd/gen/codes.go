package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// codes writes the kernel that packs integers into few bits each. Its length is a
// multiple of twice the lanes. Eight values become width bytes: pairs meet in a word,
// two words in 128 bits, which are written over each other's empty ends. If width is
// odd, the second of two such halves starts in the middle of a byte: it is shifted by
// four bits, and takes in the last bits of the first. plan holds shifts and masks for
// both halves; see packPlan.
func codes(g *gen) {
	g.text("packCodes", "func(dst []byte, src []int32, plan *[26]uint64, width int)", "is the inner loop of PackCodes. It writes up to 16 bytes past the last one.")
	plan := Load(Param("plan"), GP64())
	vectors := make([]VecVirtual, 6)
	for i := range vectors {
		vectors[i] = g.reg()
		if at := (Mem{Base: plan, Disp: 32 * i}); g.wide() {
			VBROADCASTI64X4(at, vectors[i])
		} else {
			VMOVDQU(at, vectors[i])
		}
	}
	first, up, down, carry, low, high := vectors[0], vectors[1], vectors[2], vectors[3], vectors[4], vectors[5]
	close := XMM()
	VMOVQ(Mem{Base: plan, Disp: 32 * 6}, close)
	dst, src, n := Load(Param("dst").Base(), GP64()), Load(Param("src").Base(), GP64()), Load(Param("src").Len(), GP64())
	width, half := Load(Param("width"), GP64()), GP64()
	MOVQ(width, half)
	SHRQ(U8(1), half)
	Label("loop")
	SUBQ(U8(2*g.lanes), n)
	JL(LabelRef("done"))
	v, pairs := g.reg(), g.reg()
	VMOVUPD(Mem{Base: src}, v)
	VPSRLQ(close, v, pairs)
	pairs = g.or(g.and(pairs, high), g.and(v, low))
	a, b, c := g.reg(), g.reg(), g.reg()
	VPSLLVQ(first, pairs, a)
	VPSLLVQ(up, pairs, b)
	VPSRLVQ(down, pairs, c)
	VPUNPCKHQDQ(c, b, b)
	a = g.or(a, b)
	shared := g.reg()
	VPERMQ(U8(0x44), a, shared)
	VPSHUFB(carry, shared, shared)
	a = g.or(a, shared)
	VMOVDQU(a.AsX(), Mem{Base: dst})
	if g.wide() {
		VEXTRACTI32X4(U8(1), a, Mem{Base: dst, Index: half, Scale: 1})
		ADDQ(width, dst)
		VEXTRACTI32X4(U8(2), a, Mem{Base: dst})
		VEXTRACTI32X4(U8(3), a, Mem{Base: dst, Index: half, Scale: 1})
	} else {
		VEXTRACTI128(U8(1), a, Mem{Base: dst, Index: half, Scale: 1})
	}
	ADDQ(width, dst)
	ADDQ(U8(g.bytes()), src)
	JMP(LabelRef("loop"))
	Label("done")
	finish()
}
