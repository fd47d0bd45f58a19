package reduce

import (
	"errors"
	"math"

	"quern/features/column"
	"quern/features/stat"
)

// ErrImpossible: what came from the device is nothing that rows can have left there. The
// device, its memory or its driver is not to be trusted.
var ErrImpossible = errors.New("the device returned counts or sums that no rows have")

// TallyBytes is the size of quern_tally's state.
const TallyBytes = 8 * tallyWords

// Words of quern_tally's state.
const (
	tallyRows = iota
	tallyNulls
	tallyNaNs
	tallyPosInfs
	tallyNegInfs
	tallyZeros
	tallyLow  // the complement of the least key
	tallyHigh // the greatest key
	tallyWords
)

// counted checks that the special rows of a state are not more than its rows, and returns
// how many values are neither null nor NaN, and how many of these are not special either.
func counted(state []byte) (values, others uint64, err error) {
	left := word(state, tallyRows)
	for i := tallyNulls; i <= tallyZeros; i++ {
		n := word(state, i)
		if n > left || left > 1<<62 {
			return 0, 0, ErrImpossible
		}
		if left -= n; i == tallyNaNs {
			values = left
		}
	}
	return values, left, nil
}

// Tally gives what quern_tally has counted to a statistic of kind tally. Counts that no
// rows have are ErrImpossible, and teach nothing.
func Tally(into *stat.Tally, state []byte) error {
	_, others, err := counted(state)
	if err != nil {
		return err
	}
	t := into.Spec().Types[0]
	v, weights := column.Vector{Type: t, Len: 2}, []uint64{word(state, tallyNulls), others}
	switch t.Kind() {
	case column.Bools:
		v.Bools = []bool{false, true}
	case column.Ints:
		v.Int64s, weights = []int64{0, 1, 0}, append(weights, word(state, tallyZeros))
	case column.Floats:
		v.Float64s = []float64{0, 1, 0, math.NaN(), math.Inf(1), math.Inf(-1)}
		weights = append(weights, word(state, tallyZeros), word(state, tallyNaNs), word(state, tallyPosInfs), word(state, tallyNegInfs))
	}
	v.Len = len(weights)
	v.Valid = column.NewBitmap(v.Len)
	v.Valid.Fill(v.Len)
	v.Valid.Clear(0)
	into.Observe([]column.Column{{Len: v.Len, Values: v}}, weights)
	return nil
}

// Extremes gives the least and the greatest value that quern_tally has met to a statistic
// of kind extremes, if there were any. A state that no rows leave is ErrImpossible.
func Extremes(into *stat.Extremes, state []byte) error {
	values, _, err := counted(state)
	if err != nil || values == 0 {
		return err
	}
	low, high := ^word(state, tallyLow), word(state, tallyHigh)
	if low > high {
		return ErrImpossible
	}
	v := Values(into.Spec().Types[0], []uint64{key(into.Spec().Types[0], low), key(into.Spec().Types[0], high)})
	into.Observe([]column.Column{{Len: 2, Values: v}}, nil)
	return nil
}

// Values returns registers of type t with these bits: bools as 0 and 1, integers, or
// float64 values.
func Values(t column.Type, bits []uint64) column.Vector {
	v := column.Vector{Type: t, Len: len(bits)}
	for _, b := range bits {
		switch t.Kind() {
		case column.Bools:
			v.Bools = append(v.Bools, b != 0)
		case column.Ints:
			v.Int64s = append(v.Int64s, int64(b))
		default:
			v.Float64s = append(v.Float64s, math.Float64frombits(b))
		}
	}
	return v
}

// impossible is ErrImpossible for a state that the statistic finds corrupt; other errors
// are the statistic's own.
func impossible(err error) error {
	if errors.Is(err, stat.ErrCorrupt) {
		return ErrImpossible
	}
	return err
}
