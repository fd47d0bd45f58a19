package stat

import (
	"encoding/binary"
	"math"
	"math/big"

	"quern/features/column"
	"quern/internal/simd"
)

// Sums holds the exact sum and the exact sum of squares of a numeric column.
// Nulls are skipped; NaNs and infinities are counted apart and are in no sum.
// Every number that it returns is rounded once, to the nearest float64.
type Sums struct {
	header
	one   single
	nans  uint64
	total Group
	// At most one of these is in use; what it holds is flushed to total before
	// it is read. It is made when first needed.
	floats *sumFloats
	ints   *sumInts
}

// N returns how many finite values there were.
func (s *Sums) N() uint64 { return s.group().N() }

// NaNs returns how many rows were NaN.
func (s *Sums) NaNs() uint64 { return s.nans }

// PosInfs returns how many rows were +Inf.
func (s *Sums) PosInfs() uint64 { return s.total.PosInfs() }

// NegInfs returns how many rows were -Inf.
func (s *Sums) NegInfs() uint64 { return s.total.NegInfs() }

// Sum is Group.Sum of the column.
func (s *Sums) Sum() float64 { return s.group().Sum() }

// Mean is Group.Mean of the column.
func (s *Sums) Mean() (float64, bool) { return s.group().Mean() }

// Variance is Group.Variance of the column.
func (s *Sums) Variance(ddof int) (float64, bool) { return s.group().Variance(ddof) }

// Std is Group.Std of the column.
func (s *Sums) Std(ddof int) (float64, bool) { return s.group().Std(ddof) }

// Constant is Group.Constant of the column.
func (s *Sums) Constant() bool { return s.group().Constant() }

// Moments is Group.Moments of the column.
func (s *Sums) Moments() (n uint64, s1, s2 *big.Rat) { return s.group().Moments() }

// Observe implements Statistic.
func (s *Sums) Observe(args []column.Column, weights []uint64) {
	s.check(args, weights)
	v, weights := s.one.slots(&args[0], weights)
	if v.Type.Integer() {
		s.observeInts(v, weights)
	} else {
		s.observeFloats(v, weights)
	}
}

func (s *Sums) observeInts(v *column.Vector, weights []uint64) {
	if s.ints == nil {
		s.ints = &sumInts{kernels: simd.Best()}
	}
	if weights == nil {
		n := s.ints.observe(v.Int64s[:v.Len], v.Valid)
		s.total.n = addRows(s.total.n, uint64(n))
		return
	}
	for i, x := range v.Int64s[:v.Len] {
		if w := times(v, weights, i); w > 0 {
			s.total.n = addRows(s.total.n, w)
			s.ints.addTimes(x, w)
		}
	}
}

func (s *Sums) observeFloats(v *column.Vector, weights []uint64) {
	if s.floats == nil {
		s.floats = newSumFloats(simd.Best())
	}
	if weights == nil {
		finite, nans := s.floats.observe(v.Type, v.Float64s[:v.Len], v.Valid, &s.total)
		s.total.n = addRows(s.total.n, uint64(finite))
		s.nans = addRows(s.nans, uint64(nans))
		return
	}
	table := s.floats.table()
	for i, x := range v.Float64s[:v.Len] {
		w := times(v, weights, i)
		switch {
		case w == 0:
		case x != x:
			s.nans = addRows(s.nans, w)
		case math.IsInf(x, 0):
			s.total.addFloatTimes(x, w)
		default:
			s.total.n = addRows(s.total.n, w)
			table.addTimes(x, w)
		}
	}
}

// group returns the total, after everything pending was added to it.
func (s *Sums) group() *Group {
	switch {
	case s.floats != nil:
		s.floats.flush(&s.total)
	case s.ints != nil:
		s.ints.flush(&s.total)
	}
	return &s.total
}

func (s *Sums) rows() uint64 { return s.nans + s.total.rows() }

// Merge implements Statistic.
func (s *Sums) Merge(other Statistic) error {
	o, ok := other.(*Sums)
	if !ok || !s.same(&o.header) {
		return ErrMismatch
	}
	if err := mergeable(s.rows(), o.rows()); err != nil {
		return err
	}
	s.nans += o.nans
	g := *o.group()
	g.wide = g.wide.clone() // other may be s
	s.group().merge(&g)
	return nil
}

// Subtract implements Statistic.
func (s *Sums) Subtract(other Statistic) error {
	o, ok := other.(*Sums)
	if !ok || !s.same(&o.header) {
		return ErrMismatch
	}
	d, ok := s.group().minus(o.group())
	if !ok || o.nans > s.nans {
		return ErrNotInvertible
	}
	s.nans -= o.nans
	s.total = d
	return nil
}

// AppendBinary implements Statistic. The state is a uvarint of NaNs and a group
// (see appendGroup).
func (s *Sums) AppendBinary(b []byte) ([]byte, error) {
	b = append(b, s.head...)
	b = binary.AppendUvarint(b, s.nans)
	return appendGroup(b, s.group()), nil
}

// UnmarshalBinary implements Statistic.
func (s *Sums) UnmarshalBinary(data []byte) error {
	r, err := s.state(data)
	if err != nil {
		return err
	}
	nans := r.counter()
	g := readGroup(r)
	if err := r.end(); err != nil {
		return err
	}
	if mergeable(nans, g.rows()) != nil {
		return corrupt("too many rows")
	}
	*s = Sums{header: s.header, nans: nans, total: g}
	return nil
}

// Close implements Statistic.
func (s *Sums) Close() error { return nil }
