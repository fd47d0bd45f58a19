package kernel

import (
	"math"

	"quern/features/program"
)

// PairFaults appends the slots where f of the pair fails.
func PairFaults(slots []int32, a, b []int64, f func(a, b int64) (int64, bool)) []int32 {
	b = b[:len(a)]
	for i := range a {
		if _, ok := f(a[i], b[i]); !ok {
			slots = append(slots, int32(i))
		}
	}
	return slots
}

// DivFaults appends the slots where floor division overflows.
func DivFaults(slots []int32, a, b []int64) []int32 {
	b = b[:len(a)]
	for i := range a {
		if b[i] == -1 && a[i] == math.MinInt64 {
			slots = append(slots, int32(i))
		}
	}
	return slots
}

// IntFaults appends the slots that hold the least integer, which has no opposite.
func IntFaults(slots []int32, a []int64) []int32 {
	for i, x := range a {
		if x == math.MinInt64 {
			slots = append(slots, int32(i))
		}
	}
	return slots
}

// Int32Faults appends the slots that are outside of int32.
func Int32Faults(slots []int32, a []int64) []int32 {
	for i, x := range a {
		if x != int64(int32(x)) {
			slots = append(slots, int32(i))
		}
	}
	return slots
}

// FloatFaults appends the slots that have no int64.
func FloatFaults(slots []int32, a []float64) []int32 {
	for i, x := range a {
		if _, ok := program.IntOf(x); !ok {
			slots = append(slots, int32(i))
		}
	}
	return slots
}
