package cpu

import (
	"quern/cpu/kernel"
	"quern/features/column"
	"quern/features/program"
)

// fused returns the evaluation of a Select that stands for the filling or the removal
// of NaNs or infinities of one variable, and that variable. The test, and the
// Coalesce before it, are then not evaluated for it. It returns nil for any other.
//
//	select(is_nan(x), a, coalesce(x, b))   both are filled
//	select(is_nan(x), a, x)                NaNs are filled
//	select(is_nan(x), null, x)             NaNs become null; is_inf: infinities
func (b *binder) fused(in *program.Instr) (run evaluate, x program.Register, shares bool) {
	if in.Op != program.Select {
		return nil, program.None, false
	}
	test := &b.p.Code[in.Args[0]]
	if test.Op != program.IsNaN && test.Op != program.IsInf || b.places[in.Args[1]] != once || b.places[test.Args[0]] == once {
		return nil, program.None, false
	}
	x = test.Args[0]
	with, other := b.values[in.Args[1]], in.Args[2]
	null, filled := b.coalesced(other, x)
	switch {
	case with.Null && other == x && test.Op == program.IsNaN:
		return b.masked(kernel.MaskNaNs), x, true
	case with.Null && other == x:
		return b.masked(kernel.MaskInfs), x, true
	case with.Null || test.Op == program.IsInf:
	case filled:
		return func(c *call) {
			a := c.args[0]
			c.dst.valid = nil
			kernel.FillGaps(b.set, c.dst.floats, a.floats, a.valid, null, with.Float, c.bools, c.other)
		}, x, false
	case other == x:
		return func(c *call) {
			c.strict()
			kernel.FillGaps(b.set, c.dst.floats, c.args[0].floats, nil, 0, with.Float, c.bools, c.other)
		}, x, false
	}
	return nil, program.None, false
}

// coalesced returns what r has where x is null, if that is all by which they differ.
func (b *binder) coalesced(r, x program.Register) (null float64, ok bool) {
	in := &b.p.Code[r]
	if in.Op != program.Coalesce || in.Args[0] != x || b.places[in.Args[1]] != once || b.values[in.Args[1]].Null {
		return 0, false
	}
	return b.values[in.Args[1]].Float, true
}

// masked makes null what mask clears the bits of.
func (b *binder) masked(mask func(set *kernel.Set, valid []uint64, a []float64, room []bool, bits []uint64)) evaluate {
	return func(c *call) {
		a := c.args[0]
		c.dst.valid = c.dst.bits[:kernel.Words(c.n)]
		kernel.CopyBits(c.dst.valid, a.valid, c.n)
		mask(b.set, c.dst.valid, a.floats[:c.n], c.bools, c.other)
		sameFloats(c)
	}
}

// round32 rounds, unless all that becomes of the result is its storage form: that is
// rounded anyway.
func (b *binder) round32(c *call) {
	if c.stored {
		c.dst.floats = c.args[0].floats[:c.n]
		return
	}
	b.set.Round32(c.dst.floats, c.args[0].floats)
}

// sameFloats and sameInts give the argument another type: the result is the
// argument's memory, unless it leaves and has one of its own.
func sameFloats(c *call) {
	if c.own {
		copy(c.dst.floats, c.args[0].floats)
		return
	}
	c.dst.floats = c.args[0].floats[:c.n]
}

func sameInts(c *call) {
	if c.own {
		copy(c.dst.ints, c.args[0].ints)
		return
	}
	c.dst.ints = c.args[0].ints[:c.n]
}

// shares reports whether the result of an instruction has parts of its first
// argument's memory, which must then live as long as the result.
func shares(in *program.Instr) bool {
	switch in.Op {
	case program.Trim, program.Substr, program.SplitPart:
		return true
	case program.Format:
		return true // of a string; for numbers it does no harm
	case program.Retype:
		return in.Type.Kind() != column.Strings
	}
	return false
}
