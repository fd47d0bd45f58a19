package stat

import (
	"math"
	"math/bits"
)

// addSmall adds an int32.
func (g *Group) addSmall(i int64) {
	g.n++
	g.i1 += i
	g.i2 += uint64(i * i)
	if g.i2 >= smallLimit {
		g.flushSmall()
	}
}

// addFloatTimes adds v, which is not NaN, times times.
func (g *Group) addFloatTimes(v float64, times uint64) {
	if math.IsInf(v, 0) {
		w := g.widen()
		if v > 0 {
			w.pos = addRows(w.pos, times)
		} else {
			w.neg = addRows(w.neg, times)
		}
		return
	}
	m, exp := split(v)
	g.addScaled(m, exp, v < 0, times)
}

// addIntTimes adds v times times.
func (g *Group) addIntTimes(v int64, times uint64) {
	sign := v >> 63
	g.addScaled(uint64((v^sign)-sign), 0, v < 0, times)
}

// addScaled adds m * 2^exp, times times.
func (g *Group) addScaled(m uint64, exp int, negative bool, times uint64) {
	g.n = addRows(g.n, times)
	if m == 0 || times == 0 {
		return
	}
	w := g.widen()
	hi, lo := bits.Mul64(m, times)
	w.s1.add(lo, hi, 0, exp, negative)
	hi, lo = bits.Mul64(m, m)
	top, mid := bits.Mul64(hi, times)
	carry, low := bits.Mul64(lo, times)
	mid, c := bits.Add64(mid, carry, 0)
	w.s2.add(low, mid, top+c, 2*exp, false)
}

// split returns the finite |v| as m * 2^exp.
func split(v float64) (m uint64, exp int) {
	b := math.Float64bits(v)
	m, exp = b&(1<<52-1), int(b>>52&0x7ff)
	if exp == 0 {
		return m, -1074
	}
	return m | 1<<52, exp - 1075
}

func (g *Group) widen() *wide {
	if g.wide == nil {
		g.wide = new(wide)
	}
	return g.wide
}

// flushSmall moves the small part into the windows.
func (g *Group) flushSmall() {
	w := g.widen()
	w.s1.addSigned(uint64(g.i1), uint64(g.i1>>63), 0)
	w.s2.add(g.i2, 0, 0, 0, false)
	g.i1, g.i2 = 0, 0
}
