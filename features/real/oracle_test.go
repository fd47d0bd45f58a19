package real_test

import (
	"math"
	"math/big"
)

// The oracle: textbook series in math/big with some 220 good bits, written for
// being evidently right. It shares nothing with the code under test.

const oracleBits = 256

func num(x float64) *big.Float { return new(big.Float).SetPrec(oracleBits).SetFloat64(x) }

func zero() *big.Float { return new(big.Float).SetPrec(oracleBits) }

// ratio is a/b at prec bits.
func ratio(a, b int64, prec uint) *big.Float {
	x := new(big.Float).SetPrec(prec).SetInt64(a)
	return x.Quo(x, new(big.Float).SetPrec(prec).SetInt64(b))
}

// arctan is the series x - x^3/3 + ... of atan(1/n), or of atanh(1/n) with sign +1.
func arctan(n int64, sign float64, prec uint) *big.Float {
	power, sum := ratio(1, n, prec), new(big.Float).SetPrec(prec)
	square := ratio(int64(sign), n*n, prec)
	for k := int64(1); power.MantExp(nil) > -int(prec)-8; k += 2 {
		term := new(big.Float).SetPrec(prec).SetInt64(k)
		sum.Add(sum, term.Quo(power, term))
		power.Mul(power, square)
	}
	return sum
}

func times(n int64, x *big.Float) *big.Float {
	return new(big.Float).SetPrec(x.Prec()).Mul(new(big.Float).SetInt64(n), x)
}

// constants are computed once per test.
type constants struct{ ln2, halfPi *big.Float }

func newConstants() constants {
	const piBits = 1408
	ln2 := times(18, arctan(26, 1, oracleBits)) // 18 atanh(1/26) - 2 atanh(1/4801) + 8 atanh(1/8749)
	ln2.Sub(ln2, times(2, arctan(4801, 1, oracleBits)))
	ln2.Add(ln2, times(8, arctan(8749, 1, oracleBits)))
	halfPi := times(8, arctan(5, -1, piBits)) // Machin
	halfPi.Sub(halfPi, times(2, arctan(239, -1, piBits)))
	return constants{ln2, halfPi}
}

// taylor sums first * x^(step i) / (from (from+1) ...) for i = 0, 1, ...
func taylor(first, x *big.Float, step int64, alternate bool, from int64) *big.Float {
	sum, term := zero().Set(first), zero().Set(first)
	if first.Sign() == 0 {
		return sum
	}
	for n := from; term.Sign() != 0 && term.MantExp(nil) > sum.MantExp(nil)-oracleBits-8; n += step {
		for i := range step {
			term.Mul(term, x)
			term.Quo(term, zero().SetInt64(n+i))
		}
		if alternate {
			term.Neg(term)
		}
		sum.Add(sum, term)
	}
	return sum
}

func (c constants) exp(x *big.Float) *big.Float {
	k, _ := zero().Quo(x, c.ln2).Int64()
	r := zero().Sub(x, zero().Mul(c.ln2, zero().SetInt64(k)))
	r.SetMantExp(r, -16)
	y := taylor(zero().SetInt64(1), r, 1, false, 1)
	for range 16 {
		y.Mul(y, y)
	}
	return y.SetMantExp(y, int(k))
}

func (c constants) expm1(x *big.Float) *big.Float {
	if x.MantExp(nil) < -10 {
		return taylor(x, x, 1, false, 2)
	}
	y := c.exp(x)
	return y.Sub(y, zero().SetInt64(1))
}

// log solves e^y = x by Halley's rule.
func (c constants) log(x *big.Float) *big.Float {
	mant := zero()
	e := x.MantExp(mant)
	f, _ := mant.Float64()
	if x.Cmp(num(1)) == 0 {
		return zero()
	}
	y := zero().Add(num(math.Log(f)), zero().Mul(c.ln2, zero().SetInt64(int64(e))))
	for range 2 {
		t := c.exp(y)
		d := zero().Sub(x, t)
		d.Quo(d, t.Add(t, x))
		y.Add(y, d.Add(d, d))
	}
	return y
}

func (c constants) log1p(x *big.Float) *big.Float {
	if x.MantExp(nil) >= -10 {
		return c.log(zero().Add(x, zero().SetInt64(1)))
	}
	sum, power := zero(), zero().Set(x)
	for k := int64(1); k == 1 || power.MantExp(nil) > sum.MantExp(nil)-oracleBits-8; k++ {
		sum.Add(sum, zero().Quo(power, zero().SetInt64(k)))
		power.Mul(power, x).Neg(power)
	}
	return sum
}

// sin is sin(x + shift pi/2).
func (c constants) sin(x float64, shift int64) *big.Float {
	wide := new(big.Float).SetPrec(c.halfPi.Prec()).SetFloat64(x)
	q := new(big.Float).SetPrec(wide.Prec()).Quo(wide, c.halfPi)
	q.Add(q, new(big.Float).SetFloat64(math.Copysign(0.5, x)))
	n, _ := q.Int(nil)
	wide.Sub(wide, q.Mul(c.halfPi, q.SetInt(n)))
	y := zero().Set(wide)
	n.Add(n, big.NewInt(shift))
	var result *big.Float
	if n.Bit(0) == 0 {
		result = taylor(y, y, 2, true, 2)
	} else {
		result = taylor(zero().SetInt64(1), y, 2, true, 1)
	}
	if new(big.Int).And(n, big.NewInt(2)).Sign() != 0 {
		result.Neg(result)
	}
	return result
}

// ulps is |got - truth| in units of the distance of the doubles around truth. An
// infinity counts as 2^1024.
func ulps(got float64, truth *big.Float) float64 {
	if got != got {
		return math.Inf(1)
	}
	g := num(1)
	if math.IsInf(got, 0) {
		if truth.MantExp(nil) > 1024 && truth.Signbit() == math.Signbit(got) {
			return 0
		}
		g.SetMantExp(num(math.Copysign(1, got)), 1024)
	} else {
		g = num(got)
	}
	if truth.Sign() == 0 {
		if got == 0 {
			return 0
		}
		return math.Inf(1)
	}
	exponent := min(max(truth.MantExp(nil)-53, -1074), 971)
	d := g.Sub(g, truth)
	e, _ := d.SetMantExp(d, -exponent).Float64()
	return math.Abs(e)
}
