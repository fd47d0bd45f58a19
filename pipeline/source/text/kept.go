package text

import (
	"sync/atomic"

	"quern/features/column"
)

// kept is a column of a chunk as the scan left it, for readers to share. Nothing of it
// is written to again. The zero value is a column that the chunk's records do not have.
type kept struct {
	state keptState
	// Coded: a text for each of count numbers, and an empty one for nulls if there are any.
	texts column.Text
	count int
	valid column.Bitmap // of the texts; nil: there are no nulls
	bytes []uint8       // the number of the text of each row, where they are so small
	words []uint16      // else
	plain column.Vector
}

// keptState says how a column is kept.
type keptState uint8

const (
	keptNone  keptState = iota // all rows are null
	keptCoded                  // as texts: types come later
	keptPlain                  // as values of the type that the chunk's texts have
	keptLost                   // it must be parsed again
)

// size returns how many bytes it takes.
func (k *kept) size() int64 {
	return int64(len(k.texts.Bytes) + 4*len(k.texts.Offsets) + 8*len(k.valid) + len(k.bytes) + 2*len(k.words) + vectorBytes(&k.plain))
}

// allowance is what is left of the memory for what is kept.
type allowance struct{ left atomic.Int64 }

// take takes n bytes, if they are left.
func (a *allowance) take(n int64) bool {
	if a.left.Add(-n) >= 0 {
		return true
	}
	a.left.Add(n)
	return false
}

// recall makes b the column of so many rows that is kept, as if its cells had been
// added, and returns it; false if they must be parsed: for their values, or to find the
// row of one that has none.
func (b *builder) recall(k *kept, typ column.Type, rows int) (c column.Column, ok bool) {
	switch {
	case k.state == keptLost || typ.IsList():
		return c, false
	case k.state == keptPlain:
		return column.Column{Len: rows, Values: k.plain}, k.plain.Type == typ
	case k.state == keptNone:
		b.reset(typ, rows, b.texts.seed)
		return b.finish(rows), true
	}
	b.typ, b.slots.Type, b.slots.Valid = typ, typ, nil
	spread := 2*k.count > rows
	if typ == column.String {
		b.slots.Text = k.texts
	} else {
		empty(&b.slots, typ)
		if !b.convert(&k.texts, k.count) {
			return c, false
		}
	}
	b.index = resize(b.index, rows)
	if k.bytes != nil {
		widen(b.index, k.bytes)
	} else {
		widen(b.index, k.words)
	}
	if spread {
		return b.recallPlain(k, rows), true
	}
	b.slots.Len = k.count
	if k.valid != nil {
		if typ != column.String {
			appendZero(&b.slots)
		}
		b.slots.Valid = k.valid
		b.slots.Len++
	}
	c = column.Column{Len: rows, Values: b.slots, Index: b.index}
	if typ == column.String { // which the builder must not write to
		b.slots.Text = column.Text{}
	}
	return c, true
}

// widen copies numbers to larger ones.
func widen[T uint8 | uint16](dst []int32, src []T) {
	dst = dst[:len(src)]
	for i, x := range src {
		dst[i] = int32(x)
	}
}

// recallPlain returns the plain values of a coded column.
func (b *builder) recallPlain(k *kept, rows int) column.Column {
	b.nulls = b.nulls[:0]
	empty(&b.plain, b.typ)
	for i, slot := range b.index {
		if int(slot) == k.count {
			b.index[i] = -1
		}
	}
	if b.typ == column.String {
		own := b.texts.texts
		b.texts.texts, b.slots.Text = k.texts, column.Text{}
		b.spread(rows)
		b.texts.texts = own
	} else {
		b.spread(rows)
	}
	return b.finishPlain(rows)
}
