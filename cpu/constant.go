package cpu

import (
	"quern/cpu/kernel"
	"quern/features/column"
	"quern/features/program"
)

// fold evaluates the constants with the scalar meaning.
func (b *binder) fold() {
	b.values = make([]program.Value, len(b.p.Code))
	for i := range b.p.Code {
		if b.domains[i] != program.Constant {
			continue
		}
		in := &b.p.Code[i]
		args := make([]program.Value, len(in.Args))
		for k, a := range in.Args {
			args[k] = b.values[a]
		}
		types := b.p.ArgTypes(program.Register(i))
		v, err := program.Eval(in.Op, in.Type, in.Imm, types, args, b.p.Tables)
		if err != nil {
			b.fault, v = true, program.NullValue() // seen by a batch without rows only
		}
		b.values[i] = v
	}
}

// withConstants returns the evaluation of an instruction of one variable, all of
// whose other arguments are constants that are not null, and that variable. It
// returns nil where there is no kernel of that form.
func (b *binder) withConstants(in *program.Instr) (evaluate, program.Register) {
	variable := program.None
	for _, a := range in.Args {
		switch {
		case b.domains[a] != program.Constant && variable == program.None:
			variable = a
		case b.domains[a] != program.Constant || b.values[a].Null:
			return nil, program.None
		}
	}
	if len(in.Args) < 2 || variable == program.None {
		return nil, program.None
	}
	first := variable == in.Args[0]
	switch b.kind(variable) {
	case column.Floats:
		constant := func(i int) float64 { return b.values[in.Args[i]].Float }
		if f := floatConst(in.Op); f != nil && first {
			x := constant(1)
			return func(c *call) { f(c.dst.floats, c.args[0].floats, x) }, variable
		}
		return constForms(in, first, laneFloats, constant), variable
	case column.Ints:
		constant := func(i int) int64 { return b.values[in.Args[i]].Int }
		return constForms(in, first, laneInts, constant), variable
	}
	return nil, program.None
}

func floatConst(op program.Op) func(dst, a []float64, x float64) {
	switch op {
	case program.Add:
		return kernel.AddConst
	case program.Sub:
		return kernel.SubConst
	case program.Mul:
		return kernel.MulConst
	case program.Div:
		return kernel.DivConst
	}
	return nil
}

// constForms is for what integers and floats have in common. first: the variable is
// the first argument.
func constForms[T kernel.Number](in *program.Instr, first bool, of func(*lane) []T, constant func(i int) T) evaluate {
	switch {
	case in.Op == program.Clamp && first:
		low, high := constant(1), constant(2)
		return func(c *call) { kernel.ClampConst(of(c.dst), of(c.args[0]), low, high) }
	case in.Op == program.Coalesce && first:
		x := constant(1)
		return func(c *call) {
			c.dst.valid = nil
			kernel.CoalesceConst(of(c.dst), of(c.args[0]), c.args[0].valid, x)
		}
	}
	compare := compareConst[T](in.Op, first)
	if compare == nil {
		return nil
	}
	x := constant(0)
	if first {
		x = constant(1)
	}
	return func(c *call) { compare(c.dst.bools, of(c.args[0]), x) }
}

// compareConst returns the comparison of a variable with a constant that comes
// second, or (first false) of a constant with a variable.
func compareConst[T kernel.Number](op program.Op, first bool) func(dst []bool, a []T, x T) {
	switch {
	case op == program.Eq:
		return kernel.EqConst[T]
	case op == program.Ne:
		return kernel.NeConst[T]
	case op == program.Lt && first:
		return kernel.LtConst[T]
	case op == program.Lt:
		return kernel.GtConst[T]
	case op == program.Le && first:
		return kernel.LeConst[T]
	case op == program.Le:
		return kernel.GeConst[T]
	}
	return nil
}

// broadcast returns a lane of n equal slots: a constant for kernels that take
// none.
func broadcast(k column.Kind, v program.Value, n int) lane {
	var l lane
	if v.Null {
		l.valid = column.NewBitmap(n)
	}
	switch k {
	case column.Bools:
		l.bools = repeat(v.Bool, n)
	case column.Ints:
		l.ints = repeat(v.Int, n)
	case column.Floats:
		l.floats = repeat(v.Float, n)
	case column.Strings:
		l.text.Bytes = v.Str
		l.text.Start, l.text.End = make([]uint32, n), repeat(uint32(len(v.Str)), n)
	}
	return l
}

func repeat[T any](x T, n int) []T {
	s := make([]T, n)
	for i := range s {
		s[i] = x
	}
	return s
}
