package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"runtime/pprof"
	"time"

	"quern/cpu"
	"quern/gpu"
	"quern/internal/memory"
	"quern/pipeline"
	"quern/pipeline/model"
	"quern/pipeline/recipe"
)

// Job is one run of a workload, to be done by one process.
type Job struct {
	Workload  string `json:"workload"`
	Data      Data   `json:"data"`
	Out       string `json:"out"` // folder of outputs; it is emptied before
	Workers   int    `json:"workers,omitempty"`
	Memory    int64  `json:"memory,omitempty"`
	Codec     string `json:"codec,omitempty"`      // of the Parquet output; "": the recipe's
	Encoding  string `json:"encoding,omitempty"`   // of the Parquet output; "": the recipe's
	Profile   string `json:"profile,omitempty"`    // file of a CPU profile; "": none
	SkipModel bool   `json:"skip_model,omitempty"` // do not write the model file
	Baseline  string `json:"baseline,omitempty"`   // "gonum": measure that instead
	GPU       *int   `json:"gpu,omitempty"`        // number of the device that computes; nil: the CPU does
}

// Sample is what one run took.
type Sample struct {
	Rows     int64   `json:"rows"`
	Wall     float64 `json:"wall_s"`
	CPU      float64 `json:"cpu_s"`
	Fit      float64 `json:"fit_s"`       // until the model is learnt
	Model    float64 `json:"model_s"`     // writing the model, beside what follows
	Write    float64 `json:"transform_s"` // transform and write, from then on
	Peak     int64   `json:"peak_bytes"`
	Scans    int     `json:"scans"` // of fitting
	BytesIn  int64   `json:"bytes_in"`
	BytesOut int64   `json:"bytes_out"`
	Digest   string  `json:"model"`
	Calls    []Call  `json:"calls,omitempty"` // of the workload online
	Check    string  `json:"check,omitempty"` // what a baseline computed, to be compared
}

// Run does the job in this process.
func (j Job) Run(ctx context.Context) (Sample, error) {
	w, ok := Find(j.Workload)
	if !ok {
		return Sample{}, fmt.Errorf("unknown workload %q", j.Workload)
	}
	r, err := j.recipe(w)
	if err != nil {
		return Sample{}, err
	}
	if err := os.RemoveAll(j.Out); err != nil {
		return Sample{}, err
	}
	if err := os.MkdirAll(j.Out, 0o777); err != nil {
		return Sample{}, err
	}
	if j.Memory > 0 {
		debug.SetMemoryLimit(j.Memory)
	}
	debug.SetGCPercent(50) // as the program does
	end, err := profile(j.Profile)
	if err != nil {
		return Sample{}, err
	}
	s, err := j.measured(ctx, w, r)
	if e := end(); err == nil {
		err = e
	}
	s.Peak = memory.Peak()
	return s, err
}

// measured does the work and times it.
func (j Job) measured(ctx context.Context, w Workload, r *recipe.Recipe) (Sample, error) {
	switch {
	case j.Baseline != "":
		return j.baseline(ctx, r)
	case w.online:
		return j.online(ctx, r)
	}
	return j.run(ctx, r)
}

// recipe returns the workload's recipe over the job's data.
func (j Job) recipe(w Workload) (*recipe.Recipe, error) {
	r, err := recipe.Parse(filepath.Join(j.Out, w.Name+".yaml"), []byte(w.recipe()))
	if err != nil {
		return nil, err
	}
	r.Source.Format, r.Source.Files = recipe.Parquet, nil
	if j.Data.CSV {
		r.Source.Format = recipe.CSVText
	}
	for _, f := range j.Data.Files {
		path, err := filepath.Abs(f)
		if err != nil {
			return nil, err
		}
		r.Source.Files = append(r.Source.Files, recipe.Name{Text: path})
	}
	if r.Output.Parquet != nil {
		r.Output.Parquet.Path.Text = "features"
		if j.Codec != "" {
			r.Output.Parquet.Codec = recipe.Codec(j.Codec)
		}
		if j.Encoding != "" {
			r.Output.Parquet.Encoding = recipe.Encoding(j.Encoding)
		}
	}
	if r.Output.Tensor != nil {
		r.Output.Tensor.Path.Text = "tensors"
	}
	return r, nil
}

// run fits, transforms and writes, as `quern run` does.
func (j Job) run(ctx context.Context, r *recipe.Recipe) (Sample, error) {
	var s Sample
	o := pipeline.Options{Backend: cpu.New(), Workers: j.Workers, Memory: j.Memory}
	if j.GPU != nil {
		device, err := gpu.Open(gpu.Options{Ordinal: *j.GPU, Reference: o.Backend})
		if err != nil {
			return s, err
		}
		defer device.Close()
		o.Backend = device
	}
	started, before := time.Now(), cpuTime()
	var fitted, saved time.Time
	o.Fitted = func(m *model.Model) error {
		fitted = time.Now()
		defer func() { saved = time.Now() }()
		if j.SkipModel {
			return nil
		}
		return saveModel(filepath.Join(j.Out, "model.quern"), m)
	}
	result, err := pipeline.Run(ctx, r, o)
	if err != nil {
		return s, err
	}
	done := time.Now()
	s.Wall, s.CPU = done.Sub(started).Seconds(), (cpuTime() - before).Seconds()
	s.Fit, s.Model, s.Write = fitted.Sub(started).Seconds(), saved.Sub(fitted).Seconds(), done.Sub(fitted).Seconds()
	s.Rows, s.Scans, s.BytesIn, s.Digest = result.RowsIn, result.Scans, j.Data.Bytes, result.Digest
	for _, out := range result.Outputs {
		for _, p := range out.Manifest.Files {
			s.BytesOut += p.Bytes
		}
	}
	return s, nil
}

// saveModel writes the model file and makes it durable.
func saveModel(path string, m *model.Model) error {
	data, err := m.Bytes()
	if err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return f.Close()
}

// profile starts a CPU profile; the returned function ends it.
func profile(path string) (end func() error, err error) {
	if path == "" {
		return func() error { return nil }, nil
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		f.Close()
		return nil, err
	}
	return func() error {
		pprof.StopCPUProfile()
		return f.Close()
	}, nil
}
