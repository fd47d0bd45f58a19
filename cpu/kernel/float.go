package kernel

import (
	"math"

	"quern/features/program"
)

// FloorDivFloats computes floor(a/b), rounded once each.
func FloorDivFloats(dst, a, b []float64) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = math.Floor(a[i] / b[i])
	}
}

// MapFloats computes f of each value.
func MapFloats(dst, a []float64, f func(float64) float64) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i] = f(a[i])
	}
}

// ZipFloats computes f of each pair.
func ZipFloats(dst, a, b []float64, f func(x, y float64) float64) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = f(a[i], b[i])
	}
}

// NegFloats computes -a.
func NegFloats(dst, a []float64) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i] = -a[i]
	}
}

// AbsFloats computes |a|.
func AbsFloats(dst, a []float64) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i] = math.Abs(a[i])
	}
}

// SignFloats computes -1, 0 or 1 with the zeros and NaNs of a.
func SignFloats(dst, a []float64) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i] = program.SignFloat(a[i])
	}
}

// FloorFloats rounds towards -Inf.
func FloorFloats(dst, a []float64) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i] = math.Floor(a[i])
	}
}

// CeilFloats rounds towards +Inf.
func CeilFloats(dst, a []float64) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i] = math.Ceil(a[i])
	}
}

// RoundFloats rounds to the nearest integer, ties to even.
func RoundFloats(dst, a []float64) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i] = math.RoundToEven(a[i])
	}
}

// TruncFloats rounds towards zero.
func TruncFloats(dst, a []float64) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i] = math.Trunc(a[i])
	}
}

// SqrtFloats computes the correctly rounded square root.
func SqrtFloats(dst, a []float64) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i] = math.Sqrt(a[i])
	}
}

// FillFloats sets every slot to x.
func FillFloats(dst []float64, x float64) {
	for i := range dst {
		dst[i] = x
	}
}
