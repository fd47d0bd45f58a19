package parquet

import (
	"math"

	"quern/features/column"
	"quern/features/diag"
)

// limits are where the format's counters, and readers' memory, end. Pages count bytes
// in 31 bits and collected columns in 32, so row groups end early when strings are
// long.
type limits struct {
	groups    int   // row groups in a file are numbered in 15 bits
	groupText int64 // a row group with so many bytes in a column of strings is large enough
	batchText int64 // a batch with more of them is written in pieces
	text      int64 // no string is longer
	pageText  int   // a page with more is cut, unless one string alone is longer
}

func formatLimits() limits {
	return limits{groups: math.MaxInt16, groupText: 64 << 20, batchText: 256 << 20, text: 1 << 30, pageText: 8 << 20}
}

// longest returns the bytes of the longest column of strings, every row counted. A
// string that no page can hold is an error (Q423).
func (p *part) longest(batch column.Batch) (int64, error) {
	most := int64(0)
	for i := range batch.Columns {
		c := &batch.Columns[i]
		if c.Type() != column.String || c.Values.Len == 0 {
			continue
		}
		offsets := c.Values.Text.Offsets
		total := int64(offsets[c.Values.Len] - offsets[0])
		if c.Index != nil {
			total = 0
			for _, slot := range c.Index {
				total += int64(offsets[slot+1] - offsets[slot])
			}
		}
		if total > p.limits.text {
			if row := longRow(c, p.limits.text); row >= 0 {
				return 0, diag.New("Q423", "a string of more than 1 GiB has no place in a Parquet page").
					In(diag.Data{RowGroup: -1, Row: int64(row), Column: p.fields[i].Name})
			}
		}
		most = max(most, total)
	}
	return most, nil
}

// longRow returns the first row whose string is too long, or -1.
func longRow(c *column.Column, most int64) int {
	for i := range c.Len {
		slot := c.Slot(i)
		if c.Values.Valid.Get(slot) && int64(len(c.Values.Text.At(slot))) > most {
			return i
		}
	}
	return -1
}

// cut returns rows [from, to) of a batch, which shares its memory; from is a multiple
// of 64, and so is to unless it is the end.
func cut(batch column.Batch, from, to int) column.Batch {
	out := column.Batch{Rows: to - from, Columns: make([]column.Column, len(batch.Columns))}
	for i := range batch.Columns {
		c := &batch.Columns[i]
		if c.Index != nil {
			out.Columns[i] = column.Column{Len: to - from, Values: c.Values, Index: c.Index[from:to]}
			continue
		}
		out.Columns[i] = column.Column{Len: to - from, Values: cutVector(&c.Values, from, to)}
	}
	return out
}

func cutVector(v *column.Vector, from, to int) column.Vector {
	out := column.Vector{Type: v.Type, Len: to - from,
		Bools: cutSlots(v.Bools, from, to), Int32s: cutSlots(v.Int32s, from, to), Int64s: cutSlots(v.Int64s, from, to),
		Float32s: cutSlots(v.Float32s, from, to), Float64s: cutSlots(v.Float64s, from, to)}
	if v.Valid != nil {
		out.Valid = v.Valid[from/64 : (to+63)/64]
	}
	if v.Type == column.String {
		out.Text = column.Text{Offsets: v.Text.Offsets[from : to+1], Bytes: v.Text.Bytes}
	}
	return out
}

func cutSlots[T any](s []T, from, to int) []T {
	if s == nil {
		return nil
	}
	return s[from:to]
}
