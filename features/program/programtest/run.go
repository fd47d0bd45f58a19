package programtest

import (
	"quern/features/column"
	"quern/features/program"
)

// Run evaluates p over in row by row and returns the outputs, plain and in storage
// form. A fault is the *program.RowError of the first row that has one, and in it of
// the first instruction.
func Run(p *program.Program, in column.Batch) (column.Batch, error) {
	evaluator, err := p.Evaluator()
	if err != nil {
		return column.Batch{}, err
	}
	out := column.Batch{Rows: in.Rows, Columns: make([]column.Column, len(p.Outputs))}
	for i, f := range p.Fields() {
		out.Columns[i] = column.Column{Len: in.Rows, Values: column.Vector{Type: f.Type}}
	}
	for row := range in.Rows {
		registers, err := evaluator.Row(Row(in, row))
		if fault, ok := err.(*program.RowError); ok {
			fault.Row = row
			return column.Batch{}, fault
		}
		if err != nil {
			return column.Batch{}, err
		}
		for i, o := range p.Outputs {
			program.AppendStored(&out.Columns[i].Values, registers[o.Register])
		}
	}
	return out, nil
}

// Tuples returns what a statistic that observes registers sees, whose values are
// columns of the same rows: a tuple per row or, where there are lists among them, a
// tuple per element, in order. Scalars beside lists are constants. A null list has
// no elements.
func Tuples(registers []*column.Column) [][]program.Value {
	var tuples [][]program.Value
	for row := range registers[0].Len {
		values := make([]program.Value, len(registers))
		elements := -1
		for i, c := range registers {
			values[i] = program.ValueAt(&c.Values, c.Slot(row))
			if c.Type().IsList() {
				elements = len(values[i].List)
			}
		}
		if elements < 0 {
			tuples = append(tuples, values)
		}
		for e := range max(0, elements) {
			tuples = append(tuples, element(registers, values, e))
		}
	}
	return tuples
}

// element returns element e of a row's lists, and the row's constants.
func element(registers []*column.Column, values []program.Value, e int) []program.Value {
	tuple := make([]program.Value, len(values))
	for i, v := range values {
		tuple[i] = v
		if registers[i].Type().IsList() {
			tuple[i] = v.List[e]
		}
	}
	return tuple
}

// Row returns one row of a batch.
func Row(in column.Batch, row int) []program.Value {
	values := make([]program.Value, len(in.Columns))
	for i := range in.Columns {
		c := &in.Columns[i]
		values[i] = program.ValueAt(&c.Values, c.Slot(row))
	}
	return values
}

// Equal reports whether two columns of one type hold the same values, whatever
// their form. NaNs are one value.
func Equal(a, b *column.Column) bool {
	if a.Type() != b.Type() || a.Len != b.Len {
		return false
	}
	for i := range a.Len {
		if !program.EqualValues(a.Type(), program.ValueAt(&a.Values, a.Slot(i)), program.ValueAt(&b.Values, b.Slot(i))) {
			return false
		}
	}
	return true
}
