package parquet

import "quern/features/column"

// resize returns s with n elements, reusing its memory where it suffices. The
// elements are garbage. It is never nil.
func resize[T any](s []T, n int) []T {
	if cap(s) < n || s == nil {
		return make([]T, n)
	}
	return s[:n]
}

// fill sets all elements.
func fill[T any](s []T, value T) {
	for i := range s {
		s[i] = value
	}
}

// spread moves the first elements of s, one for each set bit of valid from start
// on, to the places of these bits, from the back, so that it works in place.
// present is their number. What lies at the other places stays garbage.
func spread[T any](s []T, valid column.Bitmap, start, present int) {
	from := present - 1
	for i := len(s) - 1; i > from; i-- { // once i == from, all that are left are in place
		if valid.Get(start + i) {
			s[i] = s[from]
			from--
		}
	}
}

// spreadIndexes is spread, with the other places set to null.
func spreadIndexes(s []int32, valid column.Bitmap, start, present int, null int32) {
	from := present - 1
	for i := len(s) - 1; i > from; i-- {
		if valid[(start+i)>>6]>>((start+i)&63)&1 == 1 {
			s[i] = s[from]
			from--
		} else {
			s[i] = null
		}
	}
}

// spreadOffsets does the same with strings: s holds the ends of the present strings,
// and the others become empty. before is the end of the string before.
func spreadOffsets(s []uint32, valid column.Bitmap, start, present int, before uint32) {
	from := present - 1
	for i := len(s) - 1; i > from; i-- {
		end := before
		if from >= 0 {
			end = s[from]
		}
		s[i] = end
		if valid.Get(start + i) {
			from--
		}
	}
}

// gather sets into[i] to from[indexes[i]].
func gather[T any](into, from []T, indexes []int32) {
	for i, at := range indexes {
		into[i] = from[at]
	}
}
