package kernel

// ChooseBools computes a where the bit of choice is set, else b, without a branch.
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
