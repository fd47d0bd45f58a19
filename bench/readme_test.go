package bench

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestReadmeStatesTheResults: the README's table has the figures of bench/results, and
// no others.
func TestReadmeStatesTheResults(t *testing.T) {
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "<!-- bench -->\n")
	table, _, closed := strings.Cut(rest, "<!-- /bench -->")
	if !ok || !closed {
		t.Fatal("the README has no table of benchmarks")
	}
	files, _ := filepath.Glob("results/*.json")
	files = slices.DeleteFunc(files, func(f string) bool {
		return strings.HasPrefix(filepath.Base(f), "gpu-") || filepath.Base(f) == "serving.json"
	})
	if len(files) == 0 || strings.Count(table, "\n| ") != len(files) {
		t.Errorf("%d results", len(files))
	}
	for _, f := range files {
		var r struct {
			Workload string
			Rows     int
			Tools    map[string]struct {
				Wall float64 `json:"wall_s"`
				Rate float64 `json:"rows_per_s"`
				Peak int64   `json:"peak_bytes"`
			}
		}
		body, err := os.ReadFile(f)
		if err != nil || json.Unmarshal(body, &r) != nil {
			t.Fatalf("%s: %v", f, err)
		}
		q := r.Tools["quern"]
		want := fmt.Sprintf(" %.2f s, %.2f M rows/s, %.0f MiB |", q.Wall, q.Rate/1e6, float64(q.Peak)/(1<<20))
		row := "| " + r.Workload + " |"
		at := strings.Index(table, row)
		if at < 0 {
			t.Errorf("the README has no row %s: run bench/peers/readme.py README.md", r.Workload)
			continue
		}
		line, _, _ := strings.Cut(table[at:], "\n")
		if !strings.Contains(line, want) {
			t.Errorf("the README says %s, the results%s", line, want)
		}
	}
}

// TestReadmeStatesTheGPU: what the README says of GPUs is what bench/results/gpu-*.json
// say, and nothing where there are none. -rewrite writes it.
func TestReadmeStatesTheGPU(t *testing.T) {
	const path, start, end = "../README.md", "<!-- gpu -->\n", "<!-- /gpu -->"
	files, err := filepath.Glob("results/gpu-*.json")
	if err != nil {
		t.Fatal(err)
	}
	var reports []*Report
	for _, f := range files {
		body, err := os.ReadFile(f)
		r := &Report{}
		if err == nil {
			err = json.Unmarshal(body, r)
		}
		if err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		reports = append(reports, r)
	}
	want, err := GPUMarkdown(reports)
	if err != nil {
		t.Fatalf("%q: %v", files, err)
	}
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(page), start)
	got, after, closed := strings.Cut(rest, end)
	switch {
	case !ok || !closed:
		t.Fatal("the README has no place for GPUs")
	case *rewrite:
		if err := os.WriteFile(path, []byte(before+start+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	case got != want:
		t.Errorf("the README says\n%s\nthe results\n%s\n(make generate writes it)", got, want)
	}
}
