package pipeline

import (
	"context"
	"slices"

	"quern/features/backend"
	"quern/features/program"
	"quern/pipeline/recipe"
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
	first   int // number of parts[0] in the output
	locate  func(err error, p *program.Program, c *source.Chunk, keep []int32) error
}

// transformPart is a component of what is computed.
type transformPart struct {
	*stage
	columns []string // to read
	outputs []int    // numbers of its outputs among all that is computed
}

// newTransformer compiles what the outputs of r need.
func newTransformer(c *computation, r *recipe.Recipe, in *inputs, o Options) (*transformer, error) {
	t := &transformer{src: in, gates: inputsOf(c.where, c.taken),
		locate: func(err error, p *program.Program, c *source.Chunk, keep []int32) error {
			return locateRun(r.File, err, p, c, keep)
		}}
	o.Backend = backend.Choose(o.Backend, c.whole, rowsOf(in.chunks))
	t.apart = columnar(in) != nil && columnTargets(r) && !backend.Wholesale(o.Backend)
	return t, t.compile(c, o)
}

// compile compiles the conditions and what is computed.
func (t *transformer) compile(how *computation, o Options) (err error) {
	gates := t.gates
	for _, c := range componentsOf(how.whole, t.apart) {
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
	if t.where, err = newStage(o.Backend, how.where, gates); err != nil {
		return err
	}
	t.taken, err = newStage(o.Backend, how.taken, gates)
	return err
}

// run writes every part to every target that does not have it yet.
func (t *transformer) run(ctx context.Context, o Options, chunks []source.Chunk) (rows, read int64, err error) {
	t.parts = PartsOf(chunks)
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
