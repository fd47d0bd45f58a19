package pipeline

import (
	"context"
	"quern/pipeline/model"
	"quern/pipeline/recipe"
	"quern/pipeline/sink"
	"slices"

	"quern/features/backend"
	"quern/features/column"
	"quern/features/program"
	"quern/pipeline/output"
	"quern/pipeline/source"
)

// transformer writes the rows of a source to outputs: where, then the features,
// then labels and kept columns. It is compiled once and shared by all workers.
type transformer struct {
	src     source.Source
	columns []string
	where   *stage // rows to read at all
	taken   *stage // rows that were learnt from; nil unless the manifest should tell
	rows    []*stage
	targets []*target
	parts   [][]source.Chunk
	locate  func(err error, p *program.Program, c *source.Chunk, keep []int32) error
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
	t := &transformer{src: in, columns: inputsOf(m.Where, taken, values, extra), locate: func(err error, p *program.Program, c *source.Chunk, keep []int32) error {
		return locateRun(r.File, err, p, c, keep)
	}}
	var err error
	if t.where, err = newStage(o.Backend, m.Where, t.columns); err != nil {
		return nil, nil, err
	}
	if t.taken, err = newStage(o.Backend, taken, t.columns); err != nil {
		return nil, nil, err
	}
	var computed []sink.Field
	for _, p := range []*program.Program{values, extra} {
		if p == nil {
			continue
		}
		s, err := newStage(o.Backend, p, t.columns)
		if err != nil {
			return nil, nil, err
		}
		t.rows = append(t.rows, s)
		for i, f := range p.Fields() {
			computed = append(computed, sink.Field{Field: f, Role: p.Outputs[i].Role})
		}
	}
	return t, computed, nil
}

// stage is a compiled program and where its inputs are among the columns read.
type stage struct {
	program *program.Program
	exe     backend.Executable
	inputs  []int
}

// newStage compiles p, whose inputs are found among columns. nil stays nil.
func newStage(be backend.Backend, p *program.Program, columns []string) (*stage, error) {
	if p == nil {
		return nil, nil
	}
	exe, err := be.Compile(p)
	if err != nil {
		return nil, err
	}
	return &stage{p, exe, positions(p.Inputs.Names(), columns)}, nil
}

// partRows and partBytes end a part: the first chunk that reaches one of them is
// its last. They depend on the chunks alone, so part borders do too.
const (
	partRows  = 1 << 18
	partBytes = 64 << 20
)

// partsOf groups consecutive chunks into parts.
func partsOf(chunks []source.Chunk) [][]source.Chunk {
	var parts [][]source.Chunk
	var rows, bytes int64
	start := 0
	for i, c := range chunks {
		rows, bytes = rows+max(0, c.Rows), bytes+c.Bytes
		if rows >= partRows || bytes >= partBytes || i == len(chunks)-1 {
			parts = append(parts, chunks[start:i+1])
			start, rows, bytes = i+1, 0, 0
		}
	}
	return parts
}

// run writes every part to every target that does not have it yet.
func (t *transformer) run(ctx context.Context, o Options, chunks []source.Chunk) (rows, read int64, err error) {
	t.parts = partsOf(chunks)
	meter := o.Progress.begin("transform", chunks)
	counts := make([]counted, len(t.parts))
	err = forEach(ctx, o.workersFor(chunks), len(t.parts),
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

// counted is how many rows of a part came in and went out.
type counted struct{ in, out int64 }

// writer is one worker of a transform.
type writer struct {
	*transformer
	reader   source.Reader
	where    *filter
	taken    *filter
	sessions []backend.Session
	args     []column.Column
	out      []column.Column
	casts    [][]column.Column // per target: buffers of narrowed columns
}

func (t *transformer) newWriter() (*writer, error) {
	reader, err := t.src.NewReader(t.columns)
	if err != nil {
		return nil, err
	}
	w := &writer{transformer: t, reader: reader, where: t.where.filter(), taken: t.taken.filter()}
	for _, s := range t.rows {
		w.sessions = append(w.sessions, s.exe.NewSession())
	}
	w.casts = make([][]column.Column, len(t.targets))
	return w, nil
}

// filter returns a filter of a stage with one Bool output; nil for nil.
func (s *stage) filter() *filter {
	if s == nil {
		return nil
	}
	return newFilter(s.exe, s.inputs)
}

func (w *writer) close() error {
	for _, s := range w.sessions {
		s.Close()
	}
	w.where.close()
	w.taken.close()
	return w.reader.Close()
}

// part writes part i to the targets that lack it and publishes it.
func (w *writer) part(ctx context.Context, i int, n *counted, meter *Progress) (err error) {
	open := make([]*output.Part, len(w.targets))
	defer func() {
		for _, p := range open {
			if p != nil {
				p.Abort() // after Commit it does nothing
			}
		}
	}()
	for j, t := range w.targets {
		if t.writer.Finished(i) {
			continue
		}
		if open[j], err = t.writer.Part(ctx, i); err != nil {
			return err
		}
	}
	if !slices.ContainsFunc(open, func(p *output.Part) bool { return p != nil }) {
		w.skip(i, n, meter) // an interrupted run wrote it
		return nil
	}
	for _, c := range w.parts[i] {
		in, err := w.chunk(ctx, c, open, n)
		if err != nil {
			return err
		}
		n.in += int64(in)
		meter.done(c, in)
	}
	for _, p := range open {
		if p != nil {
			if err := p.Commit(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// skip counts the rows of a part that is there already.
func (w *writer) skip(i int, n *counted, meter *Progress) {
	for _, c := range w.parts[i] {
		n.in += max(0, c.Rows)
		meter.done(c, int(max(0, c.Rows)))
	}
}

// chunk computes one chunk and appends it to the open parts.
func (w *writer) chunk(ctx context.Context, c source.Chunk, open []*output.Part, n *counted) (rows int, err error) {
	read, err := w.reader.Read(ctx, c)
	if err != nil {
		return 0, err
	}
	batch, err := w.where.apply(read)
	if err != nil {
		return 0, w.locate(err, w.transformer.where.program, &c, nil)
	}
	w.out = w.out[:0]
	for i, s := range w.rows {
		w.args = w.args[:0]
		for _, at := range s.inputs {
			w.args = append(w.args, batch.Columns[at])
		}
		result, err := w.sessions[i].Run(column.Batch{Rows: batch.Rows, Columns: w.args}, nil)
		if err != nil {
			return 0, w.locate(err, s.program, &c, w.where.kept())
		}
		w.out = append(w.out, result.Columns...)
	}
	outside, err := w.outside(batch, &c)
	if err != nil {
		return 0, err
	}
	for j, p := range open {
		if p == nil {
			continue
		}
		for _, r := range outside {
			p.Outside(n.out+r[0], n.out+r[1])
		}
		if err := p.Write(column.Batch{Rows: batch.Rows, Columns: w.narrowed(j)}); err != nil {
			return 0, inChunk(err, &c, w.where.kept())
		}
	}
	n.out += int64(batch.Rows)
	return read.Rows, nil
}

// outside returns the runs of rows of batch that were not learnt from.
func (w *writer) outside(batch column.Batch, c *source.Chunk) (runs [][2]int64, err error) {
	kept, all, err := w.taken.rows(batch)
	if err != nil {
		return nil, w.locate(err, w.transformer.taken.program, c, w.where.kept())
	}
	if all {
		return nil, nil
	}
	next := int64(0)
	for _, r := range append(kept, int32(batch.Rows)) {
		if int64(r) > next {
			runs = append(runs, [2]int64{next, int64(r)})
		}
		next = int64(r) + 1
	}
	return runs, nil
}
