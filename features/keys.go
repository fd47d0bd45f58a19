package features

import (
	"math"
	"slices"

	"quern/features/column"
	"quern/features/program"
	"quern/features/stat"
)

// A tuple of key values is looked up as one integer, its code: every lane has a
// table that numbers its values (evaluated once per dictionary entry), and the
// numbers are put together in mixed radix (integer arithmetic, once per row).
// Where the product of the radices would leave the integers, the codes of the
// lanes so far are first numbered densely by one more table: there are no more of
// them than there are tuples.

// maxCode bounds codes, with room for a fold below them.
const maxCode = math.MaxInt64 >> 12

// tupleIndex numbers the distinct tuples of some lanes.
type tupleIndex struct {
	limit int64           // codes stay below it: maxCode, less in tests
	types []column.Type   // of the lanes
	parts []column.Vector // per lane: its distinct values; the slot is the value's number
	known []map[string]int64
	rows  [][]int64 // per lane: the number of its value, for every tuple
	dense []column.Vector
	codes []int64 // of the tuples, once finished

	values    tableOnce       // of find
	partIDs   []program.Table // per lane, once finished: parts to their numbers
	prefixIDs []program.Table // per lane: dense to its ranks
}

// newTupleIndex starts an index over lanes of the given types.
func newTupleIndex(types []column.Type) *tupleIndex {
	k := &tupleIndex{limit: maxCode, types: types}
	for _, t := range types {
		k.parts = append(k.parts, column.Vector{Type: t})
		k.known = append(k.known, map[string]int64{})
	}
	k.rows = make([][]int64, len(types))
	return k
}

// cellValue returns a part of a key as the value of a register.
func cellValue(c stat.Cell) program.Value {
	return program.Value{Null: c.Null, Bool: c.Bool, Int: c.Int, Float: c.Float, Str: c.Str}
}

// add numbers one more tuple; a tuple must not be added twice.
func (k *tupleIndex) add(cells []stat.Cell) {
	for lane, cell := range cells {
		value := cellValue(cell)
		key := valueKey(k.types[lane], value)
		id, ok := k.known[lane][key]
		if !ok {
			id = int64(k.parts[lane].Len)
			k.known[lane][key] = id
			program.AppendRegister(&k.parts[lane], value)
		}
		k.rows[lane] = append(k.rows[lane], id)
	}
}

// finish computes the codes. Nothing is added after it.
func (k *tupleIndex) finish() {
	k.known = nil
	k.dense = make([]column.Vector, len(k.types))
	codes, size := slices.Clone(k.rows[0]), int64(k.parts[0].Len)
	for lane := 1; lane < len(k.types); lane++ {
		radix := int64(max(1, k.parts[lane].Len))
		if size > k.limit/radix {
			k.dense[lane], codes = renumber(codes)
			size = int64(k.dense[lane].Len)
		}
		for i := range codes {
			codes[i] = codes[i]*radix + k.rows[lane][i]
		}
		size *= radix
	}
	k.codes, k.rows = codes, nil
	for lane := range k.types {
		k.partIDs = append(k.partIDs, rankTable("part", k.parts[lane]))
		k.prefixIDs = append(k.prefixIDs, rankTable("prefix", k.dense[lane]))
	}
}

// renumber returns the distinct codes, ascending, and every code's rank in them.
func renumber(codes []int64) (column.Vector, []int64) {
	distinct := slices.Clone(codes)
	slices.Sort(distinct)
	distinct = slices.Compact(distinct)
	ranks := make([]int64, len(codes))
	for i, c := range codes {
		at, _ := slices.BinarySearch(distinct, c)
		ranks[i] = int64(at)
	}
	return column.Vector{Type: column.Int64, Len: len(distinct), Int64s: distinct}, ranks
}

// code emits the code of the lanes: null where a value of some lane was never seen.
func (k *tupleIndex) code(b *program.Builder, lanes []program.Register) program.Register {
	code := b.Lookup(b.AddNumbered(k.partIDs[0]), lanes[0])
	for lane := 1; lane < len(lanes); lane++ {
		if k.dense[lane].Len > 0 {
			code = b.Lookup(b.AddNumbered(k.prefixIDs[lane]), code)
		}
		radix := b.ConstInt(int64(max(1, k.parts[lane].Len)))
		part := b.Lookup(b.AddNumbered(k.partIDs[lane]), lanes[lane])
		code = b.Emit(program.Add, program.Imm{}, b.Emit(program.Mul, program.Imm{}, code, radix), part)
	}
	return code
}

// rankTable maps every key to its slot.
func rankTable(name string, keys column.Vector) program.Table {
	ranks := make([]int64, keys.Len)
	for i := range ranks {
		ranks[i] = int64(i)
	}
	return program.NewDistinctTable(name, keys, column.Vector{Type: column.Int64, Len: len(ranks), Int64s: ranks})
}

// find emits the value of the lanes' tuple, values (always the same) being in the
// order of the tuples: null where the tuple was never seen. One lane needs no code: its values
// are the keys.
func (k *tupleIndex) find(b *program.Builder, lanes []program.Register, values column.Vector) program.Register {
	key, keys := lanes[0], k.parts[0]
	if len(lanes) > 1 {
		key, keys = k.code(b, lanes), column.Vector{Type: column.Int64, Len: len(k.codes), Int64s: k.codes}
	}
	table := k.values.get(func() program.Table { return program.NewDistinctTable("values", keys, values) })
	return b.Lookup(b.AddNumbered(table), key)
}
