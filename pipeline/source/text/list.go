package text

import (
	"math"

	"quern/features/column"
	"quern/features/diag"
)

// lists is the shape of a column of lists, whose builder has their elements.
type lists struct {
	offsets  []uint32 // as in a column.Vector, for the rows so far
	nulls    []int32  // the rows that are null
	valid    column.Bitmap
	elements column.Column
}

// reset begins a column of about so many rows.
func (l *lists) reset(rows int) {
	l.offsets = append(resize(l.offsets, rows+1)[:0], 0)
	l.nulls = l.nulls[:0]
}

// pad makes rows up to row null.
func (l *lists) pad(row int) {
	for r := len(l.offsets) - 1; r < row; r++ {
		l.nulls = append(l.nulls, int32(r))
		l.end(l.count())
	}
}

// count returns how many elements the rows so far have.
func (l *lists) count() int { return int(l.offsets[len(l.offsets)-1]) }

// end ends the list of a row, after so many elements in all.
func (l *lists) end(elements int) { l.offsets = append(l.offsets, uint32(elements)) }

// finish returns the column of so many rows, of which those that were not added are
// null. It is valid until the next reset.
func (l *lists) finish(rows int, elements *builder) column.Column {
	l.pad(rows)
	l.elements = elements.finish(l.count())
	v := column.Vector{Type: column.ListOf(l.elements.Type()), Len: rows, Offsets: l.offsets, Elements: &l.elements}
	if len(l.nulls) > 0 {
		l.valid = resize(l.valid, (rows+63)/64)
		l.valid.Fill(rows)
		for _, row := range l.nulls {
			l.valid.Clear(int(row))
		}
		v.Valid = l.valid
	}
	return column.Column{Len: rows, Values: v}
}

// addList adds an array to the column of a field.
func (r *reader) addList(row int, data []byte, cell Cell, field int) *diag.Error {
	l := &r.lists[field]
	l.pad(row)
	at := l.count()
	for e, ok := r.parser.Element(data, cell.Start); ok; e, ok = r.parser.Element(data, e.End) {
		if r.elements++; 4*r.elements > r.Memory || at == math.MaxInt32 {
			return r.tooMany()
		}
		if e.Kind != Null {
			text := r.text(data, e)
			if !r.builders[field].add(at, text) {
				return wrongValue(text, r.fields[field].Name, r.fields[field].Type)
			}
		}
		at++
	}
	l.end(at)
	return nil
}

// tooMany says that the elements of a chunk's lists are beyond the memory limit.
func (r *reader) tooMany() *diag.Error {
	e := diag.New("Q249", "the elements of the lists take more than the limit of %d bytes", r.Memory)
	e.Next = "read fewer columns, split the file, or raise --memory"
	return e
}

// noList says that a value is no list, where the user says that all are.
func noList(text []byte, typ column.Type) *diag.Error {
	e := diag.New("Q246", "%q is no list", Shorten(text))
	e.Next = "write it as an array of one element, or read the column as " + typ.Elem().String() + " if no row has an array"
	return e
}
