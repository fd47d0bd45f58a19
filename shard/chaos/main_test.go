//go:build linux

package chaos

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	pq "github.com/parquet-go/parquet-go"

	"quern/internal/failpoint"
)

// TestMain gives the tests a folder that they share, and runs more of them at a time than
// there are processors: they wait most of the time.
func TestMain(m *testing.M) {
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		f.Value.Set("6")
	}
	var err error
	if shared, err = os.MkdirTemp("", "quern-chaos-"); err != nil {
		panic(err)
	}
	go func() {
		runtime.LockOSThread()
		for start := range starts {
			start()
		}
	}()
	code := m.Run()
	if err := os.RemoveAll(shared); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// shared is the folder of the whole run: the program, the source, and the oracle.
var shared string

// starts has processes started by one thread, which lives as long as this process: they
// die with it, and the kernel takes the end of the thread for that of their parent.
var starts = make(chan func())

// times returns how often to do what `go test` does n times.
func times(t *testing.T, n int) int {
	factor := 1
	if os.Getenv("QUERN_LONG") != "" {
		factor = 3
	}
	if text := os.Getenv("QUERN_CHAOS"); text != "" {
		f, err := strconv.Atoi(text)
		if err != nil || f < 1 {
			t.Fatalf("QUERN_CHAOS=%q is no factor", text)
		}
		factor = f
	}
	return n * factor
}

// long reports whether time plays no role.
func long() bool { return os.Getenv("QUERN_LONG") != "" || os.Getenv("QUERN_CHAOS") != "" }

// random returns numbers from a seed that is printed; QUERN_SEED repeats one.
func random(t *testing.T) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("QUERN_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("QUERN_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// bench is what all tests share: the program with failpoints, and a job with what one
// process makes of it.
type bench struct {
	program string
	recipe  string            // its text, less the outputs
	want    map[string][]byte // what a run makes, by name below the scene's folder
	names   []string          // of the failpoints in the program
}

// The job. Its rows pass a filter that takes one of 64, so that there are several parts
// and little to do. The test of the bench holds these numbers against what a log says.
const (
	files   = 6 // of the source, a part and a shard each
	shards  = files
	phases  = 4 // the last one transforms
	rows    = 1 << 18
	outputs = "output:\n  parquet: {path: out/features}\n  tensor: {path: out/tensors, format: safetensors}\n"
)

const recipeText = `quern: 1
name: scene
source:
  parquet: %s/rows-*.parquet
  where: "taken"
fit:
  where: "day < 25 or id < 10"
keep: [id]
label: {even: "id %% 128 = 0"}
features:
  - columns: [city]
    steps:
      - categorify: {min_count: 1}
  - columns: [day]
    steps:
      - fill: {with: median}
  - columns: [amount]
    steps:
      - clip: {quantiles: [0.05, 0.95]}
      - standardize
  - name: day_city
    columns: [city, day]
    steps:
      - cross: {buckets: 64}
`

// row is one of the source.
type row struct {
	ID     int64    `parquet:"id,delta"`
	Taken  bool     `parquet:"taken"`
	City   string   `parquet:"city,dict"`
	Amount *float64 `parquet:"amount,optional,dict"`
	Day    *int64   `parquet:"day,optional,dict"`
}

// makeSource writes the source.
func makeSource(folder string) error {
	all := make([]row, rows)
	for file := range files {
		for i := range all {
			n := int64(file*rows + i)
			all[i] = row{ID: n, City: fmt.Sprint("city ", n/64%977), Taken: n%64 == 0}
			if n%11 != 0 {
				amount := float64(n%9973) / 3
				all[i].Amount = &amount
			}
			if day := n * 7 % 31; day != 30 {
				all[i].Day = &day
			}
		}
		if err := pq.WriteFile(filepath.Join(folder, fmt.Sprintf("rows-%d.parquet", file)), all); err != nil {
			return err
		}
	}
	return nil
}

// makeBench builds the program and asks the oracle: a run in one process.
var makeBench = sync.OnceValues(func() (*bench, error) {
	b := &bench{program: filepath.Join(shared, "quern"), recipe: fmt.Sprintf(recipeText, shared)}
	if out, err := exec.Command("go", "build", "-tags", "failpoints", "-o", b.program, "quern/cmd/quern").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building: %w\n%s", err, out)
	}
	binary, err := os.ReadFile(b.program)
	alone := filepath.Join(shared, "alone")
	if err := errors.Join(err, makeSource(shared), os.Mkdir(alone, 0o777)); err != nil {
		return nil, err
	}
	b.names = failpoint.Names(binary)
	if err := os.WriteFile(filepath.Join(alone, "recipe.yaml"), []byte(b.recipe+outputs), 0o666); err != nil {
		return nil, err
	}
	c := exec.Command(b.program, "run", "recipe.yaml", "--quiet")
	c.Dir = alone
	if out, err := c.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("the oracle: %w\n%s", err, out)
	}
	b.want, err = seen(alone)
	return b, err
})

// begin returns the bench, or skips the test.
func begin(t *testing.T) *bench {
	t.Helper()
	if testing.Short() {
		t.Skip("breaks processes, which takes a while")
	}
	b, err := makeBench()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// seen returns what readers see in a scene's folder: all files but the recipe, what is
// under _quern, manifests apart, and hidden files, which are attempts.
func seen(folder string) (map[string][]byte, error) {
	found := map[string][]byte{}
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() == "recipe.yaml" || path != folder && d.Name()[0] == '.' {
			return err
		}
		if d.IsDir() {
			if d.Name() == "jobs" || d.Name() == "attempts" {
				return fs.SkipDir
			}
			return nil
		}
		name, err := filepath.Rel(folder, path)
		if err == nil && (filepath.Base(filepath.Dir(path)) != "_quern" || d.Name() == "manifest.json") {
			found[name], err = os.ReadFile(path)
		}
		if errors.Is(err, fs.ErrNotExist) { // it was an attempt's
			err = nil
		}
		return err
	})
	return found, err
}

// TestBench: the job has the parts, shards and phases that the tests count on.
func TestBench(t *testing.T) {
	b := begin(t)
	if len(b.names) < 50 {
		t.Errorf("the program has only %d failpoints: %v", len(b.names), b.names)
	}
	if len(b.want) != 2*files+3 {
		t.Errorf("the oracle made %d files", len(b.want))
	}
	s := newScene(t, b)
	s.mustRun(t)
	s.whole(t, "a run that nothing happens to")
	if got, want := s.passages("task.compute.before"), shards*phases; got != want {
		t.Errorf("a quiet run computed %d tasks, want %d", got, want)
	}
	before := s.objects(t)
	if c := s.start(t, runIt()); c.wait(t, time.Minute) != 2 || !c.said("Q430") {
		t.Errorf("a second run ends with %d: %s", c.code(), c.talk)
	}
	sameObjects(t, "a second run", before, s.objects(t))
	for _, folder := range []string{"out/features", "out/tensors"} {
		if c := s.start(t, run{args: []string{"verify", folder}}); c.wait(t, time.Minute) != 0 {
			t.Errorf("verify %s ends with %d: %s", folder, c.code(), c.talk)
		}
	}
}
