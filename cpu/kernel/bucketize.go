package kernel

import (
	"math"
	"math/bits"
)

// Edges is a ladder of bucket edges, prepared for a search without branches: the
// bucket of x is the number of thresholds that are at most x. Thresholds are
// unsigned keys in the order of the numbers, padded to a power of two with a key
// that no number reaches.
//
// Right-closed buckets count the edges below x instead: an edge then becomes the
// next number above it, so that one comparison serves both.
type Edges struct {
	keys []uint64
	last int // bucket of the largest x: the padding is not counted
}

// floatKey maps floats to unsigned integers in the same order, with -0 at 0. The
// largest keys belong to NaNs.
func floatKey(x float64) uint64 {
	b := math.Float64bits(x + 0) // -0 + 0 is 0
	return b ^ (uint64(int64(b)>>63) | 1<<63)
}

// intKey maps integers to unsigned integers in the same order.
func intKey(x int64) uint64 { return uint64(x) ^ 1<<63 }

// FloatEdges prepares ascending edges for floats.
func FloatEdges(edges []float64, right bool) *Edges {
	keys := make([]uint64, 0, len(edges))
	for _, e := range edges {
		if right && math.IsInf(e, 1) {
			continue // nothing is above it
		}
		if right {
			e = math.Nextafter(e, math.Inf(1))
		}
		keys = append(keys, floatKey(e))
	}
	return pad(keys)
}

// IntEdges prepares ascending edges for integers. The comparison is exact: edge e
// is at most x if and only if the least integer >= e is.
func IntEdges(edges []float64, right bool) *Edges {
	keys := make([]uint64, 0, len(edges))
	for _, e := range edges {
		least := math.Ceil(e)
		if right {
			least = math.Floor(e) // the least integer above e is one more
		}
		switch {
		case least >= 1<<63:
			continue // above every integer
		case least < -1<<63:
			keys = append(keys, 0)
		case right && int64(least) == math.MaxInt64:
			continue
		case right:
			keys = append(keys, intKey(int64(least)+1))
		default:
			keys = append(keys, intKey(int64(least)))
		}
	}
	return pad(keys)
}

// pad fills keys up to the next power of two above their number, so that the
// ladder has room for one more bucket than there are edges.
func pad(keys []uint64) *Edges {
	last := len(keys)
	size := 1 << bits.Len(uint(last))
	for len(keys) < size {
		keys = append(keys, math.MaxUint64)
	}
	return &Edges{keys: keys, last: last}
}

// rank returns how many thresholds are at most key: a binary search whose steps
// are arithmetic, so that it costs the same for every value.
func rank(keys []uint64, key uint64) int {
	below := 0
	for step := len(keys) >> 1; step > 0; step >>= 1 {
		_, less := bits.Sub64(key, keys[below+step-1], 0)
		below += step & (int(less) - 1)
	}
	return below
}

// rank4 is rank for four keys at a time: the steps of one wait for each other, those
// of four overlap.
func rank4(keys []uint64, key *[4]uint64, below *[4]int) {
	k0, k1, k2, k3 := key[0], key[1], key[2], key[3]
	var b0, b1, b2, b3 int
	for step := len(keys) >> 1; step > 0; step >>= 1 {
		ladder := keys[step-1:]
		_, less0 := bits.Sub64(k0, ladder[b0], 0)
		_, less1 := bits.Sub64(k1, ladder[b1], 0)
		_, less2 := bits.Sub64(k2, ladder[b2], 0)
		_, less3 := bits.Sub64(k3, ladder[b3], 0)
		b0 += step & (int(less0) - 1)
		b1 += step & (int(less1) - 1)
		b2 += step & (int(less2) - 1)
		b3 += step & (int(less3) - 1)
	}
	*below = [4]int{b0, b1, b2, b3}
}

// BucketizeFloats computes the bucket of each float, or nan where it is NaN.
func BucketizeFloats(dst []int64, x []float64, e *Edges, nan int64) {
	x = x[:len(dst)]
	keys, last := e.keys, e.last
	var key [4]uint64
	var below [4]int
	for len(x) >= 4 {
		for i, v := range x[:4] {
			key[i] = floatKey(v)
		}
		rank4(keys, &key, &below)
		for i, v := range x[:4] {
			dst[i] = bucketOf(v, below[i], last, nan)
		}
		x, dst = x[4:], dst[4:]
	}
	for i, v := range x {
		dst[i] = bucketOf(v, rank(keys, floatKey(v)), last, nan)
	}
}

// bucketOf leaves out the padding, which only NaNs reach, and NaNs themselves.
func bucketOf(x float64, below, last int, nan int64) int64 {
	if x != x {
		return nan
	}
	return int64(min(below, last))
}

// BucketizeInts computes the bucket of each integer.
func BucketizeInts(dst, x []int64, e *Edges) {
	x = x[:len(dst)]
	keys, last := e.keys, e.last
	var key [4]uint64
	var below [4]int
	for len(x) >= 4 {
		for i, v := range x[:4] {
			key[i] = intKey(v)
		}
		rank4(keys, &key, &below)
		for i := range below {
			dst[i] = int64(min(below[i], last))
		}
		x, dst = x[4:], dst[4:]
	}
	for i, v := range x {
		dst[i] = int64(min(rank(keys, intKey(v)), last))
	}
}
