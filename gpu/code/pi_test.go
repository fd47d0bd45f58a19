package code

import "math/big"

// arctan returns atan(1/n) as a fixed-point number of size bits, a little too precise.
func arctan(n, size int64) *big.Int {
	const guard = 32
	power := new(big.Int).Lsh(big.NewInt(1), uint(size+guard))
	power.Div(power, big.NewInt(n))
	sum := new(big.Int)
	for k := int64(0); power.Sign() != 0; k++ {
		term := new(big.Int).Div(power, big.NewInt(2*k+1))
		if k%2 == 0 {
			sum.Add(sum, term)
		} else {
			sum.Sub(sum, term)
		}
		power.Div(power, big.NewInt(n*n))
	}
	return sum.Rsh(sum, guard)
}

func bigMul(n int64, x *big.Int) *big.Int { return new(big.Int).Mul(big.NewInt(n), x) }
func bigSub(x, y *big.Int) *big.Int       { return new(big.Int).Sub(x, y) }

// bigDiv returns 2/x in fixed point.
func bigDiv(size uint, x *big.Int) *big.Int {
	return new(big.Int).Div(new(big.Int).Lsh(big.NewInt(2), 2*size), x)
}

// bigWord returns 64 bits after the point, from bit 64i on.
func bigWord(x *big.Int, size, i int) uint64 {
	return new(big.Int).And(new(big.Int).Rsh(x, uint(size-64*(i+1))), new(big.Int).SetUint64(1<<64-1)).Uint64()
}
