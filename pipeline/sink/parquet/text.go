package parquet

import (
	"math"

	"quern/features/column"
	"quern/features/diag"
)

// limits are where the format's counters, and readers' memory, end. Pages count bytes
// in 31 bits and collected columns in 32, so row groups end early when strings are
// long, and long columns become pages piece by piece.
type limits struct {
	groups    int   // row groups in a file are numbered in 15 bits
	groupText int64 // a row group with so many bytes in a column of strings or lists is large enough
	batchText int64 // no more of them wait for a row group, or are copied at a time
	text      int64 // no string is longer, and no list
	lists     int64 // no more bytes of lists are in a row group
	pageText  int   // a page with more is cut, unless one string alone is longer
}

func formatLimits() limits {
	return limits{groups: math.MaxInt16, groupText: 64 << 20, batchText: 256 << 20, text: 1 << 30, lists: 3 << 30, pageText: 8 << 20}
}

// weigh returns the bytes of a column of strings or lists, every row counted; of any
// other, 0. A string or list that no page can hold is an error (Q423), and so are so
// many bytes of lists that their elements could not be collected (Q425).
func (p *part) weigh(field int, c *column.Column) (int64, error) {
	total := weight(c)
	if total <= p.limits.text {
		return total, nil
	}
	what := "string"
	if c.Type().IsList() {
		what = "list"
	}
	if row := longRow(c, p.limits.text); row >= 0 {
		return 0, diag.New("Q423", "a %s of more than 1 GiB has no place in a Parquet page", what).
			In(diag.Data{RowGroup: -1, Row: int64(row), Column: p.fields[field].Name})
	}
	if c.Type().IsList() && total > p.limits.lists {
		return 0, diag.New("Q425", "the lists of %d rows have %d bytes, more than a row group is written of", c.Len, total).
			In(diag.Data{RowGroup: -1, Row: -1, Column: p.fields[field].Name})
	}
	return total, nil
}

// weight returns the bytes of the strings of c's rows; of lists, 8 per element and
// those of their strings; of any other column, 0.
func weight(c *column.Column) int64 {
	if c.Type().IsList() {
		return 8*int64(c.Values.Elements.Len) + weight(c.Values.Elements)
	}
	if c.Type() != column.String || c.Values.Len == 0 {
		return 0
	}
	offsets := c.Values.Text.Offsets
	if c.Index == nil {
		return int64(offsets[c.Values.Len] - offsets[0])
	}
	total := int64(0)
	for _, slot := range c.Index {
		total += int64(offsets[slot+1] - offsets[slot])
	}
	return total
}

// longRow returns the first row whose string or list is too long, or -1.
func longRow(c *column.Column, most int64) int {
	for i := range c.Len {
		if rowWeight(c, i) > most {
			return i
		}
	}
	return -1
}

// rowWeight is weight for one row.
func rowWeight(c *column.Column, row int) int64 {
	slot := c.Slot(row)
	switch {
	case c.Type() == column.String && c.Values.Valid.Get(slot):
		return int64(len(c.Values.Text.At(slot)))
	case c.Type().IsList():
		lo, hi := c.Values.List(slot)
		total := 8 * int64(hi-lo)
		for e := lo; e < hi; e++ {
			total += rowWeight(c.Values.Elements, e)
		}
		return total
	}
	return 0
}
