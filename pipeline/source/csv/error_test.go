package csv

import (
	"bytes"
	"context"
	"errors"
	"flag"
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
	typed := func(t column.Type) Options { return Options{Types: column.Schema{{Name: "b", Type: t}}} }
	return []struct {
		name string
		opts Options
		data string
	}{
		{"too few fields", Options{}, "a,b\n1,2\n3\n"},
		{"too many fields", Options{}, "a,b\n1,2\n3,4,5\n"},
		{"quote in an unquoted field", Options{}, "a,b\n1,2\n3,x\"y\"\n"},
		{"text after the closing quote", Options{}, "a,b\n1,\"x\"y\n"},
		{"quote that is not closed", Options{}, "a,b\n1,2\n\"3,4\n5,6\n"},
		{"quote that is not closed at the end", Options{}, "a,b\n1,\""},
		{"CR without LF", Options{}, "a,b\n1,x\ry\n"},
		{"CR as the line end", Options{}, "a,b\r1,2\r"},
		{"NUL", Options{}, "a,b\n1,2\n1,\x00\n"},
		{"UTF-16", Options{}, "\xff\xfea\x00"},
		{"name twice", Options{}, "a,b,a\n1,2,3\n"},
		{"quote in the header", Options{}, "a,b\"\n"},
		{"long row", Options{limits: text.Limits{Row: 20}}, "a,b\n1,2\n3,aaaaaaaaaaaaaaaaaaaaaaaaa\n"},
		{"long row at the end", Options{limits: text.Limits{Row: 20, Window: 8}}, "a,b\n1,2\n3,\"aaaaaaaaaaaaaaaaaaaaaaaaa"},
		{"long header", Options{limits: text.Limits{Row: 20, Window: 8}}, "a,b,cccccccccccccccccccccccccccccccc\n"},
		{"mistake behind a long header", Options{limits: text.Limits{Row: 20}}, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"\n"},
		{"mistake behind a long row", Options{limits: text.Limits{Row: 20}}, "a,b\n1,aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"\n"},
		{"many columns", Options{limits: text.Limits{Columns: 3}}, "a,b,c,d\n"},
		{"int64", typed(column.Int64), "a,b\n1,2\n,\n5,12x\n"},
		{"int32", typed(column.Int32), "a,b\n1,2147483648\n"},
		{"float32", typed(column.Float32), "a,b\n1,1e39\n"},
		{"bool", typed(column.Bool), "a,b\n1,yes\n"},
		{"date", typed(column.Date), "a,b\n1,2001-02-29\n"},
		{"datetime", typed(column.Datetime), "a,b\n1,2001-02-28T12:00Z\n"},
		{"timestamp", typed(column.Timestamp), "a,b\n1,2001-02-28T12:00\n"},
		{"quoted empty field", typed(column.Int64), "a,b\n1,\"\"\n"},
		{"long text", typed(column.Int64), "a,b\n1," + strings.Repeat("0123456789", 10) + "\n"},
		{"unknown column", typed(column.Int64), "a,bb\n1,2\n"},
		{"no names", Options{NoHeader: true}, "1,2\n"},
		{"lists", typed(column.ListOf(column.Int64)), "a,b\n1,2\n"},
		{"no header and another width", Options{NoHeader: true, Types: allStrings(3)}, "1,2\n"},
		{"delimiter", Options{Delimiter: '"'}, "1,2\n"},
		{"cut off gzip", Options{}, string(texttest.Gzip([]byte("a,b\n1,2\n"))[:20])},
		{"cut off zstd", Options{}, string(texttest.Zstd([]byte("a,b\n1,2\n"))[:12])},
		{"damaged gzip", Options{}, string(flip(texttest.Gzip([]byte("a,b\n1,2\n"))))},
		{"large gzip", Options{Memory: 1000}, string(texttest.Gzip(bytes.Repeat([]byte("a,b\n"), 10_000)))},
		{"large chunk", Options{Memory: 1000}, strings.Repeat("a,b\n", 500)},
	}
}

// flip flips a bit of the checksum.
func flip(data []byte) []byte {
	data[len(data)-6] ^= 4
	return data
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
		checkCuts(t, c.name, c.opts, c.data, err)
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

// checkCuts checks that the error is the same for any size of chunk and number of
// workers.
func checkCuts(t *testing.T, name string, opts Options, data string, want error) {
	t.Helper()
	for chunk := int64(1); chunk < 12; chunk += 2 {
		opts.limits.Chunk, opts.Workers = chunk, int(chunk)
		if name == "large chunk" {
			return // smaller chunks are not too large
		}
		if opts.limits.Window == 0 {
			opts.limits.Window = 16
		}
		if _, err := readText(opts, data); err == nil || err.Error() != want.Error() {
			t.Errorf("%s, chunks of %d bytes: got %v, want %v", name, chunk, err, want)
		}
	}
}

func TestErrorsOfTheFile(t *testing.T) {
	data := []byte("a,b\n1,2\n3,4\n")
	shared := texttest.File("f.csv", data)
	s, err := Open(context.Background(), Options{Files: []source.File{shared}, limits: text.Limits{Keep: -1}})
	if err != nil {
		t.Fatal(err)
	}
	copy(data, "a,b\n1,2\n\n\n\n\n") // as many bytes, but fewer rows
	if _, err := texttest.Read(s); texttest.Code(err) != "Q214" {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Open(ctx, Options{Files: []source.File{shared}}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := Open(context.Background(), Options{}); texttest.Code(err) != "Q201" {
		t.Errorf("got %v", err)
	}
}

// TestLongestRow: a row may have so many bytes, its line end included, and no more, with
// blank lines around it or not.
func TestLongestRow(t *testing.T) {
	for _, blank := range []string{"", "\n", "\r\n\n"} {
		for size := 18; size <= 22; size++ {
			data := "a,b\n1,2\n" + blank + "1," + strings.Repeat("x", size-3) + "\n" + blank + "3,4\n"
			for window := 1; window < 40; window += 3 {
				got, err := readText(Options{limits: text.Limits{Row: 20, Window: window}}, data)
				if size > 20 && texttest.Code(err) != "Q244" || size <= 20 && (err != nil || len(got.Rows) != 3) {
					t.Errorf("%d bytes, window %d, blank %q: %v", size, window, blank, err)
				}
			}
		}
	}
}

// TestFirstMistake: of several values that are not of their types, the one of the first
// row is told, and in it the first one, kept or not.
func TestFirstMistake(t *testing.T) {
	types := column.Schema{{Name: "a", Type: column.Int64}, {Name: "b", Type: column.Bool}, {Name: "c", Type: column.Date}}
	for _, c := range []struct{ data, want string }{
		{"1,true,2001-06-01\n2,x,y\nz,true,2001-06-01\n", `"x" is no bool`},
		{"1,true,2001-06-01\n2,true,y\nz,x,2001-06-01\n", `"y" is no date`},
		{"1,true,2001-06-01\nz,x,y\nz,x,y\n", `"z" is no int64`},
		{"1,,\n,,\n,x,2001-06-0\n,,\n", `"x" is no bool`},
	} {
		for _, keep := range []int64{0, -1} {
			_, err := readText(Options{Types: types, limits: text.Limits{Keep: keep}}, "a,b,c\n"+c.data)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%q: %v, want %s", c.data, err, c.want)
			}
		}
	}
}
