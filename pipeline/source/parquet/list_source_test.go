package parquet

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	pq "github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"quern/features/column"
	"quern/features/diag"
	"quern/pipeline/source"
)

// listFile returns a file in memory with n random rows of list columns, and its bytes.
func listFile(t testing.TB, name string, n int, columns map[string]pq.Node) (source.File, []byte) {
	t.Helper()
	data, _ := writeLists(t, rand.New(rand.NewPCG(uint64(n), 31)), columns, n)
	return inMemory(name, data), data
}

// Lists of integers widen as integers do, and rows of files without the column are null.
func TestUnionOfLists(t *testing.T) {
	a, _ := listFile(t, "a", 5, map[string]pq.Node{"l": listNode("opt_opt", pq.Leaf(pq.Int32Type)), "x": pq.Repeated(pq.Leaf(pq.FloatType))})
	b, data := listFile(t, "b", 70, map[string]pq.Node{"l": pq.Repeated(pq.Encoded(pq.Int(64), &pq.RLEDictionary)), "x": listNode("opt_req", pq.Leaf(pq.DoubleType)), "s": pq.List(pq.String())})
	s, err := Open(context.Background(), Options{Files: []source.File{a, b, makeFile(t, "c", 0, map[string]pq.Node{"i": pq.Int(32)})}})
	if err != nil {
		t.Fatal(err)
	}
	want := column.Schema{{Name: "l", Type: column.ListOf(column.Int64)}, {Name: "x", Type: column.ListOf(column.Float64)},
		{Name: "s", Type: column.ListOf(column.String)}, {Name: "i", Type: column.Int32}}
	if !slices.Equal(s.Schema(), want) {
		t.Errorf("schema %v", s.Schema())
	}
	alone := readAll(t, data)
	r, err := s.NewReader([]string{"l", "s"})
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []int{1, 0, 1, 0} { // buffers are shared between chunks of any form
		batch, err := r.Read(context.Background(), s.Chunks()[at])
		if err != nil {
			t.Fatal(err)
		}
		checkColumn(t, want[0], &batch.Columns[0])
		checkColumn(t, want[2], &batch.Columns[1])
		for row := range batch.Rows {
			got, wanted := render(&batch.Columns[1], row), "null"
			if at == 1 {
				wanted = alone["s"][row]
				if l := render(&batch.Columns[0], row); l != alone["l"][row] {
					t.Errorf("row %d: %s instead of %s", row, l, alone["l"][row])
				}
			}
			if got != wanted {
				t.Errorf("chunk %d, row %d: %s instead of %s", at, row, got, wanted)
			}
		}
	}
}

func TestListsThatDisagree(t *testing.T) {
	for _, other := range []pq.Node{pq.Leaf(pq.Int32Type), pq.List(pq.String())} {
		a, _ := listFile(t, "a", 1, map[string]pq.Node{"l": pq.Repeated(pq.Leaf(pq.Int32Type))})
		var out bytes.Buffer
		if err := pq.NewWriter(&out, pq.NewSchema("t", pq.Group{"l": other})).Close(); err != nil {
			t.Fatal(err)
		}
		_, err := Open(context.Background(), Options{Files: []source.File{a, inMemory("b", out.Bytes())}})
		if errorCode(err) != "Q208" || !strings.Contains(err.Error(), "list<int32> in a") {
			t.Errorf("got %v", err)
		}
	}
}

// A list can be given the types of its elements.
func TestTypesOfLists(t *testing.T) {
	_, data := listFile(t, "f", 40, map[string]pq.Node{"int32": pq.Repeated(pq.Int(32)), "uint64": listNode("opt_opt", pq.Encoded(pq.Uint(64), &pq.RLEDictionary)),
		"decimal": pq.List(pq.Decimal(0, 9, pq.Int32Type)), "struct": pq.Repeated(pq.Group{"a": pq.String()})})
	wider := map[string]string{"int32": "int32 int64 float64", "uint64": "int64 float64 string", "decimal": "int64 float64 float32 string"}
	for name, can := range wider {
		for _, to := range column.Types() {
			want := "Q041"
			if slices.Contains(strings.Fields(can), to.String()) {
				want = ""
			}
			s, err := openAs(data, column.ListOf(to), name)
			if errorCode(err) != want {
				t.Errorf("%s as list<%s>: %v", name, to, err)
			}
			if err == nil && s.Schema()[s.Schema().Find(name)].Type != column.ListOf(to) {
				t.Errorf("%s is not list<%s>", name, to)
			}
			var e *diag.Error
			if _, err := openAs(data, to, name); !errors.As(err, &e) || e.Code != "Q041" || e.Hint != "write list<"+to.String()+">" {
				t.Errorf("%s as %s: %v", name, to, err)
			}
		}
	}
	if _, err := openAs(data, column.ListOf(column.String), "struct"); errorCode(err) != "Q211" {
		t.Errorf("a list of structs: %v", err)
	}
	flat, _ := writeTable(t, rand.New(rand.NewPCG(1, 32)), map[string]pq.Node{"i": pq.Int(32)}, 1)
	if _, err := openAs(flat, column.ListOf(column.Int32), "i"); errorCode(err) != "Q041" {
		t.Errorf("a scalar as a list: %v", err)
	}
	ints := readAs(t, data, column.ListOf(column.Int32), "int32")["int32"]
	for i, row := range readAs(t, data, column.ListOf(column.Float64), "int32")["int32"] {
		want := strings.Fields(strings.Trim(ints[i], "[]"))
		for k := range want {
			n, err := strconv.Atoi(want[k])
			if err != nil {
				t.Fatal(err)
			}
			want[k] = strconv.FormatUint(math.Float64bits(float64(n)), 16)
		}
		if row != "["+strings.Join(want, " ")+"]" {
			t.Errorf("row %d: %s as float64: %s", i, ints[i], row)
		}
	}
}

// An element that does not fit is reported with its row.
func TestOverflowInListsNamesTheRow(t *testing.T) {
	repeats := [][]byte{{0, 0, 1, 1, 0}, {1, 0, 0, 1, 1}}
	defines := [][]byte{{0, 3, 2, 3, 1}, {3, 0, 2, 3, 3}} // rows: null | v null v | [] goes on ...
	defines[0][4] = 3                                     // ... no: v, then v in the next page | null | null v v
	rows := []int{1, 1, 2, 2, 4, 4}                       // of the values
	for at, row := range rows {
		f := forged{rows: 5, values: 10}
		f.list()
		f.element.Type = thrift.New(format.Int64)
		f.element.ConvertedType = thrift.New(deprecated.TimestampMillis)
		n := 0
		for p := range repeats {
			body := append(levels(packed(1, repeats[p]...)...), levels(packed(2, defines[p]...)...)...)
			for _, d := range defines[p] {
				if d == 3 {
					value := uint64(7)
					if n == at {
						value = 1 << 62
					}
					body = binary.LittleEndian.AppendUint64(body, value)
					n++
				}
			}
			f.data(5, format.Plain, body)
		}
		var e *diag.Error
		if err := readEverything(f.bytes(t), 0); !errors.As(err, &e) || e.Code != "Q213" || e.Data.Row != int64(row) {
			t.Errorf("value %d, in row %d: %v", at, row, err)
		}
	}
}

// What a dictionary's entry cannot be is an error in the first row that uses it.
func TestMisfitInListsNamesTheRow(t *testing.T) {
	f := forged{rows: 3, values: 5}
	f.list()
	f.element.Type = thrift.New(format.Int64)
	f.element.ConvertedType = thrift.New(deprecated.Uint64)
	f.dictionary(2, append(binary.LittleEndian.AppendUint64(nil, 7), bytes.Repeat([]byte{255}, 8)...))
	f.data(5, format.RLEDictionary, append(append(levels(packed(1, 0, 1, 0, 0, 1)...), levels(packed(2, 3, 2, 1, 3, 3)...)...), append([]byte{1}, packed(1, 0, 0, 1)...)...))
	_, err := tryAs(f.bytes(t), column.ListOf(column.Int64), "c")
	var e *diag.Error
	if !errors.As(err, &e) || e.Code != "Q215" || e.Data.Row != 2 {
		t.Errorf("got %v", err)
	}
}

func tryAs(data []byte, to column.Type, name string) (source.Source, error) {
	s, err := openAs(data, to, name)
	if err != nil {
		return nil, err
	}
	return s, readColumns(s, name)
}

func TestMutantsOfLists(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 33))
	failed := 0
	for i := range 10 {
		data, _ := writeLists(t, r, listCases(i), 10, pq.Compression(codecs()[i%6]), pq.DataPageVersion(1+i%2), pq.PageBufferSize(128))
		mutate(t, r, data, 100, &failed)
	}
	if failed < 100 {
		t.Errorf("only %d of 1000 mutants were refused: the test does not reach the checks", failed)
	}
}

func TestMemoryLimitOfLists(t *testing.T) {
	_, data := listFile(t, "f", 2000, map[string]pq.Node{"l": listNode("opt_opt", pq.Leaf(pq.Int64Type))})
	const n = 1 << 20 // empty lists: 10 n bytes pass by, elements take 1.25 n, rows 4.125 n
	empty := forged{rows: n}
	empty.list()
	empty.element.Type = thrift.New(format.Boolean)
	run := binary.AppendUvarint(nil, n<<1)
	empty.data(n, format.Plain, append(levels(append(run, 0)...), levels(append(run, 1)...)...))
	for _, c := range []struct {
		data  []byte
		limit int64
		want  string
	}{{data, 20_000, "Q209"}, {data, 35_000, "Q209"}, {data, 10 << 20, ""}, {empty.bytes(t), 14 * n, "Q209"}, {empty.bytes(t), 16 * n, ""}} {
		if err := readEverything(c.data, c.limit); errorCode(err) != c.want || c.want == "" && err != nil {
			t.Errorf("with %d bytes: %v", c.limit, err)
		}
	}
}

// Elements are counted in 31 bits, however much memory there is.
func TestTooManyElements(t *testing.T) {
	f := forged{rows: 2}
	f.list()
	f.listPage(1, []byte{0, 0}, []byte{3, 3})
	f.values = maxRows + 1
	if err := readEverything(f.bytes(t), 1<<50); errorCode(err) != "Q209" {
		t.Errorf("got %v", err)
	}
}
