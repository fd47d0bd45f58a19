package stat

import (
	"math"
	"math/bits"
)

// orderFloat maps floats to integers of the same order, with -0 just below 0.
// NaN has no order; see canonicalFloat.
func orderFloat(v float64) int64 {
	b := int64(math.Float64bits(v))
	return b ^ int64(uint64(b>>63)>>1)
}

// unorderFloat is the inverse of orderFloat.
func unorderFloat(k int64) float64 {
	return math.Float64frombits(uint64(k ^ int64(uint64(k>>63)>>1)))
}

// canonicalFloat returns v with one zero and one NaN, so that equal values have
// equal bits.
func canonicalFloat(v float64) float64 {
	if v != v {
		return math.NaN()
	}
	return v + 0 // -0 + 0 is 0
}

// numBins is how many bins a histogram has.
const numBins = 1 << 16

// floatBin returns the bin of v, which is not NaN: the leading 16 bits (sign,
// exponent, 7 bits of mantissa) of the nearest float32, in order. Rounding keeps
// the order, so bins are intervals; floats beyond float32 share the outermost.
func floatBin(v float64) uint32 {
	b := math.Float32bits(float32(v + 0))
	return (b ^ (uint32(int32(b)>>31) | 1<<31)) >> 16
}

// intBin returns the bin of v: sign, bit length (6 bits) and the 9 bits after
// the leading one, in order. Magnitudes below 1024 have bins of their own.
func intBin(v int64) uint32 {
	sign := v >> 63
	u := uint64(v ^ sign)
	length := uint32(bits.Len64(u))
	u = u << (64 - length) << 1 >> 55 // drop the leading one, keep 9 bits
	bin := length<<9 | uint32(u)
	return (bin^uint32(sign))&(1<<15-1) | ^uint32(sign)&(1<<15)
}
