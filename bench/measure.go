package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// Options say how to measure.
type Options struct {
	Cache   string // folder of data and outputs
	Rows    int    // 0: each workload's own
	Runs    int    // at least 1
	Warmup  int    // runs before, not counted
	Workers int    // 0: one per CPU
	Memory  int64  // budget in bytes; 0: none
	GPU     *int   // number of the device that computes; nil: the CPU does
	// Baseline "gonum" also measures gonum's float64 statistics over the same columns.
	Baseline string
	// Runner does a job; nil: this process does.
	Runner func(context.Context, Job) (Sample, error)
	// Say is told what happens; nil: nobody.
	Say func(string)
}

// Measure prepares the workload's data and runs it: warm-ups, measured runs, and one
// more under a CPU profile, whose time counts for nothing else.
func Measure(ctx context.Context, w Workload, o Options) (*Result, error) {
	o.say("%s: preparing data", w.Name)
	data, err := w.Prepare(ctx, o.Cache, o.Rows)
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp(o.Cache, "run-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	job := Job{Workload: w.Name, Data: data, Out: filepath.Join(folder, "out"), Workers: o.Workers, Memory: o.Memory, GPU: o.GPU}
	var samples []Sample
	for i := range o.Warmup + max(1, o.Runs) {
		s, err := o.run(ctx, job)
		if err != nil {
			return nil, err
		}
		if i >= o.Warmup {
			samples = append(samples, s)
			o.say("%s: run %d: %.3f s", w.Name, i-o.Warmup+1, s.Wall)
		}
	}
	r := newResult(w, data, samples)
	if o.GPU != nil {
		r.Device = fmt.Sprintf("gpu:%d", *o.GPU)
	}
	if err := o.profiled(ctx, job, folder, r); err != nil {
		return nil, err
	}
	if o.Baseline != "" {
		job.Baseline = o.Baseline
		s, err := o.run(ctx, job)
		if err != nil {
			return nil, err
		}
		r.Baseline = &Baseline{Name: o.Baseline, Wall: s.Wall, Compute: s.Fit, CPU: s.CPU, Peak: s.Peak, Check: s.Check}
	}
	return r, nil
}

// profiled runs the job once more under a profile and notes stages and functions.
func (o Options) profiled(ctx context.Context, job Job, folder string, r *Result) error {
	job.Profile = filepath.Join(folder, "cpu.pprof")
	if _, err := o.run(ctx, job); err != nil {
		return err
	}
	f, err := os.Open(job.Profile)
	if err != nil {
		return err
	}
	defer f.Close()
	p, err := readProfile(f)
	if err != nil {
		return err
	}
	r.Stages, r.Functions = p.stages(), p.top(15)
	return nil
}

func (o Options) run(ctx context.Context, j Job) (Sample, error) {
	if o.Runner == nil {
		return j.Run(ctx)
	}
	return o.Runner(ctx, j)
}

func (o Options) say(format string, args ...any) {
	if o.Say != nil {
		o.Say(fmt.Sprintf(format, args...))
	}
}

// Process returns a Runner that starts a process for each job: a command that reads
// the job as JSON from standard input and writes the sample to standard output. So
// every run starts cold and its peak of memory is its own.
func Process(command ...string) func(context.Context, Job) (Sample, error) {
	return func(ctx context.Context, j Job) (Sample, error) {
		text, err := json.Marshal(j)
		if err != nil {
			return Sample{}, err
		}
		var out, talk bytes.Buffer
		c := exec.CommandContext(ctx, command[0], command[1:]...)
		c.Stdin, c.Stdout, c.Stderr = bytes.NewReader(text), &out, &talk
		if err := c.Run(); err != nil {
			return Sample{}, fmt.Errorf("%s: %w\n%s", j.Workload, err, &talk)
		}
		var s Sample
		return s, json.Unmarshal(out.Bytes(), &s)
	}
}

// medianOf returns the median of a figure; of an even number the upper one.
func medianOf(samples []Sample, of func(Sample) float64) float64 {
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = of(s)
	}
	return Median(values)
}

// Median returns the median of figures; of an even number the upper one of the two in the
// middle. There must be one. It sorts them.
func Median(figures []float64) float64 {
	slices.Sort(figures)
	return figures[len(figures)/2]
}
