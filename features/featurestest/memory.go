package featurestest

import (
	"bytes"
	"math"
	"slices"

	"quern/features/column"
)

// cloneColumn returns a deep copy: every slice, what lies under nulls included.
func cloneColumn(c *column.Column) column.Column {
	v := c.Values
	v.Valid = slices.Clone(v.Valid)
	v.Bools = slices.Clone(v.Bools)
	v.Int32s = slices.Clone(v.Int32s)
	v.Int64s = slices.Clone(v.Int64s)
	v.Float32s = slices.Clone(v.Float32s)
	v.Float64s = slices.Clone(v.Float64s)
	v.Text = column.Text{Offsets: slices.Clone(v.Text.Offsets), Bytes: bytes.Clone(v.Text.Bytes)}
	v.Offsets = slices.Clone(v.Offsets)
	if v.Elements != nil {
		elements := cloneColumn(v.Elements)
		v.Elements = &elements
	}
	return column.Column{Len: c.Len, Values: v, Index: slices.Clone(c.Index)}
}

// cloneBatch returns a deep copy.
func cloneBatch(b column.Batch) column.Batch {
	out := column.Batch{Rows: b.Rows, Columns: make([]column.Column, len(b.Columns))}
	for i := range b.Columns {
		out.Columns[i] = cloneColumn(&b.Columns[i])
	}
	return out
}

// sameMemory reports whether two columns are alike in every bit, what lies under
// nulls and in unused slots included.
func sameMemory(a, b *column.Column) bool {
	v, w := &a.Values, &b.Values
	return a.Len == b.Len && v.Type == w.Type && v.Len == w.Len &&
		(a.Index == nil) == (b.Index == nil) && (v.Valid == nil) == (w.Valid == nil) &&
		slices.Equal(a.Index, b.Index) && slices.Equal(v.Valid, w.Valid) && slices.Equal(v.Bools, w.Bools) &&
		slices.Equal(v.Int32s, w.Int32s) && slices.Equal(v.Int64s, w.Int64s) &&
		slices.EqualFunc(v.Float32s, w.Float32s, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) }) &&
		slices.EqualFunc(v.Float64s, w.Float64s, func(x, y float64) bool { return math.Float64bits(x) == math.Float64bits(y) }) &&
		slices.Equal(v.Text.Offsets, w.Text.Offsets) && bytes.Equal(v.Text.Bytes, w.Text.Bytes) &&
		slices.Equal(v.Offsets, w.Offsets) && (v.Elements == nil) == (w.Elements == nil) &&
		(v.Elements == nil || sameMemory(v.Elements, w.Elements))
}

// trash overwrites a column as a source that reuses its buffers would. Lengths and
// indexes stay legal, so that a late reader gets wrong values and no panic.
func trash(c *column.Column) {
	v := &c.Values
	fill(v.Bools, true)
	fill(v.Int32s, 0x5a5a5a5a)
	fill(v.Int64s, 0x5a5a5a5a5a5a5a5a)
	fill(v.Float32s, float32(math.Inf(-1)))
	fill(v.Float64s, -0x1.5a5ap900)
	fill(v.Text.Bytes, 0xa5)
	fill(c.Index, 0)
	if v.Elements != nil {
		trash(v.Elements)
	}
}

func fill[T any](s []T, x T) {
	for i := range s {
		s[i] = x
	}
}
