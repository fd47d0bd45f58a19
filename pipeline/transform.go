package pipeline

import (
	"context"
	"slices"

	"quern/features/backend"
	"quern/features/program"
	"quern/pipeline/model"
	"quern/pipeline/recipe"
	"quern/pipeline/sink"
	"quern/pipeline/source"
)

// transformer writes the rows of a source to outputs: where, then the features,
// then labels and kept columns. It is compiled once and shared by all workers.
//
// Where the source stores columns apart, the outputs can take them so, and the back end
// does not want them whole, each chunk is computed component by component: what a worker
// holds is a column or a few, not a chunk.
type transformer struct {
	src     source.Source
	gates   []string // the columns that where and taken read
	where   *stage   // rows to read at all; nil: all
	taken   *stage   // rows that were learnt from; nil unless the manifest should tell
	rows    []transformPart
	apart   bool // rows has components; else it is whole, and gates are read with it
	targets []*target
	parts   [][]source.Chunk
	locate  func(err error, p *program.Program, c *source.Chunk, keep []int32) error
}

// transformPart is a component of what is computed.
type transformPart struct {
	*stage
	columns []string // to read
	outputs []int    // numbers of its outputs among all that is computed
}

// newTransformer compiles what the outputs need. Labels and kept columns whose
// source columns are missing are left out, with a notice.
func newTransformer(m *model.Model, r *recipe.Recipe, in *inputs, training bool, o Options) (*transformer, []sink.Field, error) {
	values, taken := m.Serving, (*program.Program)(nil)
	if training {
		values, taken = m.Training, m.Taken
	}
	if err := in.provides(m, values, m.Where, taken); err != nil {
		return nil, nil, err
	}
	extra := m.Extra
	if extra != nil {
		extra = in.available(extra, o)
	}
	whole := program.Join(values, extra)
	t := &transformer{src: in, gates: inputsOf(m.Where, taken),
		locate: func(err error, p *program.Program, c *source.Chunk, keep []int32) error {
			return locateRun(r.File, err, p, c, keep)
		}}
	o.Backend = backend.Choose(o.Backend, whole, rowsOf(in.chunks))
	t.apart = columnar(in) != nil && columnTargets(r) && !backend.Wholesale(o.Backend)
	if err := t.compile(whole, m.Where, taken, o); err != nil {
		return nil, nil, err
	}
	widths := whole.Widths()
	var computed []sink.Field
	for i, f := range whole.Fields() {
		computed = append(computed, sink.Field{Field: f, Role: whole.Outputs[i].Role, Width: widths[i]})
	}
	return t, computed, nil
}

// compile compiles the conditions and what is computed.
func (t *transformer) compile(whole, where, taken *program.Program, o Options) (err error) {
	gates := t.gates
	for _, c := range componentsOf(whole, t.apart) {
		part := transformPart{columns: c.Program.Inputs.Names(), outputs: c.Outputs}
		if !t.apart {
			part.columns = union(t.gates, part.columns)
			gates = part.columns
		}
		if part.stage, err = newStage(o.Backend, c.Program, part.columns); err != nil {
			return err
		}
		t.rows = append(t.rows, part)
	}
	if t.where, err = newStage(o.Backend, where, gates); err != nil {
		return err
	}
	t.taken, err = newStage(o.Backend, taken, gates)
	return err
}

// run writes every part to every target that does not have it yet.
func (t *transformer) run(ctx context.Context, o Options, chunks []source.Chunk) (rows, read int64, err error) {
	t.parts = partsOf(chunks)
	meter := o.Progress.begin("transform", chunks)
	counts := make([]counted, len(t.parts))
	err = forEach(ctx, o.workersFor(chunks, len(t.parts), t.share()), len(t.parts),
		func() (*writer, error) { return t.newWriter() },
		func(ctx context.Context, w *writer, i int) error {
			return w.part(ctx, i, &counts[i], meter)
		},
		func(w *writer) error { return w.close() })
	for _, c := range counts {
		rows, read = rows+c.out, read+c.in
	}
	return rows, read, err
}

// share returns which part of a chunk a worker holds at a time.
func (t *transformer) share() float64 {
	if !t.apart {
		return 1
	}
	components := make([]program.Component, len(t.rows))
	for i, p := range t.rows {
		components[i].Program = p.program
	}
	return slices.Max(sharesOf(columnar(t.src), components))
}
