package oracle

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"quern/features/column"
	"quern/features/program"
	"quern/pipeline/sink"
	"quern/pipeline/sink/parquet"
)

// value is one cell.
type value = program.Value

// maker makes the cell of a row of one column.
type maker struct {
	column.Field
	nulls float64 // share of nulls
	make  func(r *rand.Rand, row int) value
}

func real(x float64) value                { return value{Float: x} }
func whole(x int64) value                 { return value{Int: x} }
func text(s string) value                 { return value{Str: []byte(s)} }
func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// reals are columns of float64 that are hard in different ways.
func reals() []maker {
	f64 := func(name string, nulls float64, next func(r *rand.Rand) float64) maker {
		return maker{column.Field{Name: name, Type: column.Float64}, nulls, func(r *rand.Rand, _ int) value { return real(next(r)) }}
	}
	return []maker{
		f64("x", 0.1, func(r *rand.Rand) float64 { return r.NormFloat64() }),
		f64("nan", 0.1, func(r *rand.Rand) float64 { return pick(r, r.NormFloat64(), r.ExpFloat64(), -3, math.NaN()) }),
		f64("inf", 0.1, func(r *rand.Rand) float64 {
			return pick(r, r.NormFloat64(), r.ExpFloat64(), math.NaN(), math.Inf(1), math.Inf(-1))
		}),
		f64("shifted", 0, func(r *rand.Rand) float64 { return 1e9 + pick(r, -0.5, 0.5) }), // variance 0.25
		f64("tied", 0.2, func(r *rand.Rand) float64 { return pick(r, -1, -1, -1, 0, 0.1, 0.1, 2.5, 7) }),
		f64("skewed", 0.05, func(r *rand.Rand) float64 { return math.Exp(3*r.NormFloat64()) - 0.5 }),
		f64("tiny", 0.1, func(r *rand.Rand) float64 { return float64(r.IntN(2000)-700) * 5e-324 }), // denormal
		f64("huge", 0.1, func(r *rand.Rand) float64 { return r.NormFloat64() * 1e300 }),
		f64("wide", 0.1, func(r *rand.Rand) float64 { return r.NormFloat64() * math.Pow(10, float64(r.IntN(400)-200)) }),
		f64("same", 0.3, func(*rand.Rand) float64 { return 4.2 }),
		f64("amount", 0.1, func(r *rand.Rand) float64 { return math.Round(r.ExpFloat64()*1e4) / 1e4 }),
	}
}

// singles are columns of float32.
func singles() []maker {
	f32 := func(name string, nulls float64, next func(r *rand.Rand) float32) maker {
		return maker{column.Field{Name: name, Type: column.Float32}, nulls, func(r *rand.Rand, _ int) value { return real(float64(next(r))) }}
	}
	return []maker{
		f32("x32", 0.1, func(r *rand.Rand) float32 { return float32(r.NormFloat64() * 2) }),
		f32("tied32", 0.1, func(r *rand.Rand) float32 { return pick[float32](r, -1, 0.1, 0.1, 0.1, 0.2, 2.5) }),
		f32("edge32", 0.1, func(r *rand.Rand) float32 {
			return pick(r, math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32, 1e-40, -0x1p-126, 0, 1, float32(r.NormFloat64()))
		}),
		f32("shifted32", 0, func(r *rand.Rand) float32 { return 1e9 + pick[float32](r, -64, 0, 64, 128) }),
	}
}

// integers are columns of integers and bools.
func integers() []maker {
	field := func(name string, t column.Type) column.Field { return column.Field{Name: name, Type: t} }
	return []maker{
		{field("id", column.Int64), 0, func(_ *rand.Rand, row int) value { return whole(int64(row)) }},
		{field("few", column.Int64), 0.15, func(r *rand.Rand, _ int) value { return whole(int64(10 * r.Float64() * r.Float64())) }},
		{field("big", column.Int64), 0.1, func(r *rand.Rand, _ int) value {
			return whole(pick(r, 1<<53, -(1 << 53), 1<<53-1, 0, r.Int64N(1<<54)-1<<53))
		}},
		{field("n32", column.Int32), 0.1, func(r *rand.Rand, _ int) value {
			return whole(pick[int64](r, math.MaxInt32-20, math.MinInt32, 7, 7, int64(r.Int32N(2000)-1000)))
		}},
		{field("flag", column.Bool), 0.2, func(r *rand.Rand, _ int) value { return value{Bool: r.IntN(3) == 0} }},
		{field("late", column.Bool), 0.05, func(r *rand.Rand, _ int) value { return value{Bool: r.IntN(4) == 0} }},
	}
}

// texts are columns of strings.
func texts() []maker {
	str := func(name string, nulls float64, next func(r *rand.Rand) string) maker {
		return maker{column.Field{Name: name, Type: column.String}, nulls, func(r *rand.Rand, _ int) value { return text(next(r)) }}
	}
	return []maker{
		str("city", 0.1, func(r *rand.Rand) string {
			return pick(r, "Oslo", "Oslo", "Oslo", "Lima", "Lima", "Ürümqi", "New York")
		}),
		str("word", 0.1, func(r *rand.Rand) string { return fmt.Sprintf("w%d", int(math.Exp(6.5*r.Float64()))) }),
		str("odd", 0.15, func(r *rand.Rand) string {
			return pick(r, "", " ", "a b", "a_b", "a/b", "  Ærø 東京 ", "東京 タワー", "\U0001F600 ok a", "Zebra", "zebra", "A", "a", "0", "NaN", "null")
		}),
		str("digits", 0.1, func(r *rand.Rand) string {
			return pick(r, "12", "-7", "+5", "2147483648", "3.5", "-.25", "1e3", "", "x", " 4", "1_000", "0.1", "12345678.9")
		}),
	}
}

// times are columns of dates, wall clocks and instants, from 1900 to 2100.
func times() []maker {
	field := func(name string, t column.Type) column.Field { return column.Field{Name: name, Type: t} }
	const first, last = -25567, 47481 // 1900-01-01, 2100-01-01
	day := func(r *rand.Rand) int64 {
		// Leap days, ends of years and quarters, the epoch, changes of clocks in Europe.
		return pick(r, first+r.Int64N(last-first), first+r.Int64N(last-first), 11016, -671, -1, 0, 14609, 14610, 11406, 11622, 11623)
	}
	micros := func(r *rand.Rand, _ int) value {
		clock := pick(r, r.Int64N(86_400_000_000), 0, 86_399_999_999, 9_000_000_000, 61_200_000_000)
		return whole(day(r)*86_400_000_000 + clock)
	}
	return []maker{
		{field("day", column.Date), 0.1, func(r *rand.Rand, _ int) value { return whole(day(r)) }},
		{field("wall", column.Datetime), 0.1, micros},
		{field("seen", column.Timestamp), 0.1, micros},
	}
}

// writeTables writes files of random rows, table-0.parquet and so on, so that there
// are several chunks. Every column of every other file is dictionary-coded.
func writeTables(t *testing.T, dir string, seed uint64, rows ...int) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	first := 0
	for number, n := range rows {
		var fields []sink.Field
		batch := column.Batch{Rows: n}
		for _, group := range [][]maker{reals(), singles(), integers(), texts(), times()} {
			for _, m := range group {
				fields = append(fields, sink.Field{Field: m.Field})
				batch.Columns = append(batch.Columns, makeColumn(m, r, first, n, number%2 == 1))
			}
		}
		writeParquet(t, filepath.Join(dir, fmt.Sprintf("table-%d.parquet", number)), fields, batch)
		first += n
	}
}

// makeColumn makes n rows from row number first on.
func makeColumn(m maker, r *rand.Rand, first, n int, dictionary bool) column.Column {
	c := column.Column{Len: n, Values: column.Vector{Type: m.Type}}
	slots := map[string]int32{}
	if dictionary {
		c.Index = []int32{}
	}
	for row := range n {
		v := m.make(r, first+row)
		if r.Float64() < m.nulls {
			v = program.NullValue()
		}
		key := "null"
		if !v.Null {
			key = "=" + string(program.AppendCanonical(nil, m.Type, v))
		}
		slot, known := slots[key]
		if !known || !dictionary {
			slot = int32(c.Values.Len)
			slots[key] = slot
			program.AppendStored(&c.Values, v)
		}
		if dictionary {
			c.Index = append(c.Index, slot)
		}
	}
	return c
}

// writeParquet writes one file.
func writeParquet(t *testing.T, path string, fields []sink.Field, batch column.Batch) {
	t.Helper()
	var out bytes.Buffer
	part, err := parquet.Format{}.NewPart(&out, fields)
	if err != nil {
		t.Fatal(err)
	}
	if err := part.Write(batch); err != nil {
		t.Fatal(err)
	}
	if err := part.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, out.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
}
