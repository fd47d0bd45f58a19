package code

import (
	"fmt"
	"math"

	"quern/features/column"
	"quern/features/program"
)

// source is where an operand comes from.
type source uint8

const (
	nothing   source = iota // not an operand
	immediate               // bits
	null
	input // an input column
	made  // the result of a step
)

// operand is one value of a step.
type operand struct {
	from source
	at   int    // number of the input column or of the step's result
	bits uint64 // of an immediate
}

// step is an instruction before it has registers.
type step struct {
	op   Op
	args [3]operand
	made int // number of its result, or -1
}

func bitsOf(x uint64) operand    { return operand{from: immediate, bits: x} }
func intOf(x int64) operand      { return bitsOf(uint64(x)) }
func realOf(x float64) operand   { return bitsOf(math.Float64bits(x)) }
func (o operand) isNull() bool   { return o.from == null }
func (o operand) isValue() bool  { return o.from == input || o.from == made || o.from == null }
func (s *step) operand() operand { return operand{from: made, at: s.made} }

// lowering turns a program's instructions into steps.
type lowering struct {
	p         *program.Program
	pool      *pool
	steps     []step
	results   int
	registers []operand        // by register of p
	shared    map[step]operand // steps that several instructions are made of
	tables    map[int64]uint64 // places of the program's tables
	zones     map[string]uint64
}

func newLowering(p *program.Program) *lowering {
	return &lowering{
		p: p, pool: newPool(), registers: make([]operand, len(p.Code)),
		shared: map[step]operand{}, tables: map[int64]uint64{}, zones: map[string]uint64{},
	}
}

// emit adds a step and returns its result. A strict step on null is null.
func (l *lowering) emit(op Op, args ...operand) operand {
	s := step{op: op, made: -1}
	copy(s.args[:], args)
	for _, a := range args {
		if a.isNull() && op.strict() {
			return a
		}
	}
	if op.result() {
		s.made = l.results
		l.results++
	}
	l.steps = append(l.steps, s)
	return s.operand()
}

// once is emit, but equal steps are one.
func (l *lowering) once(op Op, args ...operand) operand {
	key := step{op: op}
	copy(key.args[:], args)
	if _, ok := l.shared[key]; !ok {
		l.shared[key] = l.emit(op, args...)
	}
	return l.shared[key]
}

// lower writes the steps of register r.
func (l *lowering) lower(r program.Register) error {
	in := &l.p.Code[r]
	types := l.p.ArgTypes(r)
	if !Supports(in, types) {
		return fmt.Errorf("register %%%d: %s is not for a device", r, in.Op)
	}
	args := make([]operand, len(in.Args))
	for i, a := range in.Args {
		args[i] = l.registers[a]
	}
	for i := range types {
		types[i] = types[i].Elem()
	}
	l.registers[r] = l.result(in, types, args)
	return nil
}

// result returns what an instruction makes of args.
func (l *lowering) result(in *program.Instr, types []column.Type, args []operand) operand {
	real := len(types) > 0 && types[0].Real()
	switch in.Op {
	case program.Load:
		return operand{from: input, at: int(in.Imm.Int)}
	case program.Const:
		return constant(in.Type, in.Imm.Value)
	case program.Dot:
		sum := realOf(in.Imm.Floats[len(args)])
		for i, x := range args {
			sum = l.emit(Dot, sum, x, realOf(in.Imm.Floats[i]))
		}
		return sum
	case program.Neg:
		if !real {
			return l.emit(SubInt, intOf(0), args[0])
		}
	case program.Sin, program.Cos:
		return l.emit(simple(in.Op, real), args[0], bitsOf(l.pool.add(twoOverPi())))
	case program.Bucketize:
		return l.emit(simple(in.Op, real), args[0], bitsOf(l.pool.add(bins(&in.Imm))))
	case program.Lookup:
		if real {
			args[0] = l.emit(Ordered, args[0])
		}
		return l.emit(Lookup, args[0], bitsOf(l.table(in.Imm.Int)))
	case program.Hash:
		return l.hash(in, types[0], args[0])
	case program.HashMix:
		return l.mix(uint64(in.Imm.Int), args)
	case program.Bucket:
		return l.emit(Modulo, args[0], intOf(in.Imm.Int))
	case program.ToInt, program.ToFloat:
		if in.Op == program.ToInt && !real {
			return args[0] // a bool is 0 or 1 already
		}
	case program.Retype:
		return l.retype(in.Type.Elem(), types[0], args[0])
	case program.DatePart, program.ToDate, program.ToDatetime, program.ToTimestamp:
		return l.time(in, types[0], args[0])
	}
	return l.emit(simple(in.Op, real), args...)
}

// table returns the place of a table in the pool.
func (l *lowering) table(number int64) uint64 {
	if _, ok := l.tables[number]; !ok {
		l.tables[number] = l.pool.add(hashTable(&l.p.Tables[number]))
	}
	return l.tables[number]
}

// constant returns an immediate, or null.
func constant(t column.Type, v program.Value) operand {
	switch kind, _ := RegisterType(t); {
	case v.Null:
		return operand{from: null}
	case kind == F64:
		return realOf(v.Float)
	case v.Bool:
		return intOf(1)
	}
	return intOf(v.Int)
}

// retype keeps the value; only Dates are narrower than what they are made of.
func (l *lowering) retype(to, from column.Type, x operand) operand {
	if to == column.Date && from != column.Date {
		return l.emit(Narrow, x)
	}
	return x
}

// simple returns the operation of an instruction that is one step, for reals or not.
func simple(op program.Op, real bool) Op {
	number := func(ofReals, ofIntegers Op) Op {
		if real {
			return ofReals
		}
		return ofIntegers
	}
	switch op {
	case program.Add:
		return number(AddReal, AddInt)
	case program.Sub:
		return number(SubReal, SubInt)
	case program.Mul:
		return number(MulReal, MulInt)
	case program.FloorDiv:
		return number(FloorDivReal, FloorDivInt)
	case program.Mod:
		return number(ModReal, ModInt)
	case program.Abs:
		return number(AbsReal, AbsInt)
	case program.Min:
		return number(MinReal, MinInt)
	case program.Max:
		return number(MaxReal, MaxInt)
	case program.Clamp:
		return number(ClampReal, ClampInt)
	case program.Sign:
		return number(SignReal, SignInt)
	case program.Eq:
		return number(EqReal, EqInt)
	case program.Ne:
		return number(NeReal, NeInt)
	case program.Lt:
		return number(LtReal, LtInt)
	case program.Le:
		return number(LeReal, LeInt)
	case program.Bucketize:
		return number(BucketReal, BucketInt)
	}
	return plain(op)
}

// plain is simple for what there is in one form only.
func plain(op program.Op) Op {
	table := [...]struct {
		op   program.Op
		code Op
	}{
		{program.Div, DivReal}, {program.Neg, NegReal}, {program.Floor, Floor}, {program.Ceil, Ceil},
		{program.Round, Round}, {program.Trunc, Trunc}, {program.Sqrt, Sqrt}, {program.Log, Log},
		{program.Log1p, Log1p}, {program.Exp, Exp}, {program.Expm1, Expm1}, {program.Pow, Pow},
		{program.Sin, Sin}, {program.Cos, Cos}, {program.And, And}, {program.Or, Or}, {program.Not, Not},
		{program.IsNull, IsNull}, {program.IsNaN, IsNaN}, {program.IsInf, IsInf},
		{program.Coalesce, Coalesce}, {program.Select, Select}, {program.ToFloat, ToReal},
		{program.ToInt, ToInt}, {program.Round32, Round32}, {program.Narrow32, Narrow},
	}
	for _, t := range table {
		if t.op == op {
			return t.code
		}
	}
	panic(fmt.Sprintf("quern: bug: %s has no device form", op))
}
