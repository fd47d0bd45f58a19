package gpu

import (
	"math/rand/v2"
	"testing"
)

// Codes of every width and number, up to the greatest that a width has.
func TestNarrow(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, slots := range []int{1, 256, 257, 1 << 16, 1<<16 + 1, 1 << 30} {
		width := int(codeWidth(slots))
		for n := range 40 {
			index := make([]int32, n)
			for i := range index {
				index[i] = rng.Int32N(int32(slots))
				if i == n/2 {
					index[i] = int32(slots) - 1
				}
			}
			dst := make([]byte, n*width+1)
			dst[n*width] = 77
			narrow(dst[:n*width], index, width)
			for i, want := range index {
				got := int32(0)
				for k := range width {
					got |= int32(dst[i*width+k]) << (8 * k)
				}
				if got != want {
					t.Fatalf("%d slots, code %d of %d: %d, want %d", slots, i, n, got, want)
				}
			}
			if dst[n*width] != 77 {
				t.Fatalf("%d slots: a byte behind %d codes is written", slots, n)
			}
		}
	}
}
