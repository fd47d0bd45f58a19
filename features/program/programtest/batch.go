package programtest

import (
	"math"
	"math/rand/v2"
	"strconv"

	"quern/features/column"
	"quern/features/program"
)

// Schema returns a schema with every scalar type at least once, n columns of scalars
// if that is more, and some of lists, in random order, called c0, c1 ...
func Schema(rng *rand.Rand, n int) column.Schema {
	scalars := column.Types()
	types := column.Types()
	for len(types) < n {
		types = append(types, pick(rng, scalars...))
	}
	for range 1 + rng.IntN(4) {
		types = append(types, column.ListOf(pick(rng, scalars...)))
	}
	rng.Shuffle(len(types), func(i, j int) { types[i], types[j] = types[j], types[i] })
	return named(types)
}

// ListSchema returns a schema of n columns of lists and two of scalars, c0, c1 ...
func ListSchema(rng *rand.Rand, n int) column.Schema {
	scalars := column.Types()
	types := []column.Type{pick(rng, scalars...), pick(rng, scalars...)}
	for range n {
		types = append(types, column.ListOf(pick(rng, scalars...)))
	}
	return named(types)
}

func named(types []column.Type) column.Schema {
	schema := make(column.Schema, len(types))
	for i, t := range types {
		schema[i] = column.Field{Name: "c" + strconv.Itoa(i), Type: t}
	}
	return schema
}

// RandomBatch returns rows of the schema in storage form: plain columns and
// dictionaries (with unused, equal and null slots), without nulls, with some, and with
// nothing else. What lies under a null is garbage, never zero. Lists are null, empty,
// short or rather long; their elements are a column like the others.
func RandomBatch(rng *rand.Rand, schema column.Schema, rows int) column.Batch {
	batch := column.Batch{Rows: rows, Columns: make([]column.Column, len(schema))}
	for i, f := range schema {
		batch.Columns[i] = RandomColumn(rng, f.Type, rows)
	}
	return batch
}

// RandomColumn returns one column of RandomBatch.
func RandomColumn(rng *rand.Rand, t column.Type, rows int) column.Column {
	if t.IsList() {
		return column.Column{Len: rows, Values: randomLists(rng, t, rows)}
	}
	nulls := []float64{0, 0.2, 0.2, 1}[rng.IntN(4)]
	if rng.IntN(2) == 0 {
		return column.Column{Len: rows, Values: randomVector(rng, t, rows, nulls)}
	}
	slots := 1 + rng.IntN(1+min(rows, 300))
	if rng.IntN(6) == 0 {
		slots = 3*min(rows, 300) + 1 // crowded: most are unused
	}
	index := make([]int32, rows)
	for i := range index {
		index[i] = int32(rng.IntN(slots))
	}
	return column.Column{Len: rows, Values: randomVector(rng, t, slots, nulls), Index: index}
}

// randomVector returns n slots, a share of which are null with garbage beneath.
func randomVector(rng *rand.Rand, t column.Type, n int, nulls float64) column.Vector {
	v := column.Vector{Type: t}
	for range n {
		program.AppendStored(&v, RandomValue(rng, t))
	}
	roughen(rng, &v)
	if nulls > 0 {
		v.Valid = column.NewBitmap(n)
		for i := range n {
			if rng.Float64() >= nulls {
				v.Valid.Set(i)
			}
		}
	}
	return v
}

// roughen gives half of the NaNs other bits than the canonical ones, as sources may.
func roughen(rng *rand.Rand, v *column.Vector) {
	for i, x := range v.Float64s {
		if x != x && rng.IntN(2) == 0 {
			v.Float64s[i] = math.Float64frombits(0xFFF0_0000_DEAD_BEEF)
		}
	}
	for i, x := range v.Float32s {
		if x != x && rng.IntN(2) == 0 {
			v.Float32s[i] = math.Float32frombits(0xFF80_BEEF)
		}
	}
}

// randomLists returns n lists, with as many elements each as is drawn for all of
// them. A null list has none.
func randomLists(rng *rand.Rand, t column.Type, n int) column.Vector {
	v := column.Vector{Type: t, Len: n, Offsets: make([]uint32, 1, n+1)}
	nulls := []float64{0, 0, 0.2, 0.2, 1}[rng.IntN(5)]
	if nulls > 0 || rng.IntN(4) == 0 {
		v.Valid = column.NewBitmap(n)
	}
	longest := pick(rng, 0, 1, 3, 3, 5, 5, 5, 20)
	elements := 0
	for i := range n {
		if rng.Float64() >= nulls {
			elements += rng.IntN(longest + 1)
			if v.Valid != nil {
				v.Valid.Set(i)
			}
		}
		v.Offsets = append(v.Offsets, uint32(elements))
	}
	column := RandomColumn(rng, t.Elem(), elements)
	v.Elements = &column
	return v
}

// RandomValue returns a value of t that is not null: often an edge of the type,
// else an ordinary one. Elements of a list may be null.
func RandomValue(rng *rand.Rand, t column.Type) program.Value {
	if t.IsList() {
		return randomList(rng, t.Elem())
	}
	switch t {
	case column.Bool:
		return program.Value{Bool: rng.IntN(2) == 0}
	case column.Int32, column.Date:
		return program.Value{Int: int64(int32(randomInt(rng, math.MinInt32, math.MaxInt32)))}
	case column.Int64, column.Timestamp, column.Datetime:
		return program.Value{Int: randomInt(rng, math.MinInt64, math.MaxInt64)}
	case column.Float32:
		return program.Value{Float: program.RoundTo32(randomFloat(rng))}
	case column.Float64:
		return program.Value{Float: randomFloat(rng)}
	}
	return program.Value{Str: randomText(rng)}
}

func randomList(rng *rand.Rand, elem column.Type) program.Value {
	list := make([]program.Value, rng.IntN(6))
	for i := range list {
		list[i] = program.NullValue()
		if rng.IntN(5) > 0 {
			list[i] = RandomValue(rng, elem)
		}
	}
	return program.Value{List: list}
}

func randomInt(rng *rand.Rand, low, high int64) int64 {
	switch rng.IntN(8) {
	case 0:
		return pick(rng, low, low+1, high, high-1, 0, -1, 1)
	case 1:
		return int64(rng.Uint64())
	case 2:
		return int64(rng.Uint64()) >> rng.IntN(64)
	}
	return int64(rng.IntN(41)) - 20
}

func randomFloat(rng *rand.Rand) float64 {
	switch rng.IntN(8) {
	case 0:
		return pick(rng, math.NaN(), math.Float64frombits(0xFFF0_0000_DEAD_BEEF), math.Inf(1), math.Inf(-1))
	case 1:
		return pick(rng, 0, math.Copysign(0, -1), math.MaxFloat64, -math.MaxFloat64,
			math.SmallestNonzeroFloat64, math.MaxFloat32, 0x1p-149, 0x1p63, -0x1p63, 0x1p53+2)
	case 2:
		return math.Float64frombits(rng.Uint64())
	case 3:
		return float64(rng.IntN(21)-10) / 2
	}
	return rng.NormFloat64() * 10
}

func randomText(rng *rand.Rand) []byte {
	switch rng.IntN(4) {
	case 0:
		return []byte(pick(rng, "", " ", "12", "-7", "1.5", "1e400", "nan", "-inf", "TRUE", "0",
			"2001-06-01", "2001-06-01T17:30:00", "2001-06-01T17:30:00Z", "2100-02-29",
			"a,b,,c", ",", "Straße", "ÅÇ", "İı", "\u00a0x\u2003", "日本語", "a\x00b"))
	case 1:
		return []byte(pick(rng, "\xff", "a\xc3", "\xed\xa0\x80", "é\x80é", "\xf0\x9f\x98"))
	}
	text := make([]byte, rng.IntN(20))
	for i := range text {
		text[i] = "abcABC ,01-x"[rng.IntN(12)]
	}
	return text
}

func pick[T any](rng *rand.Rand, from ...T) T { return from[rng.IntN(len(from))] }
