package csv

import (
	"context"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"quern/features/column"
	"quern/features/program"
	"quern/pipeline/source"
	"quern/pipeline/source/parquet"
	"quern/pipeline/source/text"
	"quern/pipeline/source/text/texttest"
)

// appendCell writes a row of a column as a field.
func appendCell(dst []byte, c *column.Column, row int) []byte {
	v, slot := &c.Values, c.Slot(row)
	switch {
	case v.Null(slot):
		return dst
	case v.Type == column.Bool:
		return strconv.AppendBool(dst, v.Bools[slot])
	case v.Type == column.Float32:
		return strconv.AppendFloat(dst, float64(v.Float32s[slot]), 'g', -1, 32)
	case v.Type == column.Float64:
		return strconv.AppendFloat(dst, v.Float64s[slot], 'g', -1, 64)
	case v.Type.Temporal():
		return program.AppendTime(dst, v.Type, v.Int(slot))
	case v.Type == column.String:
		s := string(v.Text.At(slot))
		return append(dst, `"`+strings.ReplaceAll(s, `"`, `""`)+`"`...)
	}
	return strconv.AppendInt(dst, v.Int(slot), 10)
}

// writeBatch writes a batch under a header.
func writeBatch(dst []byte, b *column.Batch) []byte {
	for row := range b.Rows {
		for i := range b.Columns {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendCell(dst, &b.Columns[i], row)
		}
		dst = append(dst, '\n')
	}
	return dst
}

// randomInt returns integers of all sizes, the extremes among them.
func randomInt(rng *rand.Rand) int64 {
	switch rng.IntN(8) {
	case 0:
		return math.MinInt64
	case 1:
		return math.MaxInt64
	}
	return int64(rng.Uint64()) >> rng.IntN(64)
}

// randomColumn returns n rows of a type, plain and in storage form. The first row
// holds what tells the type; others may be null.
func randomColumn(rng *rand.Rand, typ column.Type, n int) column.Column {
	v := column.Vector{Type: typ, Len: n, Valid: column.NewBitmap(n)}
	for i := range n {
		if i == 0 || rng.IntN(4) > 0 {
			v.Valid.Set(i)
		}
		x := randomInt(rng)
		switch typ {
		case column.Bool:
			v.Bools = append(v.Bools, x&1 == 0)
		case column.Int32, column.Date:
			if typ == column.Date { // days that a datetime could show too
				x %= 100_000_000
			}
			v.Int32s = append(v.Int32s, int32(x))
		case column.Float32:
			f := math.Float32frombits(uint32(x))
			if f != f {
				f = math.Float32frombits(0x7FC00000)
			}
			v.Float32s = append(v.Float32s, f)
		case column.Float64:
			f := math.Float64frombits(uint64(x) << rng.IntN(64))
			if f != f {
				f = program.NaN()
			}
			if i == 0 {
				f = 0.5
			}
			v.Float64s = append(v.Float64s, f)
		case column.String:
			s := []string{"", "a", "\"", "\r\n", ",", "x\"y,z", "1", "\xff", "a longer text than eight bytes", "true"}[rng.IntN(10)]
			if i == 0 {
				s = "text"
			}
			v.Text.Append([]byte(s))
		default:
			if i == 0 {
				x |= 1 // a clock that is not midnight
			}
			v.Int64s = append(v.Int64s, x)
		}
	}
	return column.Column{Len: n, Values: v}
}

// TestRoundTrip writes random tables and reads them back, bit by bit. Types are
// inferred but for those that text cannot tell.
func TestRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	var header []string
	var types column.Schema
	for _, typ := range column.Types() {
		header = append(header, typ.String())
		if typ == column.Int32 || typ == column.Float32 {
			types = append(types, column.Field{Name: typ.String(), Type: typ})
		}
	}
	for _, n := range []int{1, 2, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257, 1023, 1024, 1025, 7000} {
		b := column.Batch{Rows: n}
		for _, typ := range column.Types() {
			b.Columns = append(b.Columns, randomColumn(rng, typ, n))
		}
		data := writeBatch([]byte(strings.Join(header, ",")+"\n"), &b)
		got, err := readText(Options{Types: types, Workers: 2, limits: text.Limits{Chunk: int64(rng.IntN(len(data)) + 1)}}, string(data))
		if err != nil || len(got.Rows) != n {
			t.Fatalf("%d rows: %v", n, err)
		}
		for i, typ := range column.Types() {
			if got.Schema[i].Type != typ {
				t.Fatalf("%d rows: %v is read as %v", n, typ, got.Schema[i].Type)
			}
			for row := range n {
				if want := texttest.Render(&b.Columns[i], row); got.Rows[row][i] != want {
					t.Fatalf("%d rows: %v in row %d is %q, want %q", n, typ, row, got.Rows[row][i], want)
				}
			}
		}
	}
}

// TestFlights reads the flights from Parquet and from CSV: the same rows.
func TestFlights(t *testing.T) {
	files, err := source.Expand(context.Background(), nil, filepath.Join("..", "..", "..", "examples", "flights"), nil, "flights-200k.parquet")
	if err != nil {
		t.Fatal(err)
	}
	s, err := parquet.Open(context.Background(), parquet.Options{Files: files})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	var types column.Schema
	for _, f := range s.Schema() {
		names = append(names, f.Name)
		if f.Type.Narrow() {
			types = append(types, f)
		}
	}
	r, err := s.NewReader(names)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var list []source.File
	want := &texttest.Table{Schema: s.Schema()}
	for _, c := range s.Chunks() {
		b, err := r.Read(context.Background(), c)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, texttest.File("f.csv", writeBatch([]byte(strings.Join(names, ",")+"\n"), &b)))
		for row := range b.Rows {
			line := make([]string, len(names))
			for i := range b.Columns {
				line[i] = texttest.Render(&b.Columns[i], row)
			}
			want.Rows = append(want.Rows, line)
		}
	}
	got, err := read(Options{Types: types, Workers: 4, limits: text.Limits{Chunk: 300_000}}, list...)
	if err != nil || len(want.Rows) < 1000 || got.String() != want.String() {
		t.Errorf("%d rows of %d, %v", len(got.Rows), len(want.Rows), err)
	}
}
