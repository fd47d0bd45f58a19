package real

import "math"

// Sin is the sine of x in radians. Sin(±0) = ±0; Sin of an infinity or NaN is NaN.
//
// Method: x = n pi/2 + y with |y| <= pi/4 and y as a sum of two doubles (see
// reduce), then y + y^3 S(y^2) or 1 - y^2/2 + y^4 C(y^2), by the quadrant.
func Sin(x float64) float64 {
	if math.Abs(x) < 0x1p-27 { // x - x^3/6 rounds to x; and keeps -0
		return x
	}
	if math.Abs(x) > math.MaxFloat64 || x != x {
		return nan()
	}
	n, y := reduce(x)
	return quadrant(n, y)
}

// Cos is the cosine of x in radians. Cos of an infinity or NaN is NaN. See Sin.
func Cos(x float64) float64 {
	if math.Abs(x) > math.MaxFloat64 || x != x {
		return nan()
	}
	n, y := reduce(x)
	return quadrant(n+1, y)
}

// quadrant is sin(n pi/2 + y).
func quadrant(n uint64, y wide) float64 {
	var v float64
	if n&1 == 0 {
		v = sinNear(y)
	} else {
		v = cosNear(y)
	}
	if n&2 != 0 {
		return -v
	}
	return v
}

// sinNear is the sine of y, |y| <= pi/4.
func sinNear(y wide) float64 {
	z := float64(y.hi * y.hi)
	cube := float64(float64(y.hi*z) * sinPolynomial(z))
	return y.hi + (cube + (y.lo - float64(float64(0.5*z)*y.lo)))
}

// cosNear is the cosine of y, |y| <= pi/4.
func cosNear(y wide) float64 {
	z := float64(y.hi * y.hi)
	high, low := fastTwoSum(1, float64(-0.5*z))
	rest := float64(float64(z*z)*cosPolynomial(z)) - float64(y.hi*y.lo)
	return high + (low + rest)
}

// sinPolynomial is (sin y - y) / y^3 for z = y^2.
func sinPolynomial(z float64) float64 {
	a := mulAdd(z, 0x1.1111111111110p-7, -0x1.5555555555555p-3)
	b := mulAdd(z, 0x1.71de3a5460950p-19, -0x1.a01a01a019938p-13)
	c := mulAdd(z, 0x1.61217f0a95ad6p-33, -0x1.ae645412c4390p-26)
	const last = -0x1.ab17d37ab5989p-41
	z2 := float64(z * z)
	a, c = mulAdd(b, z2, a), mulAdd(last, z2, c)
	return mulAdd(float64(z2*z2), c, a)
}

// cosPolynomial is (cos y - 1 + y^2/2) / y^4 for z = y^2.
func cosPolynomial(z float64) float64 {
	a := mulAdd(z, -0x1.6c16c16c16967p-10, 0x1.5555555555555p-5)
	b := mulAdd(z, -0x1.27e4fa17d9624p-22, 0x1.a01a019f4eaf9p-16)
	c := mulAdd(z, -0x1.907da2e9cd397p-37, 0x1.1eeb68e88cbb9p-29)
	z2 := float64(z * z)
	return mulAdd(float64(z2*z2), c, mulAdd(b, z2, a))
}
