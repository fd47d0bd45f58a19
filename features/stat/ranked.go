package stat

import (
	"math"

	"quern/features/column"
)

// Ranked returns the values of a single column that occur at least minCount
// times, most frequent first, equally frequent ones in ascending order, in
// register form; at most limit of them if limit is positive. Null is left out,
// NaN is not. It needs no memory but the result's, and blocks of runs.
func (v *ValueCounts) Ranked(minCount uint64, limit int) (keys column.Vector, counts []uint64, err error) {
	if len(v.spec.Types) != 1 {
		panic("quern: bug: tuples are ranked")
	}
	if limit <= 0 {
		limit = math.MaxInt
	}
	if v.err == nil && len(v.runs) == 0 {
		n := min(limit, v.sortByCount(max(1, minCount), limit))
		if v.spec.Types[0] == column.String {
			keys, counts = v.texts(n)
			return keys, counts, nil
		}
		out := newRankedVector(v.spec.Types[0], n)
		for place := range uint32(n) {
			e := v.at(place)
			out.add(e.packed, e.held)
		}
		return out.vector, out.counts, nil
	}
	return v.rankRuns(minCount, limit)
}

// texts returns the keys of the first n entries, which are strings, and their counts.
// Several workers each copy a range of them.
func (v *ValueCounts) texts(n int) (column.Vector, []uint64) {
	out := column.Vector{Type: column.String, Len: n}
	out.Text.Offsets = make([]uint32, n+1)
	counts := make([]uint64, n)
	workers := workersFor(n)
	ends := make([]uint32, workers)
	beside(workers, workers, func(_, w int) {
		size := uint32(0)
		for place := w * n / workers; place < (w+1)*n/workers; place++ {
			size += uint32(v.at(uint32(place)).size(&v.chunks))
			out.Text.Offsets[place+1] = size // from the start of the range
		}
		ends[w] = size
	})
	for w := 1; w < workers; w++ {
		ends[w] += ends[w-1]
	}
	out.Text.Bytes = make([]byte, ends[workers-1])
	beside(workers, workers, func(_, w int) {
		from := uint32(0)
		if w > 0 {
			from = ends[w-1]
		}
		text := out.Text.Bytes[from:from:ends[w]]
		var key [16]byte
		for place := w * n / workers; place < (w+1)*n/workers; place++ {
			e := v.at(uint32(place))
			if cap(text)-len(text) >= len(key) {
				text = e.appendTo(text, &v.chunks)
			} else { // it writes a whole key of 16 bytes, and cuts it
				text = append(text, e.appendTo(key[:0], &v.chunks)...)
			}
			out.Text.Offsets[place+1] += from
			counts[place] = e.held
		}
	})
	return out, counts
}

// rankedVector is a result of Ranked that is being made.
type rankedVector struct {
	vector column.Vector
	counts []uint64
}

func newRankedVector(t column.Type, n int) *rankedVector {
	r := &rankedVector{vector: column.Vector{Type: t}, counts: make([]uint64, 0, n)}
	switch v := &r.vector; t.Kind() {
	case column.Bools:
		v.Bools = make([]bool, 0, n)
	case column.Ints:
		v.Int64s = make([]int64, 0, n)
	case column.Floats:
		v.Float64s = make([]float64, 0, n)
	default:
		v.Text.Offsets = append(make([]uint32, 0, n+1), 0)
	}
	return r
}

// add appends a key that is neither null nor a string.
func (r *rankedVector) add(key packed, count uint64) {
	v := &r.vector
	v.Len++
	r.counts = append(r.counts, count)
	switch v.Type.Kind() {
	case column.Bools:
		v.Bools = append(v.Bools, key.w0 != 0)
	case column.Ints:
		v.Int64s = append(v.Int64s, int64(key.w0^1<<63))
	case column.Floats:
		v.Float64s = append(v.Float64s, unorderFloat(int64(key.w0^1<<63)))
	}
}
