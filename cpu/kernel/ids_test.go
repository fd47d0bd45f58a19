package kernel

import (
	"math"
	"slices"
	"testing"

	"quern/features/program"
)

// Buckets are the scalar's for any edges, closed on either side, and for values on,
// just below and just above each edge.
func TestBucketize(t *testing.T) {
	for seed := range 300 {
		rng := newRand(seed)
		edges := randomFloats(rng, rng.IntN(70))
		edges = slices.DeleteFunc(edges, func(x float64) bool { return x != x })
		slices.Sort(edges)
		edges = slices.CompactFunc(edges, func(a, b float64) bool { return a == b })
		right := seed%2 == 1
		x := randomFloats(rng, 50)
		ints := append(randomInts(rng, 50), math.MaxInt64, math.MinInt64)
		for _, e := range edges {
			x = append(x, e, math.Nextafter(e, math.Inf(1)), math.Nextafter(e, math.Inf(-1)))
			if whole, ok := program.IntOf(e); ok {
				ints = append(ints, whole, whole-1, whole+1)
			}
		}
		set := Sets()[seed%len(Sets())]
		dst, check := guarded[int64](t, len(x), 77)
		set.RankFloats(dst, x, FloatEdges(edges, right), -9)
		check()
		for i := range x {
			if want := program.BucketFloat(edges, x[i], right, -9); dst[i] != want {
				t.Fatalf("%v in %v, right %v: %d, want %d", x[i], edges, right, dst[i], want)
			}
		}
		dst, check = guarded[int64](t, len(ints), 77)
		set.RankInts(dst, ints, IntEdges(edges, right))
		check()
		for i := range ints {
			if want := program.BucketInt(edges, ints[i], right); dst[i] != want {
				t.Fatalf("%d in %v, right %v: %d, want %d", ints[i], edges, right, dst[i], want)
			}
		}
	}
}

// Buckets are h mod n, unsigned, for powers of two and others.
func TestBuckets(t *testing.T) {
	h := randomInts(newRand(1), 300)
	dst := make([]int64, len(h))
	for _, n := range []int64{1, 2, 7, 4096, 1 << 62, math.MaxInt64} {
		Buckets(dst, h, uint64(n))
		for i := range h {
			if want := program.BucketHash(h[i], n); dst[i] != want {
				t.Fatalf("%d mod %d is %d, want %d", h[i], n, dst[i], want)
			}
		}
	}
}
