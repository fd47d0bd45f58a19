package column

import "bytes"

// Text is a run of byte strings: string i is Bytes[Offsets[i]:Offsets[i+1]].
// Offsets has one more element than there are strings and never decreases.
type Text struct {
	Offsets []uint32
	Bytes   []byte
}

// At returns string i. The bytes belong to the Text.
func (t Text) At(i int) []byte { return t.Bytes[t.Offsets[i]:t.Offsets[i+1]:t.Offsets[i+1]] }

// Len returns how many strings there are.
func (t Text) Len() int { return max(0, len(t.Offsets)-1) }

// Append adds a string. The caller sees to it that all bytes stay under 4 GiB.
func (t *Text) Append(s []byte) {
	if len(t.Offsets) == 0 {
		t.Offsets = append(t.Offsets, 0)
	}
	t.Bytes = append(t.Bytes, s...)
	t.Offsets = append(t.Offsets, uint32(len(t.Bytes)))
}

// Reset empties t and keeps its memory.
func (t *Text) Reset() {
	t.Offsets = append(t.Offsets[:0], 0)
	t.Bytes = t.Bytes[:0]
}

// Vector is a run of Len slots of one type. Exactly one of the slices holds the
// values; which one follows from Type and from where the vector lives:
//
//	type                          in a register   in storage
//	Bool                          Bools           Bools
//	Int64, Timestamp, Datetime    Int64s          Int64s
//	Int32, Date                   Int64s          Int32s
//	Float64                       Float64s        Float64s
//	Float32                       Float64s        Float32s
//	String                        Text            Text
//	lists                         -               Offsets, Elements
//
// List i is rows Offsets[i] to Offsets[i+1] of Elements, a column of the element
// type, in storage form, plain or dictionary-coded. Offsets starts at 0, never
// decreases and ends at Elements.Len. A null list has no elements; an empty list is
// another thing.
//
// Registers are what programs and statistics see; storage is what sources
// deliver and sinks accept. Widening from storage to register is exact.
// Valid == nil means that no slot is null; a null slot's value is garbage.
type Vector struct {
	Type     Type
	Len      int
	Valid    Bitmap
	Bools    []bool
	Int32s   []int32
	Int64s   []int64
	Float32s []float32
	Float64s []float64
	Text     Text
	Offsets  []uint32
	Elements *Column
}

// Null reports whether slot i is null.
func (v *Vector) Null(i int) bool { return !v.Valid.Get(i) }

// Nulls returns how many slots are null.
func (v *Vector) Nulls() int { return v.Len - v.Valid.Count(v.Len) }

// Stored reports whether v is in storage form although its type has a wider
// register form (Int32s or Float32s in use).
func (v *Vector) Stored() bool { return v.Int32s != nil || v.Float32s != nil }

// Int returns slot i of an integer or temporal vector, in either form.
func (v *Vector) Int(i int) int64 {
	if v.Int64s != nil {
		return v.Int64s[i]
	}
	return int64(v.Int32s[i])
}

// Float returns slot i of a Float32 or Float64 vector, in either form.
func (v *Vector) Float(i int) float64 {
	if v.Float64s != nil {
		return v.Float64s[i]
	}
	return float64(v.Float32s[i])
}

// Equal reports whether slot i of v and slot j of w hold the same value: both
// null, or the same bytes, integer, bool or float bits (NaN equals NaN of the
// same bits, and 0 differs from -0), or lists of equal elements. The vectors must
// have the same type.
func (v *Vector) Equal(i int, w *Vector, j int) bool {
	if v.Null(i) || w.Null(j) {
		return v.Null(i) && w.Null(j)
	}
	switch v.Type.Kind() {
	case Bools:
		return v.Bools[i] == w.Bools[j]
	case Ints:
		return v.Int(i) == w.Int(j)
	case Floats:
		return sameFloat(v.Float(i), w.Float(j))
	case Strings:
		return bytes.Equal(v.Text.At(i), w.Text.At(j))
	case Lists:
		return v.equalLists(i, w, j)
	}
	panic("quern: bug: vector without a type")
}

// List returns the rows of Elements that list i has: from lo to hi.
func (v *Vector) List(i int) (lo, hi int) { return int(v.Offsets[i]), int(v.Offsets[i+1]) }

func (v *Vector) equalLists(i int, w *Vector, j int) bool {
	lo, hi := v.List(i)
	from, to := w.List(j)
	if hi-lo != to-from {
		return false
	}
	for k := range hi - lo {
		a, b := v.Elements.Slot(lo+k), w.Elements.Slot(from+k)
		if !v.Elements.Values.Equal(a, &w.Elements.Values, b) {
			return false
		}
	}
	return true
}
