package kernel

import (
	"math"

	"quern/features/program"
)

// Canonical32 copies floats in storage form and gives every NaN its canonical bits.
// dst may be src.
func Canonical32(dst, src []float32) {
	src = src[:len(dst)]
	for i := range dst {
		b := math.Float32bits(src[i])
		isNaN := (0x7F800000 - b&^(1<<31)) >> 31
		dst[i] = math.Float32frombits(b ^ (b^0x7FC00000)&-isNaN)
	}
}

// BoolsToFloats converts to 0 and 1.
func BoolsToFloats(dst []float64, a []bool) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i] = float64(int64(Bit(a[i])))
	}
}

// BoolsToInts converts to 0 and 1.
func BoolsToInts(dst []int64, a []bool) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i] = int64(Bit(a[i]))
	}
}

// FloatsToInts cuts off the fraction and reports whether a value was NaN or
// outside of int64 (its slot is then 0).
func FloatsToInts(dst []int64, a []float64) bool {
	a = a[:len(dst)]
	all := true
	for i := range dst {
		n, ok := program.IntOf(a[i])
		dst[i] = n
		all = all && ok
	}
	return !all
}

// CheckInts32 copies integers and reports whether one is outside of int32.
func CheckInts32(dst, a []int64) bool {
	a = a[:len(dst)]
	over := int64(0)
	for i := range dst {
		x := a[i]
		over |= x ^ int64(int32(x))
		dst[i] = x
	}
	return over != 0
}
