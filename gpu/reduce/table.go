package reduce

import (
	"encoding/binary"
	"math"
	"math/bits"

	"quern/features/column"
	"quern/features/stat"
)

// Table is a table of keys in device memory: Table of gpu/kernels/table.cu.
type Table struct {
	Keys   uint64 // address of Places keys, 8 bytes each, all bytes 0xff at first
	Counts uint64 // address of Places counts, 8 bytes each, 0 at first; 0: none are kept
	IDs    uint64 // address of Places numbers, 4 bytes each, of any content; 0: none are kept
	Places uint64 // a power of two
	Limit  uint64 // it takes no new keys once it has as many; at most Places/2
	Seed   uint64 // of the hash: any number, of which the counts do not depend
	Used   uint64 // how many keys it has: 0 at first
	Nulls  uint64 // how many rows were null: 0 at first
	Top    uint64 // how many rows were the greatest int64: 0 at first
}

// TableBytes is the size of a Table in device memory.
const TableBytes = 72

// Numbers of the keys that stand in no place, for tables with IDs; others follow.
const (
	NullID  = 0
	TopID   = 1
	FirstID = 2
)

// Places returns how many places a table for n keys has.
func Places(n uint64) uint64 { return 1 << bits.Len64(max(2*n, 1<<10)-1) }

// Append appends t as it lies in device memory.
func (t *Table) Append(b []byte) []byte {
	for _, word := range [...]uint64{t.Keys, t.Counts, t.IDs, t.Places - 1, t.Limit, t.Seed, t.Used, t.Nulls, t.Top} {
		b = binary.LittleEndian.AppendUint64(b, word)
	}
	return b
}

// Read takes over what kernels have changed: Used, Nulls and Top.
func (t *Table) Read(b []byte) { t.Used, t.Nulls, t.Top = word(b, 6), word(b, 7), word(b, 8) }

// key returns the bits of the register whose key, which has the order of the values, is
// k in table.cu and tally.cu.
func key(t column.Type, k uint64) uint64 {
	if t.Kind() == column.Floats && k>>63 == 0 {
		return ^k
	}
	return k ^ 1<<63
}

// KeyCounts gives the keys that quern_table_list has written, with their counts (8 bytes
// each), and what the table has counted apart, to a statistic of one column of kind
// value_counts, bin_counts or entries.
func KeyCounts(into stat.Statistic, t *Table, keys, counts []byte) {
	typ := into.Spec().Types[0]
	n := int(t.Used)
	values, weights := make([]uint64, 0, n+2), make([]uint64, 0, n+2)
	for i := range n {
		values, weights = append(values, key(typ, word(keys, i))), append(weights, word(counts, i))
	}
	if t.Top > 0 {
		values, weights = append(values, math.MaxInt64), append(weights, t.Top)
	}
	v := Values(typ, append(values, 0))
	v.Valid = column.NewBitmap(v.Len)
	v.Valid.Fill(v.Len)
	v.Valid.Clear(v.Len - 1)
	into.Observe([]column.Column{{Len: v.Len, Values: v}}, append(weights, t.Nulls))
}

// TupleKeys gives the keys of a table of tuples, with their counts, to a statistic of
// kind value_counts; values are the slots of its columns, in register form.
func TupleKeys(into *stat.ValueCounts, values []column.Vector, t *Table, keys, counts []byte) error {
	numbers, times := make([]uint64, t.Used), make([]uint64, t.Used)
	for i := range numbers {
		numbers[i], times[i] = word(keys, i), word(counts, i)
	}
	return into.ObserveTuples(tuples(values, numbers), times)
}
