// Package pipeline turns a recipe into a model and features, in one process: parse,
// bind, split, observe, merge, freeze, compile, run. Start in run.go, which reads as
// that script. It never chooses a back end: it is handed one.
package pipeline

import (
	"context"
	"time"

	"quern/pipeline/model"
	"quern/pipeline/output"
	"quern/pipeline/recipe"
	"quern/pipeline/source"
)

// Result is what a run has to tell.
type Result struct {
	Model      *model.Model
	Digest     string // of the model
	RowsIn     int64
	RowsOut    int64
	BytesIn    int64 // stored size of the chunks, once
	Scans      int   // of fitting
	Seconds    float64
	Outputs    []Output
	Quarantine []string // files left out
}

// Output is one finished output.
type Output struct {
	Path     string
	Manifest *output.Manifest
}

// Fit learns a model from the recipe's source.
func Fit(ctx context.Context, r *recipe.Recipe, o Options) (*Result, error) {
	return withInput(ctx, r, o, func(in *inputs) (*Result, error) {
		result, err := fitInput(ctx, r, in, o)
		if err != nil {
			return nil, err
		}
		return result, o.fitted(result.Model)
	})
}

// FitSource learns a model from a source that the caller has opened, whatever
// source the recipe names. The source stays open.
func FitSource(ctx context.Context, r *recipe.Recipe, src source.Source, o Options) (*Result, error) {
	return fitInput(ctx, r, &inputs{Source: src, chunks: src.Chunks()}, o)
}

// Run learns a model and writes the recipe's outputs, with training values in the
// rows that were learnt from.
func Run(ctx context.Context, r *recipe.Recipe, o Options) (*Result, error) {
	if err := refuseFinished(ctx, r, o); err != nil {
		return nil, err
	}
	return withInput(ctx, r, o, func(in *inputs) (*Result, error) {
		result, err := fitInput(ctx, r, in, o)
		if err != nil {
			return nil, err
		}
		return result, transform(ctx, result, r, in, true, o)
	})
}

// Transform writes the recipe's outputs with a model that was fitted before. The
// recipe is the model's own, perhaps with another source and other outputs.
func Transform(ctx context.Context, m *model.Model, r *recipe.Recipe, training bool, o Options) (*Result, error) {
	if err := refuseFinished(ctx, r, o); err != nil {
		return nil, err
	}
	return withInput(ctx, r, o, func(in *inputs) (*Result, error) {
		result := &Result{Model: m, Digest: m.Digest(), BytesIn: in.bytes(), Quarantine: in.bad}
		o.Fitted = nil // the model is there already
		return result, transform(ctx, result, r, in, training, o)
	})
}

// fitInput binds, observes, merges and freezes.
func fitInput(ctx context.Context, r *recipe.Recipe, in *inputs, o Options) (*Result, error) {
	started := time.Now()
	plan, err := Bind(r, in.Schema(), in.Unusable())
	if err != nil {
		return nil, err
	}
	learnt, err := plan.learn(ctx, in, in.chunks, o)
	if err != nil {
		return nil, err
	}
	m, err := learnt.Model()
	if err != nil {
		return nil, err
	}
	return &Result{Model: m, Digest: m.Digest(), RowsIn: int64(learnt.seen.Read), BytesIn: in.bytes(), Scans: learnt.scans,
		Seconds: time.Since(started).Seconds(), Quarantine: in.bad}, nil
}

// transform compiles the model's programs, runs them over the chunks, and
// publishes the outputs.
func transform(ctx context.Context, result *Result, r *recipe.Recipe, in *inputs, training bool, o Options) error {
	started := time.Now()
	how, err := newComputation(result.Model, in.Schema(), training, o)
	if err != nil {
		return err
	}
	t, err := newTransformer(how, r, in, o)
	if err != nil {
		return err
	}
	writers, err := t.begin(ctx, &written{r, result.Digest, training, how.fields, in.chunks}, o)
	for _, w := range writers {
		defer w.Close()
	}
	if err != nil {
		return err
	}
	err = o.besideFitted(ctx, result.Model, func(ctx context.Context) (err error) {
		result.RowsOut, result.RowsIn, err = t.run(ctx, o, in.chunks)
		return err
	})
	if err != nil {
		return err
	}
	for i, w := range writers {
		m, err := w.Finish(ctx, output.Summary{Quarantined: in.bad, Notices: in.Notices()})
		if err != nil {
			return err
		}
		result.RowsOut = m.Rows
		result.Outputs = append(result.Outputs, Output{t.targets[i].path, m})
	}
	result.Seconds += time.Since(started).Seconds()
	return nil
}
