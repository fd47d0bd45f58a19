package stat

import "math"

// table32 sums float32 values exactly, without carries: per exponent, the signed
// sum of the 24-bit mantissas and the sum of their 48-bit squares. It is flushed
// to a Group before a square sum can overflow.
//
// There are two tables, used in turn, so that runs of equal exponents do not
// wait for their own stores.
type table32 struct {
	pending int
	even    [256]pair32
	odd     [256]pair32
}

type pair32 struct {
	sum     int64
	squares uint64
}

// flush32 is how many values a table takes: 2^16 squares of 48 bits fit 64 bits.
const flush32 = 1 << 16

// observe adds x, values of float32, and returns how many were NaN or infinite
// and thus not added.
func (t *table32) observe(x []float64, total *Group) (special int) {
	for len(x) > 0 {
		if t.pending == flush32 {
			t.flush(total)
		}
		k := min(len(x), flush32-t.pending)
		special += sum32(&t.even, &t.odd, x[:k])
		t.pending += k
		x = x[k:]
	}
	return special
}

func sum32(even, odd *[256]pair32, x []float64) (special int) {
	for ; len(x) >= 2; x = x[2:] {
		special += add32(even, x[0])
		special += add32(odd, x[1])
	}
	if len(x) > 0 {
		special += add32(even, x[0])
	}
	return special
}

// add32 adds one value; 1: it is NaN or infinite.
func add32(t *[256]pair32, v float64) int {
	b := math.Float32bits(float32(v))
	e := b >> 23 & 0xff
	if e == 0xff {
		return 1
	}
	// The implicit bit is there unless e is 0.
	m := int64(b&(1<<23-1) | (e+0xff)>>8<<23)
	sign := int64(int32(b) >> 31)
	a := &t[e]
	a.sum += (m ^ sign) - sign
	a.squares += uint64(m * m)
	return 0
}

// flush adds the tables to total, whose n already counts them, and empties them.
func (t *table32) flush(total *Group) {
	if t.pending == 0 {
		return
	}
	w := total.widen()
	for e := range t.even {
		a, b := &t.even[e], &t.odd[e]
		exp := max(e, 1) - 150 // a mantissa of 1 weighs 2^exp
		for _, p := range [2]*pair32{a, b} {
			if p.squares == 0 {
				continue
			}
			w.s1.addSigned(uint64(p.sum), uint64(p.sum>>63), exp)
			w.s2.add(p.squares, 0, 0, 2*exp, false)
			*p = pair32{}
		}
	}
	t.pending = 0
}
