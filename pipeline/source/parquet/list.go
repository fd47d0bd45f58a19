package parquet

import (
	"math/bits"
	"sort"

	"quern/features/column"
	"quern/features/diag"
)

// lists makes rows of the levels of a list column. Each list has a pair of levels per
// element, and one pair if it has none. The repetition level is 0 at the first pair of
// a row and 1 at the others. The definition level says how much is there:
//
//	                              empty = 0, elements      empty = 1, elements
//	                              required   optional      required   optional
//	the list is null                  -          -             0          0
//	the list is empty (= empty)       0          0             1          1
//	the element is null               -          1             -          2
//	the element has a value (= full)  1          2             2          3
//
// A row may go on in the next page: the format forbids that in pages of version 2, but
// Arrow wrote such before its version 12.
type lists struct {
	wanted      int // rows that there must be
	empty, full uint8
	offsets     []uint32      // per row, where its elements start; one more for the end
	valid       column.Bitmap // a bit per row
	rows        int           // done, the last perhaps not to its end
	elements    int           // done
}

// empty returns the definition level of an empty list.
func (c *fileColumn) empty() uint8 {
	if c.list && c.nullable {
		return 1
	}
	return 0
}

// full returns the definition level of a value, the highest that there is.
func (c *fileColumn) full() uint8 {
	level := c.empty()
	if c.list {
		level++
	}
	if c.optional {
		level++
	}
	return level
}

// size returns the bytes that the rows need, their elements apart.
func (l *lists) size() int64 { return 4*(int64(l.wanted)+1) + int64(l.wanted)/8 }

// reset makes room for the rows.
func (l *lists) reset(out *output) {
	out.offsets = resize(out.offsets, l.wanted+1)
	out.lists = resize(out.lists, (l.wanted+63)/64)
	clear(out.lists)
	l.offsets, l.valid = out.offsets, out.lists
}

// nest reads the levels of a page of lists. It returns how many elements the page has
// and how many of these have a value.
func (t *task) nest(p *page, repeats, defines levelBlock) (elements, present int, err error) {
	n := int(p.values)
	t.repeats, t.defines = resize(t.repeats, n), resize(t.defines, n)
	if err := repeats.read(t.repeats, 1); err != nil {
		return 0, 0, err
	}
	if err := defines.read(t.defines, bits.Len8(t.lists.full)); err != nil {
		return 0, 0, err
	}
	rows, before := t.lists.rows, t.lists.elements
	var valid column.Bitmap
	if t.col.optional {
		valid = t.out.valid
	}
	if present, err = t.lists.add(t.repeats, t.defines, valid); err != nil {
		return 0, 0, err
	}
	// Arrow before version 12 counted the values.
	if rows = t.lists.rows - rows; p.kind == dataPage2 && rows != int(p.rows) && p.rows != p.values {
		return 0, 0, diag.New("Q205", "a page counts %d rows but has %d", p.rows, rows)
	}
	return t.lists.elements - before, present, nil
}

// add adds the levels of a page and returns how many elements have a value. It marks
// those in valid, which has a bit per element and is nil where none can be null.
func (l *lists) add(repeats, defines []uint8, valid column.Bitmap) (present int, err error) {
	row, slot := l.rows, l.elements
	for i, level := range defines {
		switch {
		case level > l.full:
			return 0, diag.New("Q205", "a page has a definition level of %d; the highest is %d", level, l.full)
		case repeats[i] == 0:
			if row == l.wanted {
				return 0, diag.New("Q205", "the pages hold more lists than the row group has rows")
			}
			l.offsets[row] = uint32(slot)
			if level >= l.empty {
				l.valid.Set(row)
			}
			row++
		case row == 0 || slot == int(l.offsets[row-1]) || level <= l.empty:
			return 0, diag.New("Q205", "a page goes on with a list that has no elements")
		}
		if level <= l.empty {
			continue
		}
		if level == l.full {
			if valid != nil {
				valid.Set(slot)
			}
			present++
		}
		slot++
	}
	l.rows, l.elements = row, slot
	return present, nil
}

// rowOf returns the row that an element is of.
func (l *lists) rowOf(element int) int {
	return sort.Search(l.rows, func(row int) bool { return int(l.offsets[row]) > element }) - 1
}

// finish makes the column of the lists, whose elements are in out.
func (l *lists) finish(out *output) error {
	if l.rows < l.wanted {
		return diag.New("Q205", "the pages hold %d lists less than the row group has rows", l.wanted-l.rows)
	}
	l.offsets[l.wanted] = uint32(l.elements)
	listColumn(out, l.wanted)
	return nil
}

// nullLists makes a column of null lists.
func nullLists(out *output, elem column.Type, rows int) {
	resetVector(&out.values, elem, 0)
	out.elements = column.Column{Values: out.values}
	out.offsets, out.lists = resize(out.offsets, rows+1), resize(out.lists, (rows+63)/64)
	clear(out.offsets)
	clear(out.lists)
	listColumn(out, rows)
}

// listColumn makes the column of out's elements, offsets and lists.
func listColumn(out *output, rows int) {
	v := column.Vector{Type: column.ListOf(out.elements.Type()), Len: rows, Offsets: out.offsets, Elements: &out.elements}
	if out.lists.Count(rows) < rows {
		v.Valid = out.lists
	}
	out.column = column.Column{Len: rows, Values: v}
}
