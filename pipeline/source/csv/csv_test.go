package csv

import (
	"bytes"
	"context"
	stdcsv "encoding/csv"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"quern/features/column"
	"quern/pipeline/source"
	"quern/pipeline/source/text"
	"quern/pipeline/source/text/texttest"
)

// read opens files and reads them.
func read(opts Options, files ...source.File) (*texttest.Table, error) {
	opts.Files = files
	s, err := Open(context.Background(), opts)
	if err != nil {
		return nil, err
	}
	return texttest.Read(s)
}

// readText reads one file.
func readText(opts Options, data string) (*texttest.Table, error) {
	return read(opts, texttest.File("f.csv", []byte(data)))
}

func TestReading(t *testing.T) {
	for _, c := range []struct{ name, data, want string }{
		{"types", "i,x,b,s,d,t,z\n1,1.5,true,a,2001-06-01,2001-06-01 12:00,2001-06-01T12:00Z\n-2,nan,FALSE,b,1969-12-31,2001-06-01,2001-06-01T12:00+02\n",
			`"i":int64 "x":float64 "b":bool "s":string "d":date "t":datetime "z":timestamp
["1" "1.5 3ff8000000000000" "true" "a" "11474" "991396800000000" "991396800000000"]
["-2" "NaN 7ff8000000000000" "false" "b" "-1" "991353600000000" "991389600000000"]`},
		{"nulls", "a,b,c\n1,,x\n,\"\",\n", `"a":int64 "b":string "c":string
["1" "<null>" "x"]
["<null>" "" "<null>"]`},
		{"all null", "a,b\n,\n,\n", "\"a\":string \"b\":string \n[\"<null>\" \"<null>\"]\n[\"<null>\" \"<null>\"]"},
		{"quotes", "\"a\",\"b\"\"c\"\r\n\"1\",\"x,\"\"y\"\"\n\"\r\n2,z\r\n", `"a":int64 "b\"c":string
["1" "x,\"y\"\n"]
["2" "z"]`},
		{"bare CR LF in quotes stays", "a\n\"x\r\ny\"", "\"a\":string \n[\"x\\r\\ny\"]"},
		{"byte order mark", "\xef\xbb\xbfa\n1\n", "\"a\":int64 \n[\"1\"]"},
		{"blank lines", "\n\r\na,b\n\n1,2\n\r\n\n3,4\n\n", "\"a\":int64 \"b\":int64 \n[\"1\" \"2\"]\n[\"3\" \"4\"]"},
		{"blank lines of one column", "\na\n1\n\n2\n\n", "\"a\":int64 \n[\"1\"]\n[\"<null>\"]\n[\"2\"]\n[\"<null>\"]"},
		{"codes", "a,b,c\n007,+5,1_0\n1,2,3\n", "\"a\":string \"b\":string \"c\":string \n[\"007\" \"+5\" \"1_0\"]\n[\"1\" \"2\" \"3\"]"},
		{"wide", "a,b\n9223372036854775808,18446744073709551615\n1,.5\n", "\"a\":string \"b\":float64 \n[\"9223372036854775808\" \"1.8446744073709552e+19 43f0000000000000\"]\n[\"1\" \"0.5 3fe0000000000000\"]"},
		{"no rows", "a,b\n", "\"a\":string \"b\":string "},
		{"empty", "", ""},
		{"unnamed", ",a\n0,1\n", "\"a\":int64 \n[\"1\"]"},
		{"space", "a\n 1\n", "\"a\":string \n[\" 1\"]"},
		{"last CR", "a,b\r\n1,2\r", "\"a\":int64 \"b\":int64 \n[\"1\" \"2\"]"},
		{"invalid UTF-8", "a\n\xff\xfe\n", "\"a\":string \n[\"\\xff\\xfe\"]"},
	} {
		got, err := readText(Options{}, c.data)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if strings.ReplaceAll(got.String(), " \n", "\n") != strings.ReplaceAll(c.want, " \n", "\n") {
			t.Errorf("%s: got\n%v\nwant\n%s", c.name, got, c.want)
		}
	}
}

func TestOptions(t *testing.T) {
	types := column.Schema{{Name: "b", Type: column.Float32}, {Name: "a", Type: column.Int32}}
	got, err := readText(Options{Types: types, Delimiter: ';', NullText: "NA"}, "a;b;c\n+7;0.1;NA\nNA;1e39\"\"\n")
	if texttest.Code(err) != "Q241" {
		t.Errorf("got %v, %v", got, err)
	}
	got, err = readText(Options{Types: types, Delimiter: ';', NullText: "NA"}, "a;b;c\n+7;0.1;NA\nNA;NA;\"NA\"\n")
	want := "\"a\":int32 \"b\":float32 \"c\":string \n[\"7\" \"0.1 3dcccccd\" \"<null>\"]\n[\"<null>\" \"<null>\" \"NA\"]"
	if err != nil || got.String() != want {
		t.Errorf("got %v, %v", got, err)
	}
	got, err = readText(Options{Types: types, NoHeader: true}, "0.1,1\n0.2,2\n")
	want = "\"b\":float32 \"a\":int32 \n[\"0.1 3dcccccd\" \"1\"]\n[\"0.2 3e4ccccd\" \"2\"]"
	if err != nil || got.String() != want {
		t.Errorf("got %v, %v", got, err)
	}
	got, err = read(Options{}, texttest.File("a.tsv.gz", texttest.Gzip([]byte("a\tb\n1,2\t3\n"))))
	if want := "\"a\":string \"b\":int64 \n[\"1,2\" \"3\"]"; err != nil || got.String() != want {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestUnionOfFiles(t *testing.T) {
	s, err := Open(context.Background(), Options{Files: []source.File{
		texttest.File("k=1/a.csv", []byte("a,b\n1,2\n")),
		texttest.File("k=1/empty.csv", []byte("z,a\n")),
		texttest.File("k=1/none.csv", nil),
		texttest.File("k=2/b.csv.zst", texttest.Zstd([]byte("b,c,a\n2.5,x,3\n"))),
		texttest.File("c.csv", []byte("k,b\n5,7\n")),
	}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := texttest.Read(s)
	want := `"a":int64 "b":float64 "z":string "c":string "k":int64 
["1" "2 4000000000000000" "<null>" "<null>" "1"]
["3" "2.5 4004000000000000" "<null>" "x" "2"]
["<null>" "7 401c000000000000" "<null>" "<null>" "<null>"]`
	if err != nil || got.String() != want {
		t.Errorf("got %v, %v", got, err)
	}
	notices := strings.Join(s.Notices(), "\n")
	for _, n := range []string{"k=1/empty.csv has no rows", "k=1/none.csv has no rows", "column c is not in 2 of 3 files (the first: k=1/a.csv)",
		"column a is not in 1 of 3 files (the first: c.csv)", "column z is not in 3 of 3 files", "column k is in the files and in the folders' names"} {
		if !strings.Contains(notices, n) {
			t.Errorf("no notice %q in\n%s", n, notices)
		}
	}
	r, err := s.NewReader([]string{"b", "k", "b"})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, at := range []int{2, 0, 1, 0} { // any order, with a column twice
		b, err := r.Read(context.Background(), s.Chunks()[at])
		if err != nil || texttest.Render(&b.Columns[0], 0) != got.Rows[at][1] || texttest.Render(&b.Columns[1], 0) != got.Rows[at][4] || texttest.Render(&b.Columns[2], 0) != got.Rows[at][1] {
			t.Errorf("chunk %d: %v", at, err)
		}
	}
	if _, err := s.NewReader([]string{"bb"}); texttest.Code(err) != "Q212" {
		t.Errorf("got %v", err)
	}
}

func TestWrongDelimiterIsNoticed(t *testing.T) {
	for data, want := range map[string]int{"a;b\n1;2\n": 1, "a\n1\n": 0, "a,b\n1,2\n": 0} {
		s, err := Open(context.Background(), Options{Files: []source.File{texttest.File("f.csv", []byte(data))}})
		if err != nil || len(s.Notices()) != want {
			t.Errorf("%q: %v, %v", data, s.Notices(), err)
		}
	}
}

func TestTypedKeys(t *testing.T) {
	files := []source.File{texttest.File("k=01/a.csv", []byte("a\n1\n")), texttest.File("k=__HIVE_DEFAULT_PARTITION__/b.csv", []byte("a\n1\n"))}
	got, err := read(Options{Types: column.Schema{{Name: "k", Type: column.String}}}, files...)
	if err != nil || got.Rows[0][1] != "01" || got.Rows[1][1] != texttest.Null {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := read(Options{Types: column.Schema{{Name: "k", Type: column.Bool}}}, texttest.File("k=2/a.csv", []byte("a\n1\n"))); texttest.Code(err) != "Q246" {
		t.Errorf("got %v", err)
	}
}

// document draws a random table and writes it in a random one of the ways that CSV
// allows. Fields of nil are null.
func document(t *rapid.T) (data []byte, rows [][]*string) {
	width := rapid.IntRange(1, 4).Draw(t, "width")
	field := rapid.OneOf(rapid.SampledFrom([]string{"", "1", "-7", "2.5", "true", "2001-06-01", "a,b", "\"", "\n", "x\"y", "\r\n", "NA", "é", " ", "0123456789abcdef"}), rapid.StringMatching(`[a-c",\n ]{0,12}`))
	eol := rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "eol")
	header := make([]string, width)
	for i := range header {
		header[i] = string(rune('a' + i))
	}
	data = append(data, strings.Join(header, ",")+eol...)
	for range rapid.IntRange(0, 12).Draw(t, "rows") {
		row := make([]*string, width)
		for i := range row {
			if i > 0 {
				data = append(data, ',')
			}
			s := field.Draw(t, "field")
			if s == "" && rapid.Bool().Draw(t, "null") {
				continue
			}
			row[i] = &s
			if s == "" || strings.ContainsAny(s, ",\"\r\n") || rapid.Bool().Draw(t, "quoted") {
				data = append(data, '"')
				data = append(data, strings.ReplaceAll(s, `"`, `""`)...)
				data = append(data, '"')
			} else {
				data = append(data, s...)
			}
		}
		data = append(data, eol...)
		rows = append(rows, row)
	}
	return data, rows
}

// allStrings types all columns as strings.
func allStrings(width int) (types column.Schema) {
	for i := range width {
		types = append(types, column.Field{Name: string(rune('a' + i)), Type: column.String})
	}
	return types
}

func TestAgainstTheStandardLibrary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data, rows := document(t)
		width := bytes.IndexAny(data, "\r\n")/2 + 1
		got, err := readText(Options{Types: allStrings(width)}, string(data))
		if err != nil || len(got.Rows) != len(rows) {
			t.Fatalf("%q: %v, %v, want %d rows", data, got, err, len(rows))
		}
		var filled [][]string
		for i, row := range rows {
			for j, want := range row {
				if want == nil && got.Rows[i][j] != texttest.Null || want != nil && got.Rows[i][j] != *want {
					t.Fatalf("%q: row %d, column %d is %q", data, i, j, got.Rows[i][j])
				}
			}
			if width > 1 || row[0] != nil { // the oracle skips blank lines
				filled = append(filled, got.Rows[i])
			}
		}
		std, err := stdcsv.NewReader(bytes.NewReader(data)).ReadAll()
		if err != nil || len(std) != len(filled)+1 {
			t.Fatalf("%q: the oracle has %d rows of %d, %v", data, len(std), len(filled)+1, err)
		}
		for i, row := range filled {
			for j := range row { // the oracle reads CR LF in quotes as LF and has no nulls
				if s := strings.ReplaceAll(row[j], "\r\n", "\n"); s != std[i+1][j] && (s != texttest.Null || std[i+1][j] != "") {
					t.Fatalf("%q: row %d, column %d is %q, want %q", data, i, j, s, std[i+1][j])
				}
			}
		}
	})
}

// TestEveryCut compares all chunk sizes, window sizes, numbers of workers and
// compressions.
func TestEveryCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data, _ := document(t)
		want, err := readText(Options{}, string(data))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range []source.File{texttest.File("f.csv", data), texttest.File("f.csv.gz", texttest.Gzip(data)), texttest.File("f.zst", texttest.Zstd(data))} {
			limits := text.Limits{Chunk: int64(rapid.IntRange(1, 40).Draw(t, "chunk")), Window: rapid.IntRange(1, 64).Draw(t, "window")}
			got, err := read(Options{Workers: rapid.IntRange(1, 8).Draw(t, "workers"), limits: limits}, file)
			if err != nil || got.String() != want.String() {
				t.Fatalf("%q %+v: got %v, %v, want %v", data, limits, got, err, want)
			}
		}
	})
}

func TestChunksAreCut(t *testing.T) {
	data := []byte("a,b\n")
	for i := range 1000 {
		data = fmt.Appendf(data, "%d,\"x\n%d\"\n", i, i%7)
	}
	s, err := Open(context.Background(), Options{Files: []source.File{texttest.File("f", data)}, limits: text.Limits{Chunk: 1000}, Workers: 3})
	if err != nil || len(s.Chunks()) < 8 {
		t.Fatalf("%d chunks, %v", len(s.Chunks()), err)
	}
	bytes := int64(len("a,b\n"))
	for _, c := range s.Chunks() {
		bytes += c.Bytes
	}
	if bytes != int64(len(data)) {
		t.Errorf("the chunks have %d bytes of %d", bytes, len(data))
	}
	got, err := texttest.Read(s)
	if err != nil || len(got.Rows) != 1000 || got.Rows[999][0] != "999" || got.Rows[999][1] != "x\n5" {
		t.Errorf("%v", err)
	}
}

// TestEncodings reads columns of few, many and all different values with and without
// nulls: as a dictionary, plain, and what goes over from one to the other.
func TestEncodings(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	const rows = 9000
	data := []byte("few,some,many,late,mostly null,text,reals\n")
	var want [][]string
	for i := range rows {
		late := rng.IntN(10)
		if i > 3000 {
			late = i
		}
		row := []string{fmt.Sprint(rng.IntN(5)), fmt.Sprint(rng.IntN(1500)), fmt.Sprint(rng.IntN(1 << 40)), fmt.Sprint(late), "", fmt.Sprintf("x%d", rng.IntN(1<<30)), fmt.Sprint(float64(rng.IntN(100)) + 0.5)}
		if i%1000 == 17 {
			row[4] = "2001-06-01"
		}
		for j := range row {
			if rng.IntN(50) == 0 {
				row[j] = ""
			}
		}
		data = append(append(data, strings.Join(row, ",")...), '\n')
		want = append(want, row)
	}
	checkEncodings(t, data, want, text.Limits{})
	checkEncodings(t, data, want, text.Limits{Keep: -1})
}

// checkEncodings reads the columns several times, and counts what that allocates.
func checkEncodings(t *testing.T, data []byte, want [][]string, limits text.Limits) {
	rows := len(want)
	s, err := Open(context.Background(), Options{Files: []source.File{texttest.File("f", data)}, limits: limits})
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.NewReader([]string{"few", "some", "many", "late", "mostly null", "text", "reals"})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for range 2 { // buffers are reused
		b, err := r.Read(context.Background(), s.Chunks()[0])
		if err != nil || b.Rows != rows {
			t.Fatalf("%d rows, %v", b.Rows, err)
		}
		var coded []bool
		for j := range b.Columns {
			c := &b.Columns[j]
			coded = append(coded, c.Dict())
			if c.Dict() && !c.Values.Null(c.Values.Len-1) {
				t.Errorf("column %d: the last slot of the dictionary is not null", j)
			}
			for i := range rows {
				got, w := texttest.Render(c, i), want[i][j]
				switch {
				case w == "":
					w = texttest.Null
				case c.Type() == column.Date:
					w = "11474"
				case c.Type() == column.Float64:
					got, _, _ = strings.Cut(got, " ")
				}
				if got != w {
					t.Fatalf("row %d, column %d: %s, want %s", i, j, got, w)
				}
			}
		}
		if !slices.Equal(coded, []bool{true, true, false, false, true, false, true}) {
			t.Errorf("dictionaries: %v", coded)
		}
	}
	if n := testing.AllocsPerRun(3, func() {
		if _, err := r.Read(context.Background(), s.Chunks()[0]); err != nil {
			t.Fatal(err)
		}
	}); n > 2 {
		t.Errorf("%v allocations per chunk", n)
	}
}
