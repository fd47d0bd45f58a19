package stat

import (
	"bytes"
	"cmp"
	"slices"

	"quern/features/column"
)

// Ranked returns the values of a single column that occur at least minCount
// times, most frequent first, equally frequent ones in ascending order, in
// register form; at most limit of them if limit is positive. Null is left out,
// NaN is not. It holds no more than twice the result in memory.
func (v *ValueCounts) Ranked(minCount uint64, limit int) (keys column.Vector, counts []uint64, err error) {
	if len(v.spec.Types) != 1 {
		panic("quern: bug: tuples are ranked")
	}
	best := ranking{limit: limit}
	err = v.Each(func(key []byte, count uint64) bool {
		if count >= minCount && !isNull(key) {
			best.add(key, count)
		}
		return true
	})
	if err != nil {
		return column.Vector{}, nil, err
	}
	best.cut()
	keys, counts = best.vector(v.spec.Types[0])
	return keys, counts, nil
}

// ranking keeps the best entries of a stream whose keys ascend. Whenever it
// holds twice as many as wanted, it drops the worse half.
type ranking struct {
	limit   int    // 0 or less: all
	least   uint64 // later entries that are not more frequent are out
	entries []frequent
	arena   []byte
}

type frequent struct {
	count    uint64
	from, to int // the key's bytes in the arena
}

func (b *ranking) add(key []byte, count uint64) {
	if count <= b.least {
		return
	}
	from := len(b.arena)
	b.arena = append(b.arena, key...)
	b.entries = append(b.entries, frequent{count, from, len(b.arena)})
	if b.limit > 0 && len(b.entries) >= 2*b.limit+64 {
		b.cut()
		b.least = b.entries[len(b.entries)-1].count
	}
}

// cut sorts the entries and drops those beyond the limit.
func (b *ranking) cut() {
	slices.SortFunc(b.entries, func(x, y frequent) int {
		if c := cmp.Compare(y.count, x.count); c != 0 {
			return c
		}
		return bytes.Compare(b.arena[x.from:x.to], b.arena[y.from:y.to])
	})
	if b.limit <= 0 || len(b.entries) <= b.limit {
		return
	}
	b.entries = b.entries[:b.limit]
	var kept []byte
	for i := range b.entries {
		e := &b.entries[i]
		from := len(kept)
		kept = append(kept, b.arena[e.from:e.to]...)
		e.from, e.to = from, len(kept)
	}
	b.arena = kept
}

// vector returns the entries as values of type t.
func (b *ranking) vector(t column.Type) (column.Vector, []uint64) {
	v := column.Vector{Type: t, Len: len(b.entries)}
	counts := make([]uint64, len(b.entries))
	for i, e := range b.entries {
		counts[i] = e.count
		key := b.arena[e.from:e.to]
		switch t.Kind() {
		case column.Bools:
			v.Bools = append(v.Bools, key[1] == 1)
		case column.Ints:
			v.Int64s = append(v.Int64s, intValue(key))
		case column.Floats:
			v.Float64s = append(v.Float64s, floatValue(key))
		default:
			v.Text.Append(key[1:])
		}
	}
	if t == column.String && v.Len == 0 {
		v.Text.Reset()
	}
	return v, counts
}
