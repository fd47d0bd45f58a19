package audit

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"quern/features/column"
	"quern/internal/oracletest"
	"quern/serve/lookup"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// small is a view of one key and some features, in memory.
func small() (*lookup.Memory, *lookup.View) {
	v := &lookup.View{Name: "small", Version: "v/1", Keys: []column.Field{{Name: "id", Type: column.Int64}},
		Fields: []lookup.Field{{Name: "x", Type: column.Float32}, {Name: "words", Type: column.ListOf(column.String)}, {Name: "day", Type: column.Date}}}
	m := lookup.NewMemory()
	m.Define(v)
	var rows lookup.Rows
	rows.Reset(v)
	for i := range 100 {
		rows.Keys[0].AddInt(int64(i))
		rows.Fields[0].AddFloat(float64(i) / 3)
		for k := range i % 3 {
			rows.Fields[1].Element().AddString(fmt.Appendf(nil, "w%d", k))
		}
		rows.Fields[1].End()
		if i%5 == 0 {
			rows.Fields[2].AddNull()
		} else {
			rows.Fields[2].AddString([]byte("2026-01-02"))
		}
		rows.Event, rows.Created = append(rows.Event, int64(i)), append(rows.Created, lookup.NoTime)
		rows.Rows++
	}
	if err := m.Write(context.Background(), &rows); err != nil {
		panic(err)
	}
	return m, v
}

// answer looks the keys from 0 to n-1 up.
func answer(t testing.TB, m *lookup.Memory, n int, features ...string) (*lookup.Keys, *lookup.Block) {
	var refs []lookup.Ref
	for _, f := range features {
		refs = append(refs, lookup.Ref{View: "small", Feature: f})
	}
	q, err := lookup.Compile(m, refs, false)
	must(t, err)
	k, b := &lookup.Keys{}, &lookup.Block{}
	k.Reset(q)
	for i := range n {
		k.Columns[0].AddInt(int64(i))
		k.Rows++
	}
	must(t, m.Lookup(context.Background(), q, k, b))
	b.Expire(1e15, lookup.Rules{})
	return k, b
}

func open(t testing.TB, o Options) *Log {
	t.Helper()
	if o.Folder == "" {
		o.Folder = filepath.Join(t.TempDir(), "log")
	}
	o.Log = t.Logf
	l, err := Open(o)
	must(t, err)
	t.Cleanup(l.Close)
	return l
}

// rowsIn returns the keys of all rows of a log, by reading its files.
func rowsIn(t testing.TB, folder string) (keys []int64) {
	t.Helper()
	all, err := versionsIn(context.Background(), folder)
	must(t, err)
	for _, v := range all {
		for _, path := range v.files {
			must(t, eachBatch(context.Background(), path, []string{"key__id"}, func(b column.Batch) error {
				for i := range b.Rows {
					n, _ := intAt(&b.Columns[0], i)
					keys = append(keys, n)
				}
				return nil
			}))
		}
	}
	return keys
}

// TestSamplingIsByKey: a key is always in the log or never, whichever server wrote it.
func TestSamplingIsByKey(t *testing.T) {
	m, _ := small()
	var logs [2]map[int64]int
	for i := range logs {
		l := open(t, Options{Share: 0.3})
		for n := range 50 {
			k, b := answer(t, m, 100-n, "x")
			l.Served("", k, b)
		}
		l.Close()
		logs[i] = map[int64]int{}
		for _, key := range rowsIn(t, l.o.Folder) {
			logs[i][key]++
		}
	}
	if len(logs[0]) < 15 || len(logs[0]) > 45 {
		t.Errorf("%d of 100 keys are sampled, where 30 should be", len(logs[0]))
	}
	for key, n := range logs[0] {
		if want := min(50, 100-int(key)); n != want || logs[1][key] != n {
			t.Errorf("key %d was asked for %d times, and is in the logs %d and %d times", key, want, n, logs[1][key])
		}
	}
	whole := open(t, Options{Share: 1})
	k, b := answer(t, m, 100, "x")
	whole.Served("", k, b)
	whole.Close()
	if n := len(rowsIn(t, whole.o.Folder)); n != 100 {
		t.Errorf("%d of 100 rows are in a log of all keys", n)
	}
}

// TestFilesAreForOthers reads a file with Arrow's reader.
func TestFilesAreForOthers(t *testing.T) {
	m, _ := small()
	l := open(t, Options{Share: 1, Callers: true})
	k, b := answer(t, m, 103, "x", "words")
	l.Served("trainer", k, b)
	l.Close()
	files, err := filepath.Glob(filepath.Join(l.o.Folder, "small", "v%2F1", "*.parquet"))
	must(t, err)
	if len(files) != 1 {
		t.Fatal(files)
	}
	var got []string
	oracletest.Run(t, `
import sys, json, pyarrow.parquet as pq
t = pq.read_table(sys.argv[1])
print(json.dumps([" ".join(t.column_names)] + [" ".join(str(v) for v in t.slice(i, 1).to_pylist()[0].values()) for i in (4, 101)]))`, &got, files[0])
	want := []string{
		"request_time view version rules caller pushed event_time key__id value__x value__words value__day status__x status__words status__day",
		"2001-09-09 01:46:40+00:00 small v/1 strict trainer False 1970-01-01 00:00:00.000004+00:00 4 1.3333333730697632 ['w0'] None PRESENT PRESENT None",
		"2001-09-09 01:46:40+00:00 small v/1 strict trainer False None 101 None None None NOT_FOUND NOT_FOUND None",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestCallersAreLeftOut unless they are asked for.
func TestCallersAreLeftOut(t *testing.T) {
	m, _ := small()
	l := open(t, Options{Share: 1})
	k, b := answer(t, m, 3, "x")
	l.Served("somebody", k, b)
	l.Close()
	all, err := versionsIn(context.Background(), l.o.Folder)
	must(t, err)
	must(t, eachBatch(context.Background(), all[0].files[0], []string{"caller"}, func(b column.Batch) error {
		for i := range b.Rows {
			if !b.Columns[0].Null(i) {
				t.Error("a caller is in the log")
			}
		}
		return nil
	}))
	if info, err := os.Stat(l.o.Folder); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("others may read the log: %v %v", info.Mode(), err)
	}
}

// TestServedNeverWaits fills the queue of a log that nobody writes.
func TestServedNeverWaits(t *testing.T) {
	m, _ := small()
	l := &Log{o: Options{Queue: 3000}, threshold: thresholdOf(1), queue: make(chan *record, queued)}
	l.scratch.New = func() any { return &scratch{} }
	k, b := answer(t, m, 100, "x") // 14 cells a row
	for range 50 {
		l.Served("", k, b)
	}
	if got := l.counts.Dropped.Load(); got != 48*100 {
		t.Errorf("%d rows were dropped, where 2 of 50 answers fit", got)
	}
}

// TestFilesRollAndGo: files appear by rows and by age, and the oldest are removed.
func TestFilesRollAndGo(t *testing.T) {
	m, _ := small()
	l := open(t, Options{Share: 1, RollRows: 100, Roll: 20 * time.Millisecond, MaxBytes: 1})
	foreign := filepath.Join(l.o.Folder, "mine.parquet")
	must(t, os.WriteFile(foreign, []byte("x"), 0o600))
	k, b := answer(t, m, 100, "x")
	l.Served("", k, b)
	k, b = answer(t, m, 7, "x")
	l.Served("", k, b)
	for l.counts.Logged.Load() < 107 || l.counts.Files.Load() > 0 {
		time.Sleep(time.Millisecond) // the test's time limit ends it
	}
	if _, err := os.Stat(foreign); err != nil {
		t.Errorf("a file that is not the log's was removed: %v", err)
	}
	if found, err := os.ReadDir(l.o.Folder); err != nil || len(found) > 2 {
		t.Errorf("empty folders stay: %v %v", found, err)
	}
}

// TestKilled kills a process that writes a log: every file is whole, what was half-written
// is removed by the next process.
func TestKilled(t *testing.T) {
	if folder := os.Getenv("QUERN_AUDIT_CHILD"); folder != "" {
		m, _ := small()
		l, err := Open(Options{Folder: folder, Share: 1, RollRows: 100})
		must(t, err)
		k, b := answer(t, m, 100, "x", "words")
		for {
			l.Served("", k, b)
		}
	}
	folder := t.TempDir()
	for range 3 {
		c := exec.Command(os.Args[0], "-test.run=^TestKilled$")
		c.Env = append(os.Environ(), "QUERN_AUDIT_CHILD="+folder)
		must(t, c.Start())
		before := filesIn(folder)
		for filesIn(folder) < before+5 {
			time.Sleep(time.Millisecond)
		}
		must(t, c.Process.Kill())
		c.Wait()
		if n := len(rowsIn(t, folder)); n%100 != 0 || n < 500 {
			t.Errorf("%d rows are in the log: files are not whole", n)
		}
	}
	must(t, os.MkdirAll(filepath.Join(folder, "_quern", "attempts"), 0o700))
	must(t, os.WriteFile(filepath.Join(folder, "_quern", "attempts", "half.1-1"), []byte("PAR1"), 0o600))
	l := open(t, Options{Folder: folder})
	if left, _ := filepath.Glob(filepath.Join(folder, "_quern", "attempts", "*")); len(left) != 0 {
		t.Errorf("the next process left %v", left)
	}
	l.Close()
}

func filesIn(folder string) int {
	all, _ := filepath.Glob(filepath.Join(folder, "*", "*", "*.parquet"))
	return len(all)
}

// TestTwoServersShareAFolder: their files have different names.
func TestTwoServersShareAFolder(t *testing.T) {
	m, _ := small()
	folder := t.TempDir()
	a, b := open(t, Options{Folder: folder, Share: 1}), open(t, Options{Folder: folder, Share: 1})
	for _, l := range []*Log{a, b} {
		k, block := answer(t, m, 10, "x")
		l.Served("", k, block)
	}
	a.Close()
	b.Close()
	if n := len(rowsIn(t, folder)); n != 20 {
		t.Errorf("%d rows of two servers", n)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, o := range []Options{{Share: -1}, {Share: 1.5}, {Roll: -1}, {MaxBytes: -1}} {
		o.Folder = t.TempDir()
		if _, err := Open(o); err == nil || !strings.Contains(err.Error(), "Q688") {
			t.Errorf("%+v: %v", o, err)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	if _, err := Open(Options{Folder: file}); err == nil || !strings.Contains(err.Error(), "Q687") {
		t.Errorf("a file for a folder: %v", err)
	}
}

// TestHostileFiles: what is no log is refused, not misread.
func TestHostileFiles(t *testing.T) {
	m, _ := small()
	l := open(t, Options{Share: 1})
	k, b := answer(t, m, 10, "x")
	l.Served("", k, b)
	l.Close()
	files, _ := filepath.Glob(filepath.Join(l.o.Folder, "*", "*", "*.parquet"))
	whole, err := os.ReadFile(files[0])
	must(t, err)
	for i := 0; i < len(whole); i += 37 {
		broken := append([]byte(nil), whole...)
		broken[i] ^= 0xff
		must(t, os.WriteFile(files[0], broken, 0o600))
		if _, err := versionsIn(context.Background(), l.o.Folder); err != nil && !strings.Contains(err.Error(), "Q686") {
			t.Errorf("byte %d: %v", i, err)
		}
	}
	must(t, os.WriteFile(files[0], whole[:len(whole)/2], 0o600))
	if _, err := versionsIn(context.Background(), l.o.Folder); err == nil || !strings.Contains(err.Error(), "Q686") {
		t.Errorf("half a file: %v", err)
	}
	if _, err := versionsIn(context.Background(), t.TempDir()); err == nil || !strings.Contains(err.Error(), "Q690") {
		t.Errorf("an empty folder: %v", err)
	}
}

func TestNamesAreParts(t *testing.T) {
	for name, want := range map[string]string{"a-b_c.d": "a-b_c.d", "../x": "%2E.%2Fx", "_quern": "%5Fquern", "ü=": "%C3%BC%3D", "20010601-093000-1f2e3d4c": "20010601-093000-1f2e3d4c"} {
		if got := safe(name); got != want {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
	}
}

// BenchmarkServed measures what the log costs an answer of 100 keys of which one is sampled.
func BenchmarkServed(b *testing.B) {
	m, _ := small()
	for _, share := range []float64{1e-9, 0.01} {
		b.Run(strconv.FormatFloat(share, 'g', -1, 64), func(b *testing.B) {
			l := open(b, Options{Share: share})
			k, block := answer(b, m, 100, "x", "words", "day")
			b.ReportAllocs()
			for b.Loop() {
				l.Served("", k, block)
			}
		})
	}
}
