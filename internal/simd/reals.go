package simd

import "quern/features/real"

// Log computes real.Log of each value.
func (k *Kernels) Log(dst, x []float64) { perPart(dst, x, k.log) }

// Log1p computes real.Log1p of each value.
func (k *Kernels) Log1p(dst, x []float64) { perPart(dst, x, k.log1p) }

// Exp computes real.Exp of each value.
func (k *Kernels) Exp(dst, x []float64) { perPart(dst, x, k.exp) }

// Expm1 computes real.Expm1 of each value.
func (k *Kernels) Expm1(dst, x []float64) { perPart(dst, x, k.expm1) }

// perPart calls f for at most maxCall values at a time.
func perPart[D, X any](dst []D, x []X, f func(dst []D, x []X)) {
	x = x[:len(dst)]
	for len(dst) > maxCall {
		f(dst[:maxCall], x[:maxCall])
		dst, x = dst[maxCall:], x[maxCall:]
	}
	f(dst, x)
}

// each is the twin of kernels of one argument.
func each(f func(float64) float64) func(dst, x []float64) {
	return func(dst, x []float64) {
		x = x[:len(dst)]
		for i := range dst {
			dst[i] = f(x[i])
		}
	}
}

// reals sets the twins of the functions of package real.
func (k *Kernels) reals() {
	k.log, k.log1p, k.exp, k.expm1 = each(real.Log), each(real.Log1p), each(real.Exp), each(real.Expm1)
}
