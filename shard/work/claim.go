package work

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"time"

	"quern/features/diag"
	"quern/pipeline"
	"quern/pipeline/output"
	"quern/pipeline/store"
	"quern/shard/core"
	"quern/shard/record"
)

// Plan plans a job and begins it: it opens the source, binds the recipe, cuts the source
// into shards, claims the folders of the outputs, and puts the plan into the log, where
// tasks find it. A job that was begun before and is not finished is taken up, whatever its
// shards. Errors are those of pipeline.Run before it reads rows.
func Plan(ctx context.Context, q Request, o Options) (*Job, error) {
	p, err := newPlanner(ctx, q, o)
	if err != nil {
		return nil, err
	}
	for range attempts {
		j, err := p.old(ctx)
		if j != nil || err != nil {
			return j, err
		}
		if j, err = p.reserve(ctx); err != nil {
			return nil, err
		}
		if j == nil {
			continue
		}
		if owns, err := j.begin(ctx); owns || err != nil {
			return j, err
		}
	}
	return nil, diag.New("Q435", "other processes take %s from each other", p.outputs[0].Path)
}

// attempts is how often Plan begins: once more for each process that takes the folders
// away from it in between.
const attempts = 5

// patience is how long a claim counts whose job has no plan in the log. Whoever plans puts
// it there right after it has claimed the folders.
const patience = 2 * time.Second

// planner is a job that is being planned.
type planner struct {
	Request
	o        Options
	patience time.Duration

	spec    *spec
	plan    *pipeline.Plan
	root    string // of the job
	outputs []pipeline.SharedOutput
	stores  []store.Store // of the outputs

	abandoned string // log of a job that claimed the first output and was never begun; or ""
}

func newPlanner(ctx context.Context, q Request, o Options) (*planner, error) {
	p := &planner{Request: q, o: o, patience: patience}
	var err error
	if p.spec, p.plan, p.outputs, err = q.bind(ctx, o); err != nil {
		return nil, err
	}
	if p.root, err = p.spec.place(p.outputs); err != nil {
		return nil, err
	}
	p.stores, err = openAll(ctx, p.outputs, o)
	return p, err
}

// openAll opens the stores of the outputs and checks that they can be written.
func openAll(ctx context.Context, outputs []pipeline.SharedOutput, o Options) ([]store.Store, error) {
	stores := make([]store.Store, len(outputs))
	for i, out := range outputs {
		st, err := o.Places.Store(ctx, out.Path)
		if err != nil {
			return nil, err
		}
		if err := output.Probe(ctx, st); err != nil {
			return nil, err
		}
		stores[i] = st
	}
	return stores, nil
}

// old returns the job that has claimed the first output, if it comes to the same results
// and Finish was not called; else nil. One whose log says that shards failed for good goes
// no further, so Overwrite begins anew.
func (p *planner) old(ctx context.Context) (*Job, error) {
	j, err := p.claimant(ctx)
	if j == nil || err != nil || !j.spec.same(p.spec) || j.Plan.AllowFailed != p.AllowFailed {
		return nil, err // reserve says what is in the way
	}
	// One that is done keeps its claim until Finish: whoever was to call that may have died.
	if done, err := store.Exists(ctx, p.stores[0], manifestName); err != nil || done && p.Overwrite {
		return nil, err
	}
	if p.Overwrite {
		if lost, err := j.failed(ctx); err != nil || lost {
			return nil, err
		}
	}
	return j, nil
}

// claimant returns the job that has claimed the first output: nil if none has, or if it
// cannot be read. A claim without a plan is either a moment old, so it is looked at again, or
// that of a process that died before it had put its plan: then the claim is abandoned.
func (p *planner) claimant(ctx context.Context) (*Job, error) {
	p.abandoned = ""
	seen, since := "", time.Time{}
	for {
		log, err := output.Log(ctx, p.stores[0])
		if err != nil || log == "" {
			return nil, err
		}
		j, err := Open(ctx, log, p.o)
		if err == nil {
			return j, nil
		}
		var e *diag.Error
		if !errors.As(err, &e) || e.Code != "Q450" {
			return nil, nil
		}
		if log != seen {
			seen, since = log, time.Now()
		}
		if time.Since(since) >= p.patience {
			p.abandoned = log
			return nil, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(p.patience / 20):
		}
	}
}

// failed reports whether the log says of any shard that it failed for good.
func (j *Job) failed(ctx context.Context) (bool, error) {
	status, err := j.Log.Status(ctx, j.ID)
	if err != nil {
		return false, err
	}
	for i := range status.Phases {
		if _, failed := status.Phases[i].Settled(); failed > 0 {
			return true, nil
		}
	}
	return false, nil
}

// reserve makes a job of its own and claims the folders for it. A kill after the first
// claim leaves one without a plan in the log. No job: that of the abandoned claim, which
// would be this one, has begun.
func (p *planner) reserve(ctx context.Context) (*Job, error) {
	if !p.Overwrite {
		if err := output.AllFinished(ctx, p.stores); err != nil {
			return nil, err
		}
	}
	j, err := p.job(ctx)
	if j == nil || err != nil {
		return nil, err
	}
	for i, out := range p.outputs {
		out.Job.Overwrite = p.Overwrite
		if err := output.Reserve(ctx, p.stores[i], out.Format, out.Job, j.URI, p.abandoned); err != nil {
			return nil, err
		}
	}
	return j, nil
}

// job makes the plan and its job. If the log has that plan already, this job replaces
// what came of it: it gets a plan of its own. But nil if its claim was taken for abandoned.
func (p *planner) job(ctx context.Context) (*Job, error) {
	st, err := p.o.Places.Store(ctx, p.root)
	if err != nil {
		return nil, err
	}
	first, err := firstPhase(ctx, p.plan, p.spec, p.o)
	if err != nil {
		return nil, err
	}
	plan := record.Plan{Phase: first, AllowFailed: p.AllowFailed, Document: p.spec.document()}
	for {
		plan.Spec = p.spec.encode()
		_, id := plan.Encode()
		j := newJob(p.root, st, id, p.o)
		_, outcome, err := j.Log.Get(ctx, j.planName(), false)
		if err != nil {
			return nil, err
		}
		if outcome == core.Missing {
			return j, j.take(&plan)
		}
		if j.URI == p.abandoned {
			return nil, nil
		}
		var random [8]byte
		rand.Read(random[:])
		p.spec.Generation = hex.EncodeToString(random[:])
	}
}

// begin puts the plan into the log. Another process may do so at the same time: the bytes
// are the same. False: the folders are not the job's any more. That is so if this process
// slept for longer than patience since reserve: another one has taken the claim for
// abandoned, and nobody may work on this job.
func (j *Job) begin(ctx context.Context) (owns bool, err error) {
	data, _ := j.Plan.Encode()
	if outcome, cause := j.Log.Put(ctx, j.planName(), data); outcome != core.Done {
		_, found, err := j.Log.Get(ctx, j.planName(), true)
		if found != core.Done {
			return false, diag.New("Q455", "the job's plan cannot be written to %s", j.URI).Because(errors.Join(cause, err, ctx.Err()))
		}
	}
	return j.Owns(ctx)
}
