package stat

import (
	"encoding/binary"
	"math"
	"math/bits"

	"quern/features/column"
	"quern/internal/simd"
)

// Tally counts the rows of a column of any type, and those that are special:
// nulls, NaNs, infinities and zeros.
type Tally struct {
	header
	one    single
	counts [6]uint64
	flags  []bool   // of a block: which values are equal to one
	words  []uint64 // the same, as bits
}

// The places of the counts.
const (
	rows = iota
	nulls
	nans
	posInfs
	negInfs
	zeros
)

// Rows returns how many rows there were, nulls included.
func (t *Tally) Rows() uint64 { return t.counts[rows] }

// Nulls returns how many rows were null.
func (t *Tally) Nulls() uint64 { return t.counts[nulls] }

// NaNs returns how many rows were NaN.
func (t *Tally) NaNs() uint64 { return t.counts[nans] }

// PosInfs returns how many rows were +Inf.
func (t *Tally) PosInfs() uint64 { return t.counts[posInfs] }

// NegInfs returns how many rows were -Inf.
func (t *Tally) NegInfs() uint64 { return t.counts[negInfs] }

// Zeros returns how many rows of a numeric column were 0 or -0. It is 0 for
// other types.
func (t *Tally) Zeros() uint64 { return t.counts[zeros] }

// Observe implements Statistic.
func (t *Tally) Observe(args []column.Column, weights []uint64) {
	t.check(args, weights)
	v, weights := t.one.slots(&args[0], weights)
	if weights != nil {
		t.weighted(v, weights)
		return
	}
	t.counts[rows] = addRows(t.counts[rows], uint64(v.Len))
	t.counts[nulls] += uint64(v.Nulls())
	switch {
	case v.Type.Real():
		t.tallyFloats(v.Float64s[:v.Len], v.Valid)
	case v.Type.Integer():
		for _, x := range t.one.presentInts(v) {
			if x == 0 {
				t.counts[zeros]++
			}
		}
	}
}

// tallyBlock is how many values are looked at at a time: they stay in the cache for the
// second look.
const tallyBlock = 2048

// tallyFloats counts the special values of x that are not null. Infinities show in the
// range of a block, and are counted only where there are some.
func (t *Tally) tallyFloats(x []float64, valid column.Bitmap) {
	k := t.one.simd()
	for len(x) > 0 {
		n := min(tallyBlock, len(x))
		r := k.FloatRange(x[:n], valid)
		t.counts[nans] += uint64(r.NaNs)
		t.counts[zeros] += t.equal(k, x[:n], valid, 0)
		if r.N > 0 && math.IsInf(r.High, 1) {
			t.counts[posInfs] += t.equal(k, x[:n], valid, math.Inf(1))
		}
		if r.N > 0 && math.IsInf(r.Low, -1) {
			t.counts[negInfs] += t.equal(k, x[:n], valid, math.Inf(-1))
		}
		x = x[n:]
		if valid != nil {
			valid = valid[n/64:] // n is a multiple of 64, or the rest
		}
	}
}

// equal counts the values that are y and not null.
func (t *Tally) equal(k *simd.Kernels, x []float64, valid column.Bitmap, y float64) (count uint64) {
	t.flags, t.words = resize(t.flags, len(x)), resize(t.words, (len(x)+63)/64)
	k.CompareFloats(t.flags, x, simd.Eq, y)
	k.PackBools(t.words, t.flags)
	for i, word := range t.words {
		if valid != nil {
			word &= valid[i]
		}
		count += uint64(bits.OnesCount64(word))
	}
	return count
}

// class returns the place of the count of a special value, or rows.
func class(v float64) int {
	switch {
	case v != v:
		return nans
	case v > math.MaxFloat64:
		return posInfs
	case v < -math.MaxFloat64:
		return negInfs
	}
	return rows
}

func (t *Tally) weighted(v *column.Vector, weights []uint64) {
	for i := range v.Len {
		w := weights[i]
		t.counts[rows] = addRows(t.counts[rows], w)
		if v.Null(i) {
			t.counts[nulls] += w
			continue
		}
		switch {
		case v.Type.Real():
			if c := class(v.Float64s[i]); c != rows {
				t.counts[c] += w
			} else if v.Float64s[i] == 0 {
				t.counts[zeros] += w
			}
		case v.Type.Integer() && v.Int64s[i] == 0:
			t.counts[zeros] += w
		}
	}
}

// Merge implements Statistic.
func (t *Tally) Merge(other Statistic) error {
	o, ok := other.(*Tally)
	if !ok || !t.same(&o.header) {
		return ErrMismatch
	}
	if err := mergeable(t.counts[rows], o.counts[rows]); err != nil {
		return err
	}
	for i, c := range o.counts {
		t.counts[i] += c
	}
	return nil
}

// Subtract implements Statistic.
func (t *Tally) Subtract(other Statistic) error {
	o, ok := other.(*Tally)
	if !ok || !t.same(&o.header) {
		return ErrMismatch
	}
	d := t.counts
	for i, c := range o.counts {
		if c > d[i] {
			return ErrNotInvertible
		}
		d[i] -= c
	}
	if !possible(d) {
		return ErrNotInvertible
	}
	t.counts = d
	return nil
}

// possible reports whether the special rows are not more than the rows.
func possible(c [6]uint64) bool {
	left := c[rows]
	for _, n := range c[nulls:] {
		if n > left {
			return false
		}
		left -= n
	}
	return true
}

// AppendBinary implements Statistic. The state is the six counts as uvarints:
// rows, nulls, NaNs, +Inf, -Inf, zeros.
func (t *Tally) AppendBinary(b []byte) ([]byte, error) {
	b = append(b, t.head...)
	for _, c := range t.counts {
		b = binary.AppendUvarint(b, c)
	}
	return b, nil
}

// UnmarshalBinary implements Statistic.
func (t *Tally) UnmarshalBinary(data []byte) error {
	r, err := t.state(data)
	if err != nil {
		return err
	}
	var c [6]uint64
	for i := range c {
		c[i] = r.counter()
	}
	if err := r.end(); err != nil {
		return err
	}
	if !possible(c) {
		return corrupt("more special rows than rows")
	}
	t.counts = c
	return nil
}

// Close implements Statistic.
func (t *Tally) Close() error { return nil }
