package stat

import (
	"math/big"
	"math/bits"
)

// Group is an exact accumulator: how many values there were, their sum, and the
// sum of their squares. It is a value: Plus and Minus return others. The zero
// Group has seen nothing.
//
// Small integers (labels, counts) live in two machine words; everything else
// goes to a window of limbs that grows with the data. The state is their total.
type Group struct {
	n    uint64
	i1   int64  // sum of the small integers; |i1| <= i2
	i2   uint64 // sum of their squares; below smallLimit
	wide *wide
}

// wide is the part of a Group that does not fit machine words.
type wide struct {
	pos, neg uint64 // infinities; not in n
	s1, s2   window
}

// smallLimit bounds the small part: the square of an int32 added to anything
// below it stays below 2^63.
const smallLimit = 1 << 62

// N returns how many finite values there were.
func (g Group) N() uint64 { return g.n }

// PosInfs returns how many values were +Inf. They are in no sum and not in N.
func (g Group) PosInfs() uint64 {
	if g.wide == nil {
		return 0
	}
	return g.wide.pos
}

// NegInfs returns how many values were -Inf. They are in no sum and not in N.
func (g Group) NegInfs() uint64 {
	if g.wide == nil {
		return 0
	}
	return g.wide.neg
}

// Sum returns the sum of the finite values, correctly rounded; 0 if there are none.
func (g Group) Sum() float64 {
	s1, _ := g.totals()
	return roundDyadic(s1.big())
}

// Mean returns the correctly rounded mean of the finite values, or false if
// there are none.
func (g Group) Mean() (float64, bool) {
	if g.n == 0 {
		return 0, false
	}
	const exact = 1 << 53
	if g.wide == nil && g.n <= exact && g.i1 <= exact && g.i1 >= -exact {
		return float64(g.i1) / float64(g.n), true // one division of exact numbers
	}
	s1, _ := g.totals()
	x, exp := s1.big()
	return roundRatio(x, new(big.Int).SetUint64(g.n), exp), true
}

// Variance returns the correctly rounded variance (n*S2-S1^2)/(n*(n-ddof)) of
// the finite values, or false unless n > ddof and n > 0. ddof 0 is the population's, 1 the
// sample's. It is +Inf when the exact value is beyond float64.
func (g Group) Variance(ddof int) (float64, bool) {
	num, den, exp, ok := g.variance(ddof)
	if !ok {
		return 0, false
	}
	return roundRatio(num, den, exp), true
}

// Std returns the correctly rounded root of the exact variance (not the root of
// the rounded one), or false unless n > ddof and n > 0.
func (g Group) Std(ddof int) (float64, bool) {
	num, den, exp, ok := g.variance(ddof)
	if !ok {
		return 0, false
	}
	return roundSqrt(num, den, exp), true
}

// Constant reports whether there are finite values and all are equal: the exact
// variance is 0.
func (g Group) Constant() bool {
	num, _, _, ok := g.variance(0)
	return ok && num.Sign() == 0
}

// Moments returns the count and the exact sums of the finite values and of
// their squares.
func (g Group) Moments() (n uint64, s1, s2 *big.Rat) {
	w1, w2 := g.totals()
	return g.n, w1.rat(), w2.rat()
}

// Plus returns the Group that has seen what g and o have seen.
func (g Group) Plus(o Group) Group {
	g.wide = g.wide.clone()
	g.merge(&o)
	return g
}

// Minus returns the Group that has seen what g has seen and o has not. It panics
// if g has not seen all of o.
func (g Group) Minus(o Group) Group {
	d, ok := g.minus(&o)
	if !ok {
		panic("quern: bug: a group is subtracted that is not part of the other")
	}
	return d
}

// rows returns how many rows g has seen.
func (g *Group) rows() uint64 { return g.n + g.PosInfs() + g.NegInfs() }

// merge adds what o has seen. The caller has checked the total of rows.
func (g *Group) merge(o *Group) {
	g.n = addRows(g.n, o.n)
	g.i1 += o.i1
	g.i2 += o.i2
	if g.i2 >= smallLimit {
		g.flushSmall()
	}
	if o.wide == nil {
		return
	}
	w := g.widen()
	w.pos = addRows(w.pos, o.wide.pos)
	w.neg = addRows(w.neg, o.wide.neg)
	w.s1.merge(&o.wide.s1, false)
	w.s2.merge(&o.wide.s2, false)
}

// minus returns g without o, or false if no rows could leave that.
func (g *Group) minus(o *Group) (Group, bool) {
	if o.n > g.n || o.PosInfs() > g.PosInfs() || o.NegInfs() > g.NegInfs() {
		return Group{}, false
	}
	if g.wide == nil && o.wide == nil && g.i2 >= o.i2 {
		d := Group{n: g.n - o.n, i1: g.i1 - o.i1, i2: g.i2 - o.i2}
		if d.i1 <= int64(d.i2) && -d.i1 <= int64(d.i2) {
			return d, d.valid()
		}
	}
	d := Group{n: g.n - o.n, wide: &wide{pos: g.PosInfs() - o.PosInfs(), neg: g.NegInfs() - o.NegInfs()}}
	d.wide.s1, d.wide.s2 = g.totals()
	s1, s2 := o.totals()
	d.wide.s1.merge(&s1, true)
	d.wide.s2.merge(&s2, true)
	d.compact()
	return d, d.valid()
}

// totals returns the exact sums in windows of their own.
func (g *Group) totals() (s1, s2 window) {
	if g.wide != nil {
		s1, s2 = g.wide.s1.clone(), g.wide.s2.clone()
	}
	s1.addSigned(uint64(g.i1), uint64(g.i1>>63), 0)
	s2.add(g.i2, 0, 0, 0, false)
	return s1, s2
}

// compact moves the sums into the small part if they fit.
func (g *Group) compact() {
	if g.wide == nil {
		return
	}
	s1, s2 := g.totals()
	i1, ok1 := s1.int64()
	i2, ok2 := s2.int64()
	if !ok1 || !ok2 || i2 < 0 || i2 >= smallLimit || i1 > i2 || -i1 > i2 {
		return
	}
	g.i1, g.i2 = i1, uint64(i2)
	g.wide.s1, g.wide.s2 = window{}, window{}
	if g.wide.pos == 0 && g.wide.neg == 0 {
		g.wide = nil
	}
}

// valid reports whether some multiset of values has these sums: none if n is 0,
// and no negative variance.
func (g *Group) valid() bool {
	if g.wide == nil {
		if g.n == 0 {
			return g.i1 == 0 && g.i2 == 0
		}
		m := uint64(max(g.i1, -g.i1))
		h1, l1 := bits.Mul64(g.n, g.i2)
		h2, l2 := bits.Mul64(m, m)
		return h1 > h2 || h1 == h2 && l1 >= l2
	}
	s1, s2 := g.totals()
	if g.n == 0 {
		return s1.zero() && s2.zero()
	}
	num, _, _, _ := g.variance(0)
	return num.Sign() >= 0
}

// variance returns the exact variance as num/den * 2^exp.
func (g *Group) variance(ddof int) (num, den *big.Int, exp int, ok bool) {
	n := new(big.Int).SetUint64(g.n)
	free := new(big.Int).Sub(n, big.NewInt(int64(ddof)))
	if g.n == 0 || free.Sign() <= 0 {
		return nil, nil, 0, false
	}
	w1, w2 := g.totals()
	s1, e1 := w1.big()
	s2, e2 := w2.big()
	num, square := s2.Mul(s2, n), s1.Mul(s1, s1)
	exp = min(e2, 2*e1)
	num.Lsh(num, uint(e2-exp))
	num.Sub(num, square.Lsh(square, uint(2*e1-exp)))
	return num, free.Mul(free, n), exp, true
}

func (w *wide) clone() *wide {
	if w == nil {
		return nil
	}
	return &wide{w.pos, w.neg, w.s1.clone(), w.s2.clone()}
}
