package parquet

import (
	"encoding/binary"
	"math"
	"math/bits"

	"github.com/parquet-go/bitpack/unsafecast"

	"quern/features/column"
	"quern/internal/simd"
)

// packedSlots is memory for the present slots of a page, without the nulls.
type packedSlots struct {
	bools    []bool
	int32s   []int32
	int64s   []int64
	float32s []float32
	float64s []float64
}

// plainPage fills levels and values with the values of rows [from, to), which are
// slots of w.whole, and returns how many are present.
func (w *columnWriter) plainPage(from, to int, b *bounds) int {
	v, s := w.whole, &w.slots
	valid := v.Valid
	if valid != nil && v.Len == to-from && valid.Count(v.Len) == v.Len {
		valid = nil
	}
	w.levels = appendLevels(w.levels, valid, from, to)
	switch w.typ {
	case column.String:
		return w.textPage(valid, from, to, b)
	case column.Bool:
		values := present(&s.bools, v.Bools, valid, from, to)
		w.values = appendBits(w.values, values)
		b.seeBools(values)
		return len(values)
	case column.Int32, column.Date:
		values := presentNumbers(w.kernels, &s.int32s, v.Int32s, valid, from, to)
		w.values = appendNumbers(w.values, values)
		if r := w.kernels.Int32Range(values, nil); r.N > 0 {
			b.seeInt(int64(r.Low))
			b.seeInt(int64(r.High))
		}
		return len(values)
	case column.Int64, column.Timestamp, column.Datetime:
		values := presentNumbers(w.kernels, &s.int64s, v.Int64s, valid, from, to)
		w.values = appendNumbers(w.values, values)
		if r := w.kernels.IntRange(values, nil); r.N > 0 {
			b.seeInt(r.Low)
			b.seeInt(r.High)
		}
		return len(values)
	case column.Float32:
		values := presentNumbers(w.kernels, &s.float32s, v.Float32s, valid, from, to)
		w.values = appendNumbers(w.values, values)
		if r := w.kernels.Float32Range(values, nil); r.N > 0 {
			b.seeReal(float64(r.Low))
			b.seeReal(float64(r.High))
		}
		return len(values)
	case column.Float64:
		values := presentNumbers(w.kernels, &s.float64s, v.Float64s, valid, from, to)
		w.values = appendNumbers(w.values, values)
		if r := w.kernels.FloatRange(values, nil); r.N > 0 {
			b.seeReal(r.Low)
			b.seeReal(r.High)
		}
		return len(values)
	}
	panic("quern: bug: column of type " + w.typ.String())
}

// textPage appends the present strings of rows [from, to).
func (w *columnWriter) textPage(valid column.Bitmap, from, to int, b *bounds) int {
	n := 0
	for i := from; i < to; i++ {
		if valid.Get(i) {
			s := w.whole.Text.At(i)
			w.values = append(binary.LittleEndian.AppendUint32(w.values, uint32(len(s))), s...)
			b.seeText(s)
			n++
		}
	}
	return n
}

// appendLevels appends the definition levels of rows [from, to): a run of ones, or
// the bits of the bitmap as they are.
func appendLevels(dst []byte, valid column.Bitmap, from, to int) []byte {
	if valid == nil {
		return appendRun(dst, to-from, 1)
	}
	dst = appendPackedHead(dst, to-from)
	if from%64 == 0 {
		start := len(dst)
		for _, word := range valid[from/64 : (to+63)/64] {
			dst = binary.LittleEndian.AppendUint64(dst, word)
		}
		dst = dst[:start+(to-from+7)/8]
		if rest := (to - from) % 8; rest != 0 {
			dst[len(dst)-1] &= 1<<rest - 1
		}
		return dst
	}
	for i := from; i < to; i++ {
		dst = appendBit(dst, i-from, valid.Get(i))
	}
	return dst
}

// appendBit appends bit number n of a packed stretch at the end of dst.
func appendBit(dst []byte, n int, bit bool) []byte {
	if n%8 == 0 {
		dst = append(dst, 0)
	}
	if bit {
		dst[len(dst)-1] |= 1 << (n % 8)
	}
	return dst
}

// presentNumbers is present for numbers.
func presentNumbers[T simd.Fixed](k *simd.Kernels, memory *[]T, src []T, valid column.Bitmap, from, to int) []T {
	if valid == nil || from%64 != 0 {
		return present(memory, src, valid, from, to)
	}
	if cap(*memory) < to-from {
		*memory = make([]T, to-from)
	}
	out := (*memory)[:to-from]
	return out[:simd.Compact(k, out, src[from:to], valid[from/64:])]
}

// present returns slots [from, to) without the nulls: of src itself if there are
// none, else copied to memory.
func present[T any](memory *[]T, src []T, valid column.Bitmap, from, to int) []T {
	if valid == nil {
		return src[from:to]
	}
	out := (*memory)[:0]
	if cap(out) < to-from {
		out = make([]T, 0, to-from)
	}
	for at := from; at < to; {
		end := min(to, at|63+1)
		word := valid[at/64] >> (at % 64) & (1<<(end-at) - 1)
		if end-at == 64 && word == math.MaxUint64 {
			out = append(out, src[at:end]...)
		} else {
			for ; word != 0; word &= word - 1 {
				out = append(out, src[at+bits.TrailingZeros64(word)])
			}
		}
		at = end
	}
	*memory = out
	return out
}

// appendBits appends bools, one bit each.
func appendBits(dst []byte, src []bool) []byte {
	for i, x := range src {
		dst = appendBit(dst, i, x)
	}
	return dst
}

// appendNumbers appends numbers, least significant byte first.
func appendNumbers[T simd.Fixed](dst []byte, src []T) []byte {
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		return append(dst, unsafecast.Slice[byte](src)...)
	}
	dst, err := binary.Append(dst, binary.LittleEndian, src)
	if err != nil {
		panic("quern: bug: " + err.Error())
	}
	return dst
}

// grow returns b with n more bytes, whose contents are arbitrary.
func grow(b []byte, n int) []byte {
	if need := len(b) + n; need <= cap(b) {
		return b[:need]
	}
	bigger := make([]byte, len(b)+n, len(b)+n+len(b)/2)
	copy(bigger, b)
	return bigger
}
