package pipeline

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"quern/cpu"
	"quern/features/column"
	"quern/features/diag"
	"quern/features/stat"
	"quern/pipeline/output"
	"quern/pipeline/recipe"
	"quern/pipeline/source"
	"quern/pipeline/store"
)

// flights returns the example's recipe in a folder of its own, with an edit.
func flights(t *testing.T, edit func(string) string) *recipe.Recipe {
	t.Helper()
	dir := t.TempDir()
	text, err := os.ReadFile("../examples/flights/recipe.yaml")
	if err != nil {
		t.Fatal(err)
	}
	table, err := filepath.Abs("../examples/flights/flights-200k.parquet")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(table, filepath.Join(dir, "flights-200k.parquet")); err != nil {
		t.Fatal(err)
	}
	if edit != nil {
		text = []byte(edit(string(text)))
	}
	r, err := recipe.Parse(filepath.Join(dir, "recipe.yaml"), text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func fitted(t *testing.T, r *recipe.Recipe, limit int, o Options) (digest string, scans int) {
	t.Helper()
	o.Backend = cpu.New()
	ctx := context.Background()
	in, err := openInput(ctx, r, nil, o)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	plan, err := Bind(r, in.Schema(), in.Unusable())
	if err != nil {
		t.Fatal(err)
	}
	plan.tableLimit = limit
	learnt, err := plan.learn(ctx, in, in.chunks, o)
	if err != nil {
		t.Fatal(err)
	}
	m, err := learnt.Model()
	if err != nil {
		t.Fatal(err)
	}
	return m.Digest(), learnt.scans
}

// TestTablesReplaceScans: statistics from tables are those of scans, in fewer scans.
func TestTablesReplaceScans(t *testing.T) {
	r := flights(t, nil)
	byTables, few := fitted(t, r, maxTable, Options{})
	byScans, many := fitted(t, r, 0, Options{})
	if byTables != byScans {
		t.Errorf("digest %s by tables, %s by scans", byTables, byScans)
	}
	if few != 1 || many != 5 {
		t.Errorf("%d scans with tables and %d without, want 1 and 5", few, many)
	}
}

// TestSpillingChangesNothing: a budget that leaves each statistic some 300 KiB.
func TestSpillingChangesNothing(t *testing.T) {
	r := flights(t, nil)
	free, _ := fitted(t, r, maxTable, Options{Workers: 2})
	tight, _ := fitted(t, r, 0, Options{Workers: 2, Memory: 4 << 20, SpillDir: t.TempDir()})
	if free != tight {
		t.Errorf("digest %s without a bound, %s within 4 MiB", free, tight)
	}
}

func TestRunWritesWhatVerifies(t *testing.T) {
	r := flights(t, nil)
	result, err := Run(context.Background(), r, Options{Backend: cpu.New(), Progress: &Progress{}})
	if err != nil {
		t.Fatal(err)
	}
	if result.RowsIn != 200000 || result.RowsOut != 200000 || len(result.Outputs) != 2 {
		t.Errorf("%+v", result)
	}
	for _, out := range result.Outputs {
		st, _ := store.NewLocal(out.Path)
		m, err := output.Verify(context.Background(), st)
		if err != nil || m.Model != result.Digest || m.Rows != 200000 {
			t.Errorf("%s: %v", out.Path, err)
		}
		if len(m.OutsideFit) == 0 {
			t.Errorf("%s: no rows outside of fit.where", out.Path)
		}
	}
	// A finished output stays; with Overwrite it is written anew, to the same bytes.
	if _, err = Run(context.Background(), r, Options{Backend: cpu.New()}); !hasCode(err, "Q430") {
		t.Errorf("second run: %v", err)
	}
	again, err := Run(context.Background(), r, Options{Backend: cpu.New(), Overwrite: true, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	for i := range again.Outputs {
		a, b := again.Outputs[i].Manifest, result.Outputs[i].Manifest
		if a.Content != b.Content || !slices.Equal(a.Files, b.Files) {
			t.Errorf("output %d: another run gave other bytes", i)
		}
	}
}

func hasCode(err error, code diag.Code) bool {
	var e *diag.Error
	return errors.As(err, &e) && e.Code == code
}

// TestQuarantine leaves a damaged file out, and everything that it would have taught.
func TestQuarantine(t *testing.T) {
	r := flights(t, nil)
	dir := filepath.Dir(r.File)
	whole, err := os.ReadFile(filepath.Join(dir, "flights-200k.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	damaged := slices.Clone(whole)
	for i := 500000; i < 500100; i++ {
		damaged[i] ^= 0xFF
	}
	for name, data := range map[string][]byte{"flights-cut.parquet": whole[:1000], "flights-damaged.parquet": damaged} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	ctx := context.Background()
	if _, err := Fit(ctx, r, Options{Backend: cpu.New()}); damagedFile(err) == "" {
		t.Fatalf("a damaged file was read: %v", err)
	}
	var notices []string
	result, err := Run(ctx, r, Options{Backend: cpu.New(), Quarantine: true, Notice: func(s string) { notices = append(notices, s) }})
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Quarantine) != 2 || len(notices) < 2 || len(result.Outputs[0].Manifest.Quarantined) != 2 {
		t.Errorf("left out %v, notices %v", result.Quarantine, notices)
	}
	alone, err := Fit(ctx, flights(t, nil), Options{Backend: cpu.New()})
	if err != nil || alone.Digest != result.Digest {
		t.Errorf("quarantined files taught something: %v", err)
	}
}

// TestFaultsNameBothEnds: the recipe's place and the row, after filtering.
func TestFaultsNameBothEnds(t *testing.T) {
	r := flights(t, func(s string) string {
		return strings.Replace(s, `"if(hour(date) >= 17, distance, 0)"`, `"distance * (if(delay_ > 200, 9223372036854775807, 1))"`, 1)
	})
	_, err := Fit(context.Background(), r, Options{Backend: cpu.New()})
	if !hasCode(err, "Q111") && !hasCode(err, "Q031") && err == nil {
		t.Fatal("an unknown column in an expression was accepted")
	}
	r = flights(t, func(s string) string {
		return strings.Replace(s, `"if(hour(date) >= 17, distance, 0)"`, `"distance * if(distance > 2500, 9223372036854775807, 1)"`, 1)
	})
	_, err = Fit(context.Background(), r, Options{Backend: cpu.New(), Workers: 1})
	var e *diag.Error
	if !errors.As(err, &e) || e.Code != "Q401" || e.Data == nil || e.Data.Row < 0 || e.Data.RowGroup != 0 || e.Place.Line == 0 || e.Data.Column != "distance" {
		t.Fatalf("%v", err)
	}
	if n := distanceAt(t, r, e.Data.RowGroup, int(e.Data.Row)); n <= 2500 {
		t.Errorf("row %d has distance %d, which does not overflow", e.Data.Row, n)
	}
}

func distanceAt(t *testing.T, r *recipe.Recipe, group, row int) int64 {
	src, err := Open(context.Background(), r, Options{})
	if err != nil {
		t.Fatal(err)
	}
	reader, err := src.NewReader([]string{"distance"})
	if err != nil {
		t.Fatal(err)
	}
	batch, err := reader.Read(context.Background(), src.Chunks()[group])
	if err != nil {
		t.Fatal(err)
	}
	c := &batch.Columns[0]
	return c.Values.Int(c.Slot(row))
}

// TestTransformWithoutLabels: a source that lacks the label's column is served.
func TestTransformWithoutLabels(t *testing.T) {
	r := flights(t, func(s string) string { return strings.Replace(s, "keep: [delay]", "keep: [origin, delay]", 1) })
	r.Features[1].As = recipe.Name{Text: "{column}_id"}
	fit, err := Fit(context.Background(), r, Options{Backend: cpu.New()})
	if err != nil {
		t.Fatal(err)
	}
	in := &inputs{Source: without{mustOpen(t, r), "delay"}}
	in.chunks = in.Source.Chunks()
	var notices []string
	result := &Result{Model: fit.Model, Digest: fit.Digest}
	o := Options{Backend: cpu.New(), Notice: func(s string) { notices = append(notices, s) }}
	if err := transform(context.Background(), result, r, in, false, o); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range result.Outputs[0].Manifest.Fields {
		names = append(names, f.Name)
	}
	if slices.Contains(names, "late") || slices.Contains(names, "delay") || !slices.Contains(names, "origin") || !slices.Contains(names, "route_late") {
		t.Errorf("outputs %v", names)
	}
	if len(notices) != 2 {
		t.Errorf("notices %q", notices)
	}
	if err := transform(context.Background(), result, r, in, true, o); !hasCode(err, "Q430") {
		t.Errorf("%v", err) // fit.where reads date only, so training works without labels too
	}
}

func mustOpen(t *testing.T, r *recipe.Recipe) source.Source {
	src, err := Open(context.Background(), r, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// without is a source that lacks a column.
type without struct {
	source.Source
	column string
}

func (w without) Schema() column.Schema {
	return slices.DeleteFunc(slices.Clone(w.Source.Schema()), func(f column.Field) bool { return f.Name == w.column })
}

func TestPartialBytes(t *testing.T) {
	specs := []stat.Spec{
		{Kind: stat.KindSums, Types: []column.Type{column.Float64}},
		{Kind: stat.KindValueCounts, Types: []column.Type{column.String}},
	}
	p, err := NewPartial(specs, stat.Resources{})
	if err != nil {
		t.Fatal(err)
	}
	p.Read, p.Taken = 300, 200
	p.Stats[0].Observe([]column.Column{{Len: 2, Values: column.Vector{Type: column.Float64, Len: 2, Float64s: []float64{0.1, 1e300}}}}, nil)
	bytes, err := p.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	back, err := DecodePartial(bytes, stat.Resources{})
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := back.AppendBinary(nil); string(again) != string(bytes) {
		t.Error("bytes change on the way")
	}
	if err := back.Merge(p); err != nil || back.Read != 600 || back.Taken != 400 {
		t.Errorf("merge: %v", err)
	}
	large := column.Text{}
	large.Append(make([]byte, 3<<20)) // its length takes all the room that is left for it
	large.Append(make([]byte, 1<<10))
	p.Stats[1].Observe([]column.Column{{Len: 2, Values: column.Vector{Type: column.String, Len: 2, Text: large}}}, nil)
	long, err := p.AppendBinary([]byte("before"))
	if err != nil {
		t.Fatal(err)
	}
	if back, err = DecodePartial(long[len("before"):], stat.Resources{}); err != nil || back.Stats[1].(*stat.ValueCounts).Total() != 2 {
		t.Errorf("large: %v", err)
	}
	for i := range bytes {
		if _, err := DecodePartial(bytes[:i], stat.Resources{}); err == nil {
			t.Errorf("cut to %d bytes it still reads", i)
		}
	}
}

func TestForEachReportsTheLowestError(t *testing.T) {
	var started, finished atomic.Int32
	err := forEach(context.Background(), 4, 100,
		func() (int, error) { started.Add(1); return 0, nil },
		func(_ context.Context, _, i int) error {
			if i >= 10 {
				return errors.New("item " + itoa(i))
			}
			return nil
		},
		func(int) error { finished.Add(1); return nil })
	if err == nil || !strings.HasPrefix(err.Error(), "item 1") || len(err.Error()) != len("item 10") {
		t.Errorf("%v", err)
	}
	if started.Load() != finished.Load() {
		t.Error("a worker did not finish")
	}
	err = forEach(context.Background(), 2, 3, func() (int, error) { return 0, nil },
		func(context.Context, int, int) error { panic("quern: bug: on purpose") }, func(int) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "on purpose") {
		t.Errorf("a panic became %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := forEach(ctx, 2, 3, func() (int, error) { return 0, nil },
		func(context.Context, int, int) error { return nil }, func(int) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestPartsFollowFromChunks(t *testing.T) {
	var chunks []source.Chunk
	for i := range 100 {
		chunks = append(chunks, source.Chunk{Index: i, Rows: int64(i * 1000), Bytes: 1000})
	}
	next := 0
	for _, p := range PartsOf(chunks) {
		var rows int64
		for _, c := range p {
			if c.Index != next {
				t.Fatalf("chunk %d where %d was next", c.Index, next)
			}
			next++
			rows += c.Rows
		}
		if last := p[len(p)-1]; rows-last.Rows >= partRows {
			t.Errorf("a part of %d rows should have ended before", rows)
		}
	}
	if next != len(chunks) || len(PartsOf(nil)) != 0 {
		t.Error("chunks are missing")
	}
}

func TestWorkersFitTheMemory(t *testing.T) {
	chunks := []source.Chunk{{Memory: 100 << 20}, {Memory: 10}}
	for _, c := range []struct {
		memory int64
		want   int
	}{{0, 2}, {8 << 30, 2}, {800 << 20, 1}, {1, 1}, {1700 << 20, 2}} {
		o := Options{Workers: 8, Memory: c.memory}
		if got := o.workersFor(chunks, len(chunks), 1); got != c.want {
			t.Errorf("%d MiB: %d workers, want %d", c.memory>>20, got, c.want)
		}
	}
}

// TestTargetsAreNeverServed: a column that a later step takes as its target is a
// label column for earlier features too.
func TestTargetsAreNeverServed(t *testing.T) {
	text := "quern: 1\nname: n\nsource: {parquet: flights-*.parquet}\nfeatures:\n  - columns: [distance]\n  - name: late\n    columns: [origin]\n    steps: [target_encode: {target: distance, folds: 5, smoothing: 20, folds_by: [date]}]\n"
	r := flights(t, func(string) string { return text })
	if _, err := Fit(context.Background(), r, Options{Backend: cpu.New()}); !hasCode(err, "Q033") {
		t.Errorf("%v", err)
	}
}
