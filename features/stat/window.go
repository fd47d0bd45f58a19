package stat

import (
	"encoding/binary"
	"math/big"
	"math/bits"
	"slices"
)

// window is an exact signed fixed-point number that grows at both ends: limb i
// weighs 2^(64*(base+i)), in two's complement, least significant limb first. The
// top limb is pure sign (0 or all ones), so one addition never overflows. No
// limbs: zero.
type window struct {
	base  int
	limbs []uint64
}

// add adds the integer hi:mid:lo times 2^exp, or subtracts it.
func (w *window) add(lo, mid, hi uint64, exp int, negative bool) {
	if lo|mid|hi == 0 {
		return
	}
	limb, s := exp>>6, uint(exp&63)
	if limb < w.base || limb+5 > w.base+len(w.limbs) || len(w.limbs) == 0 {
		w.cover(limb, limb+5)
	}
	var sign uint64 // all ones to subtract: the two's complement is added
	if negative {
		sign = 1
	}
	c := sign
	sign = -sign
	l := w.limbs[limb-w.base:]
	five := (*[5]uint64)(l)
	five[0], c = bits.Add64(five[0], lo<<s^sign, c)
	five[1], c = bits.Add64(five[1], (mid<<s|lo>>1>>(63-s))^sign, c)
	five[2], c = bits.Add64(five[2], (hi<<s|mid>>1>>(63-s))^sign, c)
	five[3], c = bits.Add64(five[3], hi>>1>>(63-s)^sign, c)
	five[4], c = bits.Add64(five[4], sign, c)
	for i := 5; i < len(l) && c != sign&1; i++ {
		l[i], c = bits.Add64(l[i], sign, c)
	}
	w.settle()
}

// addSigned adds the 128-bit two's complement integer hi:lo times 2^exp.
func (w *window) addSigned(lo, hi uint64, exp int) {
	if int64(hi) >= 0 {
		w.add(lo, hi, 0, exp, false)
		return
	}
	lo, c := bits.Sub64(0, lo, 0)
	hi, _ = bits.Sub64(0, hi, c)
	w.add(lo, hi, 0, exp, true)
}

// merge adds o, or subtracts it.
func (w *window) merge(o *window, negative bool) {
	if len(o.limbs) == 0 {
		return
	}
	w.cover(o.base, o.base+len(o.limbs)+1)
	l := w.limbs[o.base-w.base:]
	sign := o.sign()
	var c uint64
	for i := range l {
		x := sign
		if i < len(o.limbs) {
			x = o.limbs[i]
		}
		if negative {
			l[i], c = bits.Sub64(l[i], x, c)
		} else {
			l[i], c = bits.Add64(l[i], x, c)
		}
	}
	w.settle()
}

// cover makes room for limbs from (inclusive) to to (exclusive).
func (w *window) cover(from, to int) {
	if len(w.limbs) == 0 {
		w.base = from
	}
	if from < w.base {
		w.limbs = slices.Insert(w.limbs, 0, make([]uint64, w.base-from)...)
		w.base = from
	}
	sign := w.sign()
	for w.base+len(w.limbs) < to {
		w.limbs = append(w.limbs, sign)
	}
}

// settle makes the top limb pure sign again.
func (w *window) settle() {
	if top := w.limbs[len(w.limbs)-1]; top != 0 && top != ^uint64(0) {
		w.limbs = append(w.limbs, w.sign())
	}
}

// sign returns all ones if w is negative, else 0.
func (w *window) sign() uint64 {
	if len(w.limbs) == 0 {
		return 0
	}
	return uint64(int64(w.limbs[len(w.limbs)-1]) >> 63)
}

func (w *window) clone() window { return window{w.base, slices.Clone(w.limbs)} }

// big returns w as x times 2^exp with x odd, or 0 and 0.
func (w *window) big() (x *big.Int, exp int) {
	sign := w.sign()
	raw := make([]byte, 8*len(w.limbs))
	for i, limb := range w.limbs {
		binary.BigEndian.PutUint64(raw[8*(len(w.limbs)-1-i):], limb^sign)
	}
	x = new(big.Int).SetBytes(raw)
	if sign != 0 { // two's complement: -(^w + 1)
		x.Not(x)
	}
	if x.Sign() == 0 {
		return x, 0
	}
	zeros := x.TrailingZeroBits()
	return x.Rsh(x, zeros), 64*w.base + int(zeros)
}

// setBig makes w x times 2^exp.
func (w *window) setBig(x *big.Int, exp int) {
	*w = window{}
	raw := x.Bytes()
	for len(raw) > 0 { // 64 bits at a time, from the least significant
		k := min(8, len(raw))
		var limb uint64
		for _, b := range raw[len(raw)-k:] {
			limb = limb<<8 | uint64(b)
		}
		w.add(limb, 0, 0, exp, x.Sign() < 0)
		raw, exp = raw[:len(raw)-k], exp+64
	}
}

// rat returns w exactly.
func (w *window) rat() *big.Rat {
	x, exp := w.big()
	if exp >= 0 {
		return new(big.Rat).SetInt(x.Lsh(x, uint(exp)))
	}
	return new(big.Rat).SetFrac(x, new(big.Int).Lsh(big.NewInt(1), uint(-exp)))
}

// zero reports whether w is 0.
func (w *window) zero() bool {
	for _, limb := range w.limbs {
		if limb != 0 {
			return false
		}
	}
	return true
}

// int64 returns w if it is an integer that fits.
func (w *window) int64() (int64, bool) {
	sign, v := w.sign(), uint64(0)
	for i, limb := range w.limbs {
		switch at := w.base + i; {
		case at < 0 && limb != 0, at > 0 && limb != sign:
			return 0, false
		case at == 0:
			v = limb
		}
	}
	if len(w.limbs) > 0 && w.base > 0 {
		return 0, sign == 0 && w.zero()
	}
	if len(w.limbs) > 0 && w.base+len(w.limbs) <= 0 {
		return 0, sign == 0
	}
	return int64(v), v>>63 == sign&1
}
