package jsonl

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"quern/features/column"
	"quern/internal/oracletest"
	"quern/pipeline/source"
	"quern/pipeline/source/text"
	"quern/pipeline/source/text/texttest"
)

// TestLists: one column a of arrays; its type, and what the rows hold.
func TestLists(t *testing.T) {
	for _, c := range []struct{ name, schema, data, want string }{
		{"integers", "", `[1,2]|[]|null|[-3]`, `list<int64> ["1" "2"] [] <null> ["-3"]`},
		{"nulls within", "", `[null,2]|[null]`, `list<int64> ["<null>" "2"] ["<null>"]`},
		{"a real makes reals of all", "", `[1]|[0.5]|[2]`, `list<float64> ["1 3ff0000000000000"] ["0.5 3fe0000000000000"] ["2 4000000000000000"]`},
		{"minus zero", "", `[-0]`, `list<float64> ["-0 8000000000000000"]`},
		{"exact integers", "", `[9223372036854775807,-9223372036854775808]`, `list<int64> ["9223372036854775807" "-9223372036854775808"]`},
		{"wide integers", "", `[9223372036854775808]|[1]`, `list<string> ["9223372036854775808"] ["1"]`},
		{"wide among reals", "", `[9223372036854775808]|[1.5]`, `list<float64> ["9.223372036854776e+18 43e0000000000000"] ["1.5 3ff8000000000000"]`},
		{"bools", "", `[true]|[false,true]`, `list<bool> ["true"] ["false" "true"]`},
		{"texts", "", `["a","b"]|["a",""]|["\u00e9\"],["]`, `list<string> ["a" "b"] ["a" ""] ["é\"],["]`},
		{"digits in quotes", "", `["1"]`, `list<string> ["1"]`},
		{"days", "", `["2001-06-01"]|["1970-01-01"]`, `list<date> ["11474"] ["0"]`},
		{"days and clocks", "", `["2001-06-01"]|["1970-01-01T00:00:01"]`, `list<datetime> ["991353600000000"] ["1000000"]`},
		{"instants", "", `["1970-01-01T01:00:00+01:00"]`, `list<timestamp> ["0"]`},
		{"only empty ones", "", `[]|[]`, `list<string> [] []`},
		{"only nulls", "", `[null]|[]|null`, `list<string> ["<null>"] [] <null>`},
		{"given", "list<float32>", `[1]|[0.1]`, `list<float32> ["1 3f800000"] ["0.1 3dcccccd"]`},
		{"given texts", "list<string>", `[1,"x",true]`, `list<string> ["1" "x" "true"]`},
		{"given where all is null", "list<int32>", `null`, `list<int32> <null>`},
	} {
		opts := Options{}
		if typ, ok := column.ParseType(c.schema); ok {
			opts.Types = column.Schema{{Name: "a", Type: typ}}
		}
		lines := `{"a":` + strings.ReplaceAll(c.data, "|", "}\n{\"a\":") + "}"
		got, err := readText(opts, lines)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		text := got.Schema[0].Type.String()
		for _, row := range got.Rows {
			text += " " + row[0]
		}
		if text != c.want {
			t.Errorf("%s: %s, want %s", c.name, text, c.want)
		}
	}
}

// TestListsThatCannotBeUsed: each column is unusable for a reason, or has a mistake in
// a row under the type that the user gives.
func TestListsThatCannotBeUsed(t *testing.T) {
	for _, c := range []struct{ name, schema, data, want string }{
		{"nested", "", `[[1]]|[2]`, "objects or nested arrays"},
		{"objects", "", `[{"x":1}]`, "objects or nested arrays"},
		{"nested, given", "list<int64>", `[[1]]`, "objects or nested arrays"},
		{"beside scalars", "", `[1]|2`, "arrays beside other values"},
		{"numbers beside strings", "", `[1]|["x"]`, "its arrays hold numbers beside strings: give it a type"},
		{"bools beside numbers", "", `[1,true]`, "its arrays hold true and false beside numbers"},
		{"given a scalar type", "string", `["x"]`, "it holds arrays, but schema: says string: write list<string>"},
		{"a scalar under a list type", "list<int64>", `[1]|2`, `Q246 "2" is no list (f.jsonl, row 1, column a)`},
		{"element of another type", "list<int64>", `[1]|[2,"x"]`, `Q246 "x" is no int64 (f.jsonl, row 1, column a)`},
		{"out of range", "list<int32>", `[2147483648]`, `Q246 "2147483648" is no int32`},
	} {
		opts := Options{Files: []source.File{texttest.File("f.jsonl", []byte(`{"a":`+strings.ReplaceAll(c.data, "|", "}\n{\"a\":")+"}"))}}
		if typ, ok := column.ParseType(c.schema); ok {
			opts.Types = column.Schema{{Name: "a", Type: typ}}
		}
		s, err := Open(context.Background(), opts)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		got := s.Unusable()["a"]
		if got == "" {
			_, err := texttest.Read(s)
			got = fmt.Sprint(err)
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// TestListNotices: what is said of scalars is said of elements.
func TestListNotices(t *testing.T) {
	for data, want := range map[string]string{
		`{"a":[9223372036854775808]}`:                      "such as list<float64>, which rounds them",
		`{"a":["2001-06-01T00:00:00.0000001"]}`:            "digits beyond microseconds",
		"{\"a\":[\"2001-06-01\"]}\n{\"a\":[\"\",\"yes\"]}": `holds "" beside numbers or times`,
	} {
		s, err := Open(context.Background(), Options{Files: []source.File{texttest.File("f.jsonl", []byte(data))}})
		if err != nil || !strings.Contains(strings.Join(s.Notices(), "\n"), want) {
			t.Errorf("%s: %v, %v", data, s.Notices(), err)
		}
	}
}

// TestListsInFolderNames: a key of a folder is no list.
func TestListsInFolderNames(t *testing.T) {
	opts := Options{Types: column.Schema{{Name: "k", Type: column.ListOf(column.Int64)}}}
	if _, err := read(opts, texttest.File("k=1/f.jsonl", []byte(`{"a":1}`))); texttest.Code(err) != "Q041" {
		t.Errorf("%v", err)
	}
}

// TestListsWithinMemory: elements count towards what a chunk may take.
func TestListsWithinMemory(t *testing.T) {
	data := `{"a":[` + strings.Repeat("1,", 4000) + `1]}`
	s, err := Open(context.Background(), Options{Files: []source.File{texttest.File("f", []byte(data))}})
	if err != nil || s.Chunks()[0].Memory != int64(len(data)+4*4002) {
		t.Errorf("%v, %v", s, err)
	}
	if _, err := readText(Options{Memory: 4 * 4002}, data); err != nil {
		t.Error(err)
	}
	if _, err := readText(Options{Memory: 4 * 4001}, data); texttest.Code(err) != "Q249" {
		t.Errorf("%v", err)
	}
}

func TestListsAllocateLittle(t *testing.T) {
	var b strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&b, "{\"ids\":[%d,%d],\"tags\":[\"t\\u0061g %d\",null],\"xs\":[],\"gone\":%s}\n", i, i*7919, i%100, []string{"null", "[0.5]"}[i%2])
	}
	s, err := Open(context.Background(), Options{Files: []source.File{texttest.File("f", []byte(b.String()))}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.NewReader([]string{"ids", "tags", "xs", "gone"})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	read := func() {
		if _, err := r.Read(context.Background(), s.Chunks()[0]); err != nil {
			t.Fatal(err)
		}
	}
	read()
	if n := testing.AllocsPerRun(3, read); n > 2 {
		t.Errorf("%v allocations per chunk", n)
	}
}

// randomLists returns lines with a column of arrays for each scalar type that JSON
// has. The numbers need all their digits.
func randomLists(rows int) []byte {
	r := rand.New(rand.NewPCG(11, 8))
	var b strings.Builder
	array := func(element func() string) string {
		if r.IntN(8) == 0 {
			return "null"
		}
		all := make([]string, r.IntN(5))
		for i := range all {
			if all[i] = element(); r.IntN(6) == 0 {
				all[i] = "null"
			}
		}
		return "[" + strings.Join(all, ", ") + "]"
	}
	for range rows {
		fmt.Fprintf(&b, `{"ints": %s, "reals": %s, "bools": %s, "texts": %s}`+"\n",
			array(func() string { return fmt.Sprint(int64(r.Uint64())) }),
			array(func() string {
				if r.IntN(3) == 0 {
					return fmt.Sprint(r.IntN(1000)) // an integer among reals
				}
				return strconv.FormatFloat(math.Float64frombits(r.Uint64N(0x7fe<<52)), 'e', -1, 64)
			}),
			array(func() string { return fmt.Sprint(r.IntN(2) == 0) }),
			array(func() string {
				text, _ := json.Marshal([]string{"", "é😀", "a\"b\\", "],[", "1", "word " + fmt.Sprint(r.IntN(1<<20))}[r.IntN(6)])
				return string(text)
			}))
	}
	return []byte(b.String())
}

// TestListsAgainstPyarrow compares types and every bit with pyarrow's reader.
func TestListsAgainstPyarrow(t *testing.T) {
	oracletest.Python(t)
	data := randomLists(3000)
	path := filepath.Join(t.TempDir(), "lists.jsonl")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	var want struct {
		Types []string
		Rows  [][]string
	}
	oracletest.Run(t, `
import json, struct, sys
import pyarrow.json as pj
table = pj.read_json(sys.argv[1], read_options=pj.ReadOptions(block_size=1 << 28))
def text(x):
    if x is None: return "<null>"
    if isinstance(x, bool): return "true" if x else "false"
    if isinstance(x, float): return struct.pack(">d", x).hex()
    if isinstance(x, list): return json.dumps([text(e) for e in x])
    return str(x)
print(json.dumps({"Types": [str(f.type) for f in table.schema], "Rows": [[text(x) for x in r.values()] for r in table.to_pylist()]}))
`, &want, path)
	got, err := read(Options{Workers: 2, limits: text.Limits{Chunk: 10_000}}, texttest.File("lists.jsonl", data))
	if err != nil {
		t.Fatal(err)
	}
	types := strings.NewReplacer("element: ", "", "item: ", "", "double", "float64").Replace(fmt.Sprint(want.Types))
	if have := fmt.Sprint([]column.Type{got.Schema[0].Type, got.Schema[1].Type, got.Schema[2].Type, got.Schema[3].Type}); have != types {
		t.Errorf("types %s, pyarrow %s", have, types)
	}
	if len(got.Rows) != len(want.Rows) {
		t.Fatalf("%d rows, pyarrow %d", len(got.Rows), len(want.Rows))
	}
	for i := range got.Rows {
		for j, cell := range got.Rows[i] {
			if other := rendered(t, want.Rows[i][j]); bare(cell) != other {
				t.Fatalf("row %d, column %d: %s, pyarrow %s", i, j, cell, other)
			}
		}
	}
}

// rendered writes what the oracle says as texttest.Render does.
func rendered(t *testing.T, cell string) string {
	if cell == texttest.Null {
		return cell
	}
	var elements []string
	if err := json.Unmarshal([]byte(cell), &elements); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%q", elements)
}

// bare leaves the decimals of reals out: the bits say the same.
func bare(cell string) string {
	parts := strings.Split(cell, `"`)
	for i := 1; i < len(parts); i += 2 {
		if _, hex, ok := strings.Cut(parts[i], " "); ok && len(hex) == 16 {
			parts[i] = hex
		}
	}
	return strings.Join(parts, `"`)
}
