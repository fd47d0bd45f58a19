package parquet_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	reference "github.com/parquet-go/parquet-go"

	"quern/features/column"
	"quern/features/program"
	"quern/internal/oracletest"
	"quern/pipeline/sink"
)

// ids are n rows of a dictionary of different integers close to each other, in any
// order: dense below, with gaps above. Some slots have no rows.
func ids(r *rand.Rand, t column.Type, n int, nulls bool) column.Column {
	slots := max(2, n/4)
	v := column.Vector{Type: t, Len: slots}
	if nulls {
		v.Valid = column.NewBitmap(slots)
	}
	for i, rank := range r.Perm(slots) {
		if nulls && r.IntN(9) > 0 {
			v.Valid.Set(i)
		}
		x := rank - slots/5
		if rank > slots/2 {
			x = 7 * rank
		}
		if t.Narrow() {
			v.Int32s = append(v.Int32s, int32(x))
		} else {
			v.Int64s = append(v.Int64s, int64(x))
		}
	}
	c := column.Column{Len: n, Values: v, Index: make([]int32, n)}
	for i := range c.Index {
		c.Index[i] = int32(r.IntN(slots))
	}
	return c
}

// idTable is ids of several types, and reals whose dictionary does not compress.
func idTable(n int) ([]sink.Field, column.Batch) {
	r := rand.New(rand.NewPCG(21, 7))
	batch := column.Batch{Rows: n}
	for _, t := range []column.Type{column.Int64, column.Int32, column.Datetime} {
		batch.Columns = append(batch.Columns, ids(r, t, n, false), ids(r, t, n, true))
	}
	batch.Columns = append(batch.Columns, random(r, column.Float32, n, true, true))
	reals := column.Vector{Type: column.Float64, Len: n / 3}
	for range reals.Len {
		reals.Float64s = append(reals.Float64s, r.Float64())
	}
	c := column.Column{Len: n, Values: reals, Index: make([]int32, n)}
	for i := range c.Index {
		c.Index[i] = int32(r.IntN(reals.Len))
	}
	batch.Columns = append(batch.Columns, c)
	var fields []sink.Field
	for i, c := range batch.Columns {
		fields = append(fields, sink.Field{Field: column.Field{Name: fmt.Sprint(c.Type(), i), Type: c.Type()}, Role: program.RoleFeature})
	}
	return fields, batch
}

func TestReadersSeeIds(t *testing.T) {
	fields, batch := idTable(150_000) // two pages
	for _, codec := range []string{"zstd", "snappy", "none"} {
		data := write(t, codec, fields, batch)
		rows := readBack(t, data)
		if len(rows) != batch.Rows {
			t.Fatalf("%s: %d rows", codec, len(rows))
		}
		for i, row := range rows {
			for j := range fields {
				if !same(&batch.Columns[j], i, row[j]) {
					t.Fatalf("%s: %s row %d is %v", codec, fields[j].Name, i, row[j])
				}
			}
		}
		checkTight(t, data, &batch)
	}
}

// checkTight checks that the bounds of the pages of integers are those of the rows
// that are in them, or, as both pages have nearly all values, hardly wider.
func checkTight(t *testing.T, data []byte, batch *column.Batch) {
	t.Helper()
	f, err := reference.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	for j, chunk := range f.RowGroups()[0].ColumnChunks()[:6] {
		c := &batch.Columns[j]
		index, err := chunk.ColumnIndex()
		if err != nil {
			t.Fatal(err)
		}
		offsets, _ := chunk.OffsetIndex()
		for p := range index.NumPages() {
			from, to := int(offsets.FirstRowIndex(p)), batch.Rows
			if p+1 < index.NumPages() {
				to = int(offsets.FirstRowIndex(p + 1))
			}
			var low, high reference.Value
			for i := from; i < to; i++ {
				if c.Null(i) {
					continue
				}
				v := valueOf(c, c.Slot(i))
				if low.IsNull() || chunk.Type().Compare(v, low) < 0 {
					low = v
				}
				if high.IsNull() || chunk.Type().Compare(v, high) > 0 {
					high = v
				}
			}
			if !reference.Equal(low, index.MinValue(p)) || !reference.Equal(high, index.MaxValue(p)) {
				t.Errorf("column %d page %d: bounds %v .. %v, want %v .. %v", j, p, index.MinValue(p), index.MaxValue(p), low, high)
			}
		}
	}
}

// The frames that are written by hand, as the reference decoder of zstd reads them.
func TestArrowReadsIds(t *testing.T) {
	oracletest.Python(t)
	fields, batch := idTable(40_000)
	readable(batch)
	path := filepath.Join(t.TempDir(), "ids.parquet")
	if err := os.WriteFile(path, write(t, "zstd", fields, batch), 0o666); err != nil {
		t.Fatal(err)
	}
	var files []arrowFile
	oracletest.Run(t, readParquet, &files, path)
	if len(files[0].Wrong) > 0 {
		t.Fatalf("wrong statistics: %v", files[0].Wrong)
	}
	for j, f := range fields {
		for row := range batch.Rows {
			if want, got := rendered(&batch.Columns[j], row), files[0].Columns[f.Name].Values[row]; got != want {
				t.Fatalf("%s row %d is %s, want %s", f.Name, row, got, want)
			}
		}
	}
}

// Ids that follow each other take little more than a byte each, and the dictionary is
// in order: no other frame of zstd's fastest level comes near.
func TestIdsAreSmall(t *testing.T) {
	const n = 100_000
	c := column.Column{Len: n, Values: column.Vector{Type: column.Int64, Len: 40_000}, Index: make([]int32, n)}
	for i, x := range rand.New(rand.NewPCG(5, 5)).Perm(c.Values.Len) {
		c.Values.Int64s = append(c.Values.Int64s, int64(x))
		c.Index[i], c.Index[n-1-i] = int32(i), int32(i)
	}
	data := write(t, "zstd", []sink.Field{{Field: column.Field{Name: "x", Type: column.Int64}}}, column.Batch{Rows: n, Columns: []column.Column{c}})
	if codes, most := n*2, 45_000+1000; len(data) > codes+most {
		t.Errorf("%d bytes; codes need %d, ids at most %d", len(data), codes, most)
	}
}
