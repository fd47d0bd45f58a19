package kernel

import "quern/features/program"

// MapInts computes f of each integer: parts of dates.
func MapInts(dst, a []int64, f func(int64) int64) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i] = f(a[i])
	}
}

// CheckedInts computes f of each present integer and appends to failed the slots
// where it is false: conversions of times.
func CheckedInts(dst, a []int64, valid []uint64, f func(int64) (int64, bool), failed []int32) []int32 {
	a = a[:len(dst)]
	for i := range dst {
		if !present(valid, i) {
			continue
		}
		var ok bool
		if dst[i], ok = f(a[i]); !ok {
			failed = append(failed, int32(i))
		}
	}
	return failed
}

// micros is the microseconds in a second.
const micros = 1_000_000

// Walls computes what clocks showed at each instant: the day and the microseconds
// since midnight. The zone's last span is kept, so that sorted or clustered
// instants cost a comparison each.
func Walls(days, clocks, instants []int64, zone *program.Zone) {
	const day = 86_400
	days, clocks = days[:len(instants)], clocks[:len(instants)]
	offset, start, end := int64(0), int64(1), int64(0)
	for i, instant := range instants {
		second, _ := program.FloorDivInt(instant, micros)
		if second < start || second >= end {
			offset, start, end = zone.Span(second)
		}
		fraction := instant - second*micros
		second += offset
		d, _ := program.FloorDivInt(second, day)
		days[i], clocks[i] = d, (second-d*day)*micros+fraction
	}
}
