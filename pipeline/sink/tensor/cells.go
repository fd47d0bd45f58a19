package tensor

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"

	"quern/features/column"
)

// canonicalNaN is the one NaN that stands for null.
const (
	canonicalNaN   = 0x7FF8000000000000
	canonicalNaN32 = 0x7FC00000
)

// cells turns the slots of columns into elements, once per slot, and copies them to
// the rows. Its memory is reused.
type cells struct {
	columns []cellColumn
}

// cellColumn holds the elements of one column's slots, as the bits of the array's
// type, in the slice of its size.
type cellColumn struct {
	index  []int32 // nil: the slots are the rows
	bytes  []uint8
	words  []uint32
	longs  []uint64
	dtype  DType
	memory struct { // what bytes, words and longs are cut from, if not from the column
		bytes []uint8
		words []uint32
		longs []uint64
	}
}

func (s *cells) begin(n int) {
	for len(s.columns) < n {
		s.columns = append(s.columns, cellColumn{})
	}
}

// prepare makes the elements of column j; it returns the first row that is null and
// must not be, or -1.
func (s *cells) prepare(j int, t DType, c *column.Column) int {
	e, v := &s.columns[j], &c.Values
	e.index, e.dtype = c.Index, t
	if t != F32 && t != F64 {
		if row := firstNull(c); row >= 0 {
			return row
		}
	}
	switch t {
	case F32:
		e.memory.words = resize(e.memory.words, v.Len)
		e.words = e.memory.words
		fillF32(e.words, v)
		eachNull(v, func(i int) { e.words[i] = canonicalNaN32 })
	case F64:
		e.memory.longs = resize(e.memory.longs, v.Len)
		e.longs = e.memory.longs
		fillF64(e.longs, v)
		eachNull(v, func(i int) { e.longs[i] = canonicalNaN })
	case I64:
		e.memory.longs = resize(e.memory.longs, v.Len)
		e.longs = e.memory.longs
		fillI64(e.longs, v)
	case U8:
		e.memory.bytes = resize(e.memory.bytes, v.Len)
		e.bytes = e.memory.bytes
		for i, x := range v.Bools {
			e.bytes[i] = byte(truth(x))
		}
	}
	return -1
}

// firstNull returns the first row that is null, or -1. Most often a dictionary's null
// slot is the only one, and is not used.
func firstNull(c *column.Column) int {
	nulls, last := 0, 0
	eachNull(&c.Values, func(i int) { nulls, last = nulls+1, i })
	switch {
	case nulls == 0:
		return -1
	case c.Index != nil && nulls == 1:
		return slices.Index(c.Index, int32(last))
	}
	for i := range c.Len {
		if !c.Values.Valid.Get(c.Slot(i)) {
			return i
		}
	}
	return -1
}

// eachNull calls f for every null slot.
func eachNull(v *column.Vector, f func(int)) {
	for at := 0; v.Valid != nil && at < v.Len; at += 64 {
		for nulls := ^v.Valid[at/64]; nulls != 0; nulls &= nulls - 1 {
			if i := at + bits.TrailingZeros64(nulls); i < v.Len {
				f(i)
			}
		}
	}
}

func fillF32(dst []uint32, v *column.Vector) {
	switch {
	case v.Float32s != nil:
		for i, x := range v.Float32s[:len(dst)] {
			dst[i] = math.Float32bits(x)
		}
	case v.Float64s != nil:
		for i, x := range v.Float64s[:len(dst)] {
			dst[i] = math.Float32bits(float32(x))
		}
	default:
		for i := range dst {
			dst[i] = math.Float32bits(float32(integer(v, i)))
		}
	}
}

func fillF64(dst []uint64, v *column.Vector) {
	switch {
	case v.Float32s != nil:
		for i, x := range v.Float32s[:len(dst)] {
			dst[i] = math.Float64bits(float64(x))
		}
	case v.Float64s != nil:
		for i, x := range v.Float64s[:len(dst)] {
			dst[i] = math.Float64bits(x)
		}
	default:
		for i := range dst {
			dst[i] = math.Float64bits(float64(integer(v, i)))
		}
	}
}

func fillI64(dst []uint64, v *column.Vector) {
	switch {
	case v.Int32s != nil:
		for i, x := range v.Int32s[:len(dst)] {
			dst[i] = uint64(int64(x))
		}
	case v.Int64s != nil:
		for i, x := range v.Int64s[:len(dst)] {
			dst[i] = uint64(x)
		}
	default:
		for i := range dst {
			dst[i] = uint64(integer(v, i))
		}
	}
}

// integer returns a slot of a bool, integer or temporal vector.
func integer(v *column.Vector, slot int) int64 {
	if v.Type == column.Bool {
		return truth(v.Bools[slot])
	}
	return v.Int(slot)
}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// put writes rows [from, to) of column j at every stride of dst.
func (s *cells) put(dst []byte, stride, j, from, to int) {
	e := &s.columns[j]
	switch size := e.dtype.Size(); {
	case size == 4 && e.index == nil:
		put32(dst, stride, e.words[from:to])
	case size == 4:
		gather32(dst, stride, e.words, e.index[from:to])
	case size == 8 && e.index == nil:
		put64(dst, stride, e.longs[from:to])
	case size == 8:
		gather64(dst, stride, e.longs, e.index[from:to])
	case e.index == nil:
		for i, x := range e.bytes[from:to] {
			dst[i*stride] = x
		}
	default:
		for i, slot := range e.index[from:to] {
			dst[i*stride] = e.bytes[slot]
		}
	}
}

func put32(dst []byte, stride int, src []uint32) {
	at := 0
	for _, x := range src {
		binary.LittleEndian.PutUint32(dst[at:at+4], x)
		at += stride
	}
}

func gather32(dst []byte, stride int, table []uint32, index []int32) {
	at := 0
	for _, slot := range index {
		binary.LittleEndian.PutUint32(dst[at:at+4], table[slot])
		at += stride
	}
}

func put64(dst []byte, stride int, src []uint64) {
	at := 0
	for _, x := range src {
		binary.LittleEndian.PutUint64(dst[at:at+8], x)
		at += stride
	}
}

func gather64(dst []byte, stride int, table []uint64, index []int32) {
	at := 0
	for _, slot := range index {
		binary.LittleEndian.PutUint64(dst[at:at+8], table[slot])
		at += stride
	}
}

// resize returns s with n elements, whose contents are arbitrary.
func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
