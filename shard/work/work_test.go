package work

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	pq "github.com/parquet-go/parquet-go"

	"quern/cpu"
	"quern/pipeline"
	"quern/pipeline/model"
	"quern/pipeline/output"
	"quern/pipeline/recipe"
	"quern/pipeline/store"
	"quern/shard/core"
	"quern/shard/drive"
)

// scene is a folder with a source and a recipe for it.
type scene struct {
	t      *testing.T
	folder string
	shared SharedMemory // of its processes
}

// row is one of the source.
type row struct {
	ID     int64    `parquet:"id"`
	City   string   `parquet:"city,dict"`
	Amount *float64 `parquet:"amount,optional"`
	Day    *int64   `parquet:"day,optional"`
}

// newScene writes Parquet files of so many rows each, which make a part each.
func newScene(t *testing.T, files int) scene {
	const rows = 1 << 18
	s := scene{t: t, folder: t.TempDir()}
	for file := range files {
		all := make([]row, rows)
		for i := range all {
			n := int64(file*rows + i)
			all[i] = row{ID: n, City: []string{"Oslo", "Rome", "Lima", "Kyiv", "Bonn"}[n*n%5]}
			if n%11 != 0 {
				amount := float64(n%97) / 3
				all[i].Amount = &amount
			}
			if day := n * 7 % 31; day != 30 {
				all[i].Day = &day
			}
		}
		if err := pq.WriteFile(filepath.Join(s.folder, fmt.Sprintf("rows-%d.parquet", file)), all); err != nil {
			t.Fatal(err)
		}
	}
	s.write("recipe.yaml", recipeText)
	return s
}

const recipeText = `quern: 1
name: scene
source:
  parquet: rows-*.parquet
fit:
  where: "day < 25 or id < 10"
keep: [id]
label: {even: "id % 2 = 0"}
features:
  - columns: [city]
    steps:
      - categorify: {min_count: 1}
  - columns: [day]
    steps:
      - fill: {with: median}
  - columns: [amount]
    steps:
      - fill: {with: median}
      - clip: {quantiles: [0.05, 0.95]}
      - log1p
      - standardize
  - name: day_city
    columns: [city, day]
    steps:
      - cross: {buckets: 64}
output:
  parquet: {path: out/features}
  tensor: {path: out/tensors, format: safetensors}
`

func (s scene) write(name, text string) {
	if err := os.WriteFile(filepath.Join(s.folder, name), []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

func (s scene) recipe() *recipe.Recipe {
	name := filepath.Join(s.folder, "recipe.yaml")
	text, err := os.ReadFile(name)
	if err != nil {
		s.t.Fatal(err)
	}
	r, err := recipe.Parse(name, text)
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

func (s scene) options() Options {
	return Options{Options: pipeline.Options{Backend: cpu.New(), Workers: 2}, Worker: "test/1", Shared: s.shared,
		WriteModel: func(_ context.Context, path string, data []byte) error { return os.WriteFile(path, data, 0o644) }}
}

// alone runs the recipe in one process and returns every file that it made.
func (s scene) alone() map[string]string {
	o := s.options().Options
	o.Fitted = func(m *model.Model) error {
		data, err := m.Bytes()
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(s.folder, "out", "scene.quern"), data, 0o644)
	}
	if err := os.MkdirAll(filepath.Join(s.folder, "out"), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if _, err := pipeline.Run(s.t.Context(), s.recipe(), o); err != nil {
		s.t.Fatal(err)
	}
	defer s.clear()
	return s.files()
}

// files returns what is in the folder of outputs, logs and locks apart.
func (s scene) files() map[string]string {
	files := map[string]string{}
	root := filepath.Join(s.folder, "out")
	err := filepath.Walk(root, func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		name, _ := filepath.Rel(root, path)
		if strings.HasPrefix(name, "_quern") || strings.HasSuffix(name, "_quern/lock") {
			return nil
		}
		data, err := os.ReadFile(path)
		files[name] = string(data)
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return files
}

// request is the job of the recipe in so many shards.
func (s scene) request(shards int) Request {
	r := s.recipe()
	text, err := os.ReadFile(r.File)
	if err != nil {
		s.t.Fatal(err)
	}
	return Request{Recipe: r, Text: text, Model: filepath.Join(s.folder, "out", "scene.quern"), Shards: shards}
}

func (s scene) plan(q Request) *Job {
	s.t.Helper()
	j, err := Plan(s.t.Context(), q, s.options())
	if err != nil {
		s.t.Fatal(err)
	}
	return j
}

// task does one shard in a process of its own, without a coordinator.
func (s scene) task(j *Job, phase, shard uint32) core.Exit {
	mine, err := Open(s.t.Context(), j.URI, s.options())
	if err != nil {
		s.t.Fatal(err)
	}
	w := core.NewWorker(core.WorkerOptions{Options: core.Options{Job: j.ID, Seed: drive.Seed()}, Phase: phase, Shard: shard, Patience: int64(time.Minute / time.Microsecond)})
	return drive.New(w, drive.Options{Log: mine.Log, Work: mine, Document: mine.Plan.Document}).Run(s.t.Context())
}

func (s scene) done(j *Job) bool {
	done, err := store.Exists(s.t.Context(), j.Root, j.manifestSlot())
	if err != nil {
		s.t.Fatal(err)
	}
	return done
}

// finish does what is left of a job, and returns the result.
func (s scene) finish(j *Job) *pipeline.Result {
	for phase := uint32(0); ; phase++ {
		for shard := range j.Plan.Phase.Shards {
			if exit := s.task(j, phase, shard); exit.Code != core.Committed {
				s.t.Fatalf("phase %d shard %d: %+v", phase, shard, exit)
			}
		}
		if s.done(j) {
			r, err := j.Finish(s.t.Context())
			if err != nil {
				s.t.Fatal(err)
			}
			return r
		}
	}
}

// clear removes the outputs and all logs.
func (s scene) clear() {
	if err := os.RemoveAll(filepath.Join(s.folder, "out")); err != nil {
		s.t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(s.folder, "out"), 0o755); err != nil {
		s.t.Fatal(err)
	}
}

func TestManyProcessesWriteWhatOneWrites(t *testing.T) {
	s := newScene(t, 5)
	want := s.alone()
	if len(want) < 6 {
		t.Fatalf("only %d files", len(want))
	}
	for _, shards := range []int{1, 2, 5} {
		r := s.finish(s.plan(s.request(shards)))
		if len(r.Outputs) != 2 || r.RowsIn != 5<<18 || r.RowsOut != 5<<18 || r.Scans < 2 {
			t.Errorf("%d shards: %+v", shards, r)
		}
		compare(t, s.files(), want)
		s.verify(r)
		s.clear()
	}
}

// A source without rows has no shards: what every phase learns is what no rows teach, and
// the outputs are empty ones.
func TestASourceWithoutRows(t *testing.T) {
	s := newScene(t, 0)
	if err := pq.WriteFile(filepath.Join(s.folder, "rows-0.parquet"), []row{}); err != nil {
		t.Fatal(err)
	}
	s.write("recipe.yaml", strings.ReplaceAll(recipeText, "fill: {with: median}", "fill: {with: 0}"))
	want := s.alone()
	j := s.plan(s.request(3))
	if exit := s.coordinator(j); exit.Code != core.Committed {
		t.Fatalf("%+v", exit)
	}
	r, err := j.Finish(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Outputs) != 2 || r.RowsIn != 0 || r.RowsOut != 0 || r.Scans < 2 {
		t.Errorf("%+v", r)
	}
	compare(t, s.files(), want)
	s.verify(r)
}

func (s scene) verify(r *pipeline.Result) {
	for _, o := range r.Outputs {
		st, err := store.NewLocal(o.Path)
		if err != nil {
			s.t.Fatal(err)
		}
		if _, err := output.Verify(s.t.Context(), st); err != nil {
			s.t.Error(err)
		}
	}
}

func compare(t *testing.T, got, want map[string]string) {
	t.Helper()
	for name, data := range want {
		if !bytes.Equal([]byte(got[name]), []byte(data)) {
			t.Errorf("%s: %d bytes, want %d", name, len(got[name]), len(data))
		}
		delete(got, name)
	}
	for name := range got {
		t.Errorf("%s should not be there", name)
	}
}
