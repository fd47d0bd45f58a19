package stat

import (
	"quern/features/column"
	"quern/internal/simd"
)

// single prepares the one arg of a statistic: dictionary rows become slots with
// weights, nulls are squeezed out. Its buffers are reused, so that observing
// does not allocate once they have grown.
type single struct {
	kernels  *simd.Kernels // made when first needed
	weights  []uint64
	gathered column.Vector
	valid    column.Bitmap
	floats   []float64
	ints     []int64
}

// slots returns the slots of arg and how often each counts (nil: once each).
func (s *single) slots(arg *column.Column, weights []uint64) (*column.Vector, []uint64) {
	if !arg.Dict() {
		return &arg.Values, weights
	}
	if arg.Values.Len > 2*arg.Len && arg.Type() != column.String { // few rows of a large dictionary
		s.gather(arg)
		return &s.gathered, nil
	}
	s.weights = resize(s.weights, arg.Values.Len)
	clear(s.weights)
	for _, slot := range arg.Index[:arg.Len] {
		s.weights[slot]++
	}
	return &arg.Values, s.weights
}

// gather makes gathered the rows of arg as a plain vector. Strings are not
// gathered: repeated, they could outgrow a Text.
func (s *single) gather(arg *column.Column) {
	v, g, n := &arg.Values, &s.gathered, arg.Len
	g.Type, g.Len = v.Type, n
	switch v.Type.Kind() {
	case column.Bools:
		g.Bools = pull(resize(g.Bools, n), v.Bools, arg.Index)
	case column.Ints:
		g.Int64s = pull(resize(g.Int64s, n), v.Int64s, arg.Index)
	case column.Floats:
		g.Float64s = pull(resize(g.Float64s, n), v.Float64s, arg.Index)
	default:
		panic("quern: bug: strings are gathered")
	}
	if v.Valid == nil {
		g.Valid = nil
		return
	}
	s.valid = resize(s.valid, (n+63)/64)
	clear(s.valid)
	for i, slot := range arg.Index[:n] {
		if !v.Null(int(slot)) {
			s.valid.Set(i)
		}
	}
	g.Valid = s.valid
}

// pull fills dst with the elements of src that index names.
func pull[E any](dst, src []E, index []int32) []E {
	for i := range dst {
		dst[i] = src[index[i]]
	}
	return dst
}

// resize returns a slice of n elements, of any content.
func resize[S ~[]E, E any](s S, n int) S {
	if cap(s) < n {
		return make(S, n)
	}
	return s[:n]
}

// presentFloats returns the values of v that are not null.
func (s *single) presentFloats(v *column.Vector) []float64 {
	if v.Valid == nil {
		return v.Float64s[:v.Len]
	}
	s.floats = resize(s.floats, v.Len)
	return s.floats[:simd.Compact(s.simd(), s.floats, v.Float64s[:v.Len], v.Valid)]
}

// presentInts returns the values of v that are not null.
func (s *single) presentInts(v *column.Vector) []int64 {
	if v.Valid == nil {
		return v.Int64s[:v.Len]
	}
	s.ints = resize(s.ints, v.Len)
	return s.ints[:simd.Compact(s.simd(), s.ints, v.Int64s[:v.Len], v.Valid)]
}

// simd returns the kernels.
func (s *single) simd() *simd.Kernels {
	if s.kernels == nil {
		s.kernels = simd.Best()
	}
	return s.kernels
}

// times returns how often slot i of v counts if it is present, else 0.
func times(v *column.Vector, weights []uint64, i int) uint64 {
	if v.Null(i) {
		return 0
	}
	return weights[i]
}

// plain returns the rows of arg as a plain vector.
func (s *single) plain(arg *column.Column) *column.Vector {
	if !arg.Dict() {
		return &arg.Values
	}
	s.gather(arg)
	return &s.gathered
}
