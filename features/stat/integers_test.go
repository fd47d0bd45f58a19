package stat

import (
	"math"
	"math/big"
	"testing"
)

// TestIntegersAreMoments: what Integers returns is what Moments returns, and it
// says so where it cannot.
func TestIntegersAreMoments(t *testing.T) {
	for _, values := range [][]int64{{}, {0}, {1, 1, 0}, {-3, 7, 1 << 30}} {
		var g Group
		for _, v := range values {
			g.addSmall(v)
		}
		n, s1, s2, ok := g.Integers()
		wantN, want1, want2 := g.Moments()
		if !ok || n != wantN || want1.Cmp(big.NewRat(s1, 1)) != 0 || want2.Cmp(new(big.Rat).SetUint64(s2)) != 0 {
			t.Errorf("%v: %d, %d, %d, %v, want %d, %v, %v", values, n, s1, s2, ok, wantN, want1, want2)
		}
	}
	for _, v := range []float64{0.5, 1e300, math.Inf(1)} {
		var g Group
		g.addFloatTimes(v, 1)
		if _, _, _, ok := g.Integers(); ok {
			t.Errorf("%v counts as a small integer", v)
		}
	}
}
