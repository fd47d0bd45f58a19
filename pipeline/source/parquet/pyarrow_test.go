package parquet

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quern/features/column"
	"quern/internal/oracletest"
	"quern/pipeline/source"
)

// pyarrowScript prints, for each file, its list columns as render gives them. Called
// with the argument "write" and a folder, it writes files of its own there first: lists
// of everything that we read, in all the ways that pyarrow can write.
const pyarrowScript = `
import datetime, decimal, json, random, struct, sys
import pyarrow as pa, pyarrow.parquet as pq

def scalar(s):
    t = s.type
    if not s.is_valid:
        return "null"
    if pa.types.is_boolean(t):
        return "true" if s.as_py() else "false"
    if pa.types.is_integer(t):
        return str(s.as_py())
    if pa.types.is_floating(t):
        return "%x" % struct.unpack(">Q", struct.pack(">d", float(s.as_py())))
    if pa.types.is_date(t):
        return str(s.cast(pa.int32()).as_py())
    if pa.types.is_timestamp(t):
        n = s.cast(pa.int64()).as_py()
        return str({"s": n * 1000000, "ms": n * 1000, "us": n, "ns": n // 1000}[t.unit])
    if pa.types.is_decimal(t):
        text = format(s.as_py(), "f")
        return '"' + (text.rstrip("0").rstrip(".") if "." in text else text) + '"'
    v = s.as_py()
    return '"' + (v.decode() if isinstance(v, bytes) else v) + '"'

def lists(t):
    return pa.types.is_list(t) or pa.types.is_large_list(t) or pa.types.is_fixed_size_list(t)

def render(path):
    out = {}
    for name, c in zip((table := pq.read_table(path)).column_names, table.columns):
        if not lists(c.type) or pa.types.is_nested(c.type.value_type):
            continue
        out[name] = ["[" + " ".join(scalar(e) for e in l.values) + "]" if l.is_valid else "null" for l in c]
    return out

def elements(r):
    some = lambda f: lambda: None if r.random() < 0.2 else f()
    word = lambda: "".join(r.choice("abcdefgh ") for _ in range(r.choice([0, 1, 2, 30])))
    when = {"s": 10**9, "ms": 10**12, "us": 10**15, "ns": 10**18}
    yield "bool", pa.bool_(), some(lambda: r.random() < 0.5)
    for bits in 8, 16, 32, 64:
        yield "int%d" % bits, pa.int64() if bits == 64 else getattr(pa, "int%d" % bits)(), some(lambda b=bits: r.randrange(-2**(b-1), 2**(b-1)))
    for bits in 8, 16, 32:
        yield "uint%d" % bits, getattr(pa, "uint%d" % bits)(), some(lambda b=bits: r.randrange(2**b))
    yield "uint64", pa.uint64(), some(lambda: r.randrange(2**64))
    yield "half", pa.float16(), some(lambda: r.randrange(2048) / 8)
    yield "float", pa.float32(), some(lambda: struct.unpack("f", struct.pack("f", r.gauss(0, 1)))[0])
    yield "double", pa.float64(), some(lambda: r.choice([r.gauss(0, 1), float("inf"), -0.0]))
    yield "string", pa.string(), some(word)
    yield "few", pa.dictionary(pa.int32(), pa.string()), some(lambda: r.choice(["x", "yy", ""]))
    yield "binary", pa.binary(), some(lambda: word().encode())
    yield "fixed", pa.binary(3), some(lambda: word().ljust(3).encode()[:3])
    yield "date", pa.date32(), some(lambda: datetime.date(1, 1, 1) + datetime.timedelta(r.randrange(3 * 10**6)))
    for unit, n in when.items():
        yield "utc_" + unit, pa.timestamp(unit, tz="UTC"), some(lambda n=n: r.randrange(-n, n))
        yield "wall_" + unit, pa.timestamp(unit), some(lambda n=n: r.randrange(-n, n))
    yield "decimal", pa.decimal128(20, 3), some(lambda: decimal.Decimal(r.randrange(-10**15, 10**15)) / 1000)
    yield "wide", pa.decimal256(60, 5), some(lambda: decimal.Decimal(r.randrange(-10**15, 10**15)) / 1000)

def table(r, rows, longest):
    columns, fields = [], []
    for name, t, make in elements(r):
        for shape in "list", "strict", "large", "fixed":
            lists = []
            for _ in range(rows):
                l = [make() for _ in range(2 if shape == "fixed" else r.randrange(longest))]
                if shape == "strict":
                    l = [e for e in l if e is not None]
                elif r.random() < 0.2:
                    l = None
                lists.append(l)
            e = pa.field("e", t, nullable=shape != "strict")
            typ = {"list": pa.list_(e), "strict": pa.list_(e), "large": pa.large_list(e), "fixed": pa.list_(e, 2)}[shape]
            fields.append(pa.field(name + " " + shape, typ, nullable=shape != "strict"))
            columns.append(pa.array(lists, typ))
    return pa.table(columns, pa.schema(fields))

paths = sys.argv[2:]
if sys.argv[1] == "write":
    folder, paths, n = sys.argv[2], [], 0
    for rows, longest in (0, 4), (1, 4), (90, 4), (40, 70):
        for version in "1.0", "2.0":
            r = random.Random(n)
            codec = ["none", "snappy", "gzip", "brotli", "zstd", "lz4"][n % 6]
            paths.append("%s/%d.parquet" % (folder, n))
            pq.write_table(table(r, rows, longest), paths[-1], compression=codec, data_page_version=version, use_dictionary=n // 2 % 2 == 0,
                use_compliant_nested_type=n % 3 > 0, data_page_size=[10**6, 64, 500][n % 3], write_batch_size=[1024, 5, 1][n % 3],
                dictionary_pagesize_limit=[10**6, 200][n // 4 % 2], row_group_size=[1000, 33][n % 2], version="2.6",
                use_deprecated_int96_timestamps=n % 4 == 1, write_statistics=n % 3 > 0)
            n += 1
print(json.dumps({p: render(p) for p in paths}))
`

// readLists reads the list columns of a file; those of decimals and unsigned 64-bit
// integers as want has them: as strings.
func readLists(t *testing.T, path string) map[string][]string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Files: []source.File{inMemory(path, data)}}
	for {
		s, err := Open(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		typed := len(o.Types)
		for name, why := range s.Unusable() {
			if strings.Contains(why, ": list<") {
				o.Types = append(o.Types, column.Field{Name: name, Type: column.ListOf(column.String)})
			}
		}
		if typed == len(o.Types) {
			return renderLists(t, s)
		}
	}
}

// renderLists renders the list columns of s.
func renderLists(t *testing.T, s source.Source) map[string][]string {
	all := map[string][]string{}
	for _, f := range s.Schema() {
		if !f.Type.IsList() {
			continue
		}
		r, err := s.NewReader([]string{f.Name})
		if err != nil {
			t.Fatal(err)
		}
		all[f.Name] = []string{}
		for _, c := range s.Chunks() {
			b, err := r.Read(context.Background(), c)
			if err != nil {
				t.Fatalf("%s: %v", c.File, err)
			}
			checkColumn(t, f, &b.Columns[0])
			for i := range b.Rows {
				all[f.Name] = append(all[f.Name], render(&b.Columns[0], i))
			}
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// agree compares what we read from files with what pyarrow does.
func agree(t *testing.T, arguments ...string) (compared int) {
	t.Helper()
	var theirs map[string]map[string][]string
	oracletest.Run(t, pyarrowScript, &theirs, arguments...)
	for path, want := range theirs {
		got := readLists(t, path)
		if len(got) != len(want) {
			t.Errorf("%s: %d list columns instead of %d", filepath.Base(path), len(got), len(want))
		}
		for name := range want {
			if len(got[name]) != len(want[name]) {
				t.Errorf("%s, column %s: %d rows instead of %d", filepath.Base(path), name, len(got[name]), len(want[name]))
				continue
			}
			for row, list := range want[name] {
				if strings.HasPrefix(name, "uint64") { // we have them as strings
					got[name][row] = strings.ReplaceAll(got[name][row], `"`, "")
				}
				if got[name][row] != list {
					t.Fatalf("%s, column %s, row %d: got %s, want %s", filepath.Base(path), name, row, got[name][row], list)
				}
			}
			compared += len(want[name])
		}
	}
	return compared
}

func TestReadsListsThatPyarrowWrites(t *testing.T) {
	if n := agree(t, "write", t.TempDir()); n < 10_000 {
		t.Errorf("only %d lists were compared", n)
	}
}

// The healthy files of others hold the lists that pyarrow reads from them.
func TestCorporaAgreeWithPyarrow(t *testing.T) {
	files := []string{"read"}
	for _, name := range []string{
		"datapage_v2.snappy", "list_columns", "nonnullable.impala", "null_list", "nullable.impala",
		"old_list_structure", "repeated_primitive_no_list",
	} {
		files = append(files, "testdata/corpora/data/"+name+".parquet")
	}
	if n := agree(t, files...); n != 28 {
		t.Errorf("%d lists were compared", n)
	}
}
