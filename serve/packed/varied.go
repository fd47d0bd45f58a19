package packed

import (
	"encoding/binary"
	"slices"

	"quern/features/column"
)

// texts appends the fields of a column of n strings to e.body.
func (e *Encoder) texts(n int, v *column.Vector, shown column.Bitmap) {
	e.data, e.starts = e.data[:0], append(e.starts[:0], 0, 0, 0, 0)
	for r := range n {
		if shown.Get(r) {
			e.data = append(e.data, v.Text.At(r)...)
		}
		e.starts = binary.LittleEndian.AppendUint32(e.starts, uint32(len(e.data)))
	}
	e.field(5, e.data)
	e.field(6, e.bits(shown, n))
	e.field(7, e.starts)
}

// list appends the fields of a column of n lists to e.body.
func (e *Encoder) list(n int, v *column.Vector, shown column.Bitmap) {
	t := v.Type.Elem()
	texts, w := t == column.String, t.Size()
	e.data, e.starts = e.data[:0], append(e.starts[:0], 0, 0, 0, 0)
	lists, valid := make([]byte, 4, 4+4*n), []byte(nil)
	elements, nulls := 0, false
	for r := range n {
		if shown.Get(r) {
			lo, hi := v.List(r)
			for i := lo; i < hi; i++ {
				null := v.Elements.Null(i)
				nulls = nulls || null
				valid = appendBit(valid, elements, !null)
				elements++
				if !texts {
					e.data = appendElement(e.data, w, &v.Elements.Values, v.Elements.Slot(i), null)
					continue
				}
				if !null {
					e.data = append(e.data, v.Elements.Values.Text.At(v.Elements.Slot(i))...)
				}
				e.starts = binary.LittleEndian.AppendUint32(e.starts, uint32(len(e.data)))
			}
		}
		lists = binary.LittleEndian.AppendUint32(lists, uint32(elements))
	}
	e.field(5, e.data)
	e.field(6, e.bits(shown, n))
	if texts {
		e.field(7, e.starts)
	}
	e.field(8, lists)
	if nulls {
		e.field(9, valid)
	}
}

// appendBit appends bit k to those before it.
func appendBit(bits []byte, k int, set bool) []byte {
	if k&7 == 0 {
		bits = append(bits, 0)
	}
	if set {
		bits[k>>3] |= 1 << (k & 7)
	}
	return bits
}

// appendElement appends one number of w bytes.
func appendElement(dst []byte, w int, v *column.Vector, slot int, null bool) []byte {
	n := len(dst)
	dst = slices.Grow(dst, w)[:n+w]
	if null {
		putNull(dst[n:], v.Type)
		return dst
	}
	one := *v // from slot on
	switch v.Type {
	case column.Bool:
		one.Bools = v.Bools[slot:]
	case column.Int32, column.Date:
		one.Int32s = v.Int32s[slot:]
	case column.Float32:
		one.Float32s = v.Float32s[slot:]
	case column.Float64:
		one.Float64s = v.Float64s[slot:]
	default:
		one.Int64s = v.Int64s[slot:]
	}
	put(dst[n:], w, &one, 1)
	return dst
}
