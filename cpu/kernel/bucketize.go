package kernel

import (
	"math"

	"quern/internal/simd"
)

// Ladder is a list of bucket edges, prepared for a search without branches: the
// bucket of x is the number of edges that are at most x.
//
// Right-closed buckets count the edges below x instead: an edge then becomes the
// next number above it, so that one comparison serves both.
type Ladder = simd.Ladder

// FloatEdges prepares ascending edges for floats.
func FloatEdges(edges []float64, right bool) *Ladder {
	keys := make([]int64, 0, len(edges))
	for _, e := range edges {
		if right && math.IsInf(e, 1) {
			continue // nothing is above it
		}
		if right {
			e = math.Nextafter(e, math.Inf(1))
		}
		keys = append(keys, simd.FloatKey(e+0)) // -0 + 0 is 0
	}
	return simd.NewLadder(keys)
}

// IntEdges prepares ascending edges for integers. The comparison is exact: edge e
// is at most x if and only if the least integer >= e is.
func IntEdges(edges []float64, right bool) *Ladder {
	keys := make([]int64, 0, len(edges))
	for _, e := range edges {
		least := math.Ceil(e)
		if right {
			least = math.Floor(e) // the least integer above e is one more
		}
		switch {
		case least >= 1<<63:
			continue // above every integer
		case least < -1<<63:
			keys = append(keys, math.MinInt64)
		case right && int64(least) == math.MaxInt64:
			continue
		case right:
			keys = append(keys, int64(least)+1)
		default:
			keys = append(keys, int64(least))
		}
	}
	return simd.NewLadder(keys)
}
