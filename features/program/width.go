package program

import "math"

// Widths returns for every output the number of elements that each of its lists has,
// whatever the rows: where the lists are padded to a length that they were cut to
// before. 0 means that the program fixes no length, or that the output is no list. A
// list of fixed width is never null.
func (p *Program) Widths() []int {
	lengths := make([]length, len(p.Code))
	for i := range p.Code {
		lengths[i] = p.lengthOf(lengths, &p.Code[i])
	}
	widths := make([]int, len(p.Outputs))
	for i, o := range p.Outputs {
		n := lengths[o.Register]
		if p.Code[o.Register].Type.IsList() && n.present && n.least == n.most {
			widths[i] = int(n.least)
		}
	}
	return widths
}

// length is what is known of the lists in a register.
type length struct {
	least, most int64
	present     bool // no list is null
}

// lengthOf returns the lengths of what in makes; those of its arguments are known.
func (p *Program) lengthOf(known []length, in *Instr) length {
	anything := length{most: math.MaxInt64}
	if !in.Type.IsList() || in.Op == Load {
		return anything
	}
	from := anything
	for _, a := range in.Args {
		if p.Code[a].Type.IsList() {
			from = known[a] // lists that are taken together have one shape
			break
		}
	}
	switch in.Op {
	case ListSlice:
		return from.slice(in.Imm.Int, in.Imm.Extra)
	case ListPad:
		return length{max(from.least, in.Imm.Int), max(from.most, in.Imm.Int), true}
	}
	return from
}

// slice returns the lengths after ListSlice. What remains of n elements grows with n,
// unless the slice starts from the end and ends from the front: then it grows, stays
// and shrinks.
func (n length) slice(start, end int64) length {
	after := func(count int64) int64 {
		lo, hi := SliceBounds(int(count), start, end)
		return int64(hi - lo)
	}
	low, high := after(n.least), after(n.most)
	if start < 0 && end >= 0 && n.least != n.most {
		low, high = min(low, high), min(n.most, -max(start, -math.MaxInt64), end)
	}
	return length{low, high, n.present}
}
