package stat

import (
	"math"
	"math/bits"
)

// table64 sums float64 values exactly: eight neighbouring exponents share a
// cell of fixed-point limbs, into which mantissas are shifted. A 53-bit mantissa
// becomes at most 60 bits and its square at most 120, so a cell takes 2^67
// values before a sum, and 2^72 before a square sum, could overflow.
type table64 struct {
	pending bool
	cells   [256]cell64
}

type cell64 struct {
	sum     [2]uint64 // two's complement
	squares [3]uint64
}

// observe adds x and returns how many values were NaN or infinite and thus not added.
func (t *table64) observe(x []float64) (special int) {
	t.pending = true
	cells := &t.cells
	for _, v := range x {
		b := math.Float64bits(v)
		e := b >> 52 & 0x7ff
		if e == 0x7ff {
			special++
			continue
		}
		implicit := (e + 0x7ff) >> 11 // 0 for zero and denormals, whose exponent is that of 1
		m := b&(1<<52-1) | implicit<<52
		e -= implicit
		c := &cells[e>>3]
		shift := e & 7
		sign := uint64(int64(b) >> 63)
		hi, lo := bits.Mul64(m, m)
		m = (m<<shift ^ sign) - sign
		var carry uint64
		c.sum[0], carry = bits.Add64(c.sum[0], m, 0)
		c.sum[1], _ = bits.Add64(c.sum[1], uint64(int64(m)>>63), carry)
		shift *= 2
		hi = hi<<shift | lo>>1>>(63-shift)
		c.squares[0], carry = bits.Add64(c.squares[0], lo<<shift, 0)
		c.squares[1], carry = bits.Add64(c.squares[1], hi, carry)
		c.squares[2] += carry
	}
	return special
}

// addTimes adds v, which is finite, times times: at most 2^62 in all.
func (t *table64) addTimes(v float64, times uint64) {
	t.pending = true
	b := math.Float64bits(v)
	e := b >> 52 & 0x7ff
	implicit := (e + 0x7ff) >> 11
	m := b&(1<<52-1) | implicit<<52
	e -= implicit
	c := &t.cells[e>>3]
	m <<= e & 7
	sign := uint64(int64(b) >> 63)

	hi, lo := bits.Mul64(m, times) // below 2^122
	lo, carry := bits.Sub64(lo^sign, sign, 0)
	hi, _ = bits.Sub64(hi^sign, sign, carry)
	c.sum[0], carry = bits.Add64(c.sum[0], lo, 0)
	c.sum[1], _ = bits.Add64(c.sum[1], hi, carry)

	hi, lo = bits.Mul64(m, m) // below 2^120, its product with times below 2^182
	top, middle := bits.Mul64(hi, times)
	high, low := bits.Mul64(lo, times)
	middle, carry = bits.Add64(middle, high, 0)
	top += carry
	c.squares[0], carry = bits.Add64(c.squares[0], low, 0)
	c.squares[1], carry = bits.Add64(c.squares[1], middle, carry)
	c.squares[2], _ = bits.Add64(c.squares[2], top, carry)
}

// flush adds the cells to total, whose n already counts them, and empties them.
func (t *table64) flush(total *Group) {
	if !t.pending {
		return
	}
	w := total.widen()
	for i := range t.cells {
		c := &t.cells[i]
		if c.squares == [3]uint64{} {
			continue
		}
		exp := 8*i - 1074 // a mantissa of 1 weighs 2^exp
		w.s1.addSigned(c.sum[0], c.sum[1], exp)
		w.s2.add(c.squares[0], c.squares[1], c.squares[2], 2*exp, false)
		*c = cell64{}
	}
	t.pending = false
}
