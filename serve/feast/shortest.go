package feast

import (
	"encoding/binary"
	"math"
	"math/bits"
)

//go:generate go run ./gen

// The shortest decimal that parses back to a float64, after R. Cox, "Floating-Point
// Printing and Parsing Can Be Simple And Fast" (2026), whose roots are Ryu (U. Adams)
// and Schubfach (R. Giulietti).
//
// A float m 2^e stands for the reals from halfway to its lower neighbour to halfway
// to its upper one. Scaled by the power of ten that makes this interval between 1
// and 10 wide, it has at least one whole number in it, and at most one multiple of
// ten: that one is shortest where there is one; otherwise all are equally long, and
// the nearest to m is right. So three products of 64 by 128 bits decide everything.

// scaled returns floor(4 x 10^p 2^e) and sets the lowest bit when that cut anything
// off: two bits of fraction, as much as floor, ceiling and rounding need. hi, lo are
// the first 128 bits of 10^p, rounded up, and shift brings the product's top word to
// its place.
func scaled(x, hi, lo uint64, shift uint) uint64 {
	top, middle := bits.Mul64(x, hi)
	mask := uint64(1)<<(shift&63) - 1
	// The low word can add at most one to top. Most of the time that changes nothing.
	if cut := top & mask; cut != 0 && cut != mask {
		return top>>(shift&63) | 1
	}
	more, _ := bits.Mul64(x, lo)
	middle, carry := bits.Add64(middle, more, 0)
	top += carry
	u := top >> (shift & 63)
	// The table's rounding up puts at most one too much into middle.
	if top&mask != 0 || middle > 1 {
		u |= 1
	}
	return u
}

// shortest returns d and p so that d 10^-p is the shortest decimal that parses to x,
// and of those the nearest to x. x is positive and finite. d may end in zeros.
func shortest(x float64) (d uint64, p int) {
	b := math.Float64bits(x)
	e := int(b>>52&0x7ff) - 1075
	m := b & (1<<52 - 1)
	spare := 11 // zero bits below the significand, once its top bit is bit 63
	if e == -1075 {
		e++
		spare = bits.LeadingZeros64(m)
	} else {
		m |= 1 << 52
	}
	m <<= uint(spare)
	least := m - 1<<(spare-1)
	if m == 1<<63 && b>>52 > 1 {
		least = m - 1<<(spare-2) // the lower neighbour is half as far
		p = -((e*631305 - 261663) >> 21)
	} else {
		p = -(e * 78913 >> 18)
	}
	greatest := m + 1<<(spare-1)
	odd := m >> uint(spare) & 1
	pow := &powers[p-leastPower]
	// 10^p has its top bit at floor(log2(10^p)), 2^e moved m up by spare, and two bits are kept.
	shift := uint(-(e - spare + p*108853>>15 - 127 + 2 + 128))
	low := (scaled(least, pow[0], pow[1], shift) + odd + 3) >> 2
	high := (scaled(greatest, pow[0], pow[1], shift) - odd) >> 2
	if t := high / 10; t*10 >= low {
		return t, p - 1
	}
	if low == high {
		return low, p
	}
	u := scaled(m, pow[0], pow[1], shift)
	return min(max((u+1+u>>2&1)>>2, low), high), p
}

// maxFloat is more than the bytes that putFloat writes.
const maxFloat = 32

// putFloat writes x at the start of w, which has maxFloat bytes, as Python's repr
// does, and returns how many bytes it took: digits that parse back to x, as few as
// possible, with a point, or from 1e16 up and below 1e-4 with an exponent. x is finite.
func putFloat(w []byte, x float64) int {
	_ = w[maxFloat-1]
	n := 0
	if math.Signbit(x) {
		w[0] = '-'
		n, x = 1, -x
	}
	if x == 0 {
		return n + copy(w[n:], "0.0")
	}
	d, p := shortest(x)
	return n + putDecimal(w[n:], d, p)
}

// putDecimal writes d 10^-p, where 0 < d < 10^17, as putFloat describes.
func putDecimal(w []byte, d uint64, p int) int {
	for d < 1e16 {
		d *= 10
		p++
	}
	point := 17 - p // digits before the point
	first := d / 1e16
	d -= first * 1e16
	upper := d / 1e8
	a, b := eightDigits(upper), eightDigits(d-upper*1e8)
	digits := 17 - bits.LeadingZeros64(b)/8
	if b == 0 {
		digits = 9 - bits.LeadingZeros64(a)/8
	}
	const zeros = 0x3030303030303030
	a, b = a|zeros, b|zeros
	switch {
	case 0 < point && point <= 16:
		w[1] = '0' + byte(first)
		binary.LittleEndian.PutUint64(w[2:], a)
		binary.LittleEndian.PutUint64(w[10:], b)
		copy(w[:point], w[1:point+1])
		w[point] = '.'
		return max(digits, point+1) + 1
	case -4 < point && point <= 0:
		binary.LittleEndian.PutUint64(w, 0x303030302e30) // 0.0000
		at := 2 - point
		w[at] = '0' + byte(first)
		binary.LittleEndian.PutUint64(w[at+1:], a)
		binary.LittleEndian.PutUint64(w[at+9:], b)
		return at + digits
	}
	w[0], w[1] = '0'+byte(first), '.'
	binary.LittleEndian.PutUint64(w[2:], a)
	binary.LittleEndian.PutUint64(w[10:], b)
	n := digits + 1
	if digits == 1 {
		n = 1
	}
	return n + putExponent(w[n:], point-1)
}

// putExponent writes e as e-07, e+16, e-308.
func putExponent(w []byte, e int) int {
	w[0], w[1] = 'e', '+'
	if e < 0 {
		w[1] = '-'
		e = -e
	}
	n := 2
	if e >= 100 {
		w[n] = '0' + byte(e/100)
		e %= 100
		n++
	}
	w[n], w[n+1] = '0'+byte(e/10), '0'+byte(e%10)
	return n + 2
}

// eightDigits returns the digits of n < 10^8, the first in the lowest byte, each as
// a number from 0 to 9: halves, quarters and eighths of n side by side in one word.
func eightDigits(n uint64) uint64 {
	v := n/10000 | n%10000<<32
	q := v * 10486 >> 20 & 0x7f0000007f // v / 100 in each half
	v = q | (v-q*100)<<16
	q = v * 103 >> 10 & 0x000f000f000f000f // v / 10 in each quarter
	return q | (v-q*10)<<8
}
