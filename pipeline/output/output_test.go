package output_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"quern/features/column"
	"quern/features/diag"
	"quern/features/program"
	"quern/pipeline/output"
	"quern/pipeline/sink"
	"quern/pipeline/sink/npy"
	"quern/pipeline/sink/parquet"
	"quern/pipeline/sink/safetensors"
	"quern/pipeline/store"
)

// table is a small output: three parts, of which one is empty.
type table struct {
	format sink.Format
	fields []sink.Field
	parts  []column.Batch
}

func newTable(format sink.Format) table {
	t := table{format: format, fields: []sink.Field{
		{Field: column.Field{Name: "x", Type: column.Float32}, Role: program.RoleFeature},
		{Field: column.Field{Name: "id", Type: column.Int64}, Role: program.RoleFeature},
		{Field: column.Field{Name: "late", Type: column.Bool}, Role: program.RoleLabel},
	}}
	for _, rows := range []int{70, 0, 33} {
		var x column.Column
		x.Len, x.Values = rows, column.Vector{Type: column.Float32, Len: 3, Float32s: []float32{1, -2, 0.5}}
		x.Index = make([]int32, rows)
		id := column.Vector{Type: column.Int64, Len: rows, Int64s: make([]int64, rows)}
		late := column.Vector{Type: column.Bool, Len: rows, Bools: make([]bool, rows)}
		for i := range rows {
			x.Index[i], id.Int64s[i], late.Bools[i] = int32(i%3), int64(i*i), i%5 == 0
		}
		t.parts = append(t.parts, column.Batch{Rows: rows, Columns: []column.Column{x, {Len: rows, Values: id}, {Len: rows, Values: late}}})
	}
	return t
}

// job is what identifies it.
func (t table) job() output.Job {
	return output.Job{Digest: "a job of " + t.format.Suffix(), Model: "a model", Fields: t.fields, Parts: len(t.parts)}
}

// write runs the job, as far as it gets.
func (t table) write(st store.Store, job output.Job) (*output.Manifest, error) {
	ctx := context.Background()
	w, err := output.Begin(ctx, st, t.format, job)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	if err := output.NothingToDo([]*output.Writer{w}); err != nil {
		return nil, err
	}
	for i, batch := range t.parts {
		if w.Finished(i) {
			continue
		}
		if err := t.part(w, i, batch); err != nil {
			return nil, err
		}
	}
	return w.Finish(ctx, output.Summary{Quarantined: []string{"bad.parquet"}, Notices: []string{"a notice"}})
}

func (t table) part(w *output.Writer, i int, batch column.Batch) error {
	p, err := w.Part(context.Background(), i)
	if err != nil {
		return err
	}
	defer p.Abort()
	if batch.Rows > 0 {
		p.Outside(0, 2)
		p.Outside(2, 5)
		p.Outside(int64(batch.Rows)-1, int64(batch.Rows))
		if err := p.Write(batch); err != nil {
			return err
		}
	}
	return p.Commit(context.Background())
}

func formats() []sink.Format {
	return []sink.Format{parquet.Format{}, safetensors.Format{}, npy.Format{}, npy.Format{Columns: true}}
}

func code(err error) diag.Code {
	var e *diag.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// finished writes a table to memory.
func finished(t testing.TB, tab table) *memory {
	t.Helper()
	m := newMemory()
	if _, err := tab.write(m, tab.job()); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestAFinishedOutputIsFilesAndAManifest(t *testing.T) {
	for _, format := range formats() {
		tab := newTable(format)
		m := finished(t, tab)
		got, err := output.Verify(context.Background(), m)
		if err != nil {
			t.Fatal(err)
		}
		names := []string{output.ManifestName}
		for _, f := range got.Files {
			names = append(names, f.Name)
		}
		slices.Sort(names)
		if there := slices.Sorted(maps.Keys(m.objects)); !slices.Equal(there, names) {
			t.Errorf("%s: there are %v, the manifest names %v", format.Suffix(), there, names)
		}
		for name := range m.objects {
			if !m.durable[name] {
				t.Errorf("%s is not durable", name)
			}
		}
		if got.Rows != 103 || got.Model != "a model" || len(got.Fields) != 3 || got.Fields[2].Role != "label" {
			t.Errorf("manifest %+v", got)
		}
		if fmt.Sprint(got.OutsideFit) != "[[0 5] [69 75] [102 103]]" {
			t.Errorf("outside of fit: %v", got.OutsideFit)
		}
		if fmt.Sprint(got.Quarantined, got.Notices) != "[bad.parquet] [a notice]" {
			t.Errorf("summary: %v %v", got.Quarantined, got.Notices)
		}
		if again := finished(t, tab); !maps.EqualFunc(again.objects, m.objects, bytes.Equal) {
			t.Errorf("%s: the same rows gave other bytes", format.Suffix())
		}
		if m.locked {
			t.Error("the lock is still held")
		}
	}
}

func TestPartsInAnyOrderGiveTheSameBytes(t *testing.T) {
	tab := newTable(parquet.Format{})
	want := finished(t, tab).snapshot()
	m := newMemory()
	ctx := context.Background()
	w, err := output.Begin(ctx, m, tab.format, tab.job())
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for i := len(tab.parts) - 1; i >= 0; i-- {
		group.Go(func() {
			if err := tab.part(w, i, tab.parts[i]); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if _, err := w.Finish(ctx, output.Summary{Quarantined: []string{"bad.parquet"}, Notices: []string{"a notice"}}); err != nil {
		t.Fatal(err)
	}
	if !maps.EqualFunc(m.objects, want, bytes.Equal) {
		t.Error("bytes depend on the order of the parts")
	}
}

// TestContentIsOfRows compares outputs of the same rows in other formats and with
// other borders.
func TestContentIsOfRows(t *testing.T) {
	seen := map[string]bool{}
	for _, format := range formats() {
		m, err := newTable(format).write(newMemory(), newTable(format).job())
		if err != nil {
			t.Fatal(err)
		}
		seen[m.Content] = true
	}
	tab := newTable(parquet.Format{})
	tab.parts = []column.Batch{tab.parts[1], tab.parts[0], tab.parts[1], tab.parts[1], tab.parts[2]}
	m, err := tab.write(newMemory(), tab.job())
	if err != nil {
		t.Fatal(err)
	}
	if seen[m.Content] = true; len(seen) != 1 {
		t.Errorf("%d digests of the same rows", len(seen))
	}
	tab.parts[4], tab.parts[1] = tab.parts[1], tab.parts[4]
	if m, _ = tab.write(newMemory(), tab.job()); seen[m.Content] {
		t.Error("the digest does not know the order of rows")
	}
}

func TestAFinishedOutputIsNotTouched(t *testing.T) {
	for _, format := range formats() {
		tab := newTable(format)
		m := finished(t, tab)
		before := m.snapshot()
		m.ops = 0
		other := tab.job()
		other.Digest = "another job"
		for _, job := range []output.Job{tab.job(), other} {
			if _, err := tab.write(m, job); code(err) != "Q430" {
				t.Errorf("%s: %v, want Q430", format.Suffix(), err)
			}
		}
		if m.ops != 0 || !maps.EqualFunc(m.objects, before, bytes.Equal) {
			t.Errorf("%s: %d operations on a finished output", format.Suffix(), m.ops)
		}
		other.Overwrite = true
		got, err := tab.write(m, other)
		if err != nil || got.Job != "another job" {
			t.Fatalf("%s: overwriting: %v", format.Suffix(), err)
		}
		if _, err := output.Verify(context.Background(), m); err != nil {
			t.Error(err)
		}
	}
}

// TestOneOfTwoOutputsIsFinished takes up a run of two outputs that was killed after
// the first was finished.
func TestOneOfTwoOutputsIsFinished(t *testing.T) {
	ctx := context.Background()
	tab := newTable(parquet.Format{})
	done := finished(t, tab)
	w1, err := output.Begin(ctx, done, tab.format, tab.job())
	if err != nil {
		t.Fatal(err)
	}
	w2, err := output.Begin(ctx, newMemory(), tab.format, tab.job())
	if err != nil {
		t.Fatal(err)
	}
	if err := output.NothingToDo([]*output.Writer{w1, w2}); err != nil {
		t.Errorf("one is unfinished, but: %v", err)
	}
	if !w1.Finished(2) || w2.Finished(2) {
		t.Error("which parts are finished?")
	}
	if m, err := w1.Finish(ctx, output.Summary{}); err != nil || m.Notices == nil {
		t.Errorf("the finished output's manifest: %v %v", m, err)
	}
	if err := output.NothingToDo(nil); err != nil {
		t.Error(err)
	}
	done.objects["part-00000.parquet"] = []byte("damaged")
	if _, err := output.Begin(ctx, done, tab.format, tab.job()); code(err) != "Q320" {
		t.Errorf("a damaged one was taken as done: %v", err)
	}
}

func TestOthersFilesAreNotTouched(t *testing.T) {
	for _, format := range formats() {
		tab := newTable(format)
		names := slices.Sorted(maps.Keys(finished(t, tab).objects))
		for _, overwrite := range []bool{false, true} {
			m := newMemory()
			last := names[len(names)-1] // not the manifest
			m.objects[last] = []byte("mine")
			m.objects["README.md"] = []byte("mine too")
			job := tab.job()
			job.Overwrite = overwrite
			if _, err := tab.write(m, job); code(err) != "Q431" {
				t.Errorf("%s: %v, want Q431", last, err)
			}
			if len(m.objects) != 2 || m.locked {
				t.Errorf("there are %v", slices.Sorted(maps.Keys(m.objects)))
			}
			delete(m.objects, last)
			if _, err := tab.write(m, job); err != nil {
				t.Fatal(err)
			}
			job.Overwrite = true
			if _, err := tab.write(m, job); err != nil || string(m.objects["README.md"]) != "mine too" {
				t.Errorf("overwriting: %v", err)
			}
		}
	}
}

// TestAPartThatAppearsMeanwhile covers somebody who writes parts without asking.
func TestAPartThatAppearsMeanwhile(t *testing.T) {
	tab := newTable(parquet.Format{})
	m := newMemory()
	w, err := output.Begin(context.Background(), m, tab.format, tab.job())
	if err != nil {
		t.Fatal(err)
	}
	m.objects["part-00000.parquet"] = []byte("whose?")
	if err := tab.part(w, 0, tab.parts[0]); code(err) != "Q431" {
		t.Errorf("%v, want Q431", err)
	}
}

func TestOneRunAtATime(t *testing.T) {
	st, err := store.NewLocal(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	tab := newTable(parquet.Format{})
	w, err := output.Begin(context.Background(), st, tab.format, tab.job())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := output.Begin(context.Background(), st, tab.format, tab.job()); code(err) != "Q435" {
		t.Errorf("%v, want Q435", err)
	}
	w.Close()
	w.Close()
	if _, err := tab.write(st, tab.job()); err != nil {
		t.Error(err)
	}
}

// TestTwoRunsWithoutALock lets two runs of one job write to a store that cannot keep
// them apart: put-if-absent does.
func TestTwoRunsWithoutALock(t *testing.T) {
	for _, format := range formats() {
		tab := newTable(format)
		want := finished(t, tab).snapshot()
		m := newMemory()
		ctx := context.Background()
		first, err := output.Begin(ctx, unlockable{m}, tab.format, tab.job())
		if err != nil {
			t.Fatal(err)
		}
		second, err := output.Begin(ctx, unlockable{m}, tab.format, tab.job())
		if err != nil {
			t.Fatal(err)
		}
		for i, batch := range tab.parts {
			if err := errors.Join(tab.part(first, i, batch), tab.part(second, i, batch)); err != nil {
				t.Fatal(err)
			}
		}
		summary := output.Summary{Quarantined: []string{"bad.parquet"}, Notices: []string{"a notice"}}
		if _, err := first.Finish(ctx, summary); err != nil {
			t.Fatal(err)
		}
		if _, err := second.Finish(ctx, summary); err != nil {
			t.Errorf("%s: %v", format.Suffix(), err) // where there were pieces to assemble, they are gone
		}
		if !maps.EqualFunc(m.objects, want, bytes.Equal) {
			t.Errorf("%s: two runs gave other bytes than one", format.Suffix())
		}
	}
}

func TestLocalOutput(t *testing.T) {
	for _, format := range formats() {
		root := filepath.Join(t.TempDir(), "out", "deep")
		st, err := store.NewLocal(root)
		if err != nil {
			t.Fatal(err)
		}
		tab := newTable(format)
		if _, err := output.Verify(context.Background(), st); code(err) != "Q321" {
			t.Errorf("nothing there: %v", err)
		}
		if _, err := tab.write(st, tab.job()); err != nil {
			t.Fatal(err)
		}
		want := finished(t, tab)
		names, _ := st.List(context.Background(), "")
		if len(names) != len(want.objects) {
			t.Errorf("there are %v", names)
		}
		for _, name := range names {
			if got, err := os.ReadFile(filepath.Join(root, name)); err != nil || !bytes.Equal(got, want.objects[name]) {
				t.Errorf("%s differs from memory: %v", name, err)
			}
		}
		if left, _ := os.ReadDir(filepath.Join(root, "_quern")); len(left) != 1 {
			t.Errorf("_quern holds %v", left)
		}
	}
}

func TestAFileWhereTheFolderShouldBe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	os.WriteFile(path, []byte("text"), 0o666)
	st, _ := store.NewLocal(path)
	tab := newTable(parquet.Format{})
	if _, err := tab.write(st, tab.job()); code(err) != "Q433" {
		t.Errorf("%v, want Q433", err)
	}
	if _, err := output.Verify(context.Background(), st); code(err) != "Q321" {
		t.Errorf("%v, want Q321", err)
	}
}

func TestManifestIsReadable(t *testing.T) {
	text := string(finished(t, newTable(parquet.Format{})).objects[output.ManifestName])
	var m output.Manifest
	if err := json.Unmarshal([]byte(text), &m); err != nil || !strings.Contains(text, "\"name\": \"late\"") || len(m.Seal) != 64 {
		t.Errorf("%v\n%s", err, text)
	}
}
