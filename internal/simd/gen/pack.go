package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// packs writes the kernels that drop nulls and that make room for them, over values
// of 4 and 8 bytes.
func packs(g *gen) {
	for _, size := range []int{4, 8} {
		compact(g, size)
		expand(g, size)
	}
}

func typeOf(size int) string { return fmt.Sprintf("uint%d", 8*size) }

// compact packs the values whose bit is set. It writes up to eight values past the
// last one, but never past the value it has read.
func compact(g *gen, size int) {
	t := typeOf(size)
	g.text("compact_"+t, "func(dst, src []"+t+", valid []uint64) int", "is compactGo.")
	dst := Load(Param("dst").Base(), GP64())
	start := GP64()
	MOVQ(dst, start)
	g.bytesOf("src", size, func(src Mem, bits GPVirtual) {
		for half := range 8 / g.lanes {
			part := g.half(bits, half)
			if g.wide() {
				k := K()
				KMOVB(part.As32(), k)
				if size == 8 {
					v := ZMM()
					VMOVDQU64(src, v)
					VPCOMPRESSQ_Z(v, k, v)
					VMOVDQU64(v, Mem{Base: dst})
				} else {
					v := YMM()
					VMOVDQU(src, v)
					VPCOMPRESSD_Z(v, k, v)
					VMOVDQU(v, Mem{Base: dst})
				}
			} else {
				v := g.permuted(src.Offset(4*half*size), size, part, true)
				VMOVDQU(v, Mem{Base: dst})
			}
			POPCNTL(part.As32(), part.As32())
			LEAQ(Mem{Base: dst, Index: part, Scale: uint8(size)}, dst)
		}
	})
	SUBQ(start, dst)
	SHRQ(U8(map[int]uint8{4: 2, 8: 3}[size]), dst)
	Store(dst, ReturnIndex(0))
	finish()
}

// half is four of eight bits, or all of them.
func (g *gen) half(bits GPVirtual, half int) GPVirtual {
	part := GP64()
	MOVQ(bits, part)
	if !g.wide() {
		if half == 1 {
			SHRQ(U8(4), part)
		} else {
			ANDQ(U8(15), part)
		}
	}
	return part
}

// bytesOf loops over a slice of a multiple of eight values, and a byte of the bitmap
// valid for each eight.
func (g *gen) bytesOf(name string, size int, body func(at Mem, bits GPVirtual)) {
	base, n := Load(Param(name).Base(), GP64()), Load(Param(name).Len(), GP64())
	valid, bits := Load(Param("valid").Base(), GP64()), GP64()
	Label("loop")
	SUBQ(U8(8), n)
	JL(LabelRef("done"))
	MOVBQZX(Mem{Base: valid}, bits)
	body(Mem{Base: base}, bits)
	INCQ(valid)
	ADDQ(U8(8*size), base)
	JMP(LabelRef("loop"))
	Label("done")
}

// permuted reads four values and packs those in bits, or spreads them to the bits.
func (g *gen) permuted(from Mem, size int, bits GPVirtual, pack bool) Register {
	if g.orders.Symbol.Name == "" {
		g.orders = g.permutations(size, pack)
	}
	row := GP64()
	MOVQ(bits, row)
	SHLQ(U8(map[int]uint8{4: 4, 8: 5}[size]), row)
	base := GP64()
	LEAQ(g.orders, base)
	if size == 8 {
		order, v := YMM(), YMM()
		VMOVDQU(Mem{Base: base, Index: row, Scale: 1}, order)
		VPERMD(from, order, v)
		return v
	}
	order, v := XMM(), XMM()
	VMOVDQU(Mem{Base: base, Index: row, Scale: 1}, order)
	VMOVDQU(from, v)
	VPERMILPS(order, v, v)
	return v
}

// permutations is a table of 16 permutations of four values.
func (g *gen) permutations(size int, pack bool) Mem {
	table := GLOBL(g.name+"Orders", attr.RODATA|attr.NOPTR)
	at := 0
	for bits := range 16 {
		var order [4]int
		k := 0
		for lane := range 4 {
			if bits>>lane&1 == 0 {
				continue
			}
			if pack {
				order[k] = lane
			} else {
				order[lane] = k
			}
			k++
		}
		for _, lane := range order {
			if size == 8 {
				DATA(at, U64(uint64(2*lane+1)<<32|uint64(2*lane)))
			} else {
				DATA(at, U32(lane))
			}
			at += size
		}
	}
	g.offset = map[[4]uint64]int{} // the pool of constants is another global from now on
	return table
}

// expand spreads values to where bits are set, and x to the others, while there are
// eight more values to read. It returns how many values it wrote and read.
func expand(g *gen, size int) {
	t := typeOf(size)
	g.text("expand_"+t, "func(dst, src []"+t+", valid []uint64, x "+t+") (wrote, read int)", "is expandGo.")
	src, end := Load(Param("src").Base(), GP64()), Load(Param("src").Len(), GP64())
	start, from := GP64(), GP64()
	MOVQ(src, start)
	LEAQ(Mem{Base: src, Index: end, Scale: uint8(size)}, end)
	SUBQ(U8(8*size), end) // the last place to read from
	dst, n := Load(Param("dst").Base(), GP64()), Load(Param("dst").Len(), GP64())
	MOVQ(dst, from)
	valid, bits := Load(Param("valid").Base(), GP64()), GP64()
	fill := g.fill(size)
	Label("loop")
	SUBQ(U8(8), n)
	JL(LabelRef("done"))
	CMPQ(src, end)
	JG(LabelRef("done"))
	MOVBQZX(Mem{Base: valid}, bits)
	for half := range 8 / g.lanes {
		part := g.half(bits, half)
		to := Mem{Base: dst, Disp: 4 * half * size}
		if g.wide() {
			g.expandWide(Mem{Base: src}, to, part, fill, size)
		} else {
			g.expandNarrow(Mem{Base: src}, to, part, fill, size)
		}
		POPCNTL(part.As32(), part.As32())
		LEAQ(Mem{Base: src, Index: part, Scale: uint8(size)}, src)
	}
	INCQ(valid)
	ADDQ(U8(8*size), dst)
	JMP(LabelRef("loop"))
	Label("done")
	for i, p := range [][2]Register{{dst, from}, {src, start}} {
		SUBQ(p[1], p[0])
		SHRQ(U8(map[int]uint8{4: 2, 8: 3}[size]), p[0])
		Store(p[0], ReturnIndex(i))
	}
	finish()
}

// fill is parameter x in all lanes of half a vector (4 bytes) or a vector (8).
func (g *gen) fill(size int) VecVirtual {
	c, err := Param("x").Resolve()
	if err != nil {
		panic(err)
	}
	if size == 8 {
		return g.scalar("x")
	}
	d := YMM()
	VBROADCASTSS(c.Addr, d)
	return d
}

func (g *gen) expandWide(src, dst Mem, bits GPVirtual, fill VecVirtual, size int) {
	k := K()
	KMOVB(bits.As32(), k)
	if size == 8 {
		v, all := ZMM(), ZMM()
		VMOVDQU64(src, all)
		VMOVDQA64(fill, v)
		VPEXPANDQ(all, k, v)
		VMOVDQU64(v, dst)
		return
	}
	v, all := YMM(), YMM()
	VMOVDQU(src, all)
	VMOVDQA(fill, v)
	VPEXPANDD(all, k, v)
	VMOVDQU(v, dst)
}

func (g *gen) expandNarrow(src, dst Mem, bits GPVirtual, fill VecVirtual, size int) {
	v := g.permuted(src, size, bits, false)
	if size == 8 {
		x, all, m, out := XMM(), YMM(), YMM(), YMM()
		VMOVQ(bits, x)
		VPBROADCASTQ(x, all)
		VPAND(g.lanesOf(0), all, m)
		VPCMPEQQ(g.lanesOf(0), m, m)
		VBLENDVPD(m, v, fill, out)
		VMOVDQU(out, dst)
		return
	}
	x, all, m, out := XMM(), XMM(), XMM(), XMM()
	lanes := g.vectorOf(2<<32|1, 8<<32|4, 0, 0)
	VMOVQ(bits, x)
	VPBROADCASTD(x, all)
	VPAND(lanes, all, m)
	VPCMPEQD(lanes, m, m)
	VBLENDVPS(m, v, fill.AsX(), out)
	VMOVDQU(out, dst)
}
