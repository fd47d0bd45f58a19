package text

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestDictionary numbers texts of all sizes, in memory that ends behind them and that
// does not, as a map does.
func TestDictionary(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	var d dictionary
	for round := range 3 {
		d.reset(newSeed())
		want := map[string]int32{}
		for range 30_000 {
			s := make([]byte, rng.IntN(40), 50)
			for i := range s {
				s[i] = "ab\x00"[rng.IntN(1+round)]
			}
			if len(s) > 0 {
				s[rng.IntN(len(s))] = byte(rng.IntN(256))
			}
			copy(s[len(s):cap(s)], "garbage")
			if rng.IntN(2) == 0 {
				s = slices.Clip(s)
			}
			slot, cell, at := d.find(s)
			known, ok := want[string(s)]
			switch {
			case ok && slot == known:
			case ok || slot >= 0:
				t.Fatalf("%q is %d, not %d", s, slot, known)
			default:
				want[string(s)] = int32(len(want))
				if slot := d.add(s, cell, at); slot != want[string(s)] {
					t.Fatalf("%q becomes %d of %d", s, slot, len(want))
				}
			}
			if d.isLast(s) != (len(s) > maxShort) {
				t.Fatalf("%q: the last one is %d", s, d.last)
			}
		}
		for s, slot := range want {
			if got := string(d.texts.At(int(slot))); got != s {
				t.Fatalf("%d is %q, not %q", slot, got, s)
			}
		}
	}
}
