package kernel

import (
	"math"
	"testing"
)

// Gaps are filled by what belongs there, bit by bit, and masks clear the bits of what
// they are named after.
func TestGaps(t *testing.T) {
	for _, n := range sizes() {
		rng := newRand(n)
		a, valid := randomFloats(rng, n), randomBits(rng, n)
		for i := range a {
			switch rng.IntN(6) {
			case 0:
				a[i] = math.Float64frombits(0x7FF<<52 | rng.Uint64()>>12 | rng.Uint64()<<63)
			case 1:
				a[i] = math.Inf(1 - 2*rng.IntN(2))
			}
		}
		dst, check := guarded(t, n, 77.0)
		set, room, scratch := Sets()[n%len(Sets())], make([]bool, n), make([]uint64, Words(n))
		FillGaps(set, dst, a, valid, 5, math.Copysign(0, -1), room, scratch)
		check()
		masks := map[string]struct {
			mask func(set *Set, valid []uint64, a []float64, room []bool, bits []uint64)
			is   func(x float64) bool
		}{"nan": {MaskNaNs, math.IsNaN}, "inf": {MaskInfs, func(x float64) bool { return math.IsInf(x, 0) }}}
		for name, m := range masks {
			bits, checkBits := guarded[uint64](t, Words(n), 77)
			CopyBits(bits, valid, n)
			m.mask(set, bits, a, room, scratch)
			checkBits()
			checkTail(t, bits, n)
			for i, x := range a {
				if present(bits, i) != (present(valid, i) && !m.is(x)) {
					t.Fatalf("%s: bit of %v is %v", name, x, present(bits, i))
				}
			}
		}
		for i, x := range a {
			switch {
			case !present(valid, i):
				x = 5
			case x != x:
				x = math.Copysign(0, -1)
			}
			if math.Float64bits(dst[i]) != math.Float64bits(x) {
				t.Fatalf("%v is filled to %v", a[i], dst[i])
			}
		}
	}
}
