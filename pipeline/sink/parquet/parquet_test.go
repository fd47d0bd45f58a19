package parquet_test

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"testing"

	reference "github.com/parquet-go/parquet-go"

	"quern/features/column"
	"quern/features/program"
	"quern/pipeline/sink"
	"quern/pipeline/sink/parquet"
)

// random returns n rows of a type: plain or dictionary-coded, with or without nulls.
func random(r *rand.Rand, t column.Type, n int, dict, nulls bool) column.Column {
	slots := n
	if dict {
		slots = n/5 + 2
	}
	v := column.Vector{Type: t, Len: slots}
	if nulls {
		v.Valid = column.NewBitmap(slots)
	}
	for i := range slots {
		if nulls && r.IntN(4) > 0 {
			v.Valid.Set(i)
		}
		x := r.NormFloat64() * math.Exp(r.NormFloat64()*10)
		switch t {
		case column.Bool:
			v.Bools = append(v.Bools, r.IntN(2) == 0)
		case column.Int32, column.Date:
			v.Int32s = append(v.Int32s, int32(r.Uint32()))
		case column.Float32:
			v.Float32s = append(v.Float32s, float32(x))
		case column.Float64:
			v.Float64s = append(v.Float64s, []float64{x, math.NaN(), math.Inf(1), 0}[min(3, r.IntN(20))*r.IntN(2)])
		case column.String:
			v.Text.Append([]byte(fmt.Sprintf("%x", r.Uint64()>>r.IntN(60))))
		default:
			v.Int64s = append(v.Int64s, int64(r.Uint64()))
		}
	}
	c := column.Column{Len: n, Values: v}
	if dict {
		c.Index = make([]int32, n)
		for i := range c.Index {
			c.Index[i] = int32(r.IntN(slots))
		}
	}
	return c
}

// table is every type, plain and coded, with and without nulls.
func table(seed uint64, n int) ([]sink.Field, column.Batch) {
	r := rand.New(rand.NewPCG(seed, 7))
	var fields []sink.Field
	batch := column.Batch{Rows: n}
	for _, t := range column.Types() {
		for k := range 4 {
			c := random(r, t, n, k%2 == 1, k >= 2)
			fields = append(fields, sink.Field{Field: column.Field{Name: fmt.Sprintf("%v_%d", t, k), Type: t}, Role: program.RoleFeature})
			batch.Columns = append(batch.Columns, c)
		}
	}
	return fields, batch
}

func write(t *testing.T, codec string, fields []sink.Field, batches ...column.Batch) []byte {
	t.Helper()
	var out bytes.Buffer
	p, err := parquet.Format{Codec: codec}.NewPart(&out, fields)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range batches {
		if err := p.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// readBack returns all rows as an independent reader sees them.
func readBack(t *testing.T, data []byte) []reference.Row {
	t.Helper()
	f, err := reference.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	rows := reference.NewReader(f)
	var all []reference.Row
	buffer := make([]reference.Row, 100)
	for {
		n, err := rows.ReadRows(buffer)
		for _, row := range buffer[:n] {
			all = append(all, row.Clone())
		}
		if err != nil {
			return all
		}
	}
}

func same(c *column.Column, i int, v reference.Value) bool {
	slot := c.Slot(i)
	if c.Values.Null(slot) || v.IsNull() {
		return c.Values.Null(slot) == v.IsNull()
	}
	switch c.Type() {
	case column.Bool:
		return v.Boolean() == c.Values.Bools[slot]
	case column.Int32, column.Date:
		return v.Int32() == c.Values.Int32s[slot]
	case column.Float32:
		return math.Float32bits(v.Float()) == math.Float32bits(c.Values.Float32s[slot])
	case column.Float64:
		return math.Float64bits(v.Double()) == math.Float64bits(c.Values.Float64s[slot])
	case column.String:
		return bytes.Equal(v.ByteArray(), c.Values.Text.At(slot))
	}
	return v.Int64() == c.Values.Int64s[slot]
}

func TestReadersSeeWhatWasWritten(t *testing.T) {
	for _, codec := range []string{"zstd", "snappy", "none"} {
		for _, n := range []int{0, 1, 7, 8, 9, 63, 64, 65, 1000, 65535, 65536, 140000} {
			if n > 1000 && (testing.Short() || codec != "zstd") {
				continue
			}
			fields, batch := table(uint64(n), n)
			rows := readBack(t, write(t, codec, fields, batch))
			if len(rows) != n {
				t.Fatalf("%s n=%d: %d rows read", codec, n, len(rows))
			}
			for i, row := range rows {
				for j, v := range row {
					if !same(&batch.Columns[j], i, v) {
						t.Fatalf("%s n=%d: row %d of %s reads as %v", codec, n, i, fields[j].Name, v)
					}
				}
			}
		}
	}
}

func TestSmallBatchesShareRowGroups(t *testing.T) {
	var batches []column.Batch
	var fields []sink.Field
	total := 0
	for i := range 40 {
		var b column.Batch
		fields, b = table(uint64(i), 3000+i)
		batches = append(batches, b)
		total += b.Rows
	}
	data := write(t, "zstd", fields, batches...)
	f, err := reference.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	if got := len(f.RowGroups()); got != 2 {
		t.Errorf("%d row groups for %d rows", got, total)
	}
	rows, at := readBack(t, data), 0
	for _, b := range batches {
		for i := range b.Rows {
			for j, v := range rows[at] {
				if !same(&b.Columns[j], i, v) {
					t.Fatalf("row %d of %s", at, fields[j].Name)
				}
			}
			at++
		}
	}
	if again := write(t, "zstd", fields, batches...); !bytes.Equal(again, data) {
		t.Error("the same rows gave other bytes")
	}
}

// TestBoundsHold checks the statistics against the values, as a reader that skips
// pages by them would rely on.
func TestBoundsHold(t *testing.T) {
	fields, batch := table(3, 70000)
	data := write(t, "none", fields, batch)
	f, err := reference.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for j, chunk := range f.RowGroups()[0].ColumnChunks() {
		index, err := chunk.ColumnIndex()
		if err != nil {
			continue // columns of NaN have none
		}
		offsets, err := chunk.OffsetIndex()
		if err != nil || offsets.NumPages() != index.NumPages() {
			t.Fatalf("%s: offset index", fields[j].Name)
		}
		typ := chunk.Type()
		low, high := index.MinValue(0), index.MaxValue(0)
		nulls := 0
		for i := range batch.Rows {
			c := &batch.Columns[j]
			if c.Null(i) {
				nulls++
				continue
			}
			v := valueOf(c, c.Slot(i))
			if c.Type().Real() && v.Double() != v.Double() {
				continue
			}
			checked++
			if typ.Compare(v, low) < 0 || typ.Compare(v, high) > 0 {
				t.Fatalf("%s: %v is outside of %v .. %v", fields[j].Name, v, low, high)
			}
		}
		if int64(nulls) != index.NullCount(0) {
			t.Errorf("%s: %d nulls, index says %d", fields[j].Name, nulls, index.NullCount(0))
		}
	}
	if checked < 100000 {
		t.Errorf("only %d values checked", checked)
	}
}

func valueOf(c *column.Column, slot int) reference.Value {
	switch c.Type() {
	case column.Bool:
		return reference.BooleanValue(c.Values.Bools[slot])
	case column.Int32, column.Date:
		return reference.Int32Value(c.Values.Int32s[slot])
	case column.Float32:
		return reference.FloatValue(c.Values.Float32s[slot])
	case column.Float64:
		return reference.DoubleValue(c.Values.Float64s[slot])
	case column.String:
		return reference.ByteArrayValue(c.Values.Text.At(slot))
	}
	return reference.Int64Value(c.Values.Int64s[slot])
}

func BenchmarkWrite(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	const n = 1 << 18
	for _, dict := range []bool{true, false} {
		c := random(r, column.Float32, n, dict, false)
		fields := []sink.Field{{Field: column.Field{Name: "x", Type: column.Float32}}}
		b.Run(fmt.Sprintf("dict=%v", dict), func(b *testing.B) {
			p, _ := parquet.Format{}.NewPart(io.Discard, fields)
			b.SetBytes(n * 4)
			for b.Loop() {
				if err := p.Write(column.Batch{Rows: n, Columns: []column.Column{c}}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/value")
		})
	}
}
