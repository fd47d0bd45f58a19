package text

import (
	"hash/maphash"

	"quern/features/column"
)

// builder makes a column of the texts of its rows. It begins with a dictionary of
// texts, so that a text is converted once and everything downstream works per
// entry; if there are too many different ones, it goes over to plain values. Two
// texts may stand for one value: 1 and 1.0 are entries of their own.
type builder struct {
	typ   column.Type
	rows  int // how many have been added
	coded bool
	nulls []int32 // plain: the rows that are null
	empty int     // coded: how many rows are null
	index []int32 // coded: -1 is null
	texts dictionary
	slots column.Vector // coded: the value of each text, but for strings
	plain column.Vector
	valid column.Bitmap
}

// reset begins a column of about so many rows.
func (b *builder) reset(typ column.Type, rows int, seed maphash.Seed) {
	b.typ, b.rows, b.coded, b.empty = typ, 0, true, 0
	b.nulls = b.nulls[:0]
	b.index = resize(b.index, rows)[:0]
	b.texts.reset(seed)
	if b.slots.Type, b.slots.Valid = typ, nil; typ != column.String { // whose slots are texts
		empty(&b.slots, typ)
	}
	empty(&b.plain, typ)
}

// resize returns s with n elements, whose contents are arbitrary; it is never nil.
func resize[T any](s []T, n int) []T {
	if s == nil || cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// empty makes v a vector of no slots, and keeps its memory.
func empty(v *column.Vector, typ column.Type) {
	v.Type, v.Len, v.Valid = typ, 0, nil
	switch typ {
	case column.String:
		v.Text.Reset()
	case column.Bool:
		v.Bools = resize(v.Bools, 0)
	case column.Int32, column.Date:
		v.Int32s = resize(v.Int32s, 0)
	case column.Float32:
		v.Float32s = resize(v.Float32s, 0)
	case column.Float64:
		v.Float64s = resize(v.Float64s, 0)
	case column.Int64, column.Datetime, column.Timestamp:
		v.Int64s = resize(v.Int64s, 0)
	}
}

// add sets the value of a row; rows come in ascending order, and those that are left
// out are null. It returns false if s is no value of the type.
func (b *builder) add(row int, s []byte) bool {
	if b.rows < row {
		b.pad(row)
	}
	b.rows = row + 1
	if !b.coded {
		return appendValue(&b.plain, s)
	}
	slot, cell, at := b.texts.find(s)
	if slot < 0 {
		if crowded(b.texts.texts.Len(), row) {
			b.spread(row)
			return appendValue(&b.plain, s)
		}
		if b.typ != column.String && !appendValue(&b.slots, s) {
			return false
		}
		slot = b.texts.add(s, cell, at)
	}
	b.index = append(b.index, slot)
	return true
}

// pad makes rows up to row null.
func (b *builder) pad(row int) {
	for ; b.rows < row; b.rows++ {
		if b.coded {
			b.index = append(b.index, -1)
			b.empty++
		} else {
			b.appendNull()
		}
	}
}

// appendNull adds a null to plain, which has as many values as rows so far.
func (b *builder) appendNull() {
	b.nulls = append(b.nulls, int32(b.rows))
	appendZero(&b.plain)
}

// appendZero adds a value for a slot that is null.
func appendZero(v *column.Vector) {
	switch v.Type {
	case column.Bool:
		v.Bools = append(v.Bools, false)
	case column.Int32, column.Date:
		v.Int32s = append(v.Int32s, 0)
	case column.Float32:
		v.Float32s = append(v.Float32s, 0)
	case column.Float64:
		v.Float64s = append(v.Float64s, 0)
	case column.Int64, column.Datetime, column.Timestamp:
		v.Int64s = append(v.Int64s, 0)
	case column.String:
		v.Text.Append(nil)
	}
}

// spread goes over to plain values, for the rows before row.
func (b *builder) spread(row int) {
	b.coded = false
	for i, slot := range b.index[:row] {
		if slot < 0 {
			b.nulls = append(b.nulls, int32(i))
		}
	}
	index := b.index[:row]
	switch b.typ {
	case column.Bool:
		b.plain.Bools = gather(b.plain.Bools, b.slots.Bools, index)
	case column.Int32, column.Date:
		b.plain.Int32s = gather(b.plain.Int32s, b.slots.Int32s, index)
	case column.Float32:
		b.plain.Float32s = gather(b.plain.Float32s, b.slots.Float32s, index)
	case column.Float64:
		b.plain.Float64s = gather(b.plain.Float64s, b.slots.Float64s, index)
	case column.Int64, column.Datetime, column.Timestamp:
		b.plain.Int64s = gather(b.plain.Int64s, b.slots.Int64s, index)
	case column.String:
		for _, slot := range index {
			if slot < 0 {
				b.plain.Text.Append(nil)
			} else {
				b.plain.Text.Append(b.texts.texts.At(int(slot)))
			}
		}
	}
}

// convert makes slots the values of texts; false if one of them has none.
func (b *builder) convert(texts *column.Text, n int) bool {
	for i := range n {
		if !appendValue(&b.slots, texts.At(i)) {
			return false
		}
	}
	return true
}

// gather returns the values at index, with zeros at negative ones, in into's memory.
func gather[T any](into, from []T, index []int32) []T {
	into = resize(into, len(index))
	for i, slot := range index {
		if slot >= 0 {
			into[i] = from[slot]
		} else {
			var zero T
			into[i] = zero
		}
	}
	return into
}

// finish returns the column of so many rows, of which those that were not added are
// null. It is valid until the next reset.
func (b *builder) finish(rows int) column.Column {
	b.pad(rows)
	n := b.texts.texts.Len()
	if b.coded && 2*n > rows {
		b.spread(rows)
	}
	if !b.coded {
		return b.finishPlain(rows)
	}
	if b.typ == column.String {
		b.slots.Text = b.texts.texts // borrowed until the null is appended
	}
	if b.empty > 0 {
		b.nullSlot(n)
		n++
	}
	if b.typ == column.String {
		b.texts.texts = b.slots.Text
	}
	b.slots.Len = n
	return column.Column{Len: rows, Values: b.slots, Index: b.index}
}

// finishPlain returns the column when it is plain.
func (b *builder) finishPlain(rows int) column.Column {
	b.plain.Len = rows
	if len(b.nulls) > 0 {
		b.plain.Valid = b.bitmap(rows)
		for _, row := range b.nulls {
			b.plain.Valid.Clear(int(row))
		}
	}
	return column.Column{Len: rows, Values: b.plain}
}

// nullSlot appends a null slot to the n slots, and lets the null rows point to it.
func (b *builder) nullSlot(n int) {
	appendZero(&b.slots)
	b.slots.Valid = b.bitmap(n + 1)
	b.slots.Valid.Clear(n)
	for i, slot := range b.index {
		if slot < 0 {
			b.index[i] = int32(n)
		}
	}
}

// bitmap returns n set bits.
func (b *builder) bitmap(n int) column.Bitmap {
	b.valid = resize(b.valid, (n+63)/64)
	b.valid.Fill(n)
	return b.valid
}
