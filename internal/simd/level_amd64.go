//go:build !purego

package simd

import "golang.org/x/sys/cpu"

// Highest returns the best level of this processor.
func Highest() Level {
	x := &cpu.X86
	switch {
	case !x.HasAVX2 || !x.HasFMA || !x.HasBMI1 || !x.HasBMI2 || !x.HasPOPCNT:
		return Generic
	case !x.HasAVX512F || !x.HasAVX512BW || !x.HasAVX512DQ || !x.HasAVX512VL:
		return AVX2
	}
	return AVX512
}

// assemble replaces the twins by assembly.
func (k *Kernels) assemble() {
	switch k.level {
	case AVX2:
		k.sum24, k.sum53 = sum24AVX2, sum53AVX2
		k.log, k.log1p, k.exp, k.expm1 = logAVX2, log1pAVX2, expAVX2, expm1AVX2
		k.elementsAVX2()
	case AVX512:
		k.sum24, k.sum53 = sum24AVX512, sum53AVX512
		k.log, k.log1p, k.exp, k.expm1 = logAVX512, log1pAVX512, expAVX512, expm1AVX512
		k.elementsAVX512()
	}
}
