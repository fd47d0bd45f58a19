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

// randomLists returns n lists of a type: null, empty, of one element and of several,
// whose elements are plain or dictionary-coded, with or without nulls.
func randomLists(r *rand.Rand, t column.Type, n int, dict, nulls bool) column.Column {
	v := column.Vector{Type: column.ListOf(t), Len: n, Offsets: []uint32{0}}
	if nulls {
		v.Valid = column.NewBitmap(n)
	}
	total := 0
	for i := range n {
		length := []int{0, 1, 2, 3, 17, 40}[r.IntN(6)]
		if nulls && i%5 == 3 {
			length = 0
		} else if nulls {
			v.Valid.Set(i)
		}
		total += length
		v.Offsets = append(v.Offsets, uint32(total))
	}
	elements := random(r, t, total, dict, nulls)
	v.Elements = &elements
	return column.Column{Len: n, Values: v}
}

// listTable has lists of every type, plain and coded, with and without nulls, and a
// scalar column on either side.
func listTable(seed uint64, n int) ([]sink.Field, column.Batch) {
	r := rand.New(rand.NewPCG(seed, 11))
	var fields []sink.Field
	batch := column.Batch{Rows: n}
	add := func(name string, c column.Column) {
		fields = append(fields, sink.Field{Field: column.Field{Name: name, Type: c.Type()}, Role: program.RoleFeature})
		batch.Columns = append(batch.Columns, c)
	}
	add("first", random(r, column.Int64, n, false, true))
	for _, t := range column.Types() {
		for k := range 4 {
			add(fmt.Sprintf("%v.%d", t, k), randomLists(r, t, n, k%2 == 1, k >= 2))
		}
	}
	add("last", random(r, column.String, n, true, true))
	return fields, batch
}

// sameList compares row i of a column of lists with the leaf values of a row: a null
// or empty list is one value that says how much of the path to it is there.
func sameList(c *column.Column, i int, values []reference.Value) bool {
	lo, hi := c.Values.List(i)
	if lo == hi {
		level := 1
		if c.Null(i) {
			level = 0
		}
		return len(values) == 1 && values[0].IsNull() && values[0].DefinitionLevel() == level
	}
	if len(values) != hi-lo {
		return false
	}
	for k, v := range values {
		if repeated := v.RepetitionLevel() == 1; repeated != (k > 0) || !same(c.Values.Elements, lo+k, v) {
			return false
		}
	}
	return true
}

// differs returns the first row and column of rows [from, from+len(rows)) of a batch
// that are not what a reader saw, or "".
func differs(fields []sink.Field, batch column.Batch, from int, rows []reference.Row) (where string) {
	for k, row := range rows {
		row.Range(func(j int, values []reference.Value) bool {
			c, i := &batch.Columns[j], from+k
			if c.Type().IsList() && !sameList(c, i, values) || !c.Type().IsList() && !same(c, i, values[0]) {
				where = fmt.Sprintf("row %d of %s reads as %v", i, fields[j].Name, values)
			}
			return where == ""
		})
	}
	return where
}

func TestReadersSeeTheListsThatWereWritten(t *testing.T) {
	for _, codec := range []string{"zstd", "snappy", "none"} {
		for _, n := range []int{0, 1, 2, 7, 8, 9, 63, 64, 65, 1000, 9000} {
			if n > 1000 && (testing.Short() || codec != "zstd") {
				continue
			}
			fields, batch := listTable(uint64(n), n)
			rows := readBack(t, write(t, codec, fields, batch))
			if len(rows) != n {
				t.Fatalf("%s n=%d: %d rows read", codec, n, len(rows))
			}
			if where := differs(fields, batch, 0, rows); where != "" {
				t.Fatalf("%s n=%d: %s", codec, n, where)
			}
		}
	}
}

// TestListsOfManyBatches are collected into few row groups; a batch may have no
// elements at all, and the memory of a part is used again.
func TestListsOfManyBatches(t *testing.T) {
	fields, _ := listTable(0, 0)
	var batches []column.Batch
	for i, n := range []int{1, 500, 0, 64, 3000} {
		_, batch := listTable(uint64(i), n)
		batches = append(batches, batch, withoutElements(batch))
	}
	for _, order := range [][]int{{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {9, 8, 1, 0}, {1}, {3, 9}} {
		var some []column.Batch
		for _, at := range order {
			some = append(some, batches[at])
		}
		data := write(t, "zstd", fields, some...)
		rows, at := readBack(t, data), 0
		for _, b := range some {
			if where := differs(fields, b, 0, rows[at:at+b.Rows]); where != "" {
				t.Fatalf("order %v: %s", order, where)
			}
			at += b.Rows
		}
		if at != len(rows) {
			t.Fatalf("order %v: %d rows of %d", order, len(rows), at)
		}
		if again := write(t, "zstd", fields, some...); !bytes.Equal(again, data) {
			t.Error("the same rows gave other bytes")
		}
	}
}

// withoutElements empties all lists of a batch.
func withoutElements(batch column.Batch) column.Batch {
	out := column.Batch{Rows: batch.Rows, Columns: append([]column.Column(nil), batch.Columns...)}
	for i := range out.Columns {
		v := &out.Columns[i].Values
		if v.Type.IsList() {
			v.Offsets = make([]uint32, v.Len+1)
			v.Elements = &column.Column{Values: column.Vector{Type: v.Type.Elem()}}
		}
	}
	return out
}

// TestPagesOfListsBeginAtRows has more elements than a page takes, and a list that
// needs a page of its own. Every page is found by its first row, and nulls are counted
// as the format asks: every entry without a value.
func TestPagesOfListsBeginAtRows(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	for _, dict := range []bool{false, true} {
		c := randomLists(r, column.Int64, 60000, dict, true)
		long := uint32(300000)
		for i := 20001; i < len(c.Values.Offsets); i++ {
			c.Values.Offsets[i] += long
		}
		c.Values.Valid.Set(20000)
		total := int(c.Values.Offsets[c.Len])
		elements := random(r, column.Int64, total, dict, true)
		c.Values.Elements = &elements
		fields := []sink.Field{{Field: column.Field{Name: "x", Type: c.Type()}}}
		batch := column.Batch{Rows: c.Len, Columns: []column.Column{c}}
		data := write(t, "zstd", fields, batch)
		f, err := reference.OpenFile(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		for _, group := range f.RowGroups() {
			checkPages(t, fields, batch, group)
		}
		if where := differs(fields, batch, 0, readBack(t, data)); where != "" {
			t.Fatal(where)
		}
	}
}

func checkPages(t *testing.T, fields []sink.Field, batch column.Batch, group reference.RowGroup) {
	t.Helper()
	c := &batch.Columns[0]
	chunk := group.ColumnChunks()[0]
	index, err := chunk.ColumnIndex()
	if err != nil {
		t.Fatal(err)
	}
	offsets, err := chunk.OffsetIndex()
	if err != nil {
		t.Fatal(err)
	}
	if offsets.NumPages() < 5 || index.NumPages() != offsets.NumPages() {
		t.Fatalf("%d pages", offsets.NumPages())
	}
	for p := range offsets.NumPages() {
		from, to := int(offsets.FirstRowIndex(p)), batch.Rows
		if p+1 < offsets.NumPages() {
			to = int(offsets.FirstRowIndex(p + 1))
		}
		nulls := int64(0)
		for i := from; i < to; i++ {
			lo, hi := c.Values.List(i)
			if lo == hi {
				nulls++
			}
			for e := lo; e < hi; e++ {
				if c.Values.Elements.Null(e) {
					nulls++
				}
			}
		}
		if index.NullCount(p) != nulls {
			t.Errorf("page %d: %d nulls, want %d", p, index.NullCount(p), nulls)
		}
		rows := group.Rows()
		if err := rows.SeekToRow(int64(from)); err != nil {
			t.Fatal(err)
		}
		buffer := make([]reference.Row, 1)
		if n, _ := rows.ReadRows(buffer); n != 1 {
			t.Fatalf("no row %d", from)
		}
		if where := differs(fields, batch, from, buffer); where != "" {
			t.Error(where)
		}
		rows.Close()
	}
}

// listText returns row i of a column of lists as the script below renders it.
func listText(c *column.Column, i int) string {
	if c.Null(i) {
		return "null"
	}
	text := "["
	lo, hi := c.Values.List(i)
	for e := lo; e < hi; e++ {
		text += rendered(c.Values.Elements, e) + ","
	}
	return text + "]"
}

// readLists is readParquet for lists: the statistics are those of the elements, and
// null counts those that pyarrow itself writes for the same rows.
const readLists = `
import base64, io, json, struct, sys
import pyarrow as pa, pyarrow.parquet as pq

def render(x):
    if x is None: return "null"
    if isinstance(x, list): return "[" + "".join(render(y) + "," for y in x) + "]"
    if isinstance(x, bool): return "true" if x else "false"
    if isinstance(x, int): return str(x)
    if isinstance(x, bytes): return base64.b64encode(x).decode()
    if x != x: return "nan"
    return "%x" % struct.unpack("<Q", struct.pack("<d", x))[0]

def plain(t):
    if pa.types.is_timestamp(t): return pa.int64()
    if pa.types.is_date32(t): return pa.int32()
    if pa.types.is_string(t): return pa.binary()
    return t

def read(path):
    f = pq.ParquetFile(path, page_checksum_verification=True)
    t = f.read()
    again = io.BytesIO()
    pq.write_table(t, again, row_group_size=1<<20)
    theirs = pq.ParquetFile(again)
    columns, wrong = {}, []
    for i, (name, c) in enumerate(zip(t.column_names, t.columns)):
        typ = str(c.type)
        is_list = pa.types.is_list(c.type)
        c = c.cast(pa.list_(plain(c.type.value_type)) if is_list else plain(c.type))
        values = c.to_pylist()
        columns[name] = {"type": typ, "values": [render(x) for x in values]}
        want = (name + ".list.element") if is_list else name
        for g in range(f.num_row_groups):
            m = f.metadata.row_group(g).column(i)
            if m.path_in_schema != want: wrong.append(m.path_in_schema)
        if f.num_row_groups != 1: continue
        m, s = f.metadata.row_group(0).column(i), f.metadata.row_group(0).column(i).statistics
        other = theirs.metadata.row_group(0).column(i)
        if m.num_values != other.num_values: wrong.append(name + ": number of values")
        if s.null_count != other.statistics.null_count: wrong.append(name + ": null count")
        if not s.has_min_max: continue
        if is_list: values = [y for x in values if x is not None for y in x]
        values = [x for x in values if x is not None and x == x]
        raw = lambda x: x.encode() if isinstance(x, str) else x
        if values and not hasattr(raw(s.min), "year") and (min(map(raw, values)) < raw(s.min) or max(map(raw, values)) > raw(s.max)): wrong.append(name + ": bounds")
    return {"rows": t.num_rows, "columns": columns, "wrong": wrong}

print(json.dumps([read(path) for path in sys.argv[1:]]))
`

// TestArrowReadsTheLists compares types, lists, elements, paths and statistics with
// what pyarrow reads, and with what it writes itself.
func TestArrowReadsTheLists(t *testing.T) {
	oracletest.Python(t)
	dir := t.TempDir()
	var paths []string
	var batches []column.Batch
	var fields []sink.Field
	for i, codec := range []string{"zstd", "snappy", "none"} {
		for _, n := range []int{0, 1, 9, 65, 2000} {
			var batch column.Batch
			fields, batch = listTable(uint64(n)+1, n)
			readableLists(batch)
			if n == 9 {
				batch = withoutElements(batch)
			}
			path := filepath.Join(dir, fmt.Sprintf("%d-%d.parquet", i, n))
			if err := os.WriteFile(path, write(t, codec, fields, batch), 0o666); err != nil {
				t.Fatal(err)
			}
			paths, batches = append(paths, path), append(batches, batch)
		}
	}
	var files []arrowFile
	oracletest.Run(t, readLists, &files, paths...)
	for i, file := range files {
		batch := batches[i]
		if file.Rows != batch.Rows || len(file.Wrong) > 0 {
			t.Fatalf("%s: pyarrow reads %d rows; wrong: %v", paths[i], file.Rows, file.Wrong)
		}
		for j, f := range fields {
			c, ours := file.Columns[f.Name], &batch.Columns[j]
			typ, text := arrowType(f.Type), rendered
			if f.Type.IsList() {
				typ, text = "list<element: "+arrowType(f.Type.Elem())+">", listText
			}
			if c.Type != typ {
				t.Errorf("%s is %s in pyarrow, want %s", f.Name, c.Type, typ)
			}
			for row := range batch.Rows {
				if want := text(ours, row); c.Values[row] != want {
					t.Fatalf("%s: %s row %d is %s, want %s", paths[i], f.Name, row, c.Values[row], want)
				}
			}
		}
	}
}

// readableLists is readable for the elements of lists, too.
func readableLists(batch column.Batch) {
	readable(batch)
	for i := range batch.Columns {
		if elements := batch.Columns[i].Values.Elements; elements != nil {
			readable(column.Batch{Rows: elements.Len, Columns: []column.Column{*elements}})
		}
	}
}
