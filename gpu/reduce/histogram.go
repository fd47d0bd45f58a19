package reduce

import (
	"encoding/binary"
	"math"

	"quern/features/column"
	"quern/features/stat"
)

const (
	bins = 1 << 16
	// HistogramBytes is the size of quern_histogram's state.
	HistogramBytes = 4 * bins
	// HistogramRows is how many rows a state of 32-bit counters may take before it must be
	// read and zeroed: of quern_histogram, quern_codes and quern_tuples.
	HistogramRows = 1<<32 - 1
)

// Histogram gives what quern_histogram has counted to a statistic of kind histogram. A
// count in a bin that no value has is ErrImpossible, and teaches nothing.
func Histogram(into *stat.Histogram, state []byte) error {
	t := into.Spec().Types[0]
	var values, counts []uint64
	for bin := range uint32(bins) {
		n := binary.LittleEndian.Uint32(state[4*bin:])
		if n == 0 {
			continue
		}
		value, ok := intOfBin(bin)
		if t.Kind() == column.Floats {
			value, ok = realOfBin(bin)
		}
		if !ok {
			return ErrImpossible
		}
		values, counts = append(values, value), append(counts, uint64(n))
	}
	if len(values) > 0 {
		into.Observe([]column.Column{{Len: len(values), Values: Values(t, values)}}, counts)
	}
	return nil
}

// realOfBin returns the bits of a float64 in a bin: of its values the one nearest to
// zero, or false if there is none. See stat.Histogram.
func realOfBin(bin uint32) (uint64, bool) {
	b := bin<<16 ^ 1<<31
	if bin>>15 == 0 {
		b = ^(bin<<16 | 0xffff)
	}
	if b == 1<<31 {
		b++ // -0 is in the bin of 0
	}
	x := float64(math.Float32frombits(b))
	return math.Float64bits(x), x == x
}

// intOfBin is the same for integers.
func intOfBin(bin uint32) (uint64, bool) {
	negative := bin>>15 == 0
	body := bin & (1<<15 - 1)
	if negative {
		body = ^bin & (1<<15 - 1)
	}
	length, digits := body>>9, uint64(body&(1<<9-1))
	var u uint64
	switch {
	case length == 0 && digits != 0:
		return 0, false
	case length >= 10:
		u = (1<<9 | digits) << (length - 10)
	case length >= 1:
		if u = (1<<9 | digits) >> (10 - length); u<<(10-length) != 1<<9|digits {
			return 0, false // digits below the integers'
		}
	}
	if negative {
		u = ^u
	}
	return u, true
}
