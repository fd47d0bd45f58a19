package stat

import (
	"math"
	"math/big"
	"math/rand"
	"testing"
)

// A remainder too small for any guard bits still decides between two neighbours.
func TestRoundNearTies(t *testing.T) {
	odd := big.NewInt(1<<53 + 1) // halfway between 2^53 and 2^53+2
	for _, c := range []struct {
		off  int64
		want float64
	}{{-1, 1 << 53}, {0, 1 << 53}, {1, 1<<53 + 2}} {
		scale := new(big.Int).Lsh(big.NewInt(1), 300)
		num := new(big.Int).Mul(odd, scale)
		num.Add(num, big.NewInt(c.off))
		if got := roundRatio(num, scale, 0); got != c.want {
			t.Errorf("ratio off by %d: %g", c.off, got)
		}
		if got := roundRatio(num.Neg(num), scale, -2000); got != 0 || !math.Signbit(got) {
			t.Errorf("underflow: %g", got)
		}
		square := new(big.Int).Mul(odd, odd)
		square.Mul(square, scale).Add(square, big.NewInt(c.off))
		if got := roundSqrt(square, scale, 0); got != c.want {
			t.Errorf("root off by %d: %g", c.off, got)
		}
	}
}

func TestRoundRatioTruth(t *testing.T) {
	r := rand.New(rand.NewSource(15))
	for range 3000 {
		num := big.NewInt(int64(r.Uint64()) >> uint(r.Intn(63)))
		den := big.NewInt(1 + r.Int63()>>uint(r.Intn(63)))
		exp := r.Intn(2400) - 1200
		want := new(big.Rat).SetFrac(num, den)
		want.Mul(want, power(exp))
		if got := roundRatio(num, den, exp); got != nearest(want) {
			t.Fatalf("%v/%v*2^%d: %g, want %g", num, den, exp, got, nearest(want))
		}
	}
}

// Windows are rationals: additions anywhere, merges with themselves and others,
// and differences, however far they grow.
func TestWindowTruth(t *testing.T) {
	r := rand.New(rand.NewSource(16))
	for range 200 {
		var w, o window
		want, other := new(big.Rat), new(big.Rat)
		for range 100 {
			switch r.Intn(4) {
			case 0:
				negative := r.Intn(2) == 0
				c := w.clone()
				w.merge(&c, false) // doubles
				w.merge(&o, negative)
				want.Add(want, want)
				if negative {
					want.Sub(want, other)
				} else {
					want.Add(want, other)
				}
			case 1:
				w, o = o, w
				want, other = other, want
			default:
				lo, mid, hi, exp := r.Uint64(), r.Uint64(), ^uint64(0)>>uint(r.Intn(65)), r.Intn(600)-300
				x := new(big.Int).SetUint64(hi)
				x.Lsh(x, 64).Or(x, new(big.Int).SetUint64(mid))
				x.Lsh(x, 64).Or(x, new(big.Int).SetUint64(lo))
				q := new(big.Rat).Mul(new(big.Rat).SetInt(x), power(exp))
				if r.Intn(2) == 0 {
					w.add(lo, mid, hi, exp, true)
					want.Sub(want, q)
				} else {
					w.add(lo, mid, hi, exp, false)
					want.Add(want, q)
				}
			}
			if w.rat().Cmp(want) != 0 {
				t.Fatalf("%v, want %v", w.rat(), want)
			}
			if k, ok := w.int64(); ok != (want.IsInt() && want.Num().IsInt64()) || ok && k != want.Num().Int64() {
				t.Fatalf("int64 of %v: %d, %v", want, k, ok)
			}
		}
		var back window
		x, exp := w.big()
		back.setBig(x, exp)
		if back.rat().Cmp(want) != 0 {
			t.Fatalf("%v comes back as %v", want, back.rat())
		}
	}
	var grown window
	grown.add(1, 0, 0, 0, true)
	for range 500 {
		grown.merge(&grown, false)
	}
	if want := power(500); grown.rat().Cmp(want.Neg(want)) != 0 {
		t.Error("doubled 500 times, -1 is not -2^500")
	}
}
