package simd

import "unsafe"

// constKernel is a kernel whose second argument is the same for all values; its
// length is a multiple of eight.
type constKernel[D, A any] func(dst []D, a []A, x A)

// each runs asm, which is nil if there is none, over all whole groups of eight
// values, and twin over the rest.
func (asm constKernel[D, A]) each(dst []D, a []A, x A, twin constKernel[D, A]) {
	a = a[:len(dst)]
	n := 0
	if asm != nil {
		n = len(dst) &^ 7
	}
	for i := 0; i < n; i += maxCall {
		end := min(n, i+maxCall)
		asm(dst[i:end], a[i:end], x)
	}
	twin(dst[n:], a[n:], x)
}

// AddConst computes a+x.
func (k *Kernels) AddConst(dst, a []float64, x float64) {
	k.addConst.each(dst, a, x, func(dst, a []float64, x float64) {
		for i := range dst {
			dst[i] = a[i] + x
		}
	})
}

// SubConst computes a-x.
func (k *Kernels) SubConst(dst, a []float64, x float64) {
	k.subConst.each(dst, a, x, func(dst, a []float64, x float64) {
		for i := range dst {
			dst[i] = a[i] - x
		}
	})
}

// MulConst computes a*x.
func (k *Kernels) MulConst(dst, a []float64, x float64) {
	k.mulConst.each(dst, a, x, func(dst, a []float64, x float64) {
		for i := range dst {
			dst[i] = a[i] * x
		}
	})
}

// DivConst computes a/x.
func (k *Kernels) DivConst(dst, a []float64, x float64) {
	k.divConst.each(dst, a, x, func(dst, a []float64, x float64) {
		for i := range dst {
			dst[i] = a[i] / x
		}
	})
}

// AddScaled computes dst + a*x in place, product and sum rounded apart.
func (k *Kernels) AddScaled(dst, a []float64, x float64) {
	k.addScaled.each(dst, a, x, func(dst, a []float64, x float64) {
		for i := range dst {
			dst[i] += float64(a[i] * x)
		}
	})
}

// pairKernel is a kernel of two arguments.
type pairKernel func(dst, a, b []float64)

func (asm pairKernel) each(dst, a, b []float64, twin pairKernel) {
	a, b = a[:len(dst)], b[:len(dst)]
	n := 0
	if asm != nil {
		n = len(dst) &^ 7
	}
	for i := 0; i < n; i += maxCall {
		end := min(n, i+maxCall)
		asm(dst[i:end], a[i:end], b[i:end])
	}
	twin(dst[n:], a[n:], b[n:])
}

// AddFloats computes a+b.
func (k *Kernels) AddFloats(dst, a, b []float64) {
	k.addFloats.each(dst, a, b, func(dst, a, b []float64) {
		for i := range dst {
			dst[i] = a[i] + b[i]
		}
	})
}

// SubFloats computes a-b.
func (k *Kernels) SubFloats(dst, a, b []float64) {
	k.subFloats.each(dst, a, b, func(dst, a, b []float64) {
		for i := range dst {
			dst[i] = a[i] - b[i]
		}
	})
}

// MulFloats computes a*b.
func (k *Kernels) MulFloats(dst, a, b []float64) {
	k.mulFloats.each(dst, a, b, func(dst, a, b []float64) {
		for i := range dst {
			dst[i] = a[i] * b[i]
		}
	})
}

// DivFloats computes a/b.
func (k *Kernels) DivFloats(dst, a, b []float64) {
	k.divFloats.each(dst, a, b, func(dst, a, b []float64) {
		for i := range dst {
			dst[i] = a[i] / b[i]
		}
	})
}

// Number is what registers of programs hold.
type Number interface{ int64 | float64 }

// words views numbers as their bits.
func words[T Number](s []T) []uint64 {
	return unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(s))), len(s))
}

// clampKernel limits values; its length is a multiple of eight.
type clampKernel[T Number] func(dst, a []T, low, high T)

func (asm clampKernel[T]) each(dst, a []T, low, high T) {
	a = a[:len(dst)]
	n := 0
	if asm != nil {
		n = len(dst) &^ 7
	}
	for i := 0; i < n; i += maxCall {
		end := min(n, i+maxCall)
		asm(dst[i:end], a[i:end], low, high)
	}
	for i := n; i < len(dst); i++ {
		v := a[i]
		if v > high {
			v = high
		}
		if a[i] < low {
			v = low
		}
		dst[i] = v
	}
}

// ClampFloats computes low where a < low, else high where a > high, else a.
func (k *Kernels) ClampFloats(dst, a []float64, low, high float64) {
	k.clampFloats.each(dst, a, low, high)
}

// ClampInts computes low where a < low, else high where a > high, else a.
func (k *Kernels) ClampInts(dst, a []int64, low, high int64) { k.clampInts.each(dst, a, low, high) }

// CoalesceConst computes a where its bit is set, and x where it is not.
func CoalesceConst[T Number](k *Kernels, dst, a []T, valid []uint64, x T) {
	a = a[:len(dst)]
	if valid == nil {
		copy(dst, a)
		return
	}
	checkBits(valid, len(dst))
	n := 0
	if k.coalesceConst != nil {
		n = len(dst) &^ 7
	}
	for i := 0; i < n; i += maxCall {
		end := min(n, i+maxCall)
		k.coalesceConst(words(dst[i:end]), words(a[i:end]), valid[i>>6:], words([]T{x})[0])
	}
	for i := n; i < len(dst); i++ {
		v := a[i]
		if valid[i>>6]>>(i&63)&1 == 0 {
			v = x
		}
		dst[i] = v
	}
}

// Choose computes a where the bit of choice is set, and b where it is not.
func Choose[T Number](k *Kernels, dst []T, choice []uint64, a, b []T) {
	a, b = a[:len(dst)], b[:len(dst)]
	checkBits(choice, len(dst))
	n := 0
	if k.choose != nil {
		n = len(dst) &^ 7
	}
	for i := 0; i < n; i += maxCall {
		end := min(n, i+maxCall)
		k.choose(words(dst[i:end]), words(a[i:end]), words(b[i:end]), choice[i>>6:])
	}
	for i := n; i < len(dst); i++ {
		v := b[i]
		if choice[i>>6]>>(i&63)&1 != 0 {
			v = a[i]
		}
		dst[i] = v
	}
}
