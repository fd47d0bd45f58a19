package parquet

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	pq "github.com/parquet-go/parquet-go"

	"quern/features/column"
	"quern/features/diag"
	"quern/pipeline/source"
	"quern/pipeline/store"
)

// makeFile returns a file in memory with n random rows.
func makeFile(t testing.TB, name string, n int, columns map[string]pq.Node, options ...pq.WriterOption) source.File {
	t.Helper()
	data, _ := writeTable(t, rand.New(rand.NewPCG(uint64(n), 7)), columns, n, options...)
	f := inMemory(name, data)
	keys, err := source.ParseKeys(name)
	if err != nil {
		t.Fatal(err)
	}
	f.Keys = keys
	return f
}

// errorCode returns the code of err, or "" if it is no diagnosis.
func errorCode(err error) string {
	var e *diag.Error
	if errors.As(err, &e) {
		return string(e.Code)
	}
	return ""
}

func TestUnionOfFiles(t *testing.T) {
	s, err := Open(context.Background(), Options{Files: []source.File{
		makeFile(t, "day=2001-01-01/a", 5, map[string]pq.Node{"i": pq.Leaf(pq.Int32Type), "x": pq.Leaf(pq.FloatType), "s": pq.String(), "at": pq.Time(pq.Millisecond)}),
		makeFile(t, "day=2001-01-02/b", 4, map[string]pq.Node{"i": pq.Optional(pq.Leaf(pq.Int64Type)), "x": pq.Leaf(pq.DoubleType), "t": pq.Timestamp(pq.Nanosecond)}),
		makeFile(t, "c", 3, map[string]pq.Node{"i": pq.Encoded(pq.Uint(32), &pq.RLEDictionary), "s": pq.Optional(pq.String())}),
	}})
	if err != nil {
		t.Fatal(err)
	}
	want := column.Schema{{Name: "i", Type: column.Int64}, {Name: "s", Type: column.String}, {Name: "x", Type: column.Float64},
		{Name: "t", Type: column.Timestamp}, {Name: "day", Type: column.Date}}
	if !slices.Equal(s.Schema(), want) {
		t.Errorf("schema %v", s.Schema())
	}
	if reason := s.Unusable()["at"]; len(s.Unusable()) != 1 || !strings.Contains(reason, "TIME") {
		t.Errorf("unusable: %v", s.Unusable())
	}
	if notices := strings.Join(s.Notices(), "\n"); len(s.Notices()) != 4 || !strings.Contains(notices, "nanoseconds") ||
		!strings.Contains(notices, "column s is not in 1 of 3 files (the first: day=2001-01-02/b)") {
		t.Errorf("notices: %s", notices)
	}
	r, err := s.NewReader(names(want))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	// Any order of chunks, some twice: buffers are shared between chunks of any form.
	nulls := [][]int{{0, 0, 0, 5, 0}, {-1, 4, 0, 0, 0}, {0, -1, 3, 3, 3}}
	for _, at := range []int{0, 2, 1, 1, 0, 2} {
		b, err := r.Read(context.Background(), s.Chunks()[at])
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range want {
			checkColumn(t, f, &b.Columns[i])
			count := 0
			for row := range b.Rows {
				if b.Columns[i].Null(row) {
					count++
				}
			}
			if nulls[at][i] >= 0 && count != nulls[at][i] {
				t.Errorf("chunk %d, column %s: %d nulls", at, f.Name, count)
			}
		}
		if at < 2 && render(&b.Columns[4], 0) != []string{"11323", "11324"}[at] {
			t.Errorf("chunk %d: day %s", at, render(&b.Columns[4], 0))
		}
	}
}

func TestFilesThatDisagree(t *testing.T) {
	_, err := Open(context.Background(), Options{Files: []source.File{
		makeFile(t, "first", 1, map[string]pq.Node{"c": pq.String()}),
		makeFile(t, "second", 1, map[string]pq.Node{"c": pq.Leaf(pq.Int32Type)}),
	}})
	if errorCode(err) != "Q208" || !strings.Contains(err.Error(), "first") || !strings.Contains(err.Error(), "second") {
		t.Errorf("got %v", err)
	}
}

func TestUnusableColumns(t *testing.T) {
	for name, c := range map[string]struct {
		node pq.Node
		says string
	}{
		"decimal":  {pq.Decimal(2, 9, pq.Int32Type), "decimal"},
		"decimals": {pq.Decimal(2, 20, pq.FixedLenByteArrayType(9)), "decimal"},
		"uint64":   {pq.Uint(64), "unsigned 64-bit"},
		"time":     {pq.Time(pq.Millisecond), "TIME"},
		"interval": {pq.IntervalNode(), "INTERVAL"},
		"map":      {pq.Map(pq.String(), pq.String()), "a map"},
		"struct":   {pq.Group{"a": pq.String(), "b": pq.Leaf(pq.Int32Type)}, "a struct"},
		"lists":    {pq.List(pq.List(pq.String())), "list of lists"},
		"structs":  {pq.List(pq.Group{"a": pq.String()}), "list of structs"},
		"maps":     {pq.List(pq.Map(pq.String(), pq.String())), "list of maps"},
		"repeated": {pq.Repeated(pq.Group{"a": pq.String()}), "list of structs"},
		"times":    {pq.List(pq.Time(pq.Millisecond)), "list, and each element is a TIME"},
		"list":     {pq.List(pq.Decimal(2, 9, pq.Int32Type)), "list, and each element is a decimal; give it a type: source: {..., schema: {bad: list<float64>}}"},
		"integers": {pq.Repeated(pq.Uint(64)), "{bad: list<int64>}"},
	} {
		schema := pq.NewSchema("t", pq.Group{"bad": c.node, "good": pq.Leaf(pq.Int32Type)})
		var out bytes.Buffer
		if err := pq.NewWriter(&out, schema).Close(); err != nil {
			t.Fatal(err)
		}
		s, err := openBytes(out.Bytes())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if reason := s.Unusable()["bad"]; !strings.Contains(reason, c.says) || len(s.Schema()) != 1 {
			t.Errorf("%s: %q", name, reason)
		}
		if _, err := s.NewReader([]string{"good", "bad"}); errorCode(err) != "Q211" || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestUnknownColumn(t *testing.T) {
	s, err := Open(context.Background(), Options{Files: []source.File{makeFile(t, "f", 1, map[string]pq.Node{"origin": pq.String()})}})
	if err != nil {
		t.Fatal(err)
	}
	var e *diag.Error
	if _, err := s.NewReader([]string{"orgin"}); !errors.As(err, &e) || e.Code != "Q212" || !strings.Contains(e.Hint, `"origin"`) {
		t.Errorf("got %v", err)
	}
}

func TestMemoryLimit(t *testing.T) {
	columns := map[string]pq.Node{"a": pq.Optional(pq.Leaf(pq.Int64Type)), "b": pq.String()}
	f := makeFile(t, "f", 10_000, columns)
	for _, c := range []struct {
		memory int64
		want   string
	}{{50_000, "Q209"}, {300_000, "Q209"}, {10 << 20, ""}} {
		s, err := Open(context.Background(), Options{Files: []source.File{f}, Memory: c.memory})
		if err != nil {
			t.Fatal(err)
		}
		r, err := s.NewReader([]string{"a", "b"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err = r.Read(context.Background(), s.Chunks()[0]); errorCode(err) != c.want || c.want == "" && err != nil {
			t.Errorf("with %d bytes: %v", c.memory, err)
		}
	}
}

func TestCancelledContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	s, err := Open(ctx, Options{Files: []source.File{makeFile(t, "f", 3, map[string]pq.Node{"s": pq.String()})}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.NewReader([]string{"s"})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := r.Read(ctx, s.Chunks()[0]); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// A file that is replaced between its footer and its rows must not give the rows of
// one and the columns of the other.
func TestFileThatChanges(t *testing.T) {
	long, _ := writeTable(t, rand.New(rand.NewPCG(1, 8)), map[string]pq.Node{"s": pq.String()}, 9)
	short, _ := writeTable(t, rand.New(rand.NewPCG(1, 8)), map[string]pq.Node{"s": pq.String()}, 5)
	versions := [][]byte{long, short}
	f := source.File{Name: "f", Open: func(context.Context) (store.Reader, error) {
		defer func() { versions = versions[1:] }()
		return memory{bytes.NewReader(versions[0])}, nil
	}}
	s, err := Open(context.Background(), Options{Files: []source.File{f}})
	if err != nil {
		t.Fatal(err)
	}
	if err := readColumns(s, "s"); errorCode(err) != "Q214" {
		t.Errorf("got %v", err)
	}
}

func TestFileThatIsNotThere(t *testing.T) {
	_, err := Open(context.Background(), Options{Files: []source.File{source.Local(t.TempDir()+"/none", "none")}})
	if errorCode(err) != "Q202" || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if _, err := Open(context.Background(), Options{}); errorCode(err) != "Q201" {
		t.Errorf("no files: %v", err)
	}
}

// flightsLike is a table of the shape of real ones: few different values, nulls,
// two row groups.
func flightsLike(t testing.TB, n int) source.File {
	return makeFile(t, "f", n, map[string]pq.Node{
		"date":  pq.Optional(pq.Encoded(pq.TimestampAdjusted(pq.Millisecond, false), &pq.RLEDictionary)),
		"delay": pq.Optional(pq.Encoded(pq.Leaf(pq.Int64Type), &pq.RLEDictionary)),
		"to":    pq.Optional(pq.Encoded(pq.String(), &pq.RLEDictionary)),
		"x":     pq.Optional(pq.Leaf(pq.DoubleType)),
		"name":  pq.String(),
	}, pq.Compression(&pq.Zstd), pq.DataPageVersion(1), pq.MaxRowsPerRowGroup(int64(n/2)))
}

func TestSteadyStateDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector empties the codecs' pools")
	}
	columns := listCases(0)
	maps.DeleteFunc(columns, func(name string, _ pq.Node) bool { return strings.Contains(name, "split") }) // takes a value's bytes
	data, _ := writeLists(t, rand.New(rand.NewPCG(1, 30)), columns, 300, pq.MaxRowsPerRowGroup(100))
	lists, words := inMemory("lists", data), makeFile(t, "words", 9, map[string]pq.Node{"l": pq.String()})
	for _, files := range [][]source.File{{flightsLike(t, 4000)}, {lists}, {words, lists}} {
		s, err := Open(context.Background(), Options{Files: files})
		if err != nil {
			t.Fatal(err)
		}
		r, err := s.NewReader(slices.DeleteFunc(names(s.Schema()), func(name string) bool { return name == "l" }))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		chunks := s.Chunks()
		if len(files) > 1 {
			chunks = chunks[:1] // of null lists: opening another file allocates
		}
		read := func() {
			for _, c := range chunks {
				if _, err := r.Read(context.Background(), c); err != nil {
					t.Fatal(err)
				}
			}
		}
		read()
		if n := testing.AllocsPerRun(10, read); n > 0 {
			t.Errorf("%v allocations to read %d chunks", n, len(chunks))
		}
	}
}

// TestSelectKeepsMemory reads columns of different types in turns, with one reader.
func TestSelectKeepsMemory(t *testing.T) {
	s, err := Open(context.Background(), Options{Files: []source.File{flightsLike(t, 4000)}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	apart := [][]string{{"date"}, {"name"}, {"x"}, {"to"}, {"x", "name"}, {"delay"}}
	read := func() {
		for _, c := range s.Chunks() {
			for _, columns := range apart {
				if err := r.(source.Selector).Select(columns); err != nil {
					t.Fatal(err)
				}
				batch, err := r.Read(context.Background(), c)
				if err != nil {
					t.Fatal(err)
				}
				for i, name := range columns {
					checkColumn(t, s.Schema()[s.Schema().Find(name)], &batch.Columns[i])
				}
			}
		}
	}
	read()
	if n := testing.AllocsPerRun(10, read); n > 0 && !raceEnabled {
		t.Errorf("%v allocations", n)
	}
}

func TestReadersInParallel(t *testing.T) {
	s, err := Open(context.Background(), Options{Files: []source.File{flightsLike(t, 400), flightsLike(t, 300)}})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	for range 4 {
		go func() {
			for _, f := range s.Schema() {
				if err := readColumns(s, f.Name); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// BenchmarkRead reports nanoseconds per value: of the file that QUERN_BENCH_PARQUET names,
// else of rows like the flights'.
func BenchmarkRead(b *testing.B) {
	f := flightsLike(b, 200_000)
	if name := os.Getenv("QUERN_BENCH_PARQUET"); name != "" {
		f = source.Local(name, filepath.Base(name))
	}
	s, err := Open(context.Background(), Options{Files: []source.File{f}})
	if err != nil {
		b.Fatal(err)
	}
	r, err := s.NewReader(names(s.Schema()))
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	values := 0
	b.ReportAllocs()
	for b.Loop() {
		for _, c := range s.Chunks() {
			batch, err := r.Read(context.Background(), c)
			if err != nil {
				b.Fatal(err)
			}
			values += batch.Rows * len(batch.Columns)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(values), "ns/value")
}
