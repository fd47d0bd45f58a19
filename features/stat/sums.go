package stat

import (
	"encoding/binary"
	"math/big"

	"quern/features/column"
)

// Sums holds the exact sum and the exact sum of squares of a numeric column.
// Nulls are skipped; NaNs and infinities are counted apart and are in no sum.
// Every number that it returns is rounded once, to the nearest float64.
type Sums struct {
	header
	one   single
	nans  uint64
	total Group
	// At most one of these is in use; what they hold is flushed to total before
	// it is read. They are made when first needed.
	floats32 *table32
	floats64 *table64
	ints     *sumInts
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
	switch {
	case weights != nil:
		s.weighted(v, weights)
	case v.Type.Integer():
		if s.ints == nil {
			s.ints = new(sumInts)
		}
		x := s.one.presentInts(v)
		s.total.n = addRows(s.total.n, uint64(len(x)))
		s.ints.observe(x)
	default:
		s.observeFloats(v.Type, s.one.presentFloats(v))
	}
}

// observeFloats adds x to the table of its type.
func (s *Sums) observeFloats(t column.Type, x []float64) {
	var special int
	if t == column.Float32 {
		if s.floats32 == nil {
			s.floats32 = new(table32)
		}
		special = s.floats32.observe(x, &s.total)
	} else {
		if s.floats64 == nil {
			s.floats64 = new(table64)
		}
		special = s.floats64.observe(x)
	}
	s.total.n = addRows(s.total.n, uint64(len(x)-special))
	if special == 0 {
		return
	}
	for _, v := range x {
		if class(v) != rows {
			s.addFloat(v, 1)
		}
	}
}

func (s *Sums) addFloat(v float64, times uint64) {
	if v != v {
		s.nans = addRows(s.nans, times)
		return
	}
	s.total.addFloatTimes(v, times)
}

func (s *Sums) weighted(v *column.Vector, weights []uint64) {
	for i := range v.Len {
		w := times(v, weights, i)
		switch {
		case w == 0:
		case v.Type.Integer():
			s.total.addIntTimes(v.Int64s[i], w)
		default:
			s.addFloat(v.Float64s[i], w)
		}
	}
}

// group returns the total, after everything pending was added to it.
func (s *Sums) group() *Group {
	switch {
	case s.floats32 != nil:
		s.floats32.flush(&s.total)
	case s.floats64 != nil:
		s.floats64.flush(&s.total)
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
