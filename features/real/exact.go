package real

import "math"

// mulAdd is x*y + z with both operations rounded, on every architecture.
func mulAdd(x, y, z float64) float64 { return float64(x*y) + z }

// fastTwoSum returns a+b and its rounding error, exactly, if a is zero or its
// exponent is at least that of b. (T. J. Dekker, A floating-point technique for
// extending the available precision, Numer. Math. 18, 1971.)
func fastTwoSum(a, b float64) (sum, err float64) {
	sum = a + b
	return sum, b - (sum - a)
}

// twoSum returns a+b and its rounding error, exactly, in either order of size.
// (D. E. Knuth, The Art of Computer Programming 2, section 4.2.2.)
func twoSum(a, b float64) (sum, err float64) {
	sum = a + b
	part := sum - a
	return sum, (a - (sum - part)) + (b - part)
}

// split cuts x into two halves of at most 26 bits whose sum is x. |x| < 2^996.
// (G. W. Veltkamp; in Dekker 1971.)
func split(x float64) (high, low float64) {
	const splitter = 1<<27 + 1
	c := float64(splitter * x)
	high = c - (c - x)
	return high, x - high
}

// twoProduct returns a*b and its rounding error, exactly unless the error
// underflows. (Dekker 1971; a fused multiply-add would do it in two operations,
// but not every back end has one.)
func twoProduct(a, b float64) (product, err float64) {
	aHigh, aLow := split(a)
	bHigh, bLow := split(b)
	product = float64(a * b)
	err = float64(aHigh*bHigh) - product
	err += float64(aHigh * bLow)
	err += float64(aLow * bHigh)
	return product, err + float64(aLow*bLow)
}

// wide is an unevaluated sum of two doubles, hi + lo, with about 106 bits.
type wide struct{ hi, lo float64 }

// times is a*b to about 2^-103 of the product.
func (a wide) times(b wide) wide {
	p, e := twoProduct(a.hi, b.hi)
	e += float64(a.hi*b.lo) + float64(a.lo*b.hi)
	return wide{p, e}
}

// plus is a+b to about 2^-104 of the larger; |a| >= |b|, or a is zero.
func (a wide) plus(b wide) wide {
	s, e := fastTwoSum(a.hi, b.hi)
	e += a.lo + b.lo
	return wide{s, e}
}

// powerOfTwo is 2^k, for k from -1022 to 1023.
func powerOfTwo(k int) float64 { return math.Float64frombits(uint64(k+1023) << 52) }

// scale is v * 2^k, rounded once: the first product is exact where the result is
// not a normal number. |v| is near 1, and k from -1100 to 1025.
func scale(v float64, k int) float64 {
	first := k >> 1
	return float64(float64(v*powerOfTwo(first)) * powerOfTwo(k-first))
}

// nan is the only NaN that this package returns.
func nan() float64 { return math.Float64frombits(0x7FF8000000000000) }
