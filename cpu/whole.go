package cpu

import (
	"quern/cpu/kernel"
	"quern/features/column"
	"quern/features/diag"
)

// whole is a register over all slots of its domain, because it leaves the pass.
// Its vectors are what observers and callers get.
type whole struct {
	vector column.Vector // register form
	stored column.Vector // storage form, for outputs of 32-bit types
	nulls  bool
	output bool // NaNs are to be canonical

	bits   []uint64
	own    column.Vector // memory of vector where it does not borrow the input's
	narrow column.Vector // memory of stored
}

// reset makes w a register of n slots of type t, none computed yet.
func (w *whole) reset(t column.Type, n int) {
	w.nulls = false
	w.bits = grow(w.bits, kernel.Words(n))
	switch t.Kind() {
	case column.Bools:
		w.own.Bools = grow(w.own.Bools, n)
	case column.Ints:
		w.own.Int64s = grow(w.own.Int64s, n)
	case column.Floats:
		w.own.Float64s = grow(w.own.Float64s, n)
	case column.Strings:
		w.own.Text.Offsets = grow(w.own.Text.Offsets, n+1)
		w.own.Text.Reset()
	}
	w.vector = w.own
	w.vector.Type, w.vector.Len = t, n
	if !w.output || !t.Narrow() {
		return
	}
	if t == column.Float32 {
		w.narrow.Float32s = grow(w.narrow.Float32s, n)
	} else {
		w.narrow.Int32s = grow(w.narrow.Int32s, n)
	}
	w.stored = w.narrow
	w.stored.Type, w.stored.Len = t, n
}

// borrow makes w the register form of an input that needs no widening.
func (w *whole) borrow(v *column.Vector) {
	w.vector = *v
}

// aim makes l the result of the slots from lo to hi. Numbers are computed in
// place; strings in m, and settle packs them.
func (w *whole) aim(l *lane, m *memory, lo, hi int) {
	l.valid, l.bits = nil, w.bits[lo>>6:kernel.Words(hi)]
	switch w.vector.Type.Kind() {
	case column.Bools:
		l.bools = w.vector.Bools[lo:hi]
	case column.Ints:
		l.ints = w.vector.Int64s[lo:hi]
	case column.Floats:
		l.floats = w.vector.Float64s[lo:hi]
	case column.Strings:
		m.start, m.end = grow(m.start, hi-lo), grow(m.end, hi-lo)
		l.text.Start, l.text.End = m.start, m.end
		l.arena = &m.arena
	}
}

// settle takes in the block from lo to hi, which l holds. Strings may have limit
// bytes together.
func (w *whole) settle(l *lane, lo, hi, limit int) error {
	if l.valid != nil && !w.nulls {
		kernel.FillBits(w.bits, lo) // the blocks before had no null
		w.nulls = true
	}
	if l.valid == nil && w.nulls {
		kernel.FillBits(l.bits, hi-lo)
	}
	switch t := w.vector.Type; {
	case t == column.String:
		text := &w.own.Text
		text.Bytes, text.Offsets = kernel.PackTexts(text.Bytes, text.Offsets, &l.text, l.valid)
		if len(text.Bytes) > limit {
			return tooLong()
		}
	case !w.output:
	case t == column.Float64:
		kernel.Canonical(l.floats, l.floats)
	case t == column.Float32:
		kernel.NarrowFloats(w.stored.Float32s[lo:hi], l.floats)
	case t.Narrow():
		kernel.NarrowInts(w.stored.Int32s[lo:hi], l.ints)
	}
	return nil
}

// finish makes the vectors whole once all blocks are settled.
func (w *whole) finish() {
	w.vector.Valid = nil
	if w.nulls {
		w.vector.Valid = w.bits
	}
	if w.vector.Type == column.String {
		w.vector.Text = w.own.Text
	}
	w.stored.Valid = w.vector.Valid
}

// leaves returns the vector in storage form.
func (w *whole) leaves() column.Vector {
	if w.vector.Type.Narrow() {
		return w.stored
	}
	return w.vector
}

// tooLong is the error of strings that one vector cannot hold.
func tooLong() error {
	return diag.New("Q481", "the strings of one batch are longer than 4 GiB together")
}
