package source_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	pq "github.com/parquet-go/parquet-go"

	"quern/features/column"
	"quern/internal/s3test"
	"quern/pipeline/source"
	"quern/pipeline/source/csv"
	"quern/pipeline/source/jsonl"
	"quern/pipeline/source/parquet"
	"quern/pipeline/source/text/texttest"
	"quern/pipeline/store"
	"quern/pipeline/store/s3"
)

// table is a table in files, and how it is opened.
type table struct {
	files  map[string][]byte
	open   func([]source.File) (source.Source, error)
	reopen func([]source.File, *source.Layout, []int) (source.Source, error)
}

// tables are tables whose files have little in common.
func tables(t testing.TB) map[string]table {
	ctx := context.Background()
	comma := func(o csv.Options, files map[string][]byte) table {
		return table{files,
			func(f []source.File) (source.Source, error) { o.Files = f; return csv.Open(ctx, o) },
			func(f []source.File, l *source.Layout, at []int) (source.Source, error) {
				o.Files = f
				return csv.Reopen(ctx, o, l, at)
			}}
	}
	lines := func(o jsonl.Options, files map[string][]byte) table {
		return table{files,
			func(f []source.File) (source.Source, error) { o.Files = f; return jsonl.Open(ctx, o) },
			func(f []source.File, l *source.Layout, at []int) (source.Source, error) {
				o.Files = f
				return jsonl.Reopen(ctx, o, l, at)
			}}
	}
	groups := func(o parquet.Options, files map[string][]byte) table {
		return table{files,
			func(f []source.File) (source.Source, error) { o.Files = f; return parquet.Open(ctx, o) },
			func(f []source.File, l *source.Layout, at []int) (source.Source, error) {
				o.Files = f
				return parquet.Reopen(ctx, o, l, at)
			}}
	}
	return map[string]table{
		"csv":           comma(csv.Options{Workers: 2}, commaFiles()),
		"csv no header": comma(csv.Options{NoHeader: true, NullText: "NA", Types: column.Schema{{Name: "a", Type: column.Int64}, {Name: "b", Type: column.String}}}, bareFiles()),
		"one odd column": comma(csv.Options{}, map[string][]byte{
			"a.csv": []byte("x;y\n1;2\n"), "b.csv": []byte("x;y\n3;4\n")}),
		"jsonl":   lines(jsonl.Options{Types: column.Schema{{Name: "month", Type: column.Float64}, {Name: "none", Type: column.Date}}}, lineFiles()),
		"parquet": groups(parquet.Options{Types: column.Schema{{Name: "d", Type: column.String}}}, groupFiles(t)),
	}
}

// commaFiles are CSV files: of two headers, types that only all files tell, in folders with
// keys, packed and not, one without rows and one of several chunks.
func commaFiles() map[string][]byte {
	var long bytes.Buffer
	long.WriteString("n,s,\"q\nq\"\n")
	for i := range 30_000 {
		fmt.Fprintf(&long, "%d,%0300d,\"a\n%d\"\n", i, i%100, i%7)
	}
	return map[string][]byte{
		"year=2001/month=03/a.csv":    []byte("n,s\n1,x\n2,\n"),
		"year=2001/month=04/b.csv.gz": texttest.Gzip([]byte("s,n\nx,3.5\n\"\",nan\n")),
		"year=2002/month=x/c.csv.zst": texttest.Zstd([]byte("\ufeffn,s,t\n7,7,2001-06-01\n")),
		"year=2003/d.tsv":             []byte("n\tt\n9\t2001-06-01T10:00:00\n"),
		"year=2003/e.csv":             []byte("n,t\n"),
		"year=2003/long.csv":          long.Bytes(),
	}
}

// bareFiles are CSV files without headers.
func bareFiles() map[string][]byte {
	return map[string][]byte{
		"a.csv": []byte("1,x\nNA,NA\n"), "b.csv": []byte("\"2\",\"\"\n"), "c.csv.gz": texttest.Gzip([]byte("3,\"line\nend\"\n4,z\n")),
	}
}

// lineFiles are JSON lines with lists, and keys that come and go.
func lineFiles() map[string][]byte {
	return map[string][]byte{
		"month=1/a.jsonl":    []byte("{\"a\":1,\"l\":[1,2]}\n\n{\"l\":[]}\n"),
		"month=1/b.jsonl":    []byte("{\"b\":\"2001-06-01\",\"l\":[0.5]}\n"),
		"month=2/c.jsonl.gz": texttest.Gzip([]byte("{\"a\":-7,\"o\":{},\"b\":null}\n{\"a\":8}\n")),
		"month=2/d.jsonl":    []byte("\n\n"),
		"month=3/e.jsonl":    []byte("{\"b\":\"2001-06-02\",\"m\":[true,null]}\n{\"a\":2.5,\"m\":null}\n"),
	}
}

// groupFiles are Parquet files of three schemas, with several row groups each.
func groupFiles(t testing.TB) map[string][]byte {
	type narrow struct {
		I int32   `parquet:"i"`
		S string  `parquet:"s,dict"`
		D int64   `parquet:"d,decimal(2:18)"`
		K *int32  `parquet:"key"`
		L []int32 `parquet:"l,list"`
	}
	type wide struct {
		S *string `parquet:"s"`
		I int64   `parquet:"i"`
		L []int64 `parquet:"l,list"`
		U uint64  `parquet:"u"`
	}
	type other struct {
		X float32   `parquet:"x"`
		T time.Time `parquet:"t,timestamp(nanosecond)"`
	}
	random := rand.New(rand.NewPCG(1, 2))
	text, files := "seven", map[string][]byte{}
	for i := range 3 {
		var n []narrow
		var w []wide
		for j := range 20 {
			n = append(n, narrow{I: int32(j - 10*i), S: fmt.Sprint("s", j%3), D: random.Int64N(1e6), L: []int32{int32(j), 2}[:j%3]})
			w = append(w, wide{I: random.Int64(), S: &text, L: []int64{1 << 40}[:j%2]})
		}
		files[fmt.Sprintf("key=%d/narrow.parquet", i)] = parquetBytes(t, n)
		files[fmt.Sprintf("key=%d/wide.parquet", i)] = parquetBytes(t, w)
	}
	files["other.parquet"] = parquetBytes(t, []other{{1.5, time.Unix(1, 500)}, {2, time.Unix(7, 0)}})
	files["none.parquet"] = parquetBytes(t, []other{})
	return files
}

// parquetBytes returns rows as a file of row groups of 7 rows.
func parquetBytes[T any](t testing.TB, rows []T) []byte {
	var out bytes.Buffer
	w := pq.NewGenericWriter[T](&out)
	for chunk := range slices.Chunk(rows, 7) {
		if _, err := w.Write(chunk); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// some is a source of which only some chunks are seen.
type some struct {
	source.Source
	chunks []source.Chunk
}

func (s some) Chunks() []source.Chunk { return s.chunks }
func (s some) Notices() []string      { return nil }

// describe returns all that can be seen of a source's chunks.
func describe(t testing.TB, s source.Source, chunks []source.Chunk) string {
	t.Helper()
	text, err := texttest.Describe(some{s, chunks})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// planned opens all files of a table and returns the source, its layout, and that as it
// comes out of its bytes.
func planned(t testing.TB, c table, files []source.File) (source.Source, *source.Layout) {
	t.Helper()
	s, err := c.open(files)
	if err != nil {
		t.Fatal(err)
	}
	l := s.(source.Planner).Layout()
	data, err := l.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	var got source.Layout
	if err := got.UnmarshalBinary(data); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(&got, l) {
		t.Fatalf("decoded\n%+v\nfrom\n%+v", got, *l)
	}
	return s, &got
}

// put writes a table's files into a folder, and returns what matches all of them.
func (c table) put(t testing.TB, root string) []source.File {
	t.Helper()
	for name, data := range c.files {
		write(t, root, name, data)
	}
	files, err := source.Expand(context.Background(), nil, root, nil, "**/*")
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func write(t testing.TB, root, name string, data []byte) {
	t.Helper()
	at := filepath.Join(root, filepath.FromSlash(name))
	if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.WriteFile(at, data, 0o644)); err != nil {
		t.Fatal(err)
	}
}

// TestReopenedChunksAreThoseOfTheWhole opens subsets of the chunks of each table.
func TestReopenedChunksAreThoseOfTheWhole(t *testing.T) {
	for title, c := range tables(t) {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			files := c.put(t, t.TempDir())
			checkSubsets(t, c, files, nil, 15)
		})
	}
}

// checkSubsets compares subsets of a table's chunks with the whole.
func checkSubsets(t *testing.T, c table, files []source.File, places store.Places, n int) {
	whole, l := planned(t, c, files)
	defer whole.Close()
	if len(l.Chunks) < 2 {
		t.Fatal("only one chunk")
	}
	random := rand.New(rand.NewPCG(3, 4))
	for range n {
		var chunks []int
		for i := range l.Chunks {
			if random.IntN(3) == 0 {
				chunks = append(chunks, i)
			}
		}
		again, err := l.Open(context.Background(), places)
		if err != nil {
			t.Fatal(err)
		}
		opened := watch(again)
		part, err := c.reopen(again, l, chunks)
		if err != nil {
			t.Fatal(err)
		}
		var want []source.Chunk
		allowed := map[string]bool{}
		for _, at := range chunks {
			want = append(want, whole.Chunks()[at])
			allowed[want[len(want)-1].File] = true
		}
		if !slices.Equal(part.Chunks(), want) || len(part.Notices()) > 0 {
			t.Fatalf("chunks %v\nwant %v", part.Chunks(), want)
		}
		if got, want := describe(t, part, want), describe(t, whole, want); got != want {
			t.Fatalf("chunks %v are\n%s\nof the whole\n%s", chunks, got, want)
		}
		for _, name := range opened() {
			if !allowed[name] {
				t.Fatalf("%s was opened for chunks of %v", name, allowed)
			}
		}
		if p, ok := part.(source.Columnar); ok && len(chunks) == len(l.Chunks) && p.ColumnBytes([]string{"i"}) != whole.(source.Columnar).ColumnBytes([]string{"i"}) {
			t.Error("other sizes of columns")
		}
		part.Close()
	}
}

// watch notes which files are opened.
func watch(files []source.File) func() []string {
	var mu sync.Mutex
	var names []string
	for i := range files {
		open, name := files[i].Open, files[i].Name
		files[i].Open = func(ctx context.Context) (store.Reader, error) {
			mu.Lock()
			names = append(names, name)
			mu.Unlock()
			return open(ctx)
		}
	}
	return func() []string { mu.Lock(); defer mu.Unlock(); return names }
}

// TestReopenInAStore does the same in a bucket.
func TestReopenInAStore(t *testing.T) {
	server := s3test.Start(t)
	client := s3.NewClient(s3.Options{Endpoint: server.Endpoint, Region: "us-east-1", Key: server.Key, Secret: server.Secret, PathStyle: true})
	places := store.Places{"s3": client.Open}
	for title, c := range tables(t) {
		t.Run(title, func(t *testing.T) {
			root := "s3://" + server.Bucket(t)
			upload(t, places, root, c.files)
			files, err := source.Expand(context.Background(), places, "", nil, root+"/**/*")
			if err != nil {
				t.Fatal(err)
			}
			checkSubsets(t, c, files, places, 4)
			checkReplaced(t, c, files, places, root)
		})
	}
}

// upload puts files into a store, whatever was there.
func upload(t *testing.T, places store.Places, root string, files map[string][]byte) {
	t.Helper()
	st, err := places.Store(context.Background(), root)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range files {
		if err := st.(store.Replacer).Replace(context.Background(), name, data); err != nil {
			t.Fatal(err)
		}
	}
}

// checkReplaced puts the same bytes but one into each object's place.
func checkReplaced(t *testing.T, c table, files []source.File, places store.Places, root string) {
	_, l := planned(t, c, files)
	for i := range l.Files {
		if l.Files[i].Version == "" {
			t.Fatalf("%s has no version", l.Files[i].Name)
		}
	}
	changed := map[string][]byte{}
	for name, data := range c.files {
		changed[name] = slices.Clone(data)
		changed[name][len(data)/2] ^= 1
	}
	upload(t, places, root, changed)
	for i := range l.Chunks {
		again, err := l.Open(context.Background(), places)
		if err != nil {
			t.Fatal(err)
		}
		if got := outcome(c, again, l, i); texttest.Code(got) != "Q216" {
			t.Errorf("chunk %d: %v", i, got)
		}
	}
}

// outcome reads a chunk alone, all columns of it.
func outcome(c table, files []source.File, l *source.Layout, at int) error {
	s, err := c.reopen(files, l, []int{at})
	if err != nil {
		return err
	}
	defer s.Close()
	r, err := s.NewReader(l.Schema.Names())
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = r.Read(context.Background(), l.Chunks[at])
	return err
}

// TestLayoutsAreFunctionsOfTheFiles opens tables with other numbers of workers.
func TestLayoutsAreFunctionsOfTheFiles(t *testing.T) {
	root := t.TempDir()
	c := table{files: commaFiles()}
	files := c.put(t, root)
	var first []byte
	for workers := range 5 {
		s, err := csv.Open(context.Background(), csv.Options{Files: files, Workers: workers, Memory: int64(64+workers) << 20})
		if err != nil {
			t.Fatal(err)
		}
		data, err := s.(source.Planner).Layout().AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		if workers > 0 && !bytes.Equal(data, first) {
			t.Errorf("%d workers make another layout", workers)
		}
		first = data
	}
}

// TestLayoutsOfOthersAreRefused: what does not go together is an error, and no panic.
func TestLayoutsOfOthersAreRefused(t *testing.T) {
	all := tables(t)
	c := all["jsonl"]
	files := c.put(t, t.TempDir())
	_, l := planned(t, c, files)
	for what, chunks := range map[string][]int{"beyond": {len(l.Chunks)}, "below": {-1}, "twice": {0, 0}, "backwards": {1, 0}} {
		if _, err := c.reopen(files, l, chunks); err == nil {
			t.Errorf("chunks %s: no error", what)
		}
	}
	if _, err := c.reopen(files[1:], l, nil); err == nil {
		t.Error("too few files: no error")
	}
	for _, other := range []string{"csv", "parquet"} {
		if _, err := all[other].reopen(files, l, []int{0}); err == nil {
			t.Errorf("%s: no error", other)
		}
	}
	l.Schema[len(l.Schema)-2].Type = column.Bool
	if _, err := c.reopen(files, l, []int{0}); !errors.Is(err, source.ErrLayout) {
		t.Errorf("the key has another type: %v", err)
	}
}
