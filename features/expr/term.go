package expr

import (
	"quern/features/column"
	"quern/features/program"
)

// term is a typed expression: one instruction to be, or a name. Terms may share
// arguments. The literal null has no type (Invalid) until something gives it one.
//
// A list is judged by its elements: typ is their type, since operators and functions
// take lists element by element, and shape says in which lists they stand.
type term struct {
	op       program.Op // Load: a name of the scope
	typ      column.Type
	shape    string // of a list: what it has its shape from; "": no list
	fixed    bool   // the same for all rows
	imm      program.Imm
	args     []*term
	name     string
	lowered  bool
	register program.Register
}

// constant is a term of a fixed value.
func constant(t column.Type, v program.Value) *term {
	return &term{op: program.Const, typ: t, fixed: true, imm: program.Imm{Value: v}}
}

func floatTerm(x float64) *term { return constant(column.Float64, program.Value{Float: x}) }
func intTerm(x int64) *term     { return constant(column.Int64, program.Value{Int: x}) }

// untyped reports the null whose type is not known.
func (t *term) untyped() bool { return t.typ == column.Invalid }

// apply is the term of an instruction whose type follows from its arguments. They
// have been checked: a type error is a bug.
func apply(op program.Op, imm program.Imm, args ...*term) *term {
	return applyTyped(op, column.Invalid, imm, args...)
}

// applyTyped is apply for instructions whose type is a choice.
func applyTyped(op program.Op, t column.Type, imm program.Imm, args ...*term) *term {
	types := make([]column.Type, len(args))
	for i, a := range args {
		types[i] = a.typ
	}
	t, err := program.Infer(op, imm, types, t)
	if err != nil {
		panic("quern: bug: " + err.Error())
	}
	result := &term{op: op, typ: t, fixed: true, imm: imm, args: args}
	for _, a := range args {
		result.fixed = result.fixed && a.fixed
		if a.shape != "" {
			result.shape = a.shape
		}
	}
	return result
}

// whole is the term of an instruction that makes a value, or lists of the given
// shape, of a list.
func whole(op program.Op, imm program.Imm, shape string, list *term) *term {
	t, err := program.Infer(op, imm, []column.Type{list.full()}, column.Invalid)
	if err != nil {
		panic("quern: bug: " + err.Error())
	}
	return &term{op: op, typ: t.Elem(), shape: shape, imm: imm, args: []*term{list}}
}

// full is the type of t: of a list that of lists.
func (t *term) full() column.Type {
	if t.shape == "" {
		return t.typ
	}
	return column.ListOf(t.typ)
}

// plain is apply without immediates.
func plain(op program.Op, args ...*term) *term { return apply(op, program.Imm{}, args...) }

// fold is ((a op b) op c) ...
func fold(op program.Op, args []*term) *term {
	t := args[0]
	for _, a := range args[1:] {
		t = plain(op, t, a)
	}
	return t
}

// as is t in type to, where that is an implicit conversion or none.
func (t *term) as(to column.Type) *term {
	switch {
	case t.typ == to:
		return t
	case t.untyped():
		return constant(to, program.NullValue())
	case to == column.Float64 && t.typ == column.Int64 && t.op == program.Const:
		if t.imm.Value.Null {
			return constant(to, program.NullValue())
		}
		return floatTerm(float64(t.imm.Value.Int))
	case to == column.Float64 && t.typ.Integer():
		return plain(program.ToFloat, t)
	}
	return applyTyped(program.Retype, to, program.Imm{}, t)
}

// real is t as a real number: integers become Float64, Float32 stays.
func (t *term) real() *term {
	if t.typ.Real() {
		return t
	}
	return t.as(column.Float64)
}

// lower adds the instructions of t to b, each term once.
func (t *term) lower(b *program.Builder, scope Scope) program.Register {
	if t.lowered {
		return t.register
	}
	switch t.op {
	case program.Load:
		t.register = scope.Register(t.name)
	default:
		args := make([]program.Register, len(t.args))
		for i, a := range t.args {
			args[i] = a.lower(b, scope)
		}
		typ := t.typ // of elements, which EmitTyped is told of
		if t.op.Whole() {
			typ = t.full()
		}
		t.register = b.EmitTyped(t.op, typ, t.imm, args...)
	}
	t.lowered = true
	return t.register
}
