package work

import (
	"context"
	"encoding/json"
	"path"
	"slices"

	"quern/features/diag"
	"quern/pipeline"
	"quern/pipeline/output"
	"quern/pipeline/store"
	"quern/shard/core"
	"quern/shard/drive"
	"quern/shard/record"
)

// Finish returns what a job that is done has to tell, and removes the claims on its
// outputs. Seconds is the caller's to fill in.
func (j *Job) Finish(ctx context.Context) (*pipeline.Result, error) {
	name := record.NamesOf(j.ID).Manifest()
	data, outcome, err := j.Log.Get(ctx, name, true)
	if err != nil || outcome != core.Done {
		return nil, diag.New("Q455", "the job is not done").Because(err)
	}
	end, err := record.ParseManifest(data, j.ID)
	if err != nil {
		return nil, diag.New("Q454", "%s is damaged", name).Because(err)
	}
	phases, err := j.phases(ctx, end)
	if err != nil {
		return nil, err
	}
	at, err := j.lastPhase(ctx, record.Phase{Number: phases})
	if err != nil {
		return nil, err
	}
	r := &pipeline.Result{Model: at.model, Digest: at.model.Digest(), RowsIn: rowsIn(end), Scans: int(phases)}
	for _, c := range j.layout.Chunks {
		r.BytesIn += c.Bytes
	}
	r.Outputs = make([]pipeline.Output, len(j.spec.Outputs))
	// The first output is where the next run looks for the job: its claim goes last, so that
	// a run that finishes after a kill finds the job as long as any claim is left.
	for i, folder := range slices.Backward(j.spec.Outputs) {
		if r.Outputs[i], err = j.release(ctx, folder); err != nil {
			return nil, err
		}
		r.RowsOut = r.Outputs[i].Manifest.Rows
	}
	return r, nil
}

// release gives up the claim on an output that is finished, and tells what is in it.
func (j *Job) release(ctx context.Context, folder string) (out pipeline.Output, err error) {
	out.Path = store.Join(j.Root.Location(), folder)
	st, err := j.options.Places.Store(ctx, out.Path)
	if err != nil {
		return out, err
	}
	if out.Manifest, err = output.ReadManifest(ctx, st); err != nil {
		return out, err
	}
	return out, output.Release(ctx, st, j.URI)
}

// Owns implements drive.Owner: the folder of the first output is claimed for this job from
// its plan until Finish. Another one that was told to replace the output takes the claim.
// The job's name tells, not the place of its log, which processes may know by several paths.
func (j *Job) Owns(ctx context.Context) (bool, error) {
	st, err := j.options.Places.Store(ctx, store.Join(j.Root.Location(), j.spec.Outputs[0]))
	if err != nil {
		return false, err
	}
	log, err := output.Log(ctx, st)
	return path.Base(log) == j.ID.String(), err
}

// phases returns how many phases a finished job has learnt in. The job of a source without
// rows has no shards, so no claims that tell: its log is followed.
func (j *Job) phases(ctx context.Context, end *record.Manifest) (uint32, error) {
	if len(end.Claims) > 0 {
		return end.Claims[0].Phase, nil
	}
	phase := j.Plan.Phase
	for phase.Learns {
		f, err := j.fitted(ctx, phase.Number)
		if err != nil {
			return 0, err
		}
		phase = f.Next
	}
	return phase.Number, nil
}

// rowsIn adds up the rows that the shards of the last phase have read.
func rowsIn(end *record.Manifest) (rows int64) {
	for i := range end.Claims {
		n := &note{}
		if json.Unmarshal(end.Claims[i].Note, n) == nil { // of a failed shard there is none
			rows += n.RowsIn
		}
	}
	return rows
}

// Collect removes what attempts of the finished jobs of this root wrote for each other,
// at once. That takes space from nobody but a process that was overtaken: its shard is
// settled, so all that it can find out is that it is late.
func (j *Job) Collect(ctx context.Context) error {
	jobs, err := j.Log.Jobs(ctx)
	if err != nil {
		return err
	}
	for _, id := range jobs {
		c := core.NewCollector(core.CollectorOptions{Options: core.Options{Job: id, Seed: drive.Seed()}, Grace: 1})
		exit := drive.New(c, drive.Options{Log: j.Log}).Run(ctx)
		if exit.Code != core.Committed {
			return diag.New("Q455", "job %v was not tidied up: %s", id, exit.Reason)
		}
	}
	return ctx.Err()
}
