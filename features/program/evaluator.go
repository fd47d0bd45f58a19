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
	run := e.begin(in)
	for i := range e.program.Code {
		run.step(i)
	}
	return run.result()
}

// Rows evaluates rows as Row does each: registers of a row that faults are nil, and faults
// has its error. An instruction is evaluated for all rows before the next one, so that a
// large table that nobody has indexed needs no index for a few rows.
func (e *Evaluator) Rows(rows [][]Value) (registers [][]Value, faults []error) {
	runs := make([]*rowRun, len(rows))
	for r, in := range rows {
		runs[r] = e.begin(in)
	}
	for i := range e.program.Code {
		if t := e.unindexed(i, len(rows)); t != nil {
			e.lookUp(i, t, runs)
			continue
		}
		for _, run := range runs {
			run.step(i)
		}
	}
	registers, faults = make([][]Value, len(rows)), make([]error, len(rows))
	for r, run := range runs {
		registers[r], faults[r] = run.result()
	}
	return registers, faults
}

// rowRun is the evaluation of one row.
type rowRun struct {
	of        *Evaluator
	in        []Value
	registers []Value
	args      []Value // of the instruction at hand
	fault     error
}

func (e *Evaluator) begin(in []Value) *rowRun {
	if len(in) != len(e.program.Inputs) {
		panic(fmt.Sprintf("quern: bug: row of %d values for %d inputs", len(in), len(e.program.Inputs)))
	}
	return &rowRun{of: e, in: in, registers: make([]Value, len(e.program.Code))}
}

// step evaluates instruction i, unless one before it faulted.
func (r *rowRun) step(i int) {
	if r.fault != nil {
		return
	}
	code := &r.of.program.Code[i]
	if code.Op == Load {
		r.registers[i] = normalize(code.Type, r.in[code.Imm.Int])
		return
	}
	r.args = r.args[:0]
	for _, a := range code.Args {
		r.args = append(r.args, r.registers[a])
	}
	v, err := apply(code.Op, code.Type, r.of.scalars[i], r.args)
	if err != nil {
		r.fault = &RowError{Register: Register(i), Reason: err.Error()}
		return
	}
	r.registers[i] = v
}

func (r *rowRun) result() ([]Value, error) {
	if r.fault != nil {
		return nil, r.fault
	}
	return r.registers, nil
}

// unindexed returns the table in which instruction i looks a value up for each row, if
// it is so large beside them that looking at all its keys is less than to index it; or
// nil.
func (e *Evaluator) unindexed(i, rows int) *Table {
	in := &e.program.Code[i]
	if in.Op != Lookup || e.program.Code[in.Args[0]].Type.IsList() {
		return nil
	}
	if t := &e.program.Tables[in.Imm.Int]; t.facts != nil && !t.facts.indexed.Load() && t.Keys.Len >= max(manyKeys, 16*rows) {
		return t
	}
	return nil
}

// lookUp evaluates instruction i, a lookup in t, for all rows.
func (e *Evaluator) lookUp(i int, t *Table, runs []*rowRun) {
	in := &e.program.Code[i]
	arg := in.Args[0]
	keys := make([]Value, len(runs))
	for r, run := range runs {
		keys[r] = NullValue() // of a row that has faulted
		if run.fault == nil {
			keys[r] = run.registers[arg]
		}
	}
	for r, row := range t.rowsOf(e.program.Code[arg].Type, keys) {
		v := NullValue()
		if row >= 0 {
			v = normalize(in.Type, ValueAt(&t.Values, row))
		}
		runs[r].registers[i] = v
	}
}
