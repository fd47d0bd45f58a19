package real

import "math"

// Exp is e^x. Exp(+Inf) = +Inf, Exp(-Inf) = 0, Exp(NaN) = NaN; overflow gives
// +Inf, underflow a subnormal number or 0.
//
// Method: x = k ln2 + r with |r| <= ln2/2, ln2 in two parts (Cody and Waite 1980);
// then 2^k (1 + r + r^2/2 + r^3 P(r)), the 1 added last.
func Exp(x float64) float64 {
	if x != x {
		return nan()
	}
	return expWide(wide{x, 0})
}

// Expm1 is e^x - 1, accurate near 0. Expm1(±0) = ±0, Expm1(+Inf) = +Inf,
// Expm1(-Inf) = -1, Expm1(NaN) = NaN.
//
// Method: as Exp, with 1 - 2^-k in place of 1 before the scaling by 2^k.
func Expm1(x float64) float64 {
	switch {
	case x != x:
		return nan()
	case x == 0:
		return x
	case x > 710:
		return math.Inf(1)
	case x < -40:
		return -1
	}
	k, r, q := reduceExp(wide{x, 0})
	one, rest := 1.0, 0.0
	if k <= 60 { // beyond, 2^-k is lost beside 1
		one, rest = twoSum(1, -powerOfTwo(-k))
	}
	high, low := fastTwoSum(one, r)
	return scale(high+(low+(q+rest)), k)
}

// expWide is e^(x.hi + x.lo), within 0.6 ulp where the result is normal.
func expWide(x wide) float64 {
	switch {
	case x.hi > 710:
		return math.Inf(1)
	case x.hi < -746:
		return 0
	}
	k, r, q := reduceExp(x)
	high, low := fastTwoSum(1, r)
	return scale(high+(low+q), k)
}

// reduceExp returns k, r and q with e^(x.hi + x.lo) = 2^k (1 + r + q): r is the
// reduced argument, |r| <= ln2/2, and q the rest of the series, q < r^2.
// |x.hi| <= 746 and |x.lo| is at most about an ulp of x.hi.
func reduceExp(x wide) (k int, r, q float64) {
	const log2e = 0x1.71547652b82fep+0
	const rounder = 0x1.8p52 // adding it leaves an integer in the low bits
	shifted := mulAdd(x.hi, log2e, rounder)
	n := shifted - rounder
	k = int(int32(uint32(math.Float64bits(shifted))))

	a := x.hi - float64(n*ln2High) // exact
	b := float64(n * ln2Low)
	first := a - b
	rest := ((a - first) - b) + x.lo
	r, c := fastTwoSum(first, rest) // e^(r+c) is nearly e^r + c(1+r)

	z := float64(r * r)
	small := mulAdd(float64(z*r), expPolynomial(r, z), mulAdd(c, r, c))
	return k, r, float64(0.5*z) + small
}

// expPolynomial is (e^r - 1 - r - r^2/2) / r^3, given z = r^2.
func expPolynomial(r, z float64) float64 {
	a := mulAdd(r, 0x1.5555555555556p-5, 0x1.5555555555555p-3)
	b := mulAdd(r, 0x1.6c16c16c162d6p-10, 0x1.1111111111111p-7)
	c := mulAdd(r, 0x1.a01a01a6d787dp-16, 0x1.a01a01a019b2bp-13)
	d := mulAdd(r, 0x1.27e4db679d0c0p-22, 0x1.71de3a5904972p-19)
	e := mulAdd(r, 0x1.1f72fca335d17p-29, 0x1.ae64344d66a09p-26)
	const last = 0x1.61b2b04a0777ap-33

	a, c, e = mulAdd(b, z, a), mulAdd(d, z, c), mulAdd(last, z, e)
	z2 := float64(z * z)
	return mulAdd(float64(z2*z2), e, mulAdd(c, z2, a))
}
