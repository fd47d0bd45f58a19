package code

import (
	"math"

	"quern/features/program"
)

// zoneEnd is the second from which on a zone that changes for ever is not written down:
// the year 2500. Later instants set FaultRange.
const zoneEnd = 16_725_225_600

// zoneTable lays a zone out as gpu/kernels/date.cuh describes: n, the second from which
// on it says nothing (MaxInt64: none), n seconds from which offsets hold, n offsets. It
// is nil for a zone that is UTC always.
func zoneTable(name string) []uint64 {
	z, err := program.LoadZone(name)
	if err != nil {
		panic("quern: bug: " + err.Error())
	}
	const first = -10_000_000_000_000 // before the first second of any Timestamp
	starts, offsets := []int64{}, []int64{}
	at := int64(first)
	for at < zoneEnd {
		offset, _, end := z.Span(at)
		if n := len(offsets); n == 0 || offsets[n-1] != offset {
			starts, offsets = append(starts, at), append(offsets, offset)
		}
		at = end
	}
	if at == math.MaxInt64 && len(offsets) == 1 && offsets[0] == 0 {
		return nil
	}
	starts[0] = math.MinInt64
	words := []uint64{uint64(len(starts)), uint64(at)}
	for _, x := range append(starts, offsets...) {
		words = append(words, uint64(x))
	}
	return words
}
