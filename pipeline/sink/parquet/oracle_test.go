package parquet_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	reference "github.com/parquet-go/parquet-go"

	"quern/features/column"
	"quern/features/program"
	"quern/internal/oracletest"
	"quern/pipeline/sink"
	"quern/pipeline/sink/parquet"
)

// arrowType is what pyarrow calls the types.
func arrowType(t column.Type) string {
	switch t {
	case column.Float32:
		return "float"
	case column.Float64:
		return "double"
	case column.Timestamp:
		return "timestamp[us, tz=UTC]"
	case column.Datetime:
		return "timestamp[us]"
	case column.Date:
		return "date32[day]"
	}
	return t.String()
}

// rendered returns row i of c as the script below renders it.
func rendered(c *column.Column, i int) string {
	v, slot := &c.Values, c.Slot(i)
	if v.Null(slot) {
		return "null"
	}
	switch v.Type.Kind() {
	case column.Bools:
		return strconv.FormatBool(v.Bools[slot])
	case column.Ints:
		return strconv.FormatInt(v.Int(slot), 10)
	case column.Strings:
		return base64.StdEncoding.EncodeToString(v.Text.At(slot))
	}
	if x := v.Float(slot); x != x {
		return "nan"
	}
	return fmt.Sprintf("%x", math.Float64bits(v.Float(slot)))
}

const readParquet = `
import base64, json, struct, sys
import pyarrow as pa, pyarrow.parquet as pq

def render(x):
    if x is None: return "null"
    if isinstance(x, bool): return "true" if x else "false"
    if isinstance(x, int): return str(x)
    if isinstance(x, bytes): return base64.b64encode(x).decode()
    if x != x: return "nan"
    return "%x" % struct.unpack("<Q", struct.pack("<d", x))[0]

def read(path):
    f = pq.ParquetFile(path, page_checksum_verification=True)
    t = f.read()
    columns = {}
    for name, c in zip(t.column_names, t.columns):
        typ = str(c.type)
        if pa.types.is_timestamp(c.type): c = c.cast(pa.int64())
        if pa.types.is_date32(c.type): c = c.cast(pa.int32())
        if pa.types.is_string(c.type): c = c.cast(pa.binary())
        columns[name] = {"type": typ, "values": [render(x) for x in c.to_pylist()]}
    wrong = []
    for g in range(f.num_row_groups):
        rows = f.read_row_group(g)
        for i in range(f.metadata.num_columns):
            s, name = f.metadata.row_group(g).column(i).statistics, t.column_names[i]
            column = rows.column(i)
            if s.null_count != column.null_count: wrong.append(name + ": null count")
            if not s.has_min_max: continue
            values = [x for x in column.to_pylist() if x is not None and x == x]
            raw = lambda x: x.encode() if isinstance(x, str) else x
            if values and (min(map(raw, values)) < raw(s.min) or max(map(raw, values)) > raw(s.max)): wrong.append(name + ": bounds")
    return {"rows": t.num_rows, "columns": columns, "wrong": wrong}

print(json.dumps([read(path) for path in sys.argv[1:]]))
`

// arrowFile is a file as pyarrow sees it.
type arrowFile struct {
	Rows    int
	Wrong   []string // statistics that do not hold
	Columns map[string]struct {
		Type   string
		Values []string
	}
}

// TestArrowReadsWhatWasWritten compares types, nulls and values of every column with
// what pyarrow reads, page checksums verified, and its statistics with the values.
func TestArrowReadsWhatWasWritten(t *testing.T) {
	oracletest.Python(t)
	dir := t.TempDir()
	var paths []string
	var batches []column.Batch
	var fields []sink.Field
	for i, codec := range []string{"zstd", "snappy", "none"} {
		for _, n := range []int{0, 1, 65, 2000} {
			var batch column.Batch
			fields, batch = table(uint64(n)+1, n)
			readable(batch)
			path := filepath.Join(dir, fmt.Sprintf("%d-%d.parquet", i, n))
			if err := os.WriteFile(path, write(t, codec, fields, batch), 0o666); err != nil {
				t.Fatal(err)
			}
			paths, batches = append(paths, path), append(batches, batch)
		}
	}
	var files []arrowFile
	oracletest.Run(t, readParquet, &files, paths...)
	for i, file := range files {
		batch := batches[i]
		if file.Rows != batch.Rows || len(file.Wrong) > 0 {
			t.Fatalf("%s: pyarrow reads %d rows; wrong statistics: %v", paths[i], file.Rows, file.Wrong)
		}
		for j, f := range fields {
			c := file.Columns[f.Name]
			if c.Type != arrowType(f.Type) {
				t.Errorf("%s is %s in pyarrow", f.Name, c.Type)
			}
			for row := range batch.Rows {
				if want := rendered(&batch.Columns[j], row); c.Values[row] != want {
					t.Fatalf("%s: %s row %d is %s, want %s", paths[i], f.Name, row, c.Values[row], want)
				}
			}
		}
	}
}

// readable keeps strings to UTF-8, and times to the years that Python can show.
func readable(batch column.Batch) {
	for i := range batch.Columns {
		v := &batch.Columns[i].Values
		for j, b := range v.Text.Bytes {
			v.Text.Bytes[j] = b & 0x7f
		}
		if v.Type.Temporal() {
			for j := range v.Int64s {
				v.Int64s[j] %= 1e16
			}
			for j := range v.Int32s {
				v.Int32s[j] %= 100000
			}
		}
	}
}

// TestColumnsWithoutBoundsHaveNoColumnIndex covers pages that hold values without an
// order: NaN only, or strings that are too long to stand in an index.
func TestColumnsWithoutBoundsHaveNoColumnIndex(t *testing.T) {
	nan := math.NaN()
	long := column.Vector{Type: column.String, Len: 3}
	for range 3 {
		long.Text.Append(bytes.Repeat([]byte("x"), 65))
	}
	for _, c := range []struct {
		name   string
		values column.Vector
		index  bool
		want   string // the bounds
	}{
		{"NaN only", column.Vector{Type: column.Float64, Len: 3, Float64s: []float64{nan, nan, nan}}, false, ""},
		{"NaN among others", column.Vector{Type: column.Float64, Len: 3, Float64s: []float64{nan, 2, 1}}, true, "1 2"},
		{"infinities", column.Vector{Type: column.Float32, Len: 3, Float32s: []float32{float32(math.Inf(1)), float32(math.Inf(-1)), 1}}, true, "-Inf +Inf"},
		{"+Inf only", column.Vector{Type: column.Float64, Len: 3, Float64s: []float64{math.Inf(1), math.Inf(1), nan}}, true, "+Inf +Inf"},
		{"zeros", column.Vector{Type: column.Float64, Len: 3, Float64s: []float64{0, 0, 0}}, true, "-0 0"},
		{"long strings", long, false, ""},
		{"nulls only", column.Vector{Type: column.Int64, Len: 3, Valid: column.Bitmap{0}, Int64s: []int64{1, 2, 3}}, true, "<null> <null>"},
	} {
		fields := []sink.Field{{Field: column.Field{Name: "x", Type: c.values.Type}, Role: program.RoleFeature}}
		data := write(t, "none", fields, column.Batch{Rows: 3, Columns: []column.Column{{Len: 3, Values: c.values}}})
		f, err := reference.OpenFile(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		index, err := f.RowGroups()[0].ColumnChunks()[0].ColumnIndex()
		if (err == nil) != c.index {
			t.Errorf("%s: column index: %v", c.name, err)
			continue
		}
		if c.index {
			if got := fmt.Sprintf("%v %v", index.MinValue(0), index.MaxValue(0)); got != c.want {
				t.Errorf("%s: bounds %s, want %s", c.name, got, c.want)
			}
		}
	}
}

// TestAPartThatIsUsedAgain gives the bytes of a new one, whatever it wrote before and
// whether it got to the end.
func TestAPartThatIsUsedAgain(t *testing.T) {
	fields, first := table(1, 70000)
	_, second := table(2, 3000)
	want := write(t, "zstd", fields, second, second)
	p, err := parquet.Format{}.NewPart(&bytes.Buffer{}, fields)
	if err != nil {
		t.Fatal(err)
	}
	for _, before := range [][]column.Batch{{}, {first}, {second}, {second, first}} {
		for _, closed := range []bool{true, false} {
			for _, b := range before {
				if err := p.Write(b); err != nil {
					t.Fatal(err)
				}
			}
			if closed {
				if err := p.Close(); err != nil {
					t.Fatal(err)
				}
			}
			var out bytes.Buffer
			for _, err := range []error{p.Reset(&out), p.Write(second), p.Write(second), p.Close()} {
				if err != nil {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(out.Bytes(), want) {
				t.Fatalf("after %d batches, closed %v: other bytes", len(before), closed)
			}
		}
	}
}
