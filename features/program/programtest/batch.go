package programtest

import (
	"math"
	"math/rand/v2"

	"quern/features/column"
	"quern/features/program"
)

// Schema returns a schema with every type at least once and n columns if that is
// more, in random order, called c0, c1 ...
func Schema(rng *rand.Rand, n int) column.Schema {
	types := column.Types()
	for len(types) < n {
		types = append(types, types[rng.IntN(len(column.Types()))])
	}
	rng.Shuffle(len(types), func(i, j int) { types[i], types[j] = types[j], types[i] })
	schema := make(column.Schema, len(types))
	for i, t := range types {
		schema[i] = column.Field{Name: "c" + string(program.AppendFormat(nil, column.Int64, program.Value{Int: int64(i)})), Type: t}
	}
	return schema
}

// RandomBatch returns rows of the schema in storage form: plain columns and
// dictionaries (with unused, equal and null slots), without nulls, with some, and with
// nothing else. What lies under a null is garbage, never zero.
func RandomBatch(rng *rand.Rand, schema column.Schema, rows int) column.Batch {
	batch := column.Batch{Rows: rows, Columns: make([]column.Column, len(schema))}
	for i, f := range schema {
		batch.Columns[i] = RandomColumn(rng, f.Type, rows)
	}
	return batch
}

// RandomColumn returns one column of RandomBatch.
func RandomColumn(rng *rand.Rand, t column.Type, rows int) column.Column {
	nulls := []float64{0, 0.2, 0.2, 1}[rng.IntN(4)]
	if rng.IntN(2) == 0 {
		return column.Column{Len: rows, Values: randomVector(rng, t, rows, nulls)}
	}
	slots := 1 + rng.IntN(1+min(rows, 300))
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

// RandomValue returns a value of t that is not null: often an edge of the type,
// else an ordinary one.
func RandomValue(rng *rand.Rand, t column.Type) program.Value {
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
