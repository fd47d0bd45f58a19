package cpu

import (
	"quern/cpu/kernel"
	"quern/features/column"
	"quern/features/program"
)

// choose returns the evaluation of an instruction of a verified program: all
// decisions that depend on the operation, the types and the immediates are taken
// here, once.
func (b *binder) choose(in *program.Instr) evaluate {
	kind := column.NoKind
	if len(in.Args) > 0 {
		kind = b.kind(in.Args[0])
	}
	families := []func(*program.Instr, column.Kind) evaluate{
		b.arithmetic, b.ordering, b.real, b.comparison, b.logic, b.choice,
		b.conversion, b.parsing, b.times, b.ids, b.text,
	}
	for _, family := range families {
		if f := family(in, kind); f != nil {
			return f
		}
	}
	panic("quern: bug: cpu: no kernel for " + in.Op.String())
}

// floatPair evaluates a kernel over two float arguments.
func floatPair(k func(dst, a, b []float64)) evaluate {
	return func(c *call) { k(c.dst.floats, c.args[0].floats, c.args[1].floats) }
}

// floatMap evaluates a kernel over one float argument.
func floatMap(k func(dst, a []float64)) evaluate {
	return func(c *call) { k(c.dst.floats, c.args[0].floats) }
}

// intMap evaluates a kernel over one integer argument.
func intMap(k func(dst, a []int64)) evaluate {
	return func(c *call) { k(c.dst.ints, c.args[0].ints) }
}

// checkedPair evaluates an integer kernel that may overflow. If a slot did, which
// lists those where the scalar function says so.
func checkedPair(k func(dst, a, b []int64) bool, scalar func(a, b int64) (int64, bool)) evaluate {
	return func(c *call) {
		a, b := c.args[0].ints, c.args[1].ints
		if k(c.dst.ints, a, b) {
			c.failed = kernel.PairFaults(c.failed, a[:c.n], b, scalar)
		}
	}
}

// checkedMap is checkedPair for one argument: which lists the slots.
func checkedMap(k func(dst, a []int64) bool, which func(slots []int32, a []int64) []int32) evaluate {
	return func(c *call) {
		a := c.args[0].ints
		if k(c.dst.ints, a) {
			c.failed = which(c.failed, a[:c.n])
		}
	}
}
