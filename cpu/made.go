package cpu

import (
	"math"

	"quern/cpu/kernel"
	"quern/features/column"
	"quern/features/diag"
	"quern/features/program"
)

// Instructions that choose elements of lists (ListSlice, ListPad, ListAt) move no
// values: they make a new index into the slots of the elements they are given, with
// a slot more for what is no element. If those elements are plain, the index is read
// through.

// shape makes the shape and the index of source i, which an instruction makes.
func (s *session) shape(i int) error {
	o, src := &s.definitions[i], &s.sources[i]
	from := &s.sources[o.from]
	src.column, src.encoding, src.lacking = &src.made, plain, false
	src.made = column.Column{Len: s.in.Rows, Values: column.Vector{Type: o.maker.Type.Elem(), Len: s.in.Rows}}
	if o.pool != nil {
		return nil
	}
	if err := s.choose(o, src, from); err != nil {
		return err
	}
	slots := from.slots()
	if src.lacking {
		slots++
	}
	if src.memory.index == nil {
		src.memory.index = []int32{} // nothing at all; nil would mean plain
	}
	src.made.Len, src.made.Values.Len, src.made.Index = len(src.memory.index), slots, src.memory.index
	src.encoding = indexed
	if from.encoding == coded {
		src.encoding = encodingOf(&src.made)
	}
	return nil
}

// choose makes the index, and for lists their shape.
func (s *session) choose(o *definition, src, from *source) error {
	m, imm := &src.memory, &o.maker.Imm
	slots, none := from.index(), from.slots()
	if from.column.Len > s.most {
		return tooMany()
	}
	if o.maker.Op == program.ListAt {
		m.index = s.stock.int32s.grow(m.index, s.in.Rows)
		src.lacking = kernel.ListsAt(m.index, from.offsets, slots, imm.Int, int32(none))
		return nil
	}
	m.offsets = s.stock.uint32s.grow(m.offsets, s.in.Rows+1)
	src.offsets = m.offsets
	if o.maker.Op == program.ListSlice {
		src.valid = from.valid
		m.index = kernel.SliceLists(m.offsets, s.stock.int32s.open(m.index), from.offsets, slots, imm.Int, imm.Extra)
	} else {
		n := kernel.PadOffsets(m.offsets, from.offsets, int(imm.Int), s.most)
		if n > s.most {
			return tooMany()
		}
		src.valid = nil
		m.index = s.stock.int32s.grow(m.index, n)
		kernel.PadLists(m.index, m.offsets, from.offsets, slots, int32(none), imm.Extra == 1)
		src.lacking = n > from.column.Len
	}
	return nil
}

// maxElements is how many elements lists may have together: an index of 32 bits reaches
// them and a slot more.
const maxElements = math.MaxInt32 - 1

// tooMany is the error of lists that one index cannot hold.
func tooMany() error {
	return diag.New("Q482", "the lists of one batch have more than %d elements together", maxElements)
}

// fill gives source i its values, once the pass over the lists that it is made of is
// done.
func (s *session) fill(i int) error {
	o, src := &s.definitions[i], &s.sources[i]
	if o.maker == nil {
		return nil
	}
	from, values := &s.sources[o.from], &s.wholes[o.list].vector
	switch {
	case o.pool != nil:
		if !o.pool(s.stock, src, from, values) {
			return s.explain()
		}
	case src.lacking:
		if len(values.Text.Bytes)+len(o.fill.Str) > s.limit {
			return tooLong()
		}
		src.made.Values = src.memory.extend(s.stock, values, o.fill)
	default:
		src.made.Values = *values
	}
	return nil
}

// extend returns v, which is in register form, with one slot more.
func (m *sourceMemory) extend(st *stock, v *column.Vector, x program.Value) column.Vector {
	n := v.Len
	w := &m.values
	w.Type, w.Len, w.Valid = v.Type, n+1, nil
	if v.Valid != nil || x.Null {
		m.bits = st.words.grow(m.bits, kernel.Words(n+1))
		m.bits[n>>6] = 0
		kernel.CopyBits(m.bits, v.Valid, n)
		if !x.Null {
			m.bits[n>>6] |= 1 << (n & 63)
		}
		w.Valid = m.bits
	}
	switch v.Type.Kind() {
	case column.Bools:
		w.Bools = push(&st.bools, w.Bools, v.Bools, x.Bool)
	case column.Ints:
		w.Int64s = push(&st.ints, w.Int64s, v.Int64s, x.Int)
	case column.Floats:
		w.Float64s = push(&st.floats, w.Float64s, v.Float64s, x.Float)
	case column.Strings:
		extendText(&w.Text, &v.Text, x.Str)
	}
	return *w
}

// push makes dst a copy of src and x.
func push[T any](spare *spare[T], dst, src []T, x T) []T {
	dst = spare.grow(dst, len(src)+1)
	copy(dst, src)
	dst[len(src)] = x
	return dst
}

func extendText(dst, src *column.Text, s []byte) {
	dst.Reset()
	if n := len(src.Offsets); n > 0 {
		dst.Offsets = append(dst.Offsets[:0], src.Offsets...)
		dst.Bytes = append(dst.Bytes, src.Bytes[:src.Offsets[n-1]]...)
	}
	dst.Append(s)
}
