package simd

// IntSums are exact sums of at most SumIntsBlock small integers. The sum of their
// squares is Low + High 2^32.
type IntSums struct {
	N         int // values that are not null
	Sum       int64
	Low, High uint64
	Small     bool // all values are int32; else the sums mean nothing
}

// SumIntsBlock is the most values of one call of SumInts.
const SumIntsBlock = maxCall

// SumInts adds up the values that are not null, if all of them are int32.
func (k *Kernels) SumInts(x []int64, valid []uint64) IntSums {
	if len(x) > SumIntsBlock {
		panic("quern: bug: sum of a block that is too long")
	}
	if valid != nil {
		checkBits(valid, len(x))
	}
	var s IntSums
	var over uint64
	n := 0
	if k.sumInts != nil {
		n = len(x) &^ 7
		s.Sum, s.Low, s.High, s.N, over = k.sumInts(x[:n], valid)
	}
	for i := n; i < len(x); i++ {
		if valid != nil && valid[i>>6]>>(i&63)&1 == 0 {
			continue
		}
		v := x[i]
		over |= uint64(v ^ int64(int32(v)))
		square := uint64(v * v)
		s.N++
		s.Sum += v
		s.Low += square & (1<<32 - 1)
		s.High += square >> 32
	}
	s.Small = over == 0
	return s
}
