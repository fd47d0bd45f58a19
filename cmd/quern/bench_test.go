package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"quern/bench"
)

// TestBenchMeasures runs a tiny workload and reads what it writes.
func TestBenchMeasures(t *testing.T) {
	t.Chdir(t.TempDir())
	out, talk, code := runQuern(t, "bench", "dense", "--rows", "2000", "--runs", "2", "--warmup", "0", "--in-process",
		"--data", "tables", "--out", "dense.json", "--svg", "dense.svg", "--baseline", "gonum")
	if code != 0 || !strings.Contains(out, "processor seconds by stage") || !strings.Contains(out, "\ndense ") || !strings.Contains(talk, "dense: run 2: ") {
		t.Fatalf("exit code %d\n%s%s", code, out, talk)
	}
	text, err := os.ReadFile("dense.json")
	if err != nil {
		t.Fatal(err)
	}
	var r bench.Report
	if err := json.Unmarshal(text, &r); err != nil || r.Schema != bench.SchemaVersion || r.Device != "cpu" || len(r.Results) != 1 || r.Results[0].Rows != 2000 {
		t.Errorf("%+v, %v", r, err)
	}
	drawing, err := os.ReadFile("dense.svg")
	if err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(bytes.NewReader(drawing)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// TestBenchChild does one job, as the process does that a measured run is.
func TestBenchChild(t *testing.T) {
	t.Chdir(t.TempDir())
	w, _ := bench.Find("dense")
	data, err := w.Prepare(t.Context(), "tables", 1000)
	if err != nil {
		t.Fatal(err)
	}
	job, err := json.Marshal(bench.Job{Workload: "dense", Data: data, Out: "out", Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	a := newApp(&out, io.Discard)
	if err := a.benchChild(t.Context(), bytes.NewReader(job)); err != nil {
		t.Fatal(err)
	}
	var s bench.Sample
	if err := json.Unmarshal(out.Bytes(), &s); err != nil || s.Rows != 1000 || s.Wall <= 0 {
		t.Errorf("%+v, %v", s, err)
	}
	if err := a.benchChild(t.Context(), strings.NewReader("nonsense")); err == nil {
		t.Error("nonsense is taken for a job")
	}
}
