package pipeline

import (
	"context"

	"quern/features/column"
	"quern/pipeline/model"
	"quern/pipeline/output"
	"quern/pipeline/recipe"
	"quern/pipeline/sink"
	"quern/pipeline/source"
	"quern/pipeline/store"
)

// This file is for jobs that many processes do. They fit with a Learner and Observe; what
// follows is their transform.

// SharedOutput is an output of a recipe, as many processes write it.
type SharedOutput struct {
	Path   string // as the user knows it
	Format sink.Format
	Job    output.Job // Digest and Model are "" before there is a model
}

// PlannedOutputs returns the outputs that a plan's recipe names, as far as they are known
// before anything is learnt: where they are and what files they will have.
func (p *Plan) PlannedOutputs(chunks []source.Chunk) []SharedOutput {
	var outputs []SharedOutput
	computed := p.describeChains(&Description{})
	for _, spec := range targetSpecs(p.Recipe) {
		fields, _ := spec.fields(computed)
		outputs = append(outputs, SharedOutput{spec.path, spec.format, output.Job{Fields: fields, Parts: len(PartsOf(chunks))}})
	}
	return outputs
}

// SharedOutputs returns the outputs of r as a model writes them from a source of so many
// chunks with a schema. Errors are those of a source that is not the model's.
func SharedOutputs(m *model.Model, r *recipe.Recipe, schema column.Schema, chunks []source.Chunk, training bool, o Options) ([]SharedOutput, error) {
	how, err := newComputation(m, schema, training, o)
	if err != nil {
		return nil, err
	}
	w := &written{r, m.Digest(), training, how.fields, chunks}
	var outputs []SharedOutput
	for _, spec := range targetSpecs(r) {
		outputs = append(outputs, SharedOutput{spec.path, spec.format, w.job(spec, spec.target(how.fields))})
	}
	return outputs, nil
}

// Attempt is what one of many processes made of a run of parts.
type Attempt struct {
	RowsIn, RowsOut int64
	Outputs         []*output.Attempt // one per output of the recipe
}

// Close gives up what is not committed.
func (a *Attempt) Close() {
	for _, o := range a.Outputs {
		o.Close()
	}
}

// TransformParts writes the chunks of src, which are those of whole parts, of which the
// first has the number first, as an attempt: into objects of st that name calls, by
// output and part. The caller closes the attempt, which is nil after an error.
func TransformParts(ctx context.Context, m *model.Model, r *recipe.Recipe, src source.Source, first int, training bool,
	st store.Store, name func(output, part int) string, o Options) (*Attempt, error) {
	in := &inputs{Source: src, chunks: src.Chunks()}
	how, err := newComputation(m, in.Schema(), training, o)
	if err != nil {
		return nil, err
	}
	t, err := newTransformer(how, r, in, o)
	if err != nil {
		return nil, err
	}
	t.first = first
	a := &Attempt{}
	for i, spec := range targetSpecs(r) {
		target := spec.target(how.fields)
		made := output.NewAttempt(st, spec.format, target.fields, func(part int) string { return name(i, part) })
		target.parts = made
		t.targets, a.Outputs = append(t.targets, target), append(a.Outputs, made)
	}
	if a.RowsOut, a.RowsIn, err = t.run(ctx, o, in.chunks); err != nil {
		a.Close()
		return nil, err
	}
	return a, nil
}

// Reopen opens some of the chunks of a planned source: those of the given numbers.
func Reopen(ctx context.Context, r *recipe.Recipe, layout *source.Layout, chunks []int, o Options) (source.Source, error) {
	files, err := layout.Open(ctx, o.Places)
	if err != nil {
		return nil, err
	}
	return optionsOf(&r.Source, files, o).reopen(ctx, layout, chunks)
}
