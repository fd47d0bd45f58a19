package programtest

import (
	"math"

	"quern/features/column"
	"quern/features/program"
)

// args draws 0 to 4 registers, mostly of one type: for operations that see lists
// whole, a list; else anything.
func (g *generator) args(op program.Op) []program.Register {
	if op == program.Const {
		return nil
	}
	args := []program.Register{g.start(op)}
	if op == program.ListPad {
		return append(args, g.constant(g.b.Elem(args[0]), 4))
	}
	for range g.rng.IntN(4) {
		last := args[len(args)-1]
		if g.b.Type(last).IsList() && g.rng.IntN(3) == 0 {
			args = append(args, g.constant(g.b.Elem(last), 10))
			continue
		}
		r := pick(g.rng, g.pool...)
		for range 8 {
			if g.b.Type(r) == g.b.Type(last) && g.inStep(op, append(args, r)) {
				break
			}
			r = pick(g.rng, g.pool...)
		}
		args = append(args, r)
	}
	return args
}

// start draws the first argument.
func (g *generator) start(op program.Op) program.Register {
	if g.first != program.None {
		return g.first
	}
	if op.Whole() {
		return g.list()
	}
	return pick(g.rng, g.pool...)
}

// list draws a register of lists, or any where there is none.
func (g *generator) list() program.Register {
	var lists []program.Register
	for _, r := range g.pool {
		if g.b.Type(r).IsList() {
			lists = append(lists, r)
		}
	}
	return pick(g.rng, append(lists, g.pool[0])[:max(1, len(lists))]...)
}

// constant draws a constant that is null once in so many times.
func (g *generator) constant(t column.Type, nulls int) program.Register {
	r := g.b.ConstNull(t)
	if g.rng.IntN(nulls) > 0 {
		r = g.b.ConstTyped(t, RandomValue(g.rng, t))
	}
	g.domains[r] = program.Constant
	return r
}

// inStep reports whether registers may be arguments of one instruction: all scalars,
// or lists of one shape and constants.
func (g *generator) inStep(op program.Op, args []program.Register) bool {
	shape := program.Constant
	for _, r := range args {
		if !g.b.Type(r).IsList() || op.Whole() {
			continue
		}
		if shape != program.Constant && shape != g.domains[r] {
			return false
		}
		shape = g.domains[r]
	}
	for _, r := range args {
		if shape != program.Constant && !g.b.Type(r).IsList() && g.domains[r] != program.Constant {
			return false
		}
	}
	return true
}

// chain adds operations one upon the other to a list, cuts and pads among them, and
// something that makes scalars of it.
func (g *generator) chain() {
	g.first = g.list()
	whole := []program.Op{program.ListSlice, program.ListPad}
	ops := program.Ops()
	for range 2 + g.rng.IntN(10) {
		op := pick(g.rng, ops...)
		if g.rng.IntN(3) == 0 {
			op = pick(g.rng, whole...)
		}
		if op != program.Load && op != program.Const && g.try(op) {
			g.first = g.pool[len(g.pool)-1]
		}
	}
	g.try(pick(g.rng, program.ListLength, program.ListAt, program.ListSum, program.ListMean, program.ListMin, program.ListMax))
	g.first = program.None
}

// position draws a place in a list.
func (g *generator) position() int64 {
	if g.rng.IntN(6) == 0 {
		return pick[int64](g.rng, math.MaxInt64, math.MinInt64, 100, -100)
	}
	return int64(g.rng.IntN(9)) - 4
}
