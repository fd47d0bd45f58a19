package kernel

import (
	"math"

	"quern/features/program"
)

// Widen converts exactly from storage to register form.
func Widen[W Number, N int32 | float32](dst []W, src []N) {
	src = src[:len(dst)]
	for i := range dst {
		dst[i] = W(src[i])
	}
}

// NarrowInts converts registers of a 32-bit type to storage form. Garbage under
// nulls is cut off.
func NarrowInts(dst []int32, src []int64) {
	src = src[:len(dst)]
	for i := range dst {
		dst[i] = int32(src[i])
	}
}

// NarrowFloats converts Float32 registers to storage form, with the canonical NaN.
func NarrowFloats(dst []float32, src []float64) {
	src = src[:len(dst)]
	for i := range dst {
		x := float32(src[i])
		if x != x {
			x = math.Float32frombits(0x7FC00000)
		}
		dst[i] = x
	}
}

// Canonical copies floats and gives every NaN its canonical bits. dst may be src.
func Canonical(dst, src []float64) {
	src = src[:len(dst)]
	nan := program.NaN()
	for i := range dst {
		x := src[i]
		if x != x {
			x = nan
		}
		dst[i] = x
	}
}

// Canonical32 is Canonical for floats in storage form.
func Canonical32(dst, src []float32) {
	src = src[:len(dst)]
	nan := math.Float32frombits(0x7FC00000)
	for i := range dst {
		x := src[i]
		if x != x {
			x = nan
		}
		dst[i] = x
	}
}

// Round32s rounds to the nearest float32, ties to even.
func Round32s(dst, a []float64) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i] = float64(float32(a[i]))
	}
}

// IntsToFloats converts with one rounding.
func IntsToFloats(dst []float64, a []int64) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i] = float64(a[i])
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
