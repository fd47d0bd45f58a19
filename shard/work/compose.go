package work

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"quern/features/diag"
	"quern/pipeline"
	"quern/pipeline/output"
	"quern/pipeline/store"
	"quern/shard/record"
)

// Compose implements drive.Work. All parts have their names by now. The manifest of the
// first output is the document that ends the job; those of the others are written here,
// before it, and so is the model, so that no finished output lacks it.
func (j *Job) Compose(ctx context.Context, phase record.Phase, claims []record.Claim) ([]byte, error) {
	document, err := j.compose(ctx, phase, claims)
	return document, poison(ctx, err)
}

func (j *Job) compose(ctx context.Context, phase record.Phase, claims []record.Claim) ([]byte, error) {
	at, err := j.lastPhase(ctx, phase)
	if err != nil {
		return nil, err
	}
	owns, err := j.Owns(ctx) // who is late must not write over what came after
	if err != nil {
		return nil, err
	}
	if owns {
		if err := j.writeModel(ctx, at); err != nil {
			return nil, err
		}
	}
	made, err := j.gather(claims)
	if err != nil {
		return nil, err
	}
	outputs, err := pipeline.SharedOutputs(at.model, j.recipe, j.layout.Schema, j.layout.Chunks, j.spec.Training, j.options.Options)
	if err != nil {
		return nil, err
	}
	var document []byte
	for i, o := range outputs {
		st, err := j.options.Places.Store(ctx, store.Join(j.Root.Location(), j.spec.Outputs[i]))
		if err != nil {
			return nil, err
		}
		text, err := j.manifest(ctx, st, o, made.of(i))
		if err != nil {
			return nil, err
		}
		if i == 0 {
			document = text
		} else if owns {
			if err := output.Publish(ctx, st, text); err != nil {
				return nil, err
			}
		}
	}
	return document, nil
}

// lastPhase returns the last phase, whose state is the model.
func (j *Job) lastPhase(ctx context.Context, phase record.Phase) (*loaded, error) {
	state := record.File{}
	if phase.Number > 0 {
		before, err := j.fitted(ctx, phase.Number-1)
		if err != nil {
			return nil, err
		}
		state = before.State
	}
	return j.load(ctx, state, false)
}

// writeModel puts the model where the user wants it. All who do write the same bytes.
func (j *Job) writeModel(ctx context.Context, at *loaded) error {
	if j.spec.Model == "" || j.options.WriteModel == nil {
		return nil
	}
	data, err := j.modelBytes(ctx, at)
	if err != nil {
		return err
	}
	return j.options.WriteModel(ctx, j.spec.Model, data)
}

// manifest returns the manifest of an output.
func (j *Job) manifest(ctx context.Context, st store.Store, o pipeline.SharedOutput, made gathered) ([]byte, error) {
	c := output.Composition{Store: st, Format: o.Format, Job: o.Job, Entries: made.entries,
		Piece:   func(ctx context.Context, part int) (store.Reader, error) { return j.Root.Open(ctx, made.names[part]) },
		Summary: output.Summary{Notices: append(append([]string{}, j.spec.Notices...), made.lost...)}}
	if len(c.Notices) == 0 {
		c.Notices = nil
	}
	if len(made.lost) > 0 { // not what a run of all rows writes
		sum := sha256.Sum256(fmt.Appendf(nil, "%s without %q", o.Job.Digest, made.lost))
		c.Job.Digest = hex.EncodeToString(sum[:])
	}
	return c.Manifest(ctx)
}

// gathered is what claims tell of an output.
type gathered struct {
	entries []*output.Entry // by part; nil: its shard failed
	names   []string        // of the objects
	lost    []string        // what is missing, for the reader of the manifest
}

type allGathered []gathered

func (g allGathered) of(output int) gathered { return g[output] }

// gather reads the notes of claims.
func (j *Job) gather(claims []record.Claim) (allGathered, error) {
	all := len(j.parts)
	made := make(allGathered, len(j.spec.Outputs))
	for i := range made {
		made[i] = gathered{entries: make([]*output.Entry, all), names: make([]string, all)}
	}
	for i := range claims {
		c := &claims[i]
		from, to, err := j.spec.parts(c.Shard, all)
		if err != nil {
			return nil, err
		}
		if c.Failed() {
			for k := range made {
				made[k].lost = append(made[k].lost, fmt.Sprintf("shard %d failed: the rows of parts %d to %d are missing: %s", c.Shard, from, to-1, c.Failure))
			}
			continue
		}
		if err := made.take(c, from, to-from); err != nil {
			return nil, err
		}
	}
	return made, nil
}

// take takes the entries of a shard's parts.
func (g allGathered) take(c *record.Claim, from, parts int) error {
	n := &note{}
	if err := json.Unmarshal(c.Note, n); err != nil {
		return diag.New("Q454", "the note of shard %d is damaged", c.Shard).Because(err)
	}
	if len(n.Entries) != len(g) || len(c.Files) != len(g)*parts {
		return diag.New("Q454", "shard %d does not have the parts that were planned", c.Shard)
	}
	for i := range g {
		if len(n.Entries[i]) != parts {
			return diag.New("Q454", "shard %d does not have the parts that were planned", c.Shard)
		}
		for k, e := range n.Entries[i] {
			g[i].entries[from+k], g[i].names[from+k] = e, c.Files[i*parts+k].Name
		}
	}
	return nil
}
