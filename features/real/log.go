package real

import "math"

// ln2 in two parts. The first has 42 bits, so that its product with an exponent is exact.
const (
	ln2High = 0x1.62e42fefa3800p-1
	ln2Low  = 0x1.ef35793c76730p-45
)

// Log is the natural logarithm. Log(+Inf) = +Inf, Log(±0) = -Inf, Log(x < 0) and
// Log(NaN) are NaN.
//
// Method: x = 2^k (1+f) with 1+f in [sqrt(1/2), sqrt(2)); then
// log x = k ln2 + f - f^2/2 + f^3 P(f), with the largest terms added by an exact
// sum. (As in W. J. Cody and W. Waite, Software Manual for the Elementary
// Functions, 1980, but with a polynomial in f where they divide.)
func Log(x float64) float64 {
	switch {
	case x != x || x < 0:
		return nan()
	case x == 0:
		return math.Inf(-1)
	case x > math.MaxFloat64:
		return x
	}
	k, m := binary(x)
	return logSum(float64(k), m-1, 0)
}

// Log1p is log(1+x), accurate near 0. Log1p(±0) = ±0, Log1p(-1) = -Inf,
// Log1p(+Inf) = +Inf, Log1p(x < -1) and Log1p(NaN) are NaN.
//
// Method: u + c = 1 + x exactly, u = 2^k (1+f); the rest c is added to f. For
// k = 0 that gives back x itself, without loss.
func Log1p(x float64) float64 {
	switch {
	case x != x || x < -1:
		return nan()
	case x == -1:
		return math.Inf(-1)
	case x > math.MaxFloat64 || math.Abs(x) < 0x1p-54:
		return x
	}
	u, c := twoSum(1, x)
	k, m := binary(u)
	if k > 60 { // c is at most 1: nothing beside log u
		return logSum(float64(k), m-1, 0)
	}
	f, g := twoSum(m-1, float64(c*powerOfTwo(-k)))
	return logSum(float64(k), f, g-float64(g*f)) // the derivative of log, 1/(1+f), is near 1-f
}

// binary returns k and m with x = 2^k m and m in [sqrt(1/2), sqrt(2)), nearly.
// x is positive and finite.
func binary(x float64) (k int, m float64) {
	const middle = 0x3FE6A09E << 32 // the leading bits of sqrt(1/2)
	if x < 0x1p-1022 {
		x = float64(x * 0x1p54)
		k = -54
	}
	bits := math.Float64bits(x)
	e := int64(bits-middle) >> 52
	return k + int(e), math.Float64frombits(bits - uint64(e)<<52)
}

// logSum is k ln2 + log(1+f) + g, where g is a small correction.
func logSum(k, f, g float64) float64 {
	z := float64(f * f)
	high, low := fastTwoSum(float64(k*ln2High), f)
	small := low + (float64(k*ln2Low) + g)
	small = mulAdd(float64(f*z), logPolynomial(f, z), small)
	return high + (small - float64(0.5*z))
}

// logPolynomial is (log(1+f) - f + f^2/2) / f^3, given z = f^2.
func logPolynomial(f, z float64) float64 {
	a := mulAdd(f, -0x1.0000000000007p-2, 0x1.5555555555555p-2)
	b := mulAdd(f, -0x1.5555555553457p-3, 0x1.99999999998d7p-3)
	c := mulAdd(f, -0x1.000000017c537p-3, 0x1.249249249e4aap-3)
	d := mulAdd(f, -0x1.9999989e9cd62p-4, 0x1.c71c71bf5dae5p-4)
	e := mulAdd(f, -0x1.55558229a00ddp-4, 0x1.745d1806bb4dfp-4)
	g := mulAdd(f, -0x1.248da65935e4ap-4, 0x1.3b13c73d45a59p-4)
	h := mulAdd(f, -0x1.00471d7e38c82p-4, 0x1.110a3ca1062aap-4)
	i := mulAdd(f, -0x1.c29e20290a705p-5, 0x1.e3351dc7fa4a8p-5)
	j := mulAdd(f, -0x1.a4f2c03141503p-5, 0x1.9ef542a887b4fp-5)
	l := mulAdd(f, -0x1.ba0e12fbf27d8p-5, 0x1.e4de413226fa1p-5)
	const last = 0x1.7d2985cade08bp-6

	a, c, e = mulAdd(b, z, a), mulAdd(d, z, c), mulAdd(g, z, e)
	h, j = mulAdd(i, z, h), mulAdd(l, z, j)
	z2 := float64(z * z)
	a, e, j = mulAdd(c, z2, a), mulAdd(h, z2, e), mulAdd(last, z2, j)
	z4 := float64(z2 * z2)
	return mulAdd(float64(z4*z4), j, mulAdd(e, z4, a))
}
