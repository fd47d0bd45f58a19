package stat

import (
	"encoding/binary"
	"math"
	"slices"

	"quern/features/column"
)

// Ranked returns the values of a single column that occur at least minCount
// times, most frequent first, equally frequent ones in ascending order, in
// register form; at most limit of them if limit is positive. Null is left out,
// NaN is not. Without runs it needs no memory but the result's, else about three
// times that.
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
	best := ranking{limit: limit}
	err = v.each(func(key, body []byte) (bool, error) {
		if count, _ := binary.Uvarint(body); count >= minCount && !isNull(key) {
			best.add(key[1:], count)
		}
		return true, nil
	})
	if err != nil {
		return column.Vector{}, nil, err
	}
	keys, counts = best.vector(v.spec.Types[0])
	return keys, counts, nil
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

// ranking keeps the best entries of a stream whose keys ascend. Whenever it
// holds twice as many as wanted, it drops the worse half.
type ranking struct {
	limit   int
	least   uint64 // later entries that are not more frequent are out
	entries []frequent
	text    []byte // the keys of the entries, without tags
}

type frequent struct {
	count uint64
	end   uint64 // of the key's bytes; it begins where the one before ends
}

func (b *ranking) add(key []byte, count uint64) {
	if count <= b.least {
		return
	}
	b.text = append(b.text, key...)
	b.entries = append(b.entries, frequent{count, uint64(len(b.text))})
	if len(b.entries)/2 >= b.limit && len(b.entries) >= 2*b.limit+64 {
		b.cut()
	}
}

func (b *ranking) key(i uint32) []byte {
	from := uint64(0)
	if i > 0 {
		from = b.entries[i-1].end
	}
	return b.text[from:b.entries[i].end]
}

// order returns the best entries, at most limit of them. Sorting by digits keeps
// the order of equal counts, which is that of the keys.
func (b *ranking) order() []uint32 {
	n := len(b.entries)
	order, other := make([]uint32, n), make([]uint32, n)
	var all uint64
	for i := range order {
		order[i] = uint32(i)
		all |= b.entries[i].count
	}
	for shift := 0; all>>shift != 0; shift += 8 {
		var next [257]uint32
		for i := range b.entries {
			next[255-b.entries[i].count>>shift&255+1]++
		}
		if slices.Contains(next[:], uint32(n)) {
			continue // they agree in this digit
		}
		for d := range 256 {
			next[d+1] += next[d]
		}
		for _, i := range order {
			d := 255 - b.entries[i].count>>shift&255
			other[next[d]] = i
			next[d]++
		}
		order, other = other, order
	}
	return order[:min(n, b.limit)]
}

// cut drops the entries beyond the limit.
func (b *ranking) cut() {
	order := b.order()
	b.least = b.entries[order[len(order)-1]].count
	slices.Sort(order)
	kept, text := make([]frequent, 0, 2*b.limit+64), make([]byte, 0, len(b.text))
	for _, i := range order {
		text = append(text, b.key(i)...)
		kept = append(kept, frequent{b.entries[i].count, uint64(len(text))})
	}
	b.entries, b.text = kept, text
}

// vector returns the entries in their order as values of type t.
func (b *ranking) vector(t column.Type) (column.Vector, []uint64) {
	order := b.order()
	out := newRankedVector(t, len(order))
	if t != column.String {
		for _, i := range order {
			key := pack(b.key(i))
			out.add(key, b.entries[i].count)
		}
		return out.vector, out.counts
	}
	v := &out.vector
	v.Len, v.Text.Bytes = len(order), make([]byte, 0, len(b.text))
	for _, i := range order {
		v.Text.Bytes = append(v.Text.Bytes, b.key(i)...)
		v.Text.Offsets = append(v.Text.Offsets, uint32(len(v.Text.Bytes)))
		out.counts = append(out.counts, b.entries[i].count)
	}
	return out.vector, out.counts
}
