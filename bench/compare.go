package bench

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"quern/cpu"
	"quern/features/backend"
	"quern/gpu"
	"quern/pipeline"
	"quern/pipeline/model"
	"quern/pipeline/recipe"
)

// CompareOptions say how to compare devices.
type CompareOptions struct {
	GPU       backend.Backend
	Timed     backend.Backend // the same, with sessions that are backend.Staged; nil: no stages
	Resident  backend.Backend // the same, with sessions that are backend.Resident; nil: not measured
	Cores     int             // 0: all
	Runs      int             // measured, after one that does not count; at least 1
	Rows      int             // of the workloads' tables; 0: each workload's own
	Operators int             // rows of the operators' tables; 0: a million; negative: no operators
	Crossover int             // most rows of a batch; 0: 16 Mi; negative: no batches
	Cache     string
	Say       func(string)
}

// comparer measures both sides.
type comparer struct {
	CompareOptions
	cpu   backend.Backend
	timed *metered // nil: no stages
}

// Compare measures workloads, operators and batches of growing size, on the CPU and on
// the GPU of o, and adds the figures to d.
func (d *DeviceReport) Compare(ctx context.Context, workloads []Workload, o CompareOptions) error {
	o.Cores, o.Runs = cmp.Or(max(0, o.Cores), runtime.GOMAXPROCS(0)), max(1, o.Runs)
	o.Operators, o.Crossover = cmp.Or(o.Operators, 1_000_000), cmp.Or(o.Crossover, 1<<24)
	c := &comparer{CompareOptions: o, cpu: cpu.New()}
	if o.Timed != nil {
		c.timed = &metered{Backend: o.Timed}
	}
	for _, w := range workloads {
		if w.online {
			continue
		}
		found, err := c.workload(ctx, w)
		if err != nil {
			return fmt.Errorf("%s: %w", w.Name, err)
		}
		d.Workloads = append(d.Workloads, found...)
	}
	if o.Operators > 0 {
		for _, x := range operatorTables() {
			found, err := c.operator(ctx, x)
			if err != nil {
				return fmt.Errorf("%s: %w", x.name, err)
			}
			d.Operators = append(d.Operators, found...)
		}
	}
	if o.Crossover > 0 {
		var err error
		if d.Crossover, err = c.crossover(); err != nil {
			return fmt.Errorf("crossover: %w", err)
		}
	}
	return nil
}

func (c *comparer) say(format string, args ...any) {
	if c.Say != nil {
		c.Say(fmt.Sprintf(format, args...))
	}
}

// workload compares both halves of a workload.
func (c *comparer) workload(ctx context.Context, w Workload) ([]*Compared, error) {
	data, err := w.Prepare(ctx, c.Cache, c.Rows)
	if err != nil {
		return nil, err
	}
	job := Job{Workload: w.Name, Data: data, Out: filepath.Join(c.Cache, "compare")}
	r, err := job.recipe(w)
	if err != nil {
		return nil, err
	}
	src, err := pipeline.Open(ctx, r, pipeline.Options{Backend: c.cpu})
	if err != nil {
		return nil, err
	}
	defer src.Close()
	h, err := hold(ctx, src, src.Schema().Names())
	if err != nil {
		return nil, err
	}
	defer h.Close()
	return c.both(ctx, w.Name, r, h)
}

// both compares fitting over h, and transforming it with the model.
func (c *comparer) both(ctx context.Context, name string, r *recipe.Recipe, h *held) ([]*Compared, error) {
	fit, m, err := c.fit(ctx, name, r, h)
	if err != nil {
		return nil, err
	}
	transform, err := c.transform(name, m, h)
	if err != nil {
		return nil, err
	}
	tensor, err := c.tensor(name, m, h)
	if err != nil {
		return nil, err
	}
	found := slices.DeleteFunc([]*Compared{fit, transform, tensor}, func(x *Compared) bool { return x == nil })
	for _, x := range found {
		c.say("%s %s: one core %.3f s, %d cores %.3f s, GPU %.3f s", name, x.What, x.One.Seconds, c.Cores, x.All.Seconds, x.GPU.Seconds)
	}
	return found, nil
}

// fit compares learning. What learns nothing is nil. The two sides must learn the same.
func (c *comparer) fit(ctx context.Context, name string, r *recipe.Recipe, h *held) (*Compared, *model.Model, error) {
	d, err := pipeline.Describe(r, h, pipeline.Options{})
	if err != nil {
		return nil, nil, err
	}
	var learnt *pipeline.Result
	run := func(be backend.Backend, workers int) func() error {
		return func() error {
			result, err := pipeline.FitSource(ctx, r, h, pipeline.Options{Backend: be, Workers: workers})
			if err != nil {
				return err
			}
			if learnt != nil && learnt.Digest != result.Digest {
				return fmt.Errorf("%s learns model %s, another back end %s", be.Name(), result.Digest, learnt.Digest)
			}
			learnt = result
			return nil
		}
	}
	if d.Scan == nil {
		err := run(c.cpu, c.Cores)()
		return nil, learnt.Model, err
	}
	w := gpu.WorkOf(d.Scan, h.rows())
	x := &Compared{Name: name, What: "fit", Rows: w.Rows, Up: w.Up, Down: w.Down}
	if err := c.sides(x, run(c.cpu, 1), run(c.cpu, c.Cores), run(c.GPU, c.Cores)); err != nil {
		return nil, nil, err
	}
	if c.timed != nil {
		if err := run(c.timed, c.Cores)(); err != nil {
			return nil, nil, err
		}
		x.GPU.Stages = c.timed.take()
	}
	return x, learnt.Model, nil
}

// transform compares computing a model's features.
func (c *comparer) transform(name string, m *model.Model, h *held) (*Compared, error) {
	w := gpu.WorkOf(m.Serving, h.rows())
	x := &Compared{Name: name, What: "transform", Rows: w.Rows, Up: w.Up, Down: w.Down}
	on, err := newApplier(c.cpu, m.Serving, h.schema, h.batches)
	if err != nil {
		return nil, err
	}
	there, err := newApplier(c.GPU, m.Serving, h.schema, h.batches)
	if err != nil {
		return nil, err
	}
	err = c.sides(x, func() error { return on.run(1) }, func() error { return on.run(c.Cores) }, func() error { return there.run(c.Cores) })
	if err != nil {
		return nil, err
	}
	if x.GPU.Stages, err = c.staged(m, h); err != nil {
		return nil, err
	}
	x.Resident, err = c.resident(m, h)
	return x, err
}

// sides measures the three sides of x.
func (c *comparer) sides(x *Compared, one, all, there func() error) (err error) {
	if x.One, err = c.side(x.Rows, one); err != nil {
		return err
	}
	if x.All, err = c.side(x.Rows, all); err != nil {
		return err
	}
	x.GPU, err = c.side(x.Rows, there)
	return err
}

// staged returns the stages of one transform more, if sessions are to be asked.
func (c *comparer) staged(m *model.Model, h *held) (map[string]float64, error) {
	if c.timed == nil {
		return nil, nil
	}
	a, err := newApplier(c.timed, m.Serving, h.schema, h.batches)
	if err == nil {
		err = a.run(c.Cores)
	}
	return c.timed.take(), err
}

// side runs f once for warmth, and then as often as is asked for.
func (c *comparer) side(rows int64, f func() error) (*Side, error) {
	var times []float64
	for i := range c.Runs + 1 {
		start := time.Now()
		if err := f(); err != nil {
			return nil, err
		}
		if i > 0 {
			times = append(times, time.Since(start).Seconds())
		}
	}
	return newSide(rows, times), nil
}

func newSide(rows int64, times []float64) *Side {
	slices.Sort(times)
	s := &Side{Seconds: max(times[len(times)/2], 1e-9), Least: times[0], Most: times[len(times)-1]}
	s.Rate = float64(rows) / s.Seconds
	return s
}

// resident measures the first batch on the device, where the session can compute it
// again; else it returns nil.
func (c *comparer) resident(m *model.Model, h *held) (*Side, error) {
	if c.Resident == nil || len(h.batches) == 0 {
		return nil, nil
	}
	a, err := newApplier(c.Resident, m.Serving, h.schema, h.batches[:1])
	if err != nil || len(a.parts) != 1 {
		return nil, err
	}
	session := a.parts[0].exe.NewSession()
	defer session.Close()
	again, ok := session.(backend.Resident)
	if !ok {
		return nil, nil
	}
	if err := a.batch(session, &a.parts[0], &a.batches[0]); err != nil {
		return nil, err
	}
	var times []float64
	for range 2*c.Runs + 1 {
		took, ok, err := again.Again()
		if err != nil || !ok {
			return nil, err
		}
		times = append(times, took.Seconds())
	}
	return newSide(int64(a.batches[0].Rows), times), nil
}
