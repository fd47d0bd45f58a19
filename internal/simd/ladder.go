package simd

import (
	"math"
	"math/bits"
)

// Ladder is a sorted list of keys, prepared for a search without branches. The keys
// are nodes of a tree: node i has children 2i and 2i+1, and the smaller keys are to
// the left. (P. Khuong, P. Morin, Array layouts for comparison-based searching, ACM
// J. Exp. Algorithmics 22, 2017.)
type Ladder struct {
	nodes []int64 // from 1; padded with the greatest integer to 16 << shift, and at least 128
	shift int     // levels beyond four
	last  int     // how many keys there are: the padding is not counted
}

// NewLadder prepares keys, which ascend. For floats they are FloatKeys of numbers,
// -0 taken for 0.
func NewLadder(keys []int64) *Ladder {
	l := &Ladder{last: len(keys), shift: max(0, bits.Len(uint(len(keys)))-4)}
	size := 16 << l.shift
	l.nodes = make([]int64, max(size, 128))
	for i := 1; i < size; i++ {
		level := bits.Len(uint(i)) - 1
		rank := ((2*(i-(1<<level)) + 1) * size >> (level + 1)) - 1 // of node i among its level, in order of keys
		if l.nodes[i] = math.MaxInt64; rank < len(keys) {
			l.nodes[i] = keys[rank]
		}
	}
	return l
}

// RankFloats computes how many keys are at most each value, 0 and -0 being equal, or
// nan where it is NaN.
func (k *Kernels) RankFloats(dst []int64, x []float64, l *Ladder, nan int64) {
	x = x[:len(dst)]
	n := 0
	if k.rankFloats != nil {
		n = len(dst) &^ 7
	}
	for i := 0; i < n; i += maxCall {
		end := min(n, i+maxCall)
		k.rankFloats(dst[i:end], x[i:end], l.nodes, int64(l.shift), int64(l.last), nan)
	}
	var keys [4]int64
	for ; n+4 <= len(dst); n += 4 {
		for i, v := range x[n : n+4] {
			keys[i] = FloatKey(v + 0) // -0 + 0 is 0
		}
		l.rank4((*[4]int64)(dst[n:]), &keys)
		for i, v := range x[n : n+4] {
			if v != v {
				dst[n+i] = nan
			}
		}
	}
	for i := n; i < len(dst); i++ {
		dst[i] = l.rank(FloatKey(x[i] + 0))
		if x[i] != x[i] {
			dst[i] = nan
		}
	}
}

// RankInts computes how many keys are at most each value.
func (k *Kernels) RankInts(dst, x []int64, l *Ladder) {
	x = x[:len(dst)]
	n := 0
	if k.rankInts != nil {
		n = len(dst) &^ 7
	}
	for i := 0; i < n; i += maxCall {
		end := min(n, i+maxCall)
		k.rankInts(dst[i:end], x[i:end], l.nodes, int64(l.shift), int64(l.last), 0)
	}
	for ; n+4 <= len(dst); n += 4 {
		keys := [4]int64(x[n:])
		l.rank4((*[4]int64)(dst[n:]), &keys)
	}
	for i := n; i < len(dst); i++ {
		dst[i] = l.rank(x[i])
	}
}

// rank is how many keys are at most key. Its steps are arithmetic, so that it costs
// the same for every value.
func (l *Ladder) rank(key int64) int64 {
	node := 1
	for range 4 + l.shift {
		node = 2*node + atLeast(key, l.nodes[node])
	}
	return int64(min(node-(16<<l.shift), l.last))
}

// atLeast is 1 if a >= b, else 0, without a branch.
func atLeast(a, b int64) int {
	_, less := bits.Sub64(uint64(a)^1<<63, uint64(b)^1<<63, 0)
	return 1 - int(less)
}

// rank4 is rank for four keys at a time: the steps of one wait for each other, those
// of four overlap.
func (l *Ladder) rank4(below, keys *[4]int64) {
	k0, k1, k2, k3 := keys[0], keys[1], keys[2], keys[3]
	n0, n1, n2, n3 := 1, 1, 1, 1
	for range 4 + l.shift {
		n0 = 2*n0 + atLeast(k0, l.nodes[n0])
		n1 = 2*n1 + atLeast(k1, l.nodes[n1])
		n2 = 2*n2 + atLeast(k2, l.nodes[n2])
		n3 = 2*n3 + atLeast(k3, l.nodes[n3])
	}
	size := 16 << l.shift
	below[0], below[1] = int64(min(n0-size, l.last)), int64(min(n1-size, l.last))
	below[2], below[3] = int64(min(n2-size, l.last)), int64(min(n3-size, l.last))
}
