package reduce

import (
	"encoding/binary"

	"quern/features/column"
	"quern/features/stat"
)

// Counts returns the counters of quern_codes, for a state of as many rows: how often each
// slot is in them, which are the weights that Observe takes for the slots. A sum that is
// not rows is ErrImpossible: a row has a code without a slot, or the state is wrong.
func Counts(state []byte, slots int, rows uint64) ([]uint64, error) {
	counts := make([]uint64, slots)
	total := uint64(0)
	for i := range counts {
		counts[i] = uint64(binary.LittleEndian.Uint32(state[4*i:]))
		total += counts[i]
	}
	if total != rows {
		return nil, ErrImpossible
	}
	return counts, nil
}

// Tuples is how many tuples coded columns with these slots have, or false if they are
// more than most.
func Tuples(slots []int, most int) (int, bool) {
	n := 1
	for _, s := range slots {
		if s <= 0 || n > most/s {
			return 0, false
		}
		n *= s
	}
	return n, true
}

// TupleCounts gives the counters of quern_tuples to a statistic of kind value_counts;
// values are the slots of its columns, in register form. See Counts for rows and the error.
func TupleCounts(into *stat.ValueCounts, values []column.Vector, state []byte, rows uint64) error {
	slots := 1
	for i := range values {
		slots *= values[i].Len
	}
	counts, err := Counts(state, slots, rows)
	if err != nil {
		return err
	}
	var keys, times []uint64
	for cell, n := range counts {
		if n > 0 {
			keys, times = append(keys, uint64(cell)), append(times, n)
		}
	}
	return into.ObserveTuples(tuples(values, keys), times)
}

// tuples returns the tuples with numbers in mixed radix, the last column fastest, as
// dictionary columns over values.
func tuples(values []column.Vector, numbers []uint64) []column.Column {
	columns := make([]column.Column, len(values))
	for i := range columns {
		columns[i] = column.Column{Len: len(numbers), Values: values[i], Index: make([]int32, len(numbers))}
	}
	for row, number := range numbers {
		for i := len(values) - 1; i >= 0; i-- {
			radix := uint64(values[i].Len)
			columns[i].Index[row] = int32(number % radix)
			number /= radix
		}
	}
	return columns
}
