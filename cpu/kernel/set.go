package kernel

import "quern/internal/simd"

// Set is one variant of the loops that are worth assembly: for a processor's best
// instructions, or plain Go. All of them give the same bits, NaNs apart.
type Set = simd.Kernels

// Best returns the fastest variant that this processor can run.
func Best() *Set { return simd.Best() }

// Sets returns every variant that this processor can run.
func Sets() []*Set {
	var sets []*Set
	for level := simd.Generic; level <= simd.Highest(); level++ {
		sets = append(sets, simd.At(level))
	}
	return sets
}

// CoalesceConst computes a where its bit is set, and x where it is not.
func CoalesceConst[T Number](k *Set, dst, a []T, valid []uint64, x T) {
	simd.CoalesceConst(k, dst, a, valid, x)
}

// Choose computes a where the bit of choice is set, else b, without a branch.
func Choose[T Number](k *Set, dst []T, choice []uint64, a, b []T) {
	simd.Choose(k, dst, choice, a, b)
}

// Comparison is an order relation of a variable and a constant.
type Comparison = simd.Comparison

// The relations, as IEEE 754 has them for floats.
const (
	Eq = simd.Eq
	Ne = simd.Ne
	Lt = simd.Lt
	Le = simd.Le
	Gt = simd.Gt
	Ge = simd.Ge
)
