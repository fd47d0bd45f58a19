package kernel

import "math"

// ChooseInts computes a where the bit of choice is set, else b, without a branch.
func ChooseInts(dst []int64, choice []uint64, a, b []int64) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		mask := -int64(choice[i>>6] >> (i & 63) & 1)
		dst[i] = b[i] ^ (a[i]^b[i])&mask
	}
}

// ChooseFloats is ChooseInts for floats; the bits of the value chosen are kept.
func ChooseFloats(dst []float64, choice []uint64, a, b []float64) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		mask := -(choice[i>>6] >> (i & 63) & 1)
		x, y := math.Float64bits(a[i]), math.Float64bits(b[i])
		dst[i] = math.Float64frombits(y ^ (x^y)&mask)
	}
}

// ChooseBools is ChooseInts for bools.
func ChooseBools(dst []bool, choice []uint64, a, b []bool) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		c := choice[i>>6]>>(i&63)&1 != 0
		dst[i] = c && a[i] || !c && b[i]
	}
}

// ChooseBits makes dst the slots of n that are in a where choice is set, and in b
// where it is not. A nil a or b has every bit set.
func ChooseBits(dst, choice, a, b []uint64, n int) {
	words := Words(n)
	for i, c := range choice[:words] {
		x, y := ^uint64(0), ^uint64(0)
		if a != nil {
			x = a[i]
		}
		if b != nil {
			y = b[i]
		}
		dst[i] = c&x | y&^c
	}
	if words > 0 {
		dst[words-1] &= tail(n)
	}
}
