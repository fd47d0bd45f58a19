package stat

import "math/bits"

// sumInts sums integers exactly: 2^62 values of 63 bits fit 128 bits, and their
// squares 192.
type sumInts struct {
	sum     [2]uint64 // two's complement
	squares [3]uint64
}

func (s *sumInts) observe(x []int64) {
	s0, s1 := s.sum[0], s.sum[1]
	q0, q1, q2 := s.squares[0], s.squares[1], s.squares[2]
	for _, v := range x {
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
}

// flush adds the sums to total, whose n already counts them, and empties them.
func (s *sumInts) flush(total *Group) {
	if s.squares == [3]uint64{} {
		return
	}
	w := total.widen()
	w.s1.addSigned(s.sum[0], s.sum[1], 0)
	w.s2.add(s.squares[0], s.squares[1], s.squares[2], 0, false)
	*s = sumInts{}
}
