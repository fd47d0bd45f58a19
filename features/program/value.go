package program

import (
	"bytes"
	"math"
	"slices"

	"quern/features/column"
)

// NullValue is the null of any type.
func NullValue() Value { return Value{Null: true} }

// normalize returns v in canonical form as a value of t: fields that do not count
// are zero, NaN is the canonical one, and an empty string is not nil.
func normalize(t column.Type, v Value) Value {
	if v.Null {
		return NullValue()
	}
	switch t.Kind() {
	case column.Bools:
		return Value{Bool: v.Bool}
	case column.Ints:
		return Value{Int: v.Int}
	case column.Floats:
		return Value{Float: Canon(v.Float)}
	case column.Strings:
		if v.Str == nil {
			v.Str = []byte{}
		}
		return Value{Str: v.Str}
	case column.Lists:
		return normalizeList(t.Elem(), v.List)
	}
	return Value{}
}

// normalizeList returns the list with its elements in canonical form.
func normalizeList(elem column.Type, list []Value) Value {
	out := make([]Value, len(list))
	for i, x := range list {
		out[i] = normalize(elem, x)
	}
	return Value{List: out}
}

// same reports whether every field of v and w is equal, floats by bits.
func (v Value) same(w Value) bool {
	return v.Null == w.Null && v.Bool == w.Bool && v.Int == w.Int &&
		math.Float64bits(v.Float) == math.Float64bits(w.Float) &&
		bytes.Equal(v.Str, w.Str) && slices.EqualFunc(v.List, w.List, Value.same)
}

// EqualValues reports whether a and b are the same value of type t: both null, or
// the same bool, integer or bytes, the same float bits, or lists of the same values.
// All NaNs are one value; 0 and -0 are two.
func EqualValues(t column.Type, a, b Value) bool {
	return normalize(t, a).same(normalize(t, b))
}

// ValueAt returns a slot of a vector in either form. Its Str shares memory with v.
func ValueAt(v *column.Vector, slot int) Value {
	if v.Null(slot) {
		return NullValue()
	}
	switch v.Type.Kind() {
	case column.Bools:
		return Value{Bool: v.Bools[slot]}
	case column.Ints:
		return Value{Int: v.Int(slot)}
	case column.Floats:
		return Value{Float: Canon(v.Float(slot))}
	case column.Strings:
		return Value{Str: v.Text.At(slot)}
	case column.Lists:
		lo, hi := v.List(slot)
		list := make([]Value, 0, hi-lo)
		for e := lo; e < hi; e++ {
			list = append(list, ValueAt(&v.Elements.Values, v.Elements.Slot(e)))
		}
		return Value{List: list}
	}
	panic("quern: bug: vector without a type")
}

// AppendRegister adds a slot to a vector in register form. v.Type must be set.
func AppendRegister(v *column.Vector, x Value) {
	appendValid(v, x.Null)
	x = normalize(v.Type, x)
	switch v.Type.Kind() {
	case column.Bools:
		v.Bools = append(v.Bools, x.Bool)
	case column.Ints:
		v.Int64s = append(v.Int64s, x.Int)
	case column.Floats:
		v.Float64s = append(v.Float64s, x.Float)
	case column.Strings:
		v.Text.Append(x.Str)
	case column.Lists:
		appendList(v, x)
	default:
		panic("quern: bug: vector without a type")
	}
}

// AppendStored adds a slot to a vector in storage form. x must fit v.Type.
func AppendStored(v *column.Vector, x Value) {
	if !v.Type.Narrow() {
		AppendRegister(v, x)
		return
	}
	appendValid(v, x.Null)
	x = normalize(v.Type, x)
	if v.Type == column.Float32 {
		v.Float32s = append(v.Float32s, float32(x.Float))
	} else {
		v.Int32s = append(v.Int32s, int32(x.Int))
	}
}

// appendList adds a list to a vector of lists, whose elements are plain.
func appendList(v *column.Vector, x Value) {
	if v.Elements == nil {
		v.Offsets = append(v.Offsets[:0], 0)
		v.Elements = &column.Column{Values: column.Vector{Type: v.Type.Elem()}}
	}
	for _, e := range x.List {
		AppendStored(&v.Elements.Values, e)
	}
	v.Elements.Len = v.Elements.Values.Len
	v.Offsets = append(v.Offsets, uint32(v.Elements.Len))
}

// appendValid adds a slot to the bitmap, which is made when the first null comes.
func appendValid(v *column.Vector, null bool) {
	slot := v.Len
	v.Len++
	if v.Valid == nil && !null {
		return
	}
	if v.Valid == nil {
		v.Valid = column.NewBitmap(slot)
		v.Valid.Fill(slot)
	}
	if len(v.Valid)*64 < v.Len {
		v.Valid = append(v.Valid, 0)
	}
	if !null {
		v.Valid.Set(slot)
	}
}

// RegisterVector returns values as a vector of t in register form.
func RegisterVector(t column.Type, values ...Value) column.Vector {
	v := emptyVector(t)
	for _, x := range values {
		AppendRegister(&v, x)
	}
	return v
}

// StoredVector returns values as a vector of t in storage form.
func StoredVector(t column.Type, values ...Value) column.Vector {
	v := emptyVector(t)
	for _, x := range values {
		AppendStored(&v, x)
	}
	return v
}

// emptyVector returns a vector of no slots, which has offsets and elements if it
// holds lists.
func emptyVector(t column.Type) column.Vector {
	v := column.Vector{Type: t}
	if t.IsList() {
		v.Offsets = []uint32{0}
		v.Elements = &column.Column{Values: emptyVector(t.Elem())}
	}
	return v
}
