package main

import (
	"bytes"
	"cmp"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"quern/cpu"
	"quern/internal/oracletest"
	"quern/pipeline"
	"quern/pipeline/recipe"
	"quern/pipeline/tensors"
)

// flights runs the recipe, and returns the folder of its tensors.
func flights(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("recipe.yaml")
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(t.TempDir(), "tensors")
	r, err := recipe.Parse("recipe.yaml", bytes.Replace(text, []byte("out/tensors"), []byte(folder), 1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pipeline.Run(t.Context(), r, pipeline.Options{Backend: cpu.New()}); err != nil {
		t.Fatal(err)
	}
	return folder
}

// TestMemoryIsShared: from the part that was read to the tensor that gorgonia takes,
// features lie in one place.
func TestMemoryIsShared(t *testing.T) {
	x := []float32{1, 2, 3, 4, 5, 6, 7, 8}
	whole, _, err := matrices(&tensors.Part{Rows: 4, Arrays: []tensors.Array{
		{Name: "features", Shape: []int{4, 2}, Columns: []string{"a", "b"}, Data: x},
		{Name: "labels", Shape: []int{4, 1}, Columns: []string{"y"}, Data: []uint8{0, 1, 0, 1}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for i, b := range batches(whole.cut([][2]int{{0, 1}, {1, 4}}, 2), 1, 2) {
		m := dense(b.x, 2)
		x[2*i+1] = float32(100 + i)
		if got, _ := m.At(0, 1); got != float32(100+i) {
			t.Errorf("row %d does not see what is written to the features: %v", i, got)
		}
		if err := m.SetAt(float32(-i), 0, 0); err != nil || x[2*i] != float32(-i) {
			t.Errorf("the features do not see what is written to row %d", i)
		}
	}
}

func TestOtherTensorsAreRefused(t *testing.T) {
	x := tensors.Array{Name: "features", Columns: []string{"a"}, Data: []float32{1}}
	y := tensors.Array{Name: "labels", Columns: []string{"y"}, Data: []uint8{1}}
	for _, arrays := range [][]tensors.Array{
		{x}, {y}, {x, {Name: "labels", Data: []uint8{1}}}, {{Name: "features", Data: []float32{1}}, y},
		{x, {Name: "labels", Columns: []string{"y", "z"}, Data: []uint8{1, 1}}},
		{x, {Name: "labels", Columns: []string{"y"}, Data: []float64{1}}}, {{Name: "features", Columns: []string{"a"}, Data: []float64{1}}, y},
	} {
		if whole, _, err := matrices(&tensors.Part{Rows: 1, Arrays: arrays}); err == nil {
			t.Errorf("%v is taken as %v", arrays, whole)
		}
	}
}

// TestBatchesAreWholeAndApart: every batch has as many rows, and no row is in two.
func TestBatchesAreWholeAndApart(t *testing.T) {
	x, y := make([]float32, 3*100), make([]float32, 100)
	for i := range y {
		x[3*i], y[i] = float32(i), float32(i)
	}
	seen := map[float32]bool{}
	for _, b := range batches(block{x, y}.cut([][2]int{{0, 33}, {40, 99}}, 3), 8, 3) {
		if len(b.x) != 24 || len(b.y) != 8 {
			t.Fatalf("a batch of %d values and %d labels", len(b.x), len(b.y))
		}
		for i, row := range b.y {
			if seen[row] || b.x[3*i] != row || row >= 33 && row < 40 || row == 99 {
				t.Errorf("row %v is there twice, astray, or with another label", row)
			}
			seen[row] = true
		}
	}
	if len(seen) != 32+56 {
		t.Errorf("%d rows in batches", len(seen))
	}
}

// TestAUCIsTheDefinition counts pairs.
func TestAUCIsTheDefinition(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 5))
	for range 300 {
		n := 1 + random.IntN(40)
		scores, labels := make([]float32, n), make([]float32, n)
		for i := range scores {
			scores[i], labels[i] = float32(random.IntN(1+random.IntN(20))), float32(random.IntN(2))
		}
		won, pairs := 0.0, 0.0
		for i := range n {
			for j := range n {
				if labels[i] > labels[j] {
					won += float64(1+cmp.Compare(scores[i], scores[j])) / 2
					pairs++
				}
			}
		}
		if got, want := auc(scores, labels), won/pairs; got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Fatalf("AUC of %v, %v is %v, not %v", scores, labels, got, want)
		}
	}
}

// TestTheSplitIsLaterInTime asks pyarrow where June begins.
func TestTheSplitIsLaterInTime(t *testing.T) {
	d, err := load(t.Context(), flights(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir("../..")
	var june, all int
	oracletest.Run(t, `
import datetime, json, pyarrow.compute as pc, pyarrow.parquet as pq
date = pq.read_table("examples/flights/flights-200k.parquet")["date"]
june = pc.greater_equal(date, datetime.datetime(2001, 6, 1)).to_pylist()
assert june == sorted(june)
print(json.dumps([sum(june), len(june)]))`, &[]any{&june, &all})
	if len(d.test) != 1 || rows(d.test) != june || rows(d.train)+june != all {
		t.Errorf("%d rows of training, %d of test in %d blocks, of %d flights of which %d are in June", rows(d.train), rows(d.test), len(d.test), all, june)
	}
}

// TestTrainingRepeatsItself: the same tensors give the same weights, bit by bit.
func TestTrainingRepeatsItself(t *testing.T) {
	d, err := load(t.Context(), flights(t))
	if err != nil {
		t.Fatal(err)
	}
	s := schedule{seed: 7, rows: 256, epochs: 1, rate: 0.01}
	var models [2]*model
	for i := range models {
		models[i] = newModel(7, d.width(), 8, 1)
		if err := models[i].fit(d, s); err != nil {
			t.Fatal(err)
		}
	}
	untrained := newModel(7, d.width(), 8, 1)
	for i := range untrained.weights {
		a, b := models[0].weights[i].Data().([]float32), models[1].weights[i].Data().([]float32)
		if !slices.Equal(a, b) || slices.Equal(a, untrained.weights[i].Data().([]float32)) {
			t.Errorf("layer %d: %v, then %v", i, a, b)
		}
	}
}

// TestScikitLearnAgrees holds the areas under the curve against scikit-learn's logistic
// regression on the same tensors: its regression is the same, since both come close to
// the one optimum; the perceptron is about as good.
func TestScikitLearnAgrees(t *testing.T) {
	folder, readme := flights(t), readText(t, "README.md")
	var ours bytes.Buffer
	if err := report(t.Context(), &ours, folder); err != nil {
		t.Fatal(err)
	}
	t.Chdir("../..") // where build/oracle is
	theirs, err := exec.Command(oracletest.Python(t), "examples/train/compare.py", folder).CombinedOutput()
	if err != nil {
		t.Fatalf("compare.py: %v\n%s", err, theirs)
	}
	all := areas(t, ours.String()+string(theirs))
	if len(all) != 3 || math.Abs(all[0]-all[2]) > 0.001 || math.Abs(all[1]-all[2]) > 0.005 || all[2] < 0.65 {
		t.Errorf("ours:\n%s\ntheirs:\n%s", &ours, theirs)
	}
	written := areas(t, readme)
	if !slices.EqualFunc(written, all, func(a, b float64) bool { return math.Abs(a-b) < 0.0005 }) {
		t.Errorf("the README says %v, measured are %v", written, all)
	}
}

// areas returns the figures of lines with AUC.
func areas(t *testing.T, text string) (all []float64) {
	t.Helper()
	for _, m := range regexp.MustCompile(`(?m)^\S.* AUC ([0-9.]+) `).FindAllStringSubmatch(text, -1) {
		x, err := strconv.ParseFloat(strings.TrimSpace(m[1]), 64)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, x)
	}
	return all
}

func readText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
