package program

import "math"

// AddInt returns a+b, and false when it overflows.
func AddInt(a, b int64) (int64, bool) {
	c := a + b
	return c, (c > a) == (b > 0)
}

// SubInt returns a-b, and false when it overflows.
func SubInt(a, b int64) (int64, bool) {
	c := a - b
	return c, (c < a) == (b > 0)
}

// MulInt returns a*b, and false when it overflows.
func MulInt(a, b int64) (int64, bool) {
	if a == 0 || b == 0 {
		return 0, true
	}
	if a == math.MinInt64 && b == -1 || b == math.MinInt64 && a == -1 {
		return math.MinInt64, false
	}
	c := a * b
	return c, c/b == a
}

// FloorDivInt returns a/b rounded towards -Inf, and false when it overflows (the
// least integer by -1). b must not be 0: FloorDiv by zero is null.
func FloorDivInt(a, b int64) (int64, bool) {
	if a == math.MinInt64 && b == -1 {
		return math.MinInt64, false
	}
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q, true
}

// ModInt returns a - b*floor(a/b), which has the sign of b or is 0. b must not be 0:
// Mod by zero is null. It never overflows.
func ModInt(a, b int64) int64 {
	if b == -1 {
		return 0
	}
	r := a % b
	if r != 0 && (r < 0) != (b < 0) {
		r += b
	}
	return r
}

// NegInt returns -a, and false when it overflows.
func NegInt(a int64) (int64, bool) { return -a, a != math.MinInt64 }

// AbsInt returns |a|, and false when it overflows.
func AbsInt(a int64) (int64, bool) {
	if a < 0 {
		return -a, a != math.MinInt64
	}
	return a, true
}

// SignInt returns -1, 0 or 1.
func SignInt(a int64) int64 {
	switch {
	case a < 0:
		return -1
	case a > 0:
		return 1
	}
	return 0
}

// ClampInt returns low where x < low, else high where x > high, else x.
func ClampInt(x, low, high int64) int64 {
	switch {
	case x < low:
		return low
	case x > high:
		return high
	}
	return x
}

// BucketInt returns how many of the ascending edges are at most x (right: are
// below x). The integer and the edges are compared exactly, beyond 2^53 too.
func BucketInt(edges []float64, x int64, right bool) int64 {
	low, high := 0, len(edges)
	for low < high {
		mid := int(uint(low+high) / 2)
		c := CompareIntFloat(x, edges[mid])
		if c > 0 || c == 0 && !right {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return int64(low)
}

// CompareIntFloat compares x with y as the real numbers that they are: -1, 0 or
// 1. y must not be NaN.
func CompareIntFloat(x int64, y float64) int {
	switch {
	case y >= 1<<63:
		return -1
	case y < -1<<63:
		return 1
	}
	whole := math.Floor(y)
	n := int64(whole)
	switch {
	case x < n || x == n && whole < y:
		return -1
	case x > n:
		return 1
	}
	return 0
}
