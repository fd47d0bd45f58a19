package features

import (
	"errors"
	"fmt"

	"quern/features/column"
	"quern/features/diag"
	"quern/features/program"
	"quern/features/stat"
)

// ListTaker is an Operator that sees lists whole (pad, pool), or does not look at
// values at all (keep). Any other operator of one lane, and without references, is
// applied to a lane of lists element by element.
type ListTaker interface {
	TakesLists()
}

// Separate is a Combiner whose lanes learn together but are computed apart: output i
// is made of lane i alone (a joint vocabulary). Its lanes may be lists, some of them
// or all.
type Separate interface {
	Separate() bool
}

// Bind binds op to the types of its inputs. This is how to bind an operator: where
// its lane holds lists of what it takes, it is applied element by element, with the
// shape of the lists kept, and what it learns it learns from all elements of all
// lists.
func Bind(op Operator, in []column.Field) (Bound, error) {
	list := -1
	for i, f := range in {
		if f.Type.IsList() {
			list = i
			break
		}
	}
	if _, ok := op.(ListTaker); ok || list < 0 {
		return op.Bind(in)
	}
	if !liftable(op, len(in)) {
		return nil, diag.New("Q075", "takes no lists where columns meet, but %q is %s", in[list].Name, in[list].Type).
			WithHint("put `pool` before it, or apply an operator of one column to %q alone", in[list].Name)
	}
	scalars := make([]column.Field, len(in))
	lists := make([]bool, len(in))
	for i, f := range in {
		scalars[i] = column.Field{Name: f.Name, Type: f.Type.Elem()}
		lists[i] = f.Type.IsList()
	}
	bound, err := op.Bind(scalars)
	if err != nil {
		return nil, aboutElements(err, in[list])
	}
	return lifted{bound, lists}, nil
}

// aboutElements says of a wrong type that it is that of the elements of a list.
func aboutElements(err error, list column.Field) error {
	var e *diag.Error
	if !errors.As(err, &e) || e.Code != "Q070" {
		return err
	}
	c := *e
	c.Message += fmt.Sprintf(", element by element of %s", list.Type)
	return &c
}

// liftable reports whether the elements of op's n inputs never meet.
func liftable(op Operator, n int) bool {
	if s, ok := op.(Separate); ok && s.Separate() {
		return true
	}
	return n == 1 && arityOf(op) == Each
}

func arityOf(op Operator) Arity {
	if c, ok := op.(Combiner); ok {
		return c.Arity()
	}
	return Each
}

// lifted is an operator that is applied to lists element by element. Instructions
// take lists as they take scalars, so it lowers as it would for scalars.
type lifted struct {
	Bound
	lists []bool // which lanes are lists; of one lane, it is the first
}

// lane returns the lane that output or tuple i is made of.
func (l lifted) lane(i int) int {
	if len(l.lists) == 1 {
		return 0
	}
	return i
}

// Out implements Bound.
func (l lifted) Out() []column.Field {
	fields := append([]column.Field(nil), l.Bound.Out()...)
	for i := range fields {
		if l.lists[l.lane(i)] {
			fields[i].Type = column.ListOf(fields[i].Type)
		}
	}
	return fields
}

// Wants implements Bound: the statistics observe the elements.
func (l lifted) Wants(b *program.Builder, in []program.Register) []Want {
	wants := l.Bound.Wants(b, in)
	for _, w := range wants {
		for i, tuple := range w.Args {
			if at := l.lane(i); l.lists[at] && !anyList(b, tuple) {
				tuple[0] = shaped(b, tuple[0], in[at])
			}
		}
	}
	return wants
}

func anyList(b *program.Builder, registers []program.Register) bool {
	for _, r := range registers {
		if b.Type(r).IsList() {
			return true
		}
	}
	return false
}

// Fit implements Bound.
func (l lifted) Fit(learnt []stat.Statistic) (Bound, error) {
	bound, err := l.Bound.Fit(learnt)
	if err != nil {
		return nil, err
	}
	return lifted{bound, l.lists}, nil
}

// Lower implements Bound.
func (l lifted) Lower(b *program.Builder, in []program.Register, mode Mode) []program.Register {
	out := append([]program.Register(nil), l.Bound.Lower(b, in, mode)...)
	for i, r := range out {
		if at := l.lane(i); l.lists[at] {
			out[i] = shaped(b, r, in[at])
		}
	}
	return out
}

// shaped returns r, or a constant r once per element of list.
func shaped(b *program.Builder, r, list program.Register) program.Register {
	if b.Type(r).IsList() {
		return r
	}
	null := b.Emit(program.IsNull, program.Imm{}, list)
	return b.Emit(program.Select, program.Imm{}, null, r, r)
}

// Sizes implements Sized; 0: the output is no id.
func (l lifted) Sizes() []int64 {
	if s, ok := l.Bound.(Sized); ok {
		return s.Sizes()
	}
	return make([]int64, len(l.Bound.Out()))
}

// ByProduct implements ByProducer.
func (l lifted) ByProduct(i int) bool {
	by, ok := l.Bound.(ByProducer)
	return ok && by.ByProduct(i)
}
