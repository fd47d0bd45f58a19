package access

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
	"time"
)

// TestBucket compares with exact arithmetic: over any times, what is let through is what the
// rate allows, and the wait that is named is the shortest.
func TestBucket(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		each := time.Duration(1 + rnd.Int64N(int64(2*time.Second)))
		b := (*bucket)(nil).at(1e9 / float64(each))
		each = b.each
		size := max(time.Second, each)
		level := big.NewRat(int64(size), int64(each)) // units
		unit, now := big.NewRat(1, 1), time.Duration(0)
		for range 200 {
			pause := time.Duration(rnd.Int64N(int64(2 * each)))
			if rnd.IntN(20) == 0 {
				pause = 3 * size
			}
			now += pause
			level.Add(level, big.NewRat(int64(pause), int64(each)))
			if top := big.NewRat(int64(size), int64(each)); level.Cmp(top) > 0 {
				level.Set(top)
			}
			n := 1 + rnd.IntN(5)
			want := time.Duration(0)
			if level.Cmp(unit) < 0 {
				lack := new(big.Rat).Sub(unit, level)
				f, _ := lack.Mul(lack, big.NewRat(int64(each), 1)).Float64()
				want = time.Duration(math.Round(f))
			} else {
				level.Sub(level, big.NewRat(int64(n), 1))
			}
			if got := b.takeAt(now, n); got != want {
				t.Fatalf("each %v, at %v: %v, want %v", each, now, got, want)
			}
		}
	}
	if (*bucket)(nil).take(math.MaxInt) != 0 || (*bucket)(nil).at(math.Inf(1)) != nil {
		t.Error("no limit is one")
	}
}
