package program

import (
	"fmt"

	"quern/features/column"
)

// Evaluator evaluates a program row by row: the oracle of the back ends. It is
// safe for concurrent use.
type Evaluator struct {
	program *Program
	scalars []scalar // nil for Load
}

// Evaluator verifies p and returns its evaluator.
func (p *Program) Evaluator() (*Evaluator, error) {
	if err := Verify(p); err != nil {
		return nil, err
	}
	e := &Evaluator{program: p, scalars: make([]scalar, len(p.Code))}
	for i := range p.Code {
		in := &p.Code[i]
		if in.Op == Load {
			continue
		}
		f, err := prepare(in.Op, in.Type, in.Imm, p.ArgTypes(Register(i)), p.Tables)
		if err != nil {
			return nil, fmt.Errorf("%%%d: %w", i, err)
		}
		e.scalars[i] = f
	}
	return e, nil
}

// ArgTypes returns the types of the arguments of the instruction that defines r.
func (p *Program) ArgTypes(r Register) []column.Type {
	types := make([]column.Type, len(p.Code[r].Args))
	for i, a := range p.Code[r].Args {
		types[i] = p.Code[a].Type
	}
	return types
}

// Row evaluates one row, whose values are those of Program.Inputs, in order, and
// returns the value of every register. Every instruction is evaluated in order;
// the first fault ends it as a *RowError with Row 0. Strings may share memory with in.
func (e *Evaluator) Row(in []Value) ([]Value, error) {
	if len(in) != len(e.program.Inputs) {
		panic(fmt.Sprintf("quern: bug: row of %d values for %d inputs", len(in), len(e.program.Inputs)))
	}
	registers := make([]Value, len(e.program.Code))
	var args []Value
	for i := range e.program.Code {
		code := &e.program.Code[i]
		if code.Op == Load {
			registers[i] = normalize(code.Type, in[code.Imm.Int])
			continue
		}
		args = args[:0]
		for _, r := range code.Args {
			args = append(args, registers[r])
		}
		v, err := apply(code.Op, code.Type, e.scalars[i], args)
		if err != nil {
			return nil, &RowError{Register: Register(i), Reason: err.Error()}
		}
		registers[i] = v
	}
	return registers, nil
}
