package simd

import "math"

// unaryKernel is a kernel of one argument; its length is a multiple of eight.
type unaryKernel[D, A any] func(dst []D, a []A)

// each runs asm, which is nil if there is none, over all whole groups of eight
// values, and twin over the rest.
func (asm unaryKernel[D, A]) each(dst []D, a []A, twin unaryKernel[D, A]) {
	a = a[:len(dst)]
	n := 0
	if asm != nil {
		n = len(dst) &^ 7
	}
	for i := 0; i < n; i += maxCall {
		end := min(n, i+maxCall)
		asm(dst[i:end], a[i:end])
	}
	twin(dst[n:], a[n:])
}

// canonicalNaN and canonicalNaN32 are the NaNs that leave a program.
const (
	canonicalNaN   = 0x7FF8000000000000
	canonicalNaN32 = 0x7FC00000
)

// Canonical copies floats and gives every NaN the bits 0x7FF8000000000000.
func (k *Kernels) Canonical(dst, a []float64) {
	k.canonical.each(dst, a, func(dst, a []float64) {
		nan := math.Float64frombits(canonicalNaN)
		for i := range dst {
			x := a[i]
			if x != x {
				x = nan
			}
			dst[i] = x
		}
	})
}

// Round32 rounds to the nearest float32, ties to even. NaNs become canonical.
func (k *Kernels) Round32(dst, a []float64) {
	k.round32.each(dst, a, func(dst, a []float64) {
		nan := math.Float64frombits(canonicalNaN)
		for i := range dst {
			x := float64(float32(a[i]))
			if x != x {
				x = nan
			}
			dst[i] = x
		}
	})
}

// WidenFloats converts exactly. A signalling NaN becomes quiet.
func (k *Kernels) WidenFloats(dst []float64, a []float32) {
	k.widenFloats.each(dst, a, func(dst []float64, a []float32) {
		for i := range dst {
			dst[i] = float64(a[i])
		}
	})
}

// NarrowFloats rounds to float32. NaNs get the bits 0x7FC00000.
func (k *Kernels) NarrowFloats(dst []float32, a []float64) {
	k.narrowFloats.each(dst, a, func(dst []float32, a []float64) {
		for i := range dst {
			x := float32(a[i])
			if x != x {
				x = math.Float32frombits(canonicalNaN32)
			}
			dst[i] = x
		}
	})
}

// WidenInts converts exactly.
func (k *Kernels) WidenInts(dst []int64, a []int32) {
	k.widenInts.each(dst, a, func(dst []int64, a []int32) {
		for i := range dst {
			dst[i] = int64(a[i])
		}
	})
}

// NarrowInts keeps the low 32 bits.
func (k *Kernels) NarrowInts(dst []int32, a []int64) {
	k.narrowInts.each(dst, a, func(dst []int32, a []int64) {
		for i := range dst {
			dst[i] = int32(a[i])
		}
	})
}

// Floats32 converts integers exactly.
func (k *Kernels) Floats32(dst []float64, a []int32) {
	k.floats32.each(dst, a, func(dst []float64, a []int32) {
		for i := range dst {
			dst[i] = float64(a[i])
		}
	})
}

// Floats64 converts integers with one rounding.
func (k *Kernels) Floats64(dst []float64, a []int64) {
	k.floats64.each(dst, a, func(dst []float64, a []int64) {
		for i := range dst {
			dst[i] = float64(a[i])
		}
	})
}
