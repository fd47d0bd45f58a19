package cpu

import (
	"quern/cpu/kernel"
	"quern/features/column"
	"quern/features/diag"
)

// whole is a register over all slots of its place, because it leaves the pass.
// Its vectors are what observers and callers get.
type whole struct {
	vector column.Vector // register form
	stored column.Vector // storage form, for outputs of 32-bit types
	nulls  bool
	output bool // NaNs are to be canonical
	wide   bool // the register form is needed, else the storage form only

	bits []uint64
	own  column.Vector // memory of vector, where it does not borrow the input's, and of stored
}

// form sets which forms w is needed in, and empties it. crosses: the rows gather it.
func (w *whole) form(reg *register, crosses bool) {
	w.vector, w.stored = column.Vector{}, column.Vector{}
	w.output = reg.output
	w.wide = reg.observed || reg.taken || crosses || !reg.output || !reg.typ.Narrow()
}

// reset makes w a register of n slots of type t, none computed yet.
func (w *whole) reset(st *stock, t column.Type, n int) {
	w.nulls = false
	w.bits = st.words.grow(w.bits, kernel.Words(n))
	w.vector.Type, w.vector.Len = t, n // a borrowed one is never reset: see form
	if w.wide {
		w.widen(st, t, n)
	}
	if !w.output || !t.Narrow() {
		return
	}
	w.stored.Type, w.stored.Len = t, n
	if t == column.Float32 {
		w.own.Float32s = st.float32s.grow(w.own.Float32s, n)
		w.stored.Float32s = w.own.Float32s
	} else {
		w.own.Int32s = st.int32s.grow(w.own.Int32s, n)
		w.stored.Int32s = w.own.Int32s
	}
}

// widen readies the memory of the register form.
func (w *whole) widen(st *stock, t column.Type, n int) {
	switch t.Kind() {
	case column.Bools:
		w.own.Bools = st.bools.grow(w.own.Bools, n)
		w.vector.Bools = w.own.Bools
	case column.Ints:
		w.own.Int64s = st.ints.grow(w.own.Int64s, n)
		w.vector.Int64s = w.own.Int64s
	case column.Floats:
		w.own.Float64s = st.floats.grow(w.own.Float64s, n)
		w.vector.Float64s = w.own.Float64s
	case column.Strings:
		text := &w.own.Text
		text.Offsets = st.uint32s.grow(text.Offsets, n+1)
		text.Bytes = st.bytes.open(text.Bytes)
		text.Reset()
		w.vector.Text = *text
	}
}

// borrow makes w the register form of an input that needs no widening.
func (w *whole) borrow(v *column.Vector) {
	w.vector = *v
}

// aim makes l the result of the slots from lo to hi. Numbers of the register form are
// computed in place; all else in m, and settle packs it.
func (w *whole) aim(st *stock, l *lane, m *memory, lo, hi int) {
	bits := w.bits[lo>>6 : kernel.Words(hi)]
	kind := w.vector.Type.Kind()
	if !w.wide || kind == column.Strings {
		m.aim(st, l, kind, hi-lo)
		l.bits = bits
		return
	}
	l.valid, l.bits = nil, bits
	switch kind {
	case column.Bools:
		l.bools = w.vector.Bools[lo:hi]
	case column.Ints:
		l.ints = w.vector.Int64s[lo:hi]
	case column.Floats:
		l.floats = w.vector.Float64s[lo:hi]
	}
}

// settle takes in the block from lo to hi, which l holds. Strings may have limit
// bytes together.
func (w *whole) settle(set *kernel.Set, l *lane, lo, hi, limit int) error {
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
		set.Canonical(l.floats, l.floats)
	case t == column.Float32:
		set.NarrowFloats(w.stored.Float32s[lo:hi], l.floats)
	case t.Narrow():
		set.NarrowInts(w.stored.Int32s[lo:hi], l.ints)
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
