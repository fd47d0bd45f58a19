package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// rows is a loop over slices of equal length, eight values at a time: one vector of
// AVX-512, two of AVX2. The length, that of the first slice, is a multiple of eight;
// the twin in Go does what is left.
type rows struct {
	*gen
	names []string
	base  map[string]Register
	size  map[string]int // of an element
	step  Register       // of the bitmap: 0 if it is not there
	bits  GPVirtual      // eight bits of it
	all   VecVirtual     // AVX2: the bits in every lane
}

// slice is a parameter and the size of its elements; 0: it is a bitmap.
type slice struct {
	name string
	size int
}

// loop emits the loop. The body is emitted once per vector.
func (g *gen) loop(slices []slice, body func(r *rows, half int)) {
	r := &rows{gen: g, base: map[string]Register{}, size: map[string]int{}}
	bitmap := ""
	for _, s := range slices {
		r.base[s.name] = Load(Param(s.name).Base(), GP64())
		if s.size == 0 {
			bitmap = s.name
			continue
		}
		r.size[s.name] = s.size
		r.names = append(r.names, s.name)
	}
	n := Load(Param(slices[0].name).Len(), GP64())
	if bitmap != "" {
		r.begin(bitmap)
	}
	Label("loop")
	SUBQ(U8(8), n)
	JL(LabelRef("done"))
	if bitmap != "" {
		r.next(bitmap)
	}
	for half := range 8 / g.lanes {
		body(r, half)
	}
	for _, name := range r.names {
		ADDQ(U8(8*r.size[name]), r.base[name])
	}
	JMP(LabelRef("loop"))
	Label("done")
}

// begin points a bitmap that is not there at ones.
func (r *rows) begin(bitmap string) {
	r.step = GP64()
	MOVQ(U32(1), r.step)
	TESTQ(r.base[bitmap], r.base[bitmap])
	JNZ(LabelRef("loop"))
	LEAQ(r.vectorOf(1<<64-1, 1<<64-1, 1<<64-1, 1<<64-1), r.base[bitmap])
	XORQ(r.step, r.step)
}

// next reads eight bits.
func (r *rows) next(bitmap string) {
	r.bits = GP64()
	MOVBQZX(Mem{Base: r.base[bitmap]}, r.bits)
	ADDQ(r.step, r.base[bitmap])
	if !r.wide() {
		x := XMM()
		r.all = YMM()
		VMOVQ(r.bits, x)
		VPBROADCASTQ(x, r.all)
	}
}

// present is the mask of the bits of a vector.
func (r *rows) present(half int) mask {
	if r.wide() {
		k := K()
		KMOVB(r.bits.As32(), k)
		return mask{k: k}
	}
	own, m := r.lanesOf(half), r.reg()
	VPAND(own, r.all, m)
	VPCMPEQQ(own, m, m)
	return mask{v: m}
}

// lanesOf is the bit of each lane of half a byte.
func (g *gen) lanesOf(half int) Mem {
	return g.vectorOf(1<<(4*half), 2<<(4*half), 4<<(4*half), 8<<(4*half))
}

// at is where the vector of a slice is.
func (r *rows) at(name string, half int) Mem {
	return Mem{Base: r.base[name], Disp: half * r.lanes * r.size[name]}
}

// load reads a vector of 64-bit values.
func (r *rows) load(name string, half int) VecVirtual {
	d := r.reg()
	VMOVUPD(r.at(name, half), d)
	return d
}

// loadAs reads a vector of values of any kind of number as 64-bit values.
func (r *rows) loadAs(kind, name string, half int) VecVirtual {
	d := r.reg()
	switch kind {
	case "float32":
		VCVTPS2PD(r.at(name, half), d)
	case "int32":
		VPMOVSXDQ(r.at(name, half), d)
	default:
		VMOVUPD(r.at(name, half), d)
	}
	return d
}

func (r *rows) store(v VecVirtual, name string, half int) { VMOVUPD(v, r.at(name, half)) }

// storeHalf writes the low half of v.
func (r *rows) storeHalf(v Register, name string, half int) { VMOVUPS(v, r.at(name, half)) }

// scalar is a parameter in all lanes.
func (g *gen) scalar(name string) VecVirtual {
	d := g.reg()
	c, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	VBROADCASTSD(c.Addr, d)
	return d
}

func finish() {
	VZEROUPPER()
	RET()
}
