package kernel

import (
	"math"
	"math/bits"
)

// AddInts computes a+b and reports whether a slot overflowed.
func AddInts(dst, a, b []int64) bool {
	a, b = a[:len(dst)], b[:len(dst)]
	over := int64(0)
	for i := range dst {
		x, y := a[i], b[i]
		z := x + y
		over |= (x ^ z) & (y ^ z)
		dst[i] = z
	}
	return over < 0
}

// SubInts computes a-b and reports whether a slot overflowed.
func SubInts(dst, a, b []int64) bool {
	a, b = a[:len(dst)], b[:len(dst)]
	over := int64(0)
	for i := range dst {
		x, y := a[i], b[i]
		z := x - y
		over |= (x ^ y) & (x ^ z)
		dst[i] = z
	}
	return over < 0
}

// MulInts computes a*b and reports whether a slot overflowed: the high half of the
// 128-bit product is not the low half's sign.
func MulInts(dst, a, b []int64) bool {
	a, b = a[:len(dst)], b[:len(dst)]
	over := uint64(0)
	for i := range dst {
		x, y := a[i], b[i]
		high, low := bits.Mul64(uint64(x), uint64(y))
		high -= uint64(x>>63&y) + uint64(y>>63&x)
		over |= high ^ uint64(int64(low)>>63)
		dst[i] = int64(low)
	}
	return over != 0
}

// FloorDivInts computes a/b towards -Inf and reports whether a divisor was zero
// (the slot is then 0, see ClearZeros) and whether a slot overflowed.
func FloorDivInts(dst, a, b []int64) (zero, over bool) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		x, y := a[i], b[i]
		if uint64(y+1) <= 1 { // -1 or 0: the two divisors that the machine traps on
			zero = zero || y == 0
			over = over || y == -1 && x == math.MinInt64
			dst[i] = -(x & y) // y == 0: 0; y == -1: -x
			continue
		}
		q := x / y
		if r := x - q*y; r != 0 && r^y < 0 {
			q--
		}
		dst[i] = q
	}
	return zero, over
}

// ModInts computes a - b*floor(a/b) and reports whether a divisor was zero (the
// slot is then 0, see ClearZeros).
func ModInts(dst, a, b []int64) (zero bool) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		x, y := a[i], b[i]
		if uint64(y+1) <= 1 {
			zero = zero || y == 0
			dst[i] = 0
			continue
		}
		r := x % y
		if r != 0 && r^y < 0 {
			r += y
		}
		dst[i] = r
	}
	return zero
}

// NegInts computes -a and reports whether a slot overflowed.
func NegInts(dst, a []int64) bool {
	a = a[:len(dst)]
	over := int64(0)
	for i := range dst {
		x := a[i]
		over |= x & -x // negative for the least integer only
		dst[i] = -x
	}
	return over < 0
}

// AbsInts computes |a| and reports whether a slot overflowed.
func AbsInts(dst, a []int64) bool {
	a = a[:len(dst)]
	over := int64(0)
	for i := range dst {
		x := a[i]
		sign := x >> 63
		y := (x ^ sign) - sign
		over |= y
		dst[i] = y
	}
	return over < 0
}

// SignInts computes -1, 0 or 1.
func SignInts(dst, a []int64) {
	a = a[:len(dst)]
	for i := range dst {
		x := a[i]
		dst[i] = x>>63 | int64(uint64(-x)>>63)
	}
}

// Buckets computes h mod n, h taken as unsigned. n is at least 1.
func Buckets(dst, h []int64, n uint64) {
	h = h[:len(dst)]
	if n&(n-1) == 0 {
		for i := range dst {
			dst[i] = int64(uint64(h[i]) & (n - 1))
		}
		return
	}
	for i := range dst {
		dst[i] = int64(uint64(h[i]) % n)
	}
}
