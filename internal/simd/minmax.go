package simd

import "math"

// Range is the least and the greatest of N values, and how many others were NaN.
// Low and High mean nothing if N is 0.
type Range[T int32 | int64 | float32 | float64] struct {
	Low, High T
	N, NaNs   int
}

// rangeKernel finds the least and greatest of the keys of the values that are there,
// how many there are, and how many are NaN; its length is a multiple of eight.
type rangeKernel[T int32 | int64 | float32 | float64] func(x []T, valid []uint64) (low, high int64, n, nans int)

// FloatRange finds the range of the values that are neither null nor NaN; -0 is
// just below 0.
func (k *Kernels) FloatRange(x []float64, valid []uint64) Range[float64] {
	low, high, n, nans := k.range64.all(x, valid)
	return Range[float64]{keyFloat(low), keyFloat(high), n, nans}
}

// Float32Range is FloatRange of float32 values.
func (k *Kernels) Float32Range(x []float32, valid []uint64) Range[float32] {
	low, high, n, nans := k.range32.all(x, valid)
	return Range[float32]{float32(keyFloat(low)), float32(keyFloat(high)), n, nans}
}

// IntRange finds the range of the values that are not null.
func (k *Kernels) IntRange(x []int64, valid []uint64) Range[int64] {
	low, high, n, _ := k.rangeInts.all(x, valid)
	return Range[int64]{low, high, n, 0}
}

// Int32Range finds the range of the values that are not null.
func (k *Kernels) Int32Range(x []int32, valid []uint64) Range[int32] {
	low, high, n, _ := k.rangeInts32.all(x, valid)
	return Range[int32]{int32(low), int32(high), n, 0}
}

// FloatKey maps floats other than NaN to integers in the same order.
func FloatKey(x float64) int64 {
	b := int64(math.Float64bits(x))
	return b ^ int64(uint64(b>>63)>>1)
}

func keyFloat(key int64) float64 {
	return math.Float64frombits(uint64(key ^ int64(uint64(key>>63)>>1)))
}

// all runs asm, which is nil if there is none, over all whole groups of eight
// values, and takes the rest by itself.
func (asm rangeKernel[T]) all(x []T, valid []uint64) (low, high int64, n, nans int) {
	if valid != nil {
		checkBits(valid, len(x))
	}
	low, high = math.MaxInt64, math.MinInt64
	whole := 0
	if asm != nil {
		whole = len(x) &^ 7
	}
	for i := 0; i < whole; i += maxCall {
		part := valid
		if valid != nil {
			part = valid[i>>6:]
		}
		l, h, some, not := asm(x[i:min(whole, i+maxCall)], part)
		low, high, n, nans = min(low, l), max(high, h), n+some, nans+not
	}
	for i := whole; i < len(x); i++ {
		switch v := x[i]; {
		case valid != nil && valid[i>>6]>>(i&63)&1 == 0:
		case v != v:
			nans++
		default:
			n++
			key := keyOf(v)
			low, high = min(low, key), max(high, key)
		}
	}
	return low, high, n, nans
}

// keyOf is FloatKey of floats, and integers themselves.
func keyOf[T int32 | int64 | float32 | float64](v T) int64 {
	if T(1)/2 == 0 {
		return int64(v)
	}
	return FloatKey(float64(v))
}
