package featurestest

import (
	"math"
	"math/rand/v2"
	"slices"

	"quern/features/column"
	"quern/features/program"
	"quern/features/program/programtest"
)

// table is rows of values: what a batch means, whatever its encoding.
type table struct {
	schema column.Schema
	rows   [][]program.Value
}

// form is a way to encode the columns of a batch.
type form int

// The forms.
const (
	plain form = iota
	dictionary
	messy // a dictionary with equal, unused and null slots, as filters leave them behind
	mixed // each column in a form of its own
)

// newRand returns the generator of a seed.
func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15)) }

// tableOf returns n rows whose values are made by value, column by column.
func tableOf(schema column.Schema, n int, value func(f column.Field, row int) program.Value) table {
	t := table{schema: schema, rows: make([][]program.Value, n)}
	for i := range t.rows {
		t.rows[i] = make([]program.Value, len(schema))
		for j, f := range schema {
			t.rows[i][j] = value(f, i)
		}
	}
	return t
}

// calmTable returns rows such as most tables have: a seventh is null, values repeat,
// none is extreme.
func calmTable(rng *rand.Rand, schema column.Schema, n int) table {
	return tableOf(schema, n, func(f column.Field, _ int) program.Value {
		if rng.IntN(7) == 0 {
			return program.NullValue()
		}
		return calmValue(rng, f.Type)
	})
}

// wildTable returns rows of edges of the types, NaN and infinities included.
func wildTable(rng *rand.Rand, schema column.Schema, n int) table {
	return tableOf(schema, n, func(f column.Field, _ int) program.Value {
		if rng.IntN(7) == 0 {
			return program.NullValue()
		}
		return programtest.RandomValue(rng, f.Type)
	})
}

// calmValue returns an ordinary value of t; of a list, up to three elements, which
// may be null.
func calmValue(rng *rand.Rand, t column.Type) program.Value {
	const day = 86_400_000_000
	if t.IsList() {
		list := make([]program.Value, rng.IntN(4))
		for i := range list {
			list[i] = program.NullValue()
			if rng.IntN(7) > 0 {
				list[i] = calmValue(rng, t.Elem())
			}
		}
		return program.Value{List: list}
	}
	switch t {
	case column.Bool:
		return program.Value{Bool: rng.IntN(3) == 0}
	case column.Int32, column.Int64:
		return program.Value{Int: int64(rng.IntN(25)) - 9}
	case column.Date:
		return program.Value{Int: 11_323 + int64(rng.IntN(60))} // from 2001-01-01
	case column.Timestamp, column.Datetime:
		return program.Value{Int: 11_323*day + int64(rng.IntN(60))*day/7}
	case column.Float32, column.Float64:
		x := float64(rng.IntN(81)-40) / 8
		if rng.IntN(4) == 0 {
			x = program.RoundTo32(rng.NormFloat64())
		}
		return program.Value{Float: x}
	}
	words := []string{"", "a", "b", "b", "b", "c", "12", "-3.5", "true", "2001-06-01", "2001-06-01T17:30:00Z", "Straße", "日本"}
	return program.Value{Str: []byte(words[rng.IntN(len(words))])}
}

// pick returns the given rows, in that order.
func (t table) pick(order []int) table {
	out := table{schema: t.schema, rows: make([][]program.Value, len(order))}
	for i, r := range order {
		out.rows[i] = t.rows[r]
	}
	return out
}

// part returns rows from to to.
func (t table) part(from, to int) table { return table{t.schema, t.rows[from:to]} }

// batch encodes the table. What lies under nulls is made up by rng, and so are the
// bits of NaNs.
func (t table) batch(rng *rand.Rand, as form) column.Batch {
	b := column.Batch{Rows: len(t.rows), Columns: make([]column.Column, len(t.schema))}
	for j, f := range t.schema {
		values := make([]program.Value, len(t.rows))
		for i := range t.rows {
			values[i] = t.rows[i][j]
		}
		b.Columns[j] = encode(rng, f.Type, values, as)
	}
	return b
}

// encode returns values as a column.
func encode(rng *rand.Rand, t column.Type, values []program.Value, as form) column.Column {
	if as == mixed {
		as = form(rng.IntN(int(mixed)))
	}
	if t.IsList() {
		return column.Column{Len: len(values), Values: lists(rng, t, values, as)}
	}
	if as == plain {
		return column.Column{Len: len(values), Values: vector(rng, t, values)}
	}
	var slots []program.Value
	seen := map[string]int32{}
	index := make([]int32, len(values))
	for i, x := range values {
		key := "null"
		if !x.Null {
			key = "=" + string(program.AppendCanonical(nil, t, x))
			if t.Kind() == column.Floats && x.Float == 0 && math.Signbit(x.Float) {
				key = "-0"
			}
		}
		slot, ok := seen[key]
		if !ok || as == messy && rng.IntN(3) == 0 {
			if as == messy && rng.IntN(2) == 0 { // a slot that no row uses
				slots = append(slots, programtest.RandomValue(rng, t))
			}
			slot = int32(len(slots))
			seen[key] = slot
			slots = append(slots, x)
		}
		index[i] = slot
	}
	return column.Column{Len: len(values), Values: vector(rng, t, slots), Index: index}
}

// lists returns lists, whose elements are encoded in the given form.
func lists(rng *rand.Rand, t column.Type, values []program.Value, as form) column.Vector {
	v := column.Vector{Type: t, Len: len(values), Offsets: []uint32{0}}
	valid, nulls := column.NewBitmap(len(values)), false
	var elements []program.Value
	for i, x := range values {
		if x.Null {
			nulls = true
		} else {
			valid.Set(i)
			elements = append(elements, x.List...)
		}
		v.Offsets = append(v.Offsets, uint32(len(elements)))
	}
	if nulls || rng.IntN(4) == 0 {
		v.Valid = valid
	}
	column := encode(rng, t.Elem(), elements, as)
	v.Elements = &column
	return v
}

// vector returns values in storage form, with garbage under nulls.
func vector(rng *rand.Rand, t column.Type, values []program.Value) column.Vector {
	v := column.Vector{Type: t}
	valid := column.NewBitmap(len(values))
	nulls := false
	for i, x := range values {
		if x.Null {
			nulls = true
			x = programtest.RandomValue(rng, t)
		} else {
			valid.Set(i)
		}
		program.AppendStored(&v, x)
	}
	if nulls || rng.IntN(4) == 0 {
		v.Valid = valid
	}
	if t == column.String && v.Text.Offsets == nil {
		v.Text.Reset()
	}
	for i, x := range v.Float64s {
		if x != x {
			v.Float64s[i] = math.Float64frombits(0x7ff0_0000_0000_0001 | rng.Uint64())
		}
	}
	for i, x := range v.Float32s {
		if x != x {
			v.Float32s[i] = math.Float32frombits(0x7fc0_0000 | rng.Uint32())
		}
	}
	return v
}

// cut splits the table into chunks whose sizes next returns, in the given form.
func (t table) cut(rng *rand.Rand, as form, next func() int) []column.Batch {
	var chunks []column.Batch
	for at := 0; at < len(t.rows); {
		end := min(len(t.rows), at+next())
		chunks = append(chunks, t.part(at, end).batch(rng, as))
		at = end
	}
	return chunks
}

// whole returns the table as a single chunk.
func (t table) whole(rng *rand.Rand, as form) []column.Batch {
	return []column.Batch{t.batch(rng, as)}
}

// columnsNamed returns the columns of b, of the table's schema, that p reads.
func columnsNamed(schema column.Schema, b column.Batch, p *program.Program) column.Batch {
	out := column.Batch{Rows: b.Rows, Columns: make([]column.Column, len(p.Inputs))}
	for i, f := range p.Inputs {
		out.Columns[i] = b.Columns[schema.Find(f.Name)]
	}
	return out
}

// upTo returns 0, 1 ... n-1.
func upTo(n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	return order
}

// joined returns the rows of several tables of one schema.
func joined(schema column.Schema, tables ...table) table {
	out := table{schema: schema}
	for _, t := range tables {
		out.rows = slices.Concat(out.rows, t.rows)
	}
	return out
}
