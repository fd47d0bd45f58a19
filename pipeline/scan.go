package pipeline

import (
	"cmp"
	"context"
	"slices"

	"quern/features/backend"
	"quern/features/column"
	"quern/features/program"
	"quern/features/stat"
	"quern/pipeline/source"
)

// Observe reads every chunk once and returns their merged partial of a phase that a
// Learner of the plan gave: what a shard does, or the whole fit in one process.
func (p *Plan) Observe(ctx context.Context, src source.Source, chunks []source.Chunk, ph *Phase, o Options) (*Partial, error) {
	s, err := p.newScanner(ctx, src, chunks, ph, o)
	if err != nil {
		return nil, err
	}
	err = newGrid(len(s.parts), len(chunks)).run(ctx, s.workers, func() (gridWorker, error) { return s.newObserver() })
	if err != nil {
		s.total.Close()
		return nil, err
	}
	return s.total.finish(ph.Specs, s.res)
}

// scanner is what the observers of one scan share.
type scanner struct {
	plan    *Plan
	src     source.Source
	chunks  []source.Chunk
	phase   *Phase
	parts   []scanPart
	workers int
	res     stat.Resources
	where   *stage     // nil: all rows, or chosen says which
	chosen  *selection // nil: all rows, or where says which
	total   *merger
	meter   *Progress
}

// scanPart is a component of the phase: what is read together and observed by one
// worker at a time.
type scanPart struct {
	*stage
	columns []string // to read: the program's, and those of where
	stats   []int    // numbers of its statistics in the phase
	share   float64  // of the bytes that the scan reads
}

func (p *Plan) newScanner(ctx context.Context, src source.Source, chunks []source.Chunk, ph *Phase, o Options) (*scanner, error) {
	s := &scanner{plan: p, src: src, chunks: chunks, phase: ph, total: newMerger(len(ph.Specs))}
	apart := columnar(src)
	o.Backend = backend.Choose(o.Backend, ph.Program, rowsOf(chunks))
	components := componentsOf(ph.Program, apart != nil && !backend.Wholesale(o.Backend))
	shares := sharesOf(apart, components)
	s.workers = o.workersFor(chunks, len(chunks)*len(components), slices.Max(shares))
	s.res = o.resources(s.workers * len(ph.Specs)) // the first that is done becomes the total
	where := p.taken()
	s.meter = o.Progress.begin(phaseTitle(ph), chunks)
	var err error
	if len(components) > 1 && where != nil {
		s.chosen, err = p.choose(ctx, src, chunks, where, o)
		where = nil
	}
	for i, c := range components {
		if err == nil {
			err = s.add(c, where, shares[i], o)
		}
	}
	slices.SortStableFunc(s.parts, func(a, b scanPart) int { return cmp.Compare(b.share, a.share) })
	return s, err
}

// add compiles a component, and the condition that its rows must meet; nil: none.
func (s *scanner) add(c program.Component, where *program.Program, share float64, o Options) (err error) {
	part := scanPart{columns: c.Program.Inputs.Names(), stats: c.Stats, share: share}
	if where != nil {
		part.columns = union(where.Inputs.Names(), part.columns)
		if s.where, err = newStage(o.Backend, where, part.columns); err != nil {
			return err
		}
	}
	part.stage, err = newStage(o.Backend, c.Program, part.columns)
	s.parts = append(s.parts, part)
	return err
}

// observer is one worker of a scan.
type observer struct {
	*scanner
	reader  source.Reader
	part    *scanPart // at hand; nil: none yet
	session backend.Session
	filter  *filter
	picker  picker
	stats   []stat.Statistic // of the part
	args    []column.Column
}

func (s *scanner) newObserver() (*observer, error) {
	reader, err := s.src.NewReader(s.parts[0].columns)
	if err != nil {
		return nil, err
	}
	return &observer{scanner: s, reader: reader}, nil
}

// begin implements gridWorker.
func (w *observer) begin(part int) error {
	p := &w.parts[part]
	if len(w.parts) > 1 {
		if err := w.reader.(source.Selector).Select(p.columns); err != nil {
			return err
		}
	}
	specs := make([]stat.Spec, len(p.stats))
	for i, at := range p.stats {
		specs[i] = w.phase.Specs[at]
	}
	partial, err := NewPartial(specs, w.res)
	if err != nil {
		return err
	}
	w.part, w.session, w.stats, w.filter = p, p.exe.NewSession(), partial.Stats, w.where.filter()
	return nil
}

// do implements gridWorker: it observes one chunk.
func (w *observer) do(ctx context.Context, t task) error {
	c := &w.chunks[t.chunk]
	batch, err := w.reader.Read(ctx, *c)
	if err != nil {
		return err
	}
	taken, kept, err := w.taken(batch, t)
	if err != nil {
		return w.plan.locateRun(err, w.where.program, c, nil)
	}
	w.args = w.args[:0]
	for _, at := range w.part.inputs {
		w.args = append(w.args, taken.Columns[at])
	}
	if _, err := w.session.Run(column.Batch{Rows: taken.Rows, Columns: w.args}, w.stats); err != nil {
		return w.plan.locateRun(err, w.part.program, c, kept)
	}
	read := 0
	if w.part == &w.parts[0] { // each row is counted once
		read = batch.Rows
		w.total.rows(batch.Rows, taken.Rows)
	}
	w.meter.add(read, w.part.share*float64(c.Bytes))
	return nil
}

// taken returns the rows of a batch to learn from, and which they are; nil: all.
func (w *observer) taken(batch column.Batch, t task) (column.Batch, []int32, error) {
	if w.chosen != nil {
		taken, kept := w.picker.pick(batch, &w.chosen.chunks[t.chunk])
		return taken, kept, nil
	}
	kept, all, err := w.filter.rows(batch)
	if err != nil || all {
		return batch, nil, err
	}
	return w.picker.take(batch, kept), kept, nil
}

// end implements gridWorker: it hands over what the part has learnt.
func (w *observer) end() error {
	w.session.Close()
	w.filter.close()
	err := w.total.merge(w.part.stats, w.stats)
	w.session, w.stats, w.filter, w.part = nil, nil, nil, nil
	return err
}

// close implements gridWorker.
func (w *observer) close() error {
	if w.part != nil { // after an error
		w.session.Close()
		w.filter.close()
		for _, s := range w.stats {
			s.Close()
		}
	}
	return w.reader.Close()
}
