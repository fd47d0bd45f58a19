package real

import "math"

// Pow is x^y, with the special cases of C99 (and package math): Pow(x, 0) = 1 and
// Pow(1, y) = 1 even for NaN, Pow(x < 0, y) is NaN unless y is an integer, and so on.
// A result that is representable is exact, as 3^2 = 9 or 10^22.
//
// Method: e^(y log|x|), the logarithm and the product as sums of two doubles with
// a relative error below 2^-67, so that the error of y log|x|, at most 745, stays
// under 2^-57.
func Pow(x, y float64) float64 {
	if y == 0 || x == 1 {
		return 1
	}
	if x != x || y != y {
		return nan()
	}
	integer, odd := parity(y)
	size := math.Abs(x)
	if size == 0 || size == 1 || math.IsInf(x, 0) || math.IsInf(y, 0) {
		return powSpecial(x, y, odd)
	}
	if x < 0 && !integer {
		return nan()
	}
	result := powPositive(size, y)
	if x < 0 && odd {
		return -result
	}
	return result
}

// powSpecial is Pow where x is 0, -1 or infinite, or y is infinite.
func powSpecial(x, y float64, odd bool) float64 {
	size := math.Abs(x)
	result := math.Inf(1)
	switch {
	case size == 1 && !math.IsInf(y, 0) && math.Trunc(y) != y:
		return nan()
	case size == 1:
		result = 1
	case (size > 1) == (y < 0):
		result = 0
	}
	if odd {
		return math.Copysign(result, x)
	}
	return result
}

// parity reports whether y is an integer, and whether it is an odd one. An
// infinity is an even integer, and so is any double from 2^53.
func parity(y float64) (integer, odd bool) {
	if math.Abs(y) >= 1<<53 {
		return true, false
	}
	i := int64(y)
	integer = float64(i) == y
	return integer, integer && i&1 == 1
}

// powPositive is x^y for finite x > 0, x != 1, and finite y != 0.
func powPositive(x, y float64) float64 {
	switch {
	case math.Abs(y) < 0x1p-65: // |log x| <= 745: the result rounds to 1
		return 1
	case math.Abs(y) > 0x1p65: // |log x| >= 2^-54: it is out of range
		if (x > 1) == (y > 0) {
			return math.Inf(1)
		}
		return 0
	}
	l := logWide(x)
	p, e := twoProduct(y, l.hi)
	return expWide(wide{p, mulAdd(y, l.lo, e)})
}

// logWide is log x to a relative error below 2^-67, for finite x > 0.
//
// Method: x = 2^k m; with s = (m-1)/(m+1), |s| < 0.172, and z = s^2,
// log m = 2s + s z (2/3 + z (2/5 + z T(z))). T is plain; what is added to it is wide.
func logWide(x float64) wide {
	exponent, m := binary(x)
	k := float64(exponent)
	s := quotient(m)
	z := s.times(s)
	const high5, low5 = 0x1.999999999999ap-2, -0x1.999999999999ap-56 // 2/5
	const high3, low3 = 0x1.5555555555555p-1, 0x1.5555555555555p-55  // 2/3
	u := wide{high5, low5}.plus(wide{float64(z.hi * atanhPolynomial(z.hi)), 0})
	w := wide{high3, low3}.plus(u.times(z))
	logM := wide{2 * s.hi, 2 * s.lo}.plus(w.times(z).times(s))
	sum := wide{float64(k * ln2High), float64(k * ln2Low)}.plus(logM)
	high, low := fastTwoSum(sum.hi, sum.lo)
	return wide{high, low}
}

// quotient is (m-1)/(m+1) for m from 1/2 to below 2.
func quotient(m float64) wide {
	above := m - 1                  // exact
	below, rest := fastTwoSum(1, m) // exact, as m < 2
	s := above / below              // correctly rounded on every back end
	p, e := twoProduct(s, below)    // above - p is exact: p is within an ulp of it
	missing := (above - p) - e      // what s*below lacks
	missing -= float64(s * rest)    // and s*rest
	return wide{s, missing / below}
}

// atanhPolynomial is T(z) = (log((1+s)/(1-s))/s - 2 - 2z/3 - 2z^2/5) / z^3 for
// z = s^2, z <= 0.0295.
func atanhPolynomial(z float64) float64 {
	a := mulAdd(z, 0x1.c71c71c71c822p-3, 0x1.2492492492492p-2)
	b := mulAdd(z, 0x1.3b13b16b47407p-3, 0x1.745d1745a3f3dp-3)
	c := mulAdd(z, 0x1.e1eff9fad66e2p-4, 0x1.1110f8070e9a8p-3)
	d := mulAdd(z, 0x1.b2e0003420902p-4, 0x1.acf858cc7a69fp-4)
	z2 := float64(z * z)
	a, c = mulAdd(b, z2, a), mulAdd(d, z2, c)
	return mulAdd(float64(z2*z2), c, a)
}
