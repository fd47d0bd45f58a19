package stat

import "math/big"

// roundDyadic returns the float64 nearest to x times 2^exp, ties to even;
// infinite beyond the range, as in IEEE 754.
func roundDyadic(x *big.Int, exp int) float64 {
	if x.Sign() == 0 {
		return 0
	}
	f := new(big.Float).SetPrec(uint(max(64, x.BitLen()))).SetInt(x)
	f.SetMantExp(f, exp)
	v, _ := f.Float64()
	return v
}

// guardBits is how many bits a quotient gets before it is rounded: 53, and so
// many more that "the rest is not zero" as a last bit decides ties rightly.
const guardBits = 66

// roundRatio returns the float64 nearest to num/den times 2^exp. den is positive.
func roundRatio(num, den *big.Int, exp int) float64 {
	if num.Sign() == 0 {
		return 0
	}
	q, shift := stickyQuotient(num, den, guardBits)
	return roundDyadic(q, exp-shift)
}

// roundSqrt returns the float64 nearest to the root of num/den times 2^exp.
// num is not negative and den is positive.
func roundSqrt(num, den *big.Int, exp int) float64 {
	if num.Sign() == 0 {
		return 0
	}
	q, shift := stickyQuotient(num, den, 2*guardBits)
	exp -= shift
	if exp&1 != 0 { // an even exponent has an exact root
		q.Lsh(q, 1)
		exp--
	}
	root := new(big.Int).Sqrt(q)
	exact := new(big.Int).Mul(root, root).Cmp(q) == 0
	return roundDyadic(sticky(root, !exact), exp/2-1)
}

// stickyQuotient returns q and shift with num/den = q * 2^-shift, where q has at
// least n bits and its last bit is set if anything was cut off.
func stickyQuotient(num, den *big.Int, n int) (q *big.Int, shift int) {
	k := max(0, n-num.BitLen()+den.BitLen())
	q, rest := new(big.Int).Lsh(num, uint(k)), new(big.Int)
	q.QuoRem(q, den, rest)
	return sticky(q, rest.Sign() != 0), k + 1
}

// sticky returns 2x, with the last bit set (away from zero) if something is lost.
func sticky(x *big.Int, lost bool) *big.Int {
	negative := x.Sign() < 0
	x.Lsh(x.Abs(x), 1)
	if lost {
		x.SetBit(x, 0, 1)
	}
	if negative {
		x.Neg(x)
	}
	return x
}
