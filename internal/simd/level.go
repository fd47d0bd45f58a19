package simd

// Level is a set of processor features that kernels are written for.
type Level int

const (
	// Generic is plain Go.
	Generic Level = iota
	// AVX2 is vectors of 256 bits, with FMA, BMI and POPCNT.
	AVX2
	// AVX512 is vectors of 512 bits: F, BW, DQ and VL.
	AVX512
)

// String returns the name of l.
func (l Level) String() string { return [...]string{"generic", "avx2", "avx512"}[l] }

// maxCall is the most values of one call of assembly.
const maxCall = 64 << 10

// Kernels is one variant of every kernel. It never changes and may be shared.
type Kernels struct {
	level        Level
	sum24, sum53 func(x []float64, valid []uint64, c *[28]float64, out *[8]int64, rest []float64)

	log, log1p, exp, expm1 func(dst, x []float64)

	// nil where there is no assembly
	addConst, subConst, mulConst, divConst, addScaled constKernel[float64, float64]
	addFloats, subFloats, mulFloats, divFloats        pairKernel
	clampFloats                                       clampKernel[float64]
	clampInts                                         clampKernel[int64]
	coalesceConst                                     func(dst, a, valid []uint64, x uint64)
	choose                                            func(dst, a, b, choice []uint64)
	canonical, round32                                unaryKernel[float64, float64]
	widenFloats                                       unaryKernel[float64, float32]
	narrowFloats                                      unaryKernel[float32, float64]
	widenInts                                         unaryKernel[int64, int32]
	narrowInts                                        unaryKernel[int32, int64]
	floats32                                          unaryKernel[float64, int32]
	floats64                                          unaryKernel[float64, int64]
	compareFloats                                     [6]constKernel[bool, float64]
	compareInts                                       [6]constKernel[bool, int64]
	range64                                           rangeKernel[float64]
	range32                                           rangeKernel[float32]
	rangeInts                                         rangeKernel[int64]
	rangeInts32                                       rangeKernel[int32]
	rankFloats                                        func(dst []int64, x []float64, nodes []int64, shift, last, nan int64)
	rankInts                                          func(dst, x []int64, nodes []int64, shift, last, nan int64)
	sumInts                                           func(x []int64, valid []uint64) (sum int64, low, high uint64, n int, over uint64)
	packBools                                         func(dst []uint64, src []bool)
	unpackBits                                        func(dst []bool, src []uint64, flip uint64)
	packCodes                                         func(dst []byte, src []int32, plan *[26]uint64, width int)
	compact64                                         func(dst, src, valid []uint64) int
	compact32                                         func(dst, src []uint32, valid []uint64) int
	expand64                                          func(dst, src, valid []uint64, x uint64) (wrote, read int)
	expand32                                          func(dst, src []uint32, valid []uint64, x uint32) (wrote, read int)
}

// Best returns the fastest variant that this processor can run.
func Best() *Kernels { return At(Highest()) }

// At returns the variant for level. It panics if the processor cannot run it: see
// Highest.
func At(level Level) *Kernels {
	if level > Highest() {
		panic("quern: bug: no " + level.String() + " on this processor")
	}
	k := &Kernels{level: level, sum24: sum24Go, sum53: sum53Go}
	k.reals()
	k.assemble()
	return k
}

// checkBits panics unless a bitmap has a bit for each of n values: assembly does not
// look at its length.
func checkBits(bitmap []uint64, n int) {
	if len(bitmap) < (n+63)/64 {
		panic("quern: bug: a bitmap is shorter than its values")
	}
}

// Level returns which variant k is.
func (k *Kernels) Level() Level { return k.level }
