package simd

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

func checkSumInts(t *testing.T, x []int64, valid []uint64) {
	t.Helper()
	s1, s2, n, small := new(big.Int), new(big.Int), 0, true
	for i, v := range x {
		if valid != nil && valid[i>>6]>>(i&63)&1 == 0 {
			continue
		}
		b := big.NewInt(v)
		s1.Add(s1, b)
		s2.Add(s2, b.Mul(b, b))
		n++
		small = small && v == int64(int32(v))
	}
	for _, k := range levels() {
		s := k.SumInts(x, valid)
		squares := new(big.Int).SetUint64(s.High)
		squares.Lsh(squares, 32).Add(squares, new(big.Int).SetUint64(s.Low))
		if s.N != n || s.Small != small || small && (s1.Cmp(big.NewInt(s.Sum)) != 0 || s2.Cmp(squares) != 0) {
			t.Fatalf("%v: %d values: %+v, want %d, %v, %v, %v", k.Level(), len(x), s, n, s1, s2, small)
		}
	}
}

func TestSumInts(t *testing.T) {
	for n := range 131 {
		r := rand.New(rand.NewPCG(6, uint64(n)))
		x := hardInts(r, n)
		checkSumInts(t, x, randomBits(r, n))
		for i := range x {
			x[i] = int64(int32(x[i]))
		}
		checkSumInts(t, x, randomBits(r, n))
		for i := range x { // one that is too great, wherever it is
			for _, v := range []int64{math.MaxInt32 + 1, math.MinInt32 - 1, math.MinInt64, 1 << 32, -1 << 32} {
				old := x[i]
				x[i] = v
				checkSumInts(t, x, nil)
				x[i] = old
			}
			if n > 20 {
				break
			}
		}
	}
	x := make([]int64, SumIntsBlock)
	for i := range x {
		x[i] = math.MinInt32
	}
	checkSumInts(t, x, nil)
}

func BenchmarkSumInts(b *testing.B) {
	x := make([]int64, 4096)
	for i := range x {
		x[i] = int64(i * i)
	}
	for _, k := range levels() {
		b.Run(k.Level().String(), func(b *testing.B) {
			for b.Loop() {
				k.SumInts(x, nil)
			}
			perValue(b, len(x))
		})
	}
}
