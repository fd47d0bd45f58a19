package cpu

import (
	"slices"

	"quern/cpu/kernel"
	"quern/features/column"
)

// lane is one register over one block, as kernels see it: the slices of the
// register's kind are as long as the block, or longer for arguments. Slices that
// belong to an input or to another lane are only read.
type lane struct {
	valid  []uint64 // nil: no null
	bools  []bool
	ints   []int64
	floats []float64
	text   kernel.Views
	bits   []uint64 // where valid is put when there may be nulls
	arena  *[]byte  // where new strings are put
}

// open starts a result of new strings: the arena is emptied.
func (l *lane) open() { l.text.Bytes = (*l.arena)[:0] }

// close keeps the arena that the result has grown.
func (l *lane) close() { *l.arena = l.text.Bytes }

// memory holds one register at a time for the length of a block. Registers of one
// kind that are not alive together share one. Slices are made when first needed.
type memory struct {
	bits   []uint64
	bools  []bool
	ints   []int64
	floats []float64
	start  []uint32
	end    []uint32
	arena  []byte
}

// aim makes l a result of n slots of kind k that lies in m.
func (m *memory) aim(st *stock, l *lane, k column.Kind, n int) {
	m.bits = st.words.grow(m.bits, kernel.Words(n))
	l.bits, l.valid = m.bits, nil
	switch k {
	case column.Bools:
		m.bools = st.bools.grow(m.bools, n)
		l.bools = m.bools
	case column.Ints:
		m.ints = st.ints.grow(m.ints, n)
		l.ints = m.ints
	case column.Floats:
		m.floats = st.floats.grow(m.floats, n)
		l.floats = m.floats
	case column.Strings:
		m.aimText(st, l, n)
	}
}

// aimText makes l a result of n new strings that lie in m.
func (m *memory) aimText(st *stock, l *lane, n int) {
	m.start, m.end = st.uint32s.grow(m.start, n), st.uint32s.grow(m.end, n)
	if m.arena == nil {
		m.arena = st.bytes.open(nil)
	}
	l.text.Start, l.text.End = m.start, m.end
	l.arena = &m.arena
}

// view makes l the slots from lo to hi of v, in register form. lo is a multiple
// of 64.
func (l *lane) view(v *column.Vector, lo, hi int) {
	l.valid = nil
	if v.Valid != nil {
		l.valid = v.Valid[lo>>6 : kernel.Words(hi)]
	}
	switch v.Type.Kind() {
	case column.Bools:
		l.bools = v.Bools[lo:hi]
	case column.Ints:
		l.ints = v.Int64s[lo:hi]
	case column.Floats:
		l.floats = v.Float64s[lo:hi]
	case column.Strings:
		l.text = kernel.Views{Bytes: v.Text.Bytes, Start: v.Text.Offsets[lo:hi], End: v.Text.Offsets[lo+1 : hi+1]}
	}
}

// copy makes l, which was aimed at some memory, the slots from lo to hi of v, numbers in
// register or in storage form. lo is a multiple of 64.
func (l *lane) copy(set *kernel.Set, v *column.Vector, lo, hi int) {
	if v.Valid != nil {
		l.valid = l.bits[:kernel.Words(hi-lo)]
		kernel.CopyBits(l.valid, v.Valid[lo>>6:], hi-lo)
	}
	switch {
	case v.Int32s != nil:
		set.WidenInts(l.ints[:hi-lo], v.Int32s[lo:hi])
	case v.Float32s != nil:
		set.WidenFloats(l.floats[:hi-lo], v.Float32s[lo:hi])
	case v.Type.Kind() == column.Ints:
		copy(l.ints, v.Int64s[lo:hi])
	default:
		copy(l.floats, v.Float64s[lo:hi])
	}
}

// usesNull reports whether a row may point to a null slot of v. Sources append one null
// slot to every dictionary; where no row points to it, no kernel has to care.
func usesNull(v *column.Vector, index []int32) bool {
	slot, ok := kernel.OnlyNull(v.Valid, v.Len)
	return !ok || slices.Contains(index, int32(slot))
}

// gather makes l, which was aimed at some memory, the slots of v that rows point
// to. v is in register or in storage form.
func (l *lane) gather(v *column.Vector, index []int32) {
	if v.Valid != nil && usesNull(v, index) {
		l.valid = l.bits[:kernel.Words(len(index))]
		kernel.GatherBits(l.valid, v.Valid, index)
	}
	switch {
	case v.Type == column.Bool:
		kernel.Gather(l.bools, v.Bools, index)
	case v.Int32s != nil:
		kernel.GatherWide(l.ints, v.Int32s, index)
	case v.Float32s != nil:
		kernel.GatherWide(l.floats, v.Float32s, index)
	case v.Type.Kind() == column.Ints:
		kernel.Gather(l.ints, v.Int64s, index)
	case v.Type.Kind() == column.Floats:
		kernel.Gather(l.floats, v.Float64s, index)
	default:
		l.text.Bytes = v.Text.Bytes
		kernel.GatherOffsets(l.text.Start, l.text.End, v.Text.Offsets, index)
	}
}
