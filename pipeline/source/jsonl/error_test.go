package jsonl

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quern/features/column"
	"quern/features/diag"
	"quern/pipeline/source"
	"quern/pipeline/source/text"
	"quern/pipeline/source/text/texttest"
)

// mistaken are files with one mistake each, in the order of the golden file.
func mistaken() []struct {
	name string
	opts Options
	data string
} {
	typed := Options{Types: column.Schema{{Name: "b", Type: column.Int64}}}
	return []struct {
		name string
		opts Options
		data string
	}{
		{"over two lines", Options{}, "{\"a\":1}\n{\"a\":\n2}\n"},
		{"an array around all", Options{}, "[{\"a\":1},\n{\"a\":2}]\n"},
		{"two objects in a line", Options{}, "{\"a\":1}{\"a\":2}\n"},
		{"no object", Options{}, "{\"a\":1}\n\n17\n"},
		{"trailing comma", Options{}, "{\"a\":1,}\n"},
		{"no comma", Options{}, "{\"a\":1 \"b\":2}\n"},
		{"NaN", Options{}, "{\"a\":NaN}\n"},
		{"leading zero", Options{}, "{\"a\":007}\n"},
		{"single quotes", Options{}, "{'a':1}\n"},
		{"open string", Options{}, "{\"a\":\"x\n\"}\n"},
		{"tab in a string", Options{}, "{\"a\":\"\t\"}\n"},
		{"not UTF-8", Options{}, "{\"a\":\"\xff\"}\n"},
		{"lone surrogate", Options{}, `{"a":"\ud83dx"}`},
		{"bad escape", Options{}, `{"a":"\x41"}`},
		{"key twice", Options{}, `{"a":1,"b":2,"\u0061":3}`},
		{"deep", Options{}, `{"a":` + strings.Repeat("[", 2000) + strings.Repeat("]", 2000) + "}"},
		{"many columns", Options{limits: text.Limits{Columns: 2}}, `{"a":1,"b":2,"c":3}`},
		{"many columns in all", Options{limits: text.Limits{Columns: 2}}, "{\"a\":1}\n{\"b\":2}\n{\"c\":3}\n"},
		{"long line", Options{limits: text.Limits{Row: 20}}, "{\"a\":1}\n{\"a\":\"aaaaaaaaaaaaaaaaaaaaaaa\"}\n"},
		{"wrong type", typed, "{\"a\":1,\"b\":1}\n\n{\"b\":1.5}\n"},
		{"string for an integer", typed, `{"b":"x"}`},
		{"UTF-16", Options{}, "\xfe\xff\x00{"},
		{"cut off gzip", Options{}, string(texttest.Gzip([]byte("{\"a\":1}\n"))[:20])},
		{"sparse", Options{Memory: 10_000}, sparse(200)},
	}
}

// sparse returns n lines with a key of their own each.
func sparse(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "{\"k%d\":1}\n", i)
	}
	return b.String()
}

// TestMain defines the flag that rewrites golden files.
func TestMain(m *testing.M) {
	flag.Bool("rewrite", false, "write golden files")
	os.Exit(m.Run())
}

func TestMistakes(t *testing.T) {
	var out bytes.Buffer
	for _, c := range mistaken() {
		_, err := readText(c.opts, c.data)
		if texttest.Code(err) == "" {
			t.Errorf("%s: no error", c.name)
		}
		out.WriteString("# " + c.name + "\n")
		diag.Draw(&out, err, false)
		out.WriteByte('\n')
		for chunk := int64(1); chunk < 12 && c.name != "sparse"; chunk += 2 { // smaller chunks of sparse rows fit
			opts := c.opts
			opts.limits.Chunk, opts.limits.Window, opts.Workers = chunk, 16, int(chunk)
			if _, again := readText(opts, c.data); fmt.Sprint(again) != err.Error() {
				t.Errorf("%s, chunks of %d bytes: got %v, want %v", c.name, chunk, again, err)
			}
		}
	}
	golden := filepath.Join("testdata", "mistakes.txt")
	if f := flag.Lookup("rewrite"); f.Value.String() == "true" {
		if err := os.WriteFile(golden, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil || !bytes.Equal(want, out.Bytes()) {
		t.Errorf("not what %s holds (%v): compare, then -rewrite\n%s", golden, err, out.Bytes())
	}
}

// TestSparseColumns reads lines that have one key of many each, in chunks that do not
// have most of the columns.
func TestSparseColumns(t *testing.T) {
	got, err := readText(Options{limits: text.Limits{Chunk: 500}, Workers: 3}, sparse(300))
	if err != nil || len(got.Schema) != 300 || len(got.Rows) != 300 {
		t.Fatalf("%v", err)
	}
	for i, row := range got.Rows {
		for j, cell := range row {
			if (cell == "1") != (i == j) || cell != "1" && cell != texttest.Null {
				t.Fatalf("row %d, column %d: %s", i, j, cell)
			}
		}
	}
}

func TestReadsAllocateLittle(t *testing.T) {
	var b strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&b, "{\"id\":%d,\"name\":\"n\\u0061me %d\",\"x\":%d.5,\"on\":true,\"skipped\":[1,{\"a\":null}]}\n", i, i%100, i%7)
	}
	s, err := Open(context.Background(), Options{Files: []source.File{texttest.File("f", []byte(b.String()))}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.NewReader([]string{"x", "name", "id", "on"})
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

func BenchmarkRead(b *testing.B) {
	var text strings.Builder
	for i := range 150_000 {
		fmt.Fprintf(&text, "{\"date\":\"2001-01-%02dT12:%02d:00\",\"delay\":%d,\"distance\":%d,\"origin\":\"ATL\",\"destination\":\"ORD\",\"factor\":0.%06d}\n",
			1+i%28, i%60, i%200-30, i%2500, (i*7919)%1_000_000)
	}
	s, err := Open(context.Background(), Options{Files: []source.File{texttest.File("f", []byte(text.String()))}})
	if err != nil {
		b.Fatal(err)
	}
	r, err := s.NewReader([]string{"date", "delay", "distance", "origin", "destination", "factor"})
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	b.SetBytes(s.Chunks()[0].Bytes)
	for b.Loop() {
		if _, err := r.Read(context.Background(), s.Chunks()[0]); err != nil {
			b.Fatal(err)
		}
	}
}
