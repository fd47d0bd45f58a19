package pipeline

import (
	"quern/features/backend"
	"quern/features/column"
)

// filter keeps the rows on which a program's one Bool output is true (null is not
// true). A nil filter keeps all rows. It is used by one goroutine.
type filter struct {
	session backend.Session
	inputs  []int // columns of the batch that the program reads
	args    []column.Column
	keep    []int32
}

// newFilter returns a filter by exe, whose inputs are at the given columns of the batch.
func newFilter(exe backend.Executable, inputs []int) *filter {
	return &filter{session: exe.NewSession(), inputs: inputs, args: make([]column.Column, len(inputs))}
}

// rows returns which rows of batch are kept, ascending; nil and true mean all.
func (f *filter) rows(batch column.Batch) (keep []int32, all bool, err error) {
	if f == nil {
		return nil, true, nil
	}
	for i, c := range f.inputs {
		f.args[i] = batch.Columns[c]
	}
	result, err := f.session.Run(column.Batch{Rows: batch.Rows, Columns: f.args}, nil)
	if err != nil {
		return nil, false, err
	}
	f.keep = appendTrue(f.keep[:0], &result.Columns[0])
	return f.keep, len(f.keep) == batch.Rows, nil
}

// close gives the session back.
func (f *filter) close() {
	if f != nil {
		f.session.Close()
	}
}

// appendTrue appends the rows of a Bool column that are true.
func appendTrue(rows []int32, c *column.Column) []int32 {
	for i := range c.Len {
		slot := c.Slot(i)
		if c.Values.Bools[slot] && c.Values.Valid.Get(slot) {
			rows = append(rows, int32(i))
		}
	}
	return rows
}
