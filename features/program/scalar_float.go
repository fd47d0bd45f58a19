package program

import "math"

// NaN returns the canonical NaN, bits 0x7FF8000000000000. Its float32 form is
// 0x7FC00000. (math.NaN has other bits.)
func NaN() float64 { return math.Float64frombits(0x7FF8000000000000) }

// Canon returns x, or the canonical NaN for any NaN.
func Canon(x float64) float64 {
	if x != x {
		return NaN()
	}
	return x
}

// FloorDivFloat returns floor(a/b): the quotient is rounded, then floored.
func FloorDivFloat(a, b float64) float64 { return Canon(math.Floor(a / b)) }

// ModFloat returns the remainder with the sign of b (a zero too): math.Mod, which
// is exact, then plus b if it is not zero and the signs differ. NaN where b is 0
// or a is infinite.
func ModFloat(a, b float64) float64 {
	r := math.Mod(a, b)
	switch {
	case r != r:
		return NaN()
	case r == 0:
		return math.Copysign(0, b)
	case (r < 0) != (b < 0):
		return r + b
	}
	return r
}

// MinFloat returns the smaller; NaN if either is NaN; -0 is smaller than 0.
func MinFloat(a, b float64) float64 { return Canon(min(a, b)) }

// MaxFloat returns the larger; NaN if either is NaN; 0 is larger than -0.
func MaxFloat(a, b float64) float64 { return Canon(max(a, b)) }

// ClampFloat returns low where x < low, else high where x > high, else x. A NaN
// limit does not limit.
func ClampFloat(x, low, high float64) float64 {
	switch {
	case x < low:
		return low
	case x > high:
		return high
	}
	return Canon(x)
}

// SignFloat returns -1 or 1, or x itself where it is zero (either) or NaN.
func SignFloat(x float64) float64 {
	switch {
	case x < 0:
		return -1
	case x > 0:
		return 1
	}
	return Canon(x)
}

// RoundTo32 returns the float32 nearest to x, ties to even, as a float64.
func RoundTo32(x float64) float64 { return Canon(float64(float32(x))) }

// IntOf returns x without its fraction, and false for NaN and for what is outside
// of int64.
func IntOf(x float64) (int64, bool) {
	if !(x >= -1<<63 && x < 1<<63) {
		return 0, false
	}
	return int64(x), true
}

// BucketFloat returns how many of the ascending edges are at most x (right: are
// below x), or nan where x is NaN.
func BucketFloat(edges []float64, x float64, right bool, nan int64) int64 {
	if x != x {
		return nan
	}
	low, high := 0, len(edges)
	for low < high {
		mid := int(uint(low+high) / 2)
		if edges[mid] < x || edges[mid] == x && !right {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return int64(low)
}

// DotFloat returns ((c0 + x1*c1) + x2*c2) ..., where c0 is the last coefficient.
// Each product and each sum is rounded.
func DotFloat(x, coefficients []float64) float64 {
	sum := coefficients[len(x)]
	for i, v := range x {
		sum += float64(v * coefficients[i])
	}
	return Canon(sum)
}
