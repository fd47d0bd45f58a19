package bench

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"quern/features/column"
	"quern/features/program"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the golden files")

// testRows is how many rows the tables of tests have.
const testRows = 3000

// TestWorkloadsRun runs every workload over a tiny table: none may rot.
func TestWorkloadsRun(t *testing.T) {
	linkFlights(t)
	cache := filepath.Join(t.TempDir(), "build", "bench")
	for _, w := range Workloads() {
		t.Run(w.Name, func(t *testing.T) {
			if w.files > 0 {
				w.files = 7
			}
			if testing.Short() && w.Name == "wide" {
				t.Skip("2,000 columns")
			}
			data, err := w.Prepare(t.Context(), cache, testRows)
			if err != nil {
				t.Fatal(err)
			}
			s, err := Job{Workload: w.Name, Data: data, Out: filepath.Join(t.TempDir(), "out"), Workers: 2}.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if want := int64(testRows); w.make != nil && s.Rows != want || s.Rows == 0 || s.Wall <= 0 || s.Peak <= 0 || len(s.Digest) != 64 {
				t.Errorf("%+v", s)
			}
			if w.online != (len(s.Calls) == 2) || !w.online && (s.BytesOut == 0 || s.Fit <= 0 || s.Write <= 0) {
				t.Errorf("%+v", s)
			}
		})
	}
}

// linkFlights changes to a folder from which the example's flights are found.
func linkFlights(t *testing.T) {
	t.Helper()
	example, err := filepath.Abs("../examples/flights/flights-200k.parquet")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := os.MkdirAll(filepath.Join(folder, "examples", "flights"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(example, filepath.Join(folder, "examples", "flights", "flights-200k.parquet")); err != nil {
		t.Fatal(err)
	}
	t.Chdir(folder)
}

// TestTablesStayTheSame: figures of two days can only be compared if the rows are the
// same. If this fails, undo the change, or raise dataVersion.
func TestTablesStayTheSame(t *testing.T) {
	var got strings.Builder
	for _, w := range Workloads() {
		if w.make == nil || w.online {
			continue
		}
		sum := rowsDigest(w.make(testRows))
		if again := rowsDigest(w.make(testRows)); again != sum {
			t.Errorf("%s: two tables differ", w.Name)
		}
		got.WriteString(w.Name + " " + hex.EncodeToString(sum[:]) + "\n")
	}
	golden(t, "tables.txt", got.String())
}

// rowsDigest hashes a table's names, types and values, whatever a file looks like.
func rowsDigest(g *generated) [32]byte {
	g.group = 1024
	h := sha256.New()
	batch := column.Batch{Columns: make([]column.Column, len(g.fields))}
	var text []byte
	for start := 0; start < g.rows; start += g.group {
		batch.Rows = min(g.group, g.rows-start)
		g.fill(batch, start/g.group)
		for i := range batch.Columns {
			c, f := &batch.Columns[i], g.fields[i].field()
			text = append(append(text[:0], f.Name...), byte(f.Type))
			for row := range c.Len {
				v := program.ValueAt(&c.Values, c.Slot(row))
				if v.Null {
					text = append(text, "null"...)
					continue
				}
				text = append(program.AppendCanonical(text, f.Type, v), 0xFF)
			}
			h.Write(text)
		}
	}
	return [32]byte(h.Sum(nil))
}

// TestFlightsRecipeIsTheExample: the embedded copy may not drift.
func TestFlightsRecipeIsTheExample(t *testing.T) {
	want, err := os.ReadFile("../examples/flights/recipe.yaml")
	if err != nil || flightsText != string(want) {
		t.Errorf("bench/recipes/flights.yaml differs from the example, %v", err)
	}
}

// TestMeasureReports measures one workload whole and looks at all that is reported.
func TestMeasureReports(t *testing.T) {
	w, _ := Find("dense")
	var said []string
	o := Options{Cache: t.TempDir(), Rows: testRows, Runs: 2, Warmup: 1, Workers: 2, Baseline: "gonum", Say: func(s string) { said = append(said, s) }}
	result, err := Measure(t.Context(), w, o)
	if err != nil {
		t.Fatal(err)
	}
	if result.Runs != 2 || len(result.Walls) != 2 || result.Rows != testRows || result.Baseline.Check == "" || len(said) != 3 {
		t.Errorf("%+v, said %q", result, said)
	}
	left, err := filepath.Glob(filepath.Join(o.Cache, "run-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	r := NewReport()
	if r.Roofline, err = MeasureRoofline(o.Cache, 1<<16); err != nil || r.Roofline.Copy == 0 || r.Roofline.Read == 0 || r.Roofline.Write == 0 {
		t.Errorf("%+v, %v", r.Roofline, err)
	}
	r.Results = append(r.Results, result)
	var text bytes.Buffer
	if err := r.Text(&text); err != nil || !strings.Contains(text.String(), "\ndense ") || !strings.Contains(text.String(), "gonum") {
		t.Errorf("%v\n%s", err, &text)
	}
}

// TestJSONKeepsItsShape: programs read it. If a name goes or changes, raise
// SchemaVersion.
func TestJSONKeepsItsShape(t *testing.T) {
	text, err := json.MarshalIndent(sampleReport(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "report.json", string(text)+"\n")
	var back Report
	if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(&back, sampleReport()) {
		t.Errorf("reads back as %+v, %v", back, err)
	}
}

// TestSVGIsWellFormed also with names that need escapes.
func TestSVGIsWellFormed(t *testing.T) {
	r := sampleReport()
	var drawing bytes.Buffer
	if err := r.SVG(&drawing); err != nil {
		t.Fatal(err)
	}
	golden(t, "report.svg", drawing.String())
	r.Machine.Processor, r.Results[0].Workload = `A & "B" <C>`, "<x>"
	drawing.Reset()
	if err := r.SVG(&drawing); err != nil {
		t.Fatal(err)
	}
	d := xml.NewDecoder(&drawing)
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// TestTextOfASample shows the tables to whoever reads the golden file.
func TestTextOfASample(t *testing.T) {
	var text bytes.Buffer
	if err := sampleReport().Text(&text); err != nil {
		t.Fatal(err)
	}
	golden(t, "report.txt", text.String())
}

// sampleReport is a report with round numbers.
func sampleReport() *Report {
	dense := &Result{Workload: "dense", Doc: "numbers", Rows: 2_000_000, Files: 1, BytesIn: 320e6, BytesOut: 300e6, Scans: 1, Runs: 3,
		Walls: []float64{1, 2, 3}, Wall: 2, CPU: 3.5, Fit: 0.8, Model: 0.01, Transform: 1.19, Peak: 150 << 20, RowsRate: 1e6, BytesRate: 470e6,
		Stages:    []Stage{{"read", 0.5, 0.25}, {"run", 1, 0.5}, {"write", 0.5, 0.25}},
		Functions: []Function{{"quern/features/real.Log1p", 0.5, 1}}, Digest: "00",
		Baseline: &Baseline{"gonum", 3, 2.5, 3, 90 << 20, "80 values, means sum to 1"}}
	online := &Result{Workload: "online", Doc: "calls", Rows: 200_000, Files: 1, Runs: 3, Walls: []float64{1, 1, 1}, Wall: 1, Digest: "01",
		Stages: []Stage{{"run", 1, 1}}, Functions: []Function{}, Calls: []Call{{1, 8, 12, 0, 0}, {100, 250, 400, 0, 0}}}
	return &Report{Schema: SchemaVersion, Date: "2026-11-22", Device: "cpu", Machine: Machine{"linux", "amd64", "Some CPU", 2, "go1.26.8"},
		Roofline: Roofline{10e9, 8e9, 1e9}, Results: []*Result{dense, online}}
}

// golden compares with a file of testdata, or writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *rewrite {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil || got != string(want) {
		t.Errorf("%s differs (read it, then -rewrite), %v:\n%s", path, err, got)
	}
}

func TestZipfDrawsItsWeights(t *testing.T) {
	const n, draws = 50, 400_000
	z, s := newZipf(n, 1.1), newStream(1)
	counts := make([]float64, n)
	for range draws {
		counts[z.draw(&s)]++
	}
	total := 0.0
	weights := make([]float64, n)
	for i := range weights {
		weights[i] = pow(float64(i+2), -1.1)
		total += weights[i]
	}
	for i, c := range counts {
		if want := draws * weights[i] / total; c < want*0.9-20 || c > want*1.1+20 {
			t.Errorf("rank %d drawn %v times, want about %.0f", i, c, want)
		}
	}
}

func TestMedians(t *testing.T) {
	samples := []Sample{{Wall: 3}, {Wall: 1}, {Wall: 2}}
	if m := medianOf(samples, func(s Sample) float64 { return s.Wall }); m != 2 {
		t.Errorf("median %v", m)
	}
	r := newResult(Workload{Name: "x"}, Data{Files: []string{"a"}}, []Sample{{Rows: 10, Wall: 2, BytesIn: 100, BytesOut: 50, Scans: 2}})
	if r.RowsRate != 5 || r.BytesRate != 175 {
		t.Errorf("%+v", r)
	}
}

func TestRunnerErrorsAreTold(t *testing.T) {
	w, _ := Find("dense")
	broken := errors.New("broken")
	o := Options{Cache: t.TempDir(), Rows: 100, Runs: 1, Runner: func(context.Context, Job) (Sample, error) { return Sample{}, broken }}
	if _, err := Measure(t.Context(), w, o); !errors.Is(err, broken) {
		t.Error(err)
	}
	if _, err := Process("/nonexistent/quern")(t.Context(), Job{Workload: "dense"}); err == nil {
		t.Error("a program that is not there runs")
	}
	if _, err := (Job{Workload: "nothing"}).Run(t.Context()); err == nil {
		t.Error("a workload that is not there runs")
	}
	if names := stageNames(); !slices.Contains(names, "other") {
		t.Error(names)
	}
}
