package parquet

import (
	"slices"

	"quern/features/column"
)

// resize returns s with n elements, reusing its memory where it suffices. The
// elements are garbage. It is never nil.
func resize[T any](s []T, n int) []T {
	if cap(s) < n || s == nil {
		return make([]T, n)
	}
	return s[:n]
}

// padded is resize for bytes that are decoded, with room to read past their end.
func padded(s []byte, n int) []byte { return resize(s, n+padding)[:n] }

// growTo returns s with n elements, of which those that are new are garbage.
func growTo[T any](s []T, n int) []T { return slices.Grow(s, max(0, n-len(s)))[:n] }

// fill sets all elements.
func fill[T any](s []T, value T) {
	for i := range s {
		s[i] = value
	}
}

// width returns the bytes that a slot of a vector takes, strings' bytes apart.
func width(t column.Type) int64 {
	switch {
	case t == column.Bool:
		return 1
	case t.Narrow(), t == column.String:
		return 4
	}
	return 8
}

// keep moves the memory of v to spare, where that is more than what is there.
func keep(spare, v *column.Vector) {
	spare.Bools = larger(spare.Bools, v.Bools)
	spare.Int32s = larger(spare.Int32s, v.Int32s)
	spare.Int64s = larger(spare.Int64s, v.Int64s)
	spare.Float32s = larger(spare.Float32s, v.Float32s)
	spare.Float64s = larger(spare.Float64s, v.Float64s)
	spare.Text.Offsets = larger(spare.Text.Offsets, v.Text.Offsets)
	spare.Text.Bytes = larger(spare.Text.Bytes, v.Text.Bytes)
	*v = column.Vector{}
}

func larger[T any](a, b []T) []T {
	if cap(a) < cap(b) {
		return b
	}
	return a
}

// take moves memory for values of type t from spare to v, which has none.
func take(v, spare *column.Vector, t column.Type) {
	switch t {
	case column.Bool:
		v.Bools, spare.Bools = spare.Bools, nil
	case column.Int32, column.Date:
		v.Int32s, spare.Int32s = spare.Int32s, nil
	case column.Int64, column.Timestamp, column.Datetime:
		v.Int64s, spare.Int64s = spare.Int64s, nil
	case column.Float32:
		v.Float32s, spare.Float32s = spare.Float32s, nil
	case column.Float64:
		v.Float64s, spare.Float64s = spare.Float64s, nil
	case column.String:
		v.Text, spare.Text = spare.Text, column.Text{}
	}
}

// size returns the bytes that a vector's memory takes.
func size(v *column.Vector) int64 {
	narrow := cap(v.Int32s) + cap(v.Float32s) + cap(v.Text.Offsets)
	return int64(cap(v.Bools)) + int64(cap(v.Text.Bytes)) + 4*int64(narrow) + 8*int64(cap(v.Int64s)+cap(v.Float64s))
}

// resetVector makes v a vector of n slots of type t, none of them null; a vector of
// strings becomes empty.
func resetVector(v *column.Vector, t column.Type, n int) {
	v.Type, v.Len, v.Valid = t, n, nil
	switch t {
	case column.Bool:
		v.Bools = resize(v.Bools, n)
	case column.Int32, column.Date:
		v.Int32s = resize(v.Int32s, n)
	case column.Int64, column.Timestamp, column.Datetime:
		v.Int64s = resize(v.Int64s, n)
	case column.Float32:
		v.Float32s = resize(v.Float32s, n)
	case column.Float64:
		v.Float64s = resize(v.Float64s, n)
	case column.String:
		v.Text.Offsets = slices.Grow(v.Text.Offsets[:0], n+1)
		v.Text.Reset()
	}
}

// cutVector cuts v, of plain values, off after n slots. Its strings end there.
func cutVector(v *column.Vector, n int) {
	v.Len = n
	switch {
	case v.Bools != nil:
		v.Bools = v.Bools[:n]
	case v.Int32s != nil:
		v.Int32s = v.Int32s[:n]
	case v.Int64s != nil:
		v.Int64s = v.Int64s[:n]
	case v.Float32s != nil:
		v.Float32s = v.Float32s[:n]
	case v.Float64s != nil:
		v.Float64s = v.Float64s[:n]
	}
}

// gather sets into[i] to from[indexes[i]].
func gather[T any](into, from []T, indexes []int32) {
	for i, at := range indexes {
		into[i] = from[at]
	}
}
