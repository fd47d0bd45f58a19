package features

import (
	"math/big"
	"math/bits"

	"quern/features/stat"
)

// moments are the exact count and sums of x and x^2 of a target. They are small
// if the sums are integers in machine words: i1 and i2.
type moments struct {
	n     uint64
	small bool
	i1    int64
	i2    uint64
	group stat.Group
}

// momentsOf reads the moments of a group.
func momentsOf(g stat.Group) moments {
	n, i1, i2, small := g.Integers()
	return moments{n: n, small: small, i1: i1, i2: i2, group: g}
}

// mean returns the correctly rounded mean; n is not 0.
func (m moments) mean() float64 {
	mean, _ := m.group.Mean()
	return mean
}

// scaled are moments as integers: n, s1 2^k and s2 2^2k.
type scaled struct {
	n, s1, s2 *big.Int
	k         uint
}

// scaled returns m with the smallest k that makes its sums integers. Sums of
// floats are dyadic, so there is one.
func (m moments) scaled() scaled {
	n := new(big.Int).SetUint64(m.n)
	if m.small {
		return scaled{n: n, s1: big.NewInt(m.i1), s2: new(big.Int).SetUint64(m.i2)}
	}
	_, s1, s2 := m.group.Moments()
	k1, k2 := uint(s1.Denom().BitLen()-1), uint(s2.Denom().BitLen()-1)
	k := max(k1, (k2+1)/2)
	return scaled{n: n, k: k,
		s1: new(big.Int).Lsh(s1.Num(), k-k1),
		s2: new(big.Int).Lsh(s2.Num(), 2*k-k2),
	}
}

// lift makes s scaled by at least k.
func (s *scaled) lift(k uint) {
	if d := k - s.k; k > s.k {
		s.s1.Lsh(s.s1, d)
		s.s2.Lsh(s.s2, 2*d)
		s.k = k
	}
}

// spread returns n s2 - s1^2, which is n^2 times the population variance.
func (s *scaled) spread() *big.Int {
	d := new(big.Int).Mul(s.n, s.s2)
	return d.Sub(d, new(big.Int).Mul(s.s1, s.s1))
}

// foldTotals are the moments of all rows, and per fold those of all other folds.
type foldTotals struct {
	whole  moments
	others []moments
}

// newFoldTotals sums up the folds' totals.
func newFoldTotals(folds []stat.Group) foldTotals {
	whole := folds[0]
	for _, g := range folds[1:] {
		whole = whole.Plus(g)
	}
	totals := foldTotals{whole: momentsOf(whole)}
	for _, g := range folds {
		totals.others = append(totals.others, momentsOf(whole.Minus(g)))
	}
	return totals
}

// shrinkage estimates the mean target of a key from the key's rows and all rows.
type shrinkage interface {
	// value returns the correctly rounded estimate; all.n is not 0.
	value(key, all moments) float64
}

// mEstimate counts the prior like m = a/b rows: (s1 + m prior) / (n + m). With N
// and P the count and sum of all rows that is (s1 N b + a P) / (N (n b + a)), or the
// prior where that is 0/0.
type mEstimate struct{ a, b *big.Int }

// newMEstimate takes m, which is not negative.
func newMEstimate(m *big.Rat) mEstimate { return mEstimate{m.Num(), m.Denom()} }

// value implements shrinkage.
func (e mEstimate) value(key, all moments) float64 {
	if key.n == 0 && e.a.Sign() == 0 {
		return all.mean()
	}
	if v, ok := e.inWords(key, all); ok {
		return v
	}
	own, whole := key.scaled(), all.scaled()
	k := max(own.k, whole.k)
	own.lift(k)
	whole.lift(k)
	above := new(big.Int).Mul(own.s1, whole.n)
	above.Mul(above, e.b)
	above.Add(above, new(big.Int).Mul(e.a, whole.s1))
	below := new(big.Int).Mul(own.n, e.b)
	below.Add(below, e.a)
	return ratio(above, below.Mul(below, whole.n), k)
}

// inWords is value where all products are so small that float64 holds them: the
// division then rounds once, as it should.
func (e mEstimate) inWords(key, all moments) (float64, bool) {
	if !key.small || !all.small || !e.a.IsInt64() || !e.b.IsInt64() {
		return 0, false
	}
	a, b := e.a.Int64(), e.b.Int64()
	n, count := int64(key.n), int64(all.n)
	const most = 52 // each of the two sums below then stays within 2^53
	if width(key.i1)+width(count)+width(b) > most || width(a)+width(all.i1) > most ||
		width(count)+width(n)+width(b) > most || width(count)+width(a) > most {
		return 0, false
	}
	return float64(key.i1*count*b+a*all.i1) / float64(count*(n*b+a)), true
}

// width returns how many bits |x| has.
func width(x int64) int { return bits.Len64(uint64(max(x, -x))) }

// empiricalBayes weighs the key's mean by w = v n / (v n + u), v and u being the
// population variances of all rows and of the key's rows. With A = N Q - P^2 and
// B = n s2 - s1^2 (N, P, Q of all rows), so that v = A/N^2 and u = B/n^2, the value is
// (A n^2 s1 + B N P) / (A n^3 + B N^2), or the prior where that is 0/0: no rows of
// the key, or no variance anywhere.
type empiricalBayes struct{}

// value implements shrinkage.
func (empiricalBayes) value(key, all moments) float64 {
	own, whole := key.scaled(), all.scaled()
	k := max(own.k, whole.k)
	own.lift(k)
	whole.lift(k)
	ann, bn := whole.spread(), own.spread()
	ann.Mul(ann, own.n).Mul(ann, own.n)
	bn.Mul(bn, whole.n)
	above := new(big.Int).Mul(ann, own.s1)
	above.Add(above, new(big.Int).Mul(bn, whole.s1))
	below := ann.Mul(ann, own.n)
	below.Add(below, bn.Mul(bn, whole.n))
	if below.Sign() == 0 {
		return all.mean()
	}
	return ratio(above, below, k)
}

// ratio returns the float64 nearest to above/below 2^-k, ties to even. below is
// positive.
func ratio(above, below *big.Int, k uint) float64 {
	if above.Sign() == 0 {
		return 0
	}
	x, y := wholeFloat(above), wholeFloat(below)
	q := new(big.Float).SetPrec(53).Quo(x, y)
	q.SetMantExp(q, -int(k))
	if q.MantExp(nil) > -1021 { // not denormal, so that 53 bits are all it has
		f, _ := q.Float64()
		return f
	}
	f, _ := new(big.Rat).SetFrac(above, new(big.Int).Lsh(below, k)).Float64()
	return f
}

// wholeFloat returns x exactly.
func wholeFloat(x *big.Int) *big.Float {
	return new(big.Float).SetPrec(uint(max(64, x.BitLen()))).SetInt(x)
}
