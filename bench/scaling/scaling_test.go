package main

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"strings"
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

// TestTextStatesTheCurve: the figures in the text about the limits are those of the curve.
func TestTextStatesTheCurve(t *testing.T) {
	root(t)
	f, err := committed()
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(documentPath)
	if err != nil {
		t.Fatal(err)
	}
	at := func(name string, workers int) *simulate.Scaled {
		for _, s := range f.curve.Series {
			for _, p := range s.Points {
				if s.Name == name && p.Workers == workers {
					return p
				}
			}
		}
		t.Fatalf("%s has no %d workers", name, workers)
		return nil
	}
	thousand, most, small := at("coordinator", 1000), at("coordinator", 10_000), at("small statistics", 10_000)
	minutes := func(p *simulate.Scaled) float64 { return p.Busy * p.Makespan / 60 }
	share := func(p *simulate.Scaled) float64 { return 100 * float64(p.Puts) / p.Makespan / f.in.store("s3").Puts }
	text := strings.Join(strings.Fields(string(page)), " ")
	for _, want := range []string{
		fmt.Sprintf("keep it busy for %.0f minutes, which hides behind the shards, and 80,000 for %.0f,", minutes(thousand), minutes(most)),
		fmt.Sprintf("the job of 10,000 workers takes %.1f times as long as its work", most.Makespan/most.Ideal),
		fmt.Sprintf("The bytes come to %.0f GB", math.Round(most.Merged/1e10)*10),
		fmt.Sprintf("take %.0f to %.0f %% on average, and put up to 1,%d claims", share(most), share(small), most.ClaimsPeak-1000),
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s does not say %q", documentPath, want)
		}
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
