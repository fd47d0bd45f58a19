package main

import (
	"bytes"
	"math"
	"os"
	"testing"

	"quern/shard/simulate"
)

// root returns to the root of the repository, where the paths start.
func root(t *testing.T) {
	t.Helper()
	t.Chdir("../..")
}

// TestDocumentStatesTheCurve: the tables and the drawing of docs/SCALING.md are those of
// the committed figures, and no others.
func TestDocumentStatesTheCurve(t *testing.T) {
	root(t)
	f, err := committed()
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(documentPath)
	if err != nil {
		t.Fatal(err)
	}
	if want, err := filled(page, f); err != nil || !bytes.Equal(page, want) {
		t.Errorf("%v: %s does not state %s: run `make scaling`", err, documentPath, curvePath)
	}
	if drawn, err := os.ReadFile(drawingPath); err != nil || !bytes.Equal(drawn, drawing(&f.curve)) {
		t.Errorf("%v: %s does not draw %s: run `make scaling`", err, drawingPath, curvePath)
	}
}

// TestCurveIsWhatTheMachinesDo simulates the small jobs anew: when the protocol asks for
// more or less than it did, the curve is to be made anew.
func TestCurveIsWhatTheMachinesDo(t *testing.T) {
	root(t)
	in, c := &inputs{}, &curve{}
	if err := readJSON(inputsPath, in); err != nil {
		t.Fatal(err)
	}
	if err := readJSON(curvePath, c); err != nil {
		t.Fatal(err)
	}
	all := kinds(in)
	if len(all) != len(c.Series) {
		t.Fatalf("%d series are committed, not %d: run `make scaling`", len(c.Series), len(all))
	}
	for i, k := range all {
		for _, was := range c.Series[i].Points {
			if was.Workers > 30 {
				continue
			}
			is := usual(in.load(was.Workers, k))
			for name, x := range map[string][2]float64{"makespan": {was.Makespan, is.Makespan}, "puts": {float64(was.Puts), float64(is.Puts)},
				"gets": {float64(was.Gets), float64(is.Gets)}, "merged": {was.Merged, is.Merged}} {
				if math.Abs(x[0]-x[1]) > 0.2*x[0] {
					t.Errorf("%s, %d workers: %s is %v, committed is %v: run `make scaling`", k.name, was.Workers, name, x[1], x[0])
				}
			}
		}
	}
}

// TestHeapGrowsWithStatistics: a coordinator keeps one merged statistic, and of each shard
// its claim.
func TestHeapGrowsWithStatistics(t *testing.T) {
	for _, h := range measureHeap(1000) {
		if rest := h.Bytes - h.Statistics; rest > 512<<10+int64(h.Shards)*1024 {
			t.Errorf("%d shards: %d bytes beside a statistic of %d", h.Shards, rest, h.Statistics)
		}
	}
}

// TestMeasuringAStore measures a folder.
func TestMeasuringAStore(t *testing.T) {
	c, err := measureStore(t.Context(), t.TempDir(), 50)
	if err != nil || c.Put.Median <= 0 || c.Get.Median <= 0 || c.List.Median <= 0 || c.Page != 1000 {
		t.Errorf("%v: %+v", err, c)
	}
	if s := fit([]float64{3, 1, 2}); s != simulate.SpreadOf(2, 2) {
		t.Errorf("%+v", s)
	}
}
