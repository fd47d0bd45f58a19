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
		if b.places[i] != once {
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
		case b.places[a] != once && variable == program.None:
			variable = a
		case b.places[a] != once || b.values[a].Null:
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
		if f := floatConst(b.set, in.Op); f != nil && first {
			x := constant(1)
			return func(c *call) { f(c.dst.floats, c.args[0].floats, x) }, variable
		}
		return constForms(b.set, in, first, laneFloats, constant, b.set.ClampFloats, b.set.CompareFloats), variable
	case column.Ints:
		constant := func(i int) int64 { return b.values[in.Args[i]].Int }
		return constForms(b.set, in, first, laneInts, constant, b.set.ClampInts, b.set.CompareInts), variable
	}
	return nil, program.None
}

func floatConst(set *kernel.Set, op program.Op) func(dst, a []float64, x float64) {
	switch op {
	case program.Add:
		return set.AddConst
	case program.Sub:
		return set.SubConst
	case program.Mul:
		return set.MulConst
	case program.Div:
		return set.DivConst
	}
	return nil
}

// constForms is for what integers and floats have in common. first: the variable is
// the first argument.
func constForms[T kernel.Number](
	set *kernel.Set, in *program.Instr, first bool, of func(*lane) []T, constant func(i int) T,
	clamp func(dst, a []T, low, high T), compare func(dst []bool, a []T, is kernel.Comparison, x T),
) evaluate {
	switch {
	case in.Op == program.Clamp && first:
		low, high := constant(1), constant(2)
		return func(c *call) { clamp(of(c.dst), of(c.args[0]), low, high) }
	case in.Op == program.Coalesce && first:
		x := constant(1)
		return func(c *call) {
			c.dst.valid = nil
			kernel.CoalesceConst(set, of(c.dst), of(c.args[0]), c.args[0].valid, x)
		}
	}
	is, ok := relation(in.Op, first)
	if !ok {
		return nil
	}
	x := constant(0)
	if first {
		x = constant(1)
	}
	return func(c *call) { compare(c.dst.bools, of(c.args[0]), is, x) }
}

// relation returns what a comparison of a variable with a constant that comes
// second, or (first false) of a constant with a variable, asks of the variable.
func relation(op program.Op, first bool) (is kernel.Comparison, ok bool) {
	switch {
	case op == program.Eq:
		return kernel.Eq, true
	case op == program.Ne:
		return kernel.Ne, true
	case op == program.Lt && first:
		return kernel.Lt, true
	case op == program.Lt:
		return kernel.Gt, true
	case op == program.Le && first:
		return kernel.Le, true
	case op == program.Le:
		return kernel.Ge, true
	}
	return 0, false
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
