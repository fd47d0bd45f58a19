//go:build linux && cuda && cgo

package gpu_test

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"quern/bench"
	"quern/cpu"
	"quern/features/backend"
	"quern/gpu"
	"quern/gpu/fake/control"
	"quern/pipeline"
	"quern/pipeline/recipe"
)

// way is one way to compute on a device, which must not make a difference.
type way struct {
	seed    int // of the fake driver: the order of everything that has no order
	bytes   int // of slots
	most    int // rows of a slice; 0: what fits
	workers int
}

func ways() []way {
	all := []way{{1, 8 << 20, 0, 2}, {2, 8 << 20, 1024, 3}, {3, 12 << 20, 10_048, 1}}
	if testing.Short() {
		return all[1:2]
	}
	return all
}

// open returns a back end that computes w's way.
func (w way) open(t *testing.T) *gpu.Backend {
	t.Helper()
	control.Set(fmt.Sprintf("seed=%d", w.seed))
	b, err := gpu.Open(gpu.Options{Reference: cpu.New(), Slots: 2, SlotBytes: w.bytes, LeastRows: 1, Notice: func(text string) { t.Error(text) }})
	if err != nil {
		t.Fatal(err)
	}
	b.SetMost(w.most)
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// made is what a run leaves: the digest of the model, and all files by name.
type made struct {
	digest string
	files  map[string]string
}

// makeOf runs a recipe whose outputs are in folder out, and whose source has an absolute
// path. An error has no folder in it.
func makeOf(t *testing.T, be backend.Backend, text string, workers int) (m made, err error) {
	t.Helper()
	dir := t.TempDir()
	r, err := recipe.Parse(filepath.Join(dir, "recipe.yaml"), []byte(text))
	if err != nil {
		return m, fmt.Errorf("%s", strings.ReplaceAll(err.Error(), dir, ""))
	}
	result, err := pipeline.Run(context.Background(), r, pipeline.Options{Backend: be, Workers: workers})
	if err != nil {
		return m, fmt.Errorf("%s", strings.ReplaceAll(err.Error(), dir, ""))
	}
	m = made{result.Digest, map[string]string{}}
	err = filepath.WalkDir(filepath.Join(dir, "out"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		m.files[strings.TrimPrefix(path, dir)] = string(b)
		return err
	})
	return m, err
}

// same says where two runs differ, or "".
func (m made) same(want made) string {
	if m.digest != want.digest {
		return "the models"
	}
	for _, name := range slices.Sorted(maps.Keys(want.files)) {
		if m.files[name] != want.files[name] {
			return name
		}
	}
	if len(m.files) != len(want.files) || len(want.files) < 2 {
		return fmt.Sprintf("the numbers of files (%d and %d)", len(m.files), len(want.files))
	}
	return ""
}

// sameEverywhere runs a recipe on the CPU and on the device in all ways. At least slices
// slices must have been computed by the device.
func sameEverywhere(t *testing.T, text string, slices int64) {
	t.Helper()
	want, err := makeOf(t, cpu.New(), text, 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range ways() {
		b := w.open(t)
		got, err := makeOf(t, b, text, w.workers)
		if err != nil {
			t.Fatalf("%+v: %v", w, err)
		}
		if where := got.same(want); where != "" {
			t.Errorf("%+v: %s differ", w, where)
		}
		c := b.Counts()
		t.Logf("%+v: %+v", w, c)
		if c.Device < slices || c.Reference > 2 { // what has no room once is refused then
			t.Errorf("%+v: the device took little part: %+v", w, c)
		}
	}
}

// atPath returns the absolute path of a file of the repository.
func atPath(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// The example: fit, freeze, transform, write, with the bytes of the CPU.
func TestFlights(t *testing.T) {
	text, err := os.ReadFile("../examples/flights/recipe.yaml")
	if err != nil {
		t.Fatal(err)
	}
	some := strings.Replace(string(text), "flights-*.parquet", atPath(t, "examples/flights/flights-200k.parquet"), 1)
	if testing.Short() { // only what passes goes on to the other programs
		some = strings.Replace(some, `where: "distance > 0"`, `where: "distance > 2000"`, 1)
	}
	sameEverywhere(t, some, 4)
}

// Lists: elements, and what sees lists whole.
func TestMovies(t *testing.T) {
	text, err := os.ReadFile("../examples/movies/recipe.yaml")
	if err != nil {
		t.Fatal(err)
	}
	sameEverywhere(t, strings.Replace(string(text), "viewers.jsonl", atPath(t, "examples/movies/viewers.jsonl"), 1), 2)
}

// workload returns the folder of a table of package bench.
func workload(t *testing.T, name string, rows int) string {
	t.Helper()
	w, _ := bench.Find(name)
	d, err := w.Prepare(context.Background(), t.TempDir(), rows)
	if err != nil {
		t.Fatal(err)
	}
	return d.Folder
}

// names returns "NAME01, NAME02 ...".
func names(pattern string, n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf(pattern, i+1)
	}
	return strings.Join(all, ", ")
}

// Click logs: dictionaries, and integers with nulls.
func TestCriteo(t *testing.T) {
	sameEverywhere(t, fmt.Sprintf(`quern: 1
name: criteo
source: {parquet: %s/part-*.parquet}
keep: [label]
features:
  - columns: [%s]
    steps: [{fill: {with: 0}}, {clip: {min: 0}}, log1p, standardize]
  - columns: [%s]
    steps: [categorify]
output:
  parquet: {path: out}
`, workload(t, "criteo", 3000), names("i%02d", 13), names("c%02d", 26)), 2)
}

// Reals without dictionaries, with nulls and NaN, as parquet and as tensors.
func TestDense(t *testing.T) {
	sameEverywhere(t, fmt.Sprintf(`quern: 1
name: dense
source: {parquet: %s/part-*.parquet}
features:
  - columns: [%s]
    steps: [{fill: {with: median, nan: fill}}, log1p, standardize]
output:
  parquet: {path: out/rows, codec: none}
  tensor: {path: out/tensors, format: safetensors, dtype: float32, layout: rows}
`, workload(t, "dense", 3000), names("f%02d", 40)), 3)
}

// A device that fails in the middle of a run: the files are those of the CPU, and the
// user is told once.
func TestRunsSurviveADevice(t *testing.T) {
	if !control.Set("nofail") {
		t.Skip("a real device does not fail on demand")
	}
	g := generator{rand.New(rand.NewPCG(3, 5)), 0}
	source := g.source(t)
	text := fmt.Sprintf(`quern: 1
name: survives
source: %s}
label: {late: "t > 10"}
features:
  - {columns: [x, y], steps: [fill: {with: median}, standardize]}
  - {columns: [w, i], name: wi, steps: [target_encode: {target: late, folds: 3, folds_by: [k]}]}
  - {columns: [u], steps: [categorify]}
output: {parquet: {path: out}}
`, source)
	want, err := makeOf(t, cpu.New(), text, 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range []string{
		"run-launch:3:ecc", "run-copy:12:lost", "run-fill:30:launch", "launch:9:launch", "copy:20:oom", "alloc:2:oom", "event:14:lost", "sync:6:999",
	} {
		told := make(chan string, 100)
		b, err := gpu.Open(gpu.Options{Reference: cpu.New(), Slots: 2, SlotBytes: 8 << 20, LeastRows: 1, Notice: func(text string) { told <- text }})
		if err != nil {
			t.Fatal(err)
		}
		b.SetMost(64)
		control.Set("nofail,fail=" + fault)
		got, err := makeOf(t, b, text, 2)
		control.Set("nofail")
		if err != nil {
			t.Errorf("%s: %v", fault, err)
		} else if where := got.same(want); where != "" {
			t.Errorf("%s: %s differ", fault, where)
		}
		if err := b.Close(); err != nil {
			t.Errorf("%s: %v", fault, err)
		}
		if len(told) != 1 {
			t.Errorf("%s: told %d times", fault, len(told))
		} else {
			t.Log(<-told)
		}
	}
}
