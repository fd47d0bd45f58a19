package bench

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
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
