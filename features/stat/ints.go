package stat

import (
	"math/bits"

	"quern/features/column"
	"quern/internal/simd"
)

// sumInts sums integers exactly: 2^62 values of 63 bits fit 128 bits, and their
// squares 192.
type sumInts struct {
	kernels *simd.Kernels
	sum     [2]uint64 // two's complement
	squares [3]uint64
}

// observe adds the values of x that are not null and returns how many there are.
func (s *sumInts) observe(x []int64, valid column.Bitmap) (n int) {
	const block = 1 << 12
	for len(x) > 0 {
		part := x[:min(len(x), block)]
		if sums := s.kernels.SumInts(part, valid); sums.Small {
			s.add(&sums)
			n += sums.N
		} else {
			n += s.each(part, valid)
		}
		if x = x[len(part):]; valid != nil {
			valid = valid[len(part)/64:] // a whole block, or the end
		}
	}
	return n
}

// add adds the sums of a block.
func (s *sumInts) add(b *simd.IntSums) {
	var c uint64
	s.sum[0], c = bits.Add64(s.sum[0], uint64(b.Sum), 0)
	s.sum[1] += uint64(b.Sum>>63) + c
	s.squares[0], c = bits.Add64(s.squares[0], b.Low, 0)
	s.squares[1], c = bits.Add64(s.squares[1], 0, c)
	s.squares[2] += c
	s.squares[0], c = bits.Add64(s.squares[0], b.High<<32, 0)
	s.squares[1], c = bits.Add64(s.squares[1], b.High>>32, c)
	s.squares[2] += c
}

// each adds integers of any size.
func (s *sumInts) each(x []int64, valid column.Bitmap) (n int) {
	s0, s1 := s.sum[0], s.sum[1]
	q0, q1, q2 := s.squares[0], s.squares[1], s.squares[2]
	for i, v := range x {
		if !valid.Get(i) {
			continue
		}
		n++
		sign := v >> 63
		m := uint64((v ^ sign) - sign)
		var c uint64
		s0, c = bits.Add64(s0, uint64(v), 0)
		s1 += uint64(sign) + c
		hi, lo := bits.Mul64(m, m)
		q0, c = bits.Add64(q0, lo, 0)
		q1, c = bits.Add64(q1, hi, c)
		q2 += c
	}
	s.sum = [2]uint64{s0, s1}
	s.squares = [3]uint64{q0, q1, q2}
	return n
}

// addTimes adds v times times: at most 2^62 in all.
func (s *sumInts) addTimes(v int64, times uint64) {
	sign := uint64(v >> 63)
	m := (uint64(v) ^ sign) - sign
	hi, lo := bits.Mul64(m, times)
	lo, c := bits.Sub64(lo^sign, sign, 0)
	hi, _ = bits.Sub64(hi^sign, sign, c)
	s.sum[0], c = bits.Add64(s.sum[0], lo, 0)
	s.sum[1], _ = bits.Add64(s.sum[1], hi, c)

	hi, lo = bits.Mul64(m, m)
	top, middle := bits.Mul64(hi, times)
	high, low := bits.Mul64(lo, times)
	middle, c = bits.Add64(middle, high, 0)
	top += c
	s.squares[0], c = bits.Add64(s.squares[0], low, 0)
	s.squares[1], c = bits.Add64(s.squares[1], middle, c)
	s.squares[2], _ = bits.Add64(s.squares[2], top, c)
}

// flush adds the sums to total, whose n already counts them, and empties them.
func (s *sumInts) flush(total *Group) {
	if s.squares == [3]uint64{} {
		return
	}
	w := total.widen()
	w.s1.addSigned(s.sum[0], s.sum[1], 0)
	w.s2.add(s.squares[0], s.squares[1], s.squares[2], 0, false)
	s.sum, s.squares = [2]uint64{}, [3]uint64{}
}
