package pipeline

import (
	"cmp"
	"context"

	"quern/features/backend"
	"quern/features/column"
	"quern/features/program"
	"quern/features/stat"
	"quern/pipeline/model"
	"quern/pipeline/source"
)

// learnt is what fitting has found out besides what the plan's operators keep.
type learnt struct {
	seen  model.Seen
	scans int // how often the source was read
}

// fit learns everything that the plan's operators want from the chunks: phase by
// phase observe, merge and freeze, until nothing is left to learn.
func (p *Plan) fit(ctx context.Context, src source.Source, chunks []source.Chunk, o Options) (*learnt, error) {
	found := &learnt{}
	known := tables{}
	for number := 0; ; number++ {
		ph, done, err := p.phase(number)
		if err != nil || done {
			return found, err
		}
		stats, err := p.observe(ctx, src, chunks, ph, known, found, o)
		if err != nil {
			return nil, err
		}
		if number == 0 {
			found.tally(p, stats[len(ph.wants):])
		}
		err = ph.learn(stats[:len(ph.wants)])
		for _, s := range stats {
			err = cmp.Or(err, s.Close())
		}
		if err != nil {
			return nil, err
		}
	}
}

// observe returns the statistics of ph: from tables where they suffice, else from
// one scan.
func (p *Plan) observe(ctx context.Context, src source.Source, chunks []source.Chunk, ph *Phase, known tables, found *learnt, o Options) ([]stat.Statistic, error) {
	stats := make([]stat.Statistic, len(ph.Specs))
	todo, err := known.answer(o.Backend, ph, stats, o.resources(len(ph.Specs)))
	if err != nil || len(todo) == 0 {
		return stats, p.locateRun(err, ph.Program, nil, nil)
	}
	scan := ph.only(todo)
	var tabled []string
	if ph.Number == 0 && p.rounds() > 1 && p.tableLimit > 0 {
		tabled = tableSpecs(scan, p.tableLimit)
	}
	partial, err := p.scan(ctx, src, chunks, scan, o)
	if err != nil {
		return nil, err
	}
	found.scans++
	found.seen.Read, found.seen.Taken = partial.Read, partial.Taken
	for i, at := range todo {
		stats[at] = partial.Stats[i]
	}
	for i, name := range tabled {
		counts := partial.Stats[len(todo)+i].(*stat.Entries)
		if err := known.add(name, counts); err != nil {
			return nil, err
		}
		if err := counts.Close(); err != nil {
			return nil, err
		}
	}
	return stats, nil
}

// only returns the phase cut down to some of its statistics.
func (ph *Phase) only(stats []int) *Phase {
	cut := &Phase{Number: ph.Number, Specs: make([]stat.Spec, len(stats))}
	whole, at := *ph.Program, map[int]int{}
	whole.Observes = nil
	for i, s := range stats {
		cut.Specs[i], at[s] = ph.Specs[s], i
	}
	for _, o := range ph.Program.Observes {
		if i, ok := at[o.Stat]; ok {
			whole.Observes = append(whole.Observes, program.Observed{Stat: i, Args: o.Args})
		}
	}
	cut.Program = whole.Pruned()
	cut.wants = make([]want, len(stats)) // all of them: tables are added behind
	return cut
}

// scan reads every chunk once and returns the merged partial of the phase.
func (p *Plan) scan(ctx context.Context, src source.Source, chunks []source.Chunk, ph *Phase, o Options) (*Partial, error) {
	s, err := p.newScanner(src, ph, o)
	if err != nil {
		return nil, err
	}
	workers := o.workersFor(chunks)
	res := o.resources((workers + 1) * len(ph.Specs))
	total, err := NewPartial(ph.Specs, res)
	if err != nil {
		return nil, err
	}
	merged := newMerger(total)
	meter := o.Progress.begin(phaseTitle(ph), chunks)
	err = forEach(ctx, workers, len(chunks),
		func() (*observer, error) { return s.newObserver(res) },
		func(ctx context.Context, w *observer, i int) error {
			rows, err := w.chunk(ctx, chunks[i])
			meter.done(chunks[i], rows)
			return err
		},
		func(w *observer) error { return w.finish(merged) })
	if err != nil {
		total.Close()
		return nil, err
	}
	return total, nil
}

// scanner makes the observers of one scan: compiled once, shared by all workers.
type scanner struct {
	plan    *Plan
	src     source.Source
	phase   *Phase
	columns []string
	exe     backend.Executable
	where   backend.Executable // nil: all rows
	whereOf *program.Program
}

func (p *Plan) newScanner(src source.Source, ph *Phase, o Options) (*scanner, error) {
	s := &scanner{plan: p, src: src, phase: ph, columns: ph.Columns()}
	var err error
	if s.exe, err = o.Backend.Compile(ph.Program); err != nil {
		return nil, err
	}
	if s.whereOf = p.taken(); s.whereOf != nil {
		if s.where, err = o.Backend.Compile(s.whereOf); err != nil {
			return nil, err
		}
		s.columns = union(s.whereOf.Inputs.Names(), s.columns)
	}
	return s, nil
}

// observer is one worker of a scan, with a partial of its own.
type observer struct {
	*scanner
	reader  source.Reader
	where   *filter
	session backend.Session
	inputs  []int // of the phase's program, in the columns that are read
	args    []column.Column
	partial *Partial
}

func (s *scanner) newObserver(res stat.Resources) (*observer, error) {
	reader, err := s.src.NewReader(s.columns)
	if err != nil {
		return nil, err
	}
	partial, err := NewPartial(s.phase.Specs, res)
	if err != nil {
		reader.Close()
		return nil, err
	}
	w := &observer{scanner: s, reader: reader, session: s.exe.NewSession(), partial: partial}
	w.inputs = positions(s.phase.Columns(), s.columns)
	w.args = make([]column.Column, len(w.inputs))
	if s.where != nil {
		w.where = newFilter(s.where, positions(s.whereOf.Inputs.Names(), s.columns))
	}
	return w, nil
}

// chunk observes one chunk and returns how many rows it has.
func (w *observer) chunk(ctx context.Context, c source.Chunk) (int, error) {
	batch, err := w.reader.Read(ctx, c)
	if err != nil {
		return 0, err
	}
	taken, err := w.where.apply(batch)
	if err != nil {
		return 0, w.plan.locateRun(err, w.whereOf, &c, nil)
	}
	for i, at := range w.inputs {
		w.args[i] = taken.Columns[at]
	}
	if _, err := w.session.Run(column.Batch{Rows: taken.Rows, Columns: w.args}, w.partial.Stats); err != nil {
		return 0, w.plan.locateRun(err, w.phase.Program, &c, w.where.kept())
	}
	w.partial.Read += uint64(batch.Rows)
	w.partial.Taken += uint64(taken.Rows)
	return batch.Rows, nil
}

// finish merges what the worker has learnt and frees its buffers.
func (w *observer) finish(into *merger) error {
	w.session.Close()
	w.where.close()
	err := w.reader.Close()
	if e := into.merge(w.partial); err == nil {
		err = e
	}
	if e := w.partial.Close(); err == nil {
		err = e
	}
	return err
}

// tally notes the tallies of the first phase, one per column that is read.
func (l *learnt) tally(p *Plan, stats []stat.Statistic) {
	for _, f := range p.Schema {
		if !p.used[f.Name] {
			continue
		}
		t := stats[len(l.seen.Columns)].(*stat.Tally)
		l.seen.Columns = append(l.seen.Columns, model.ColumnSeen{Name: f.Name, Nulls: t.Nulls(), NaNs: t.NaNs(), PosInfs: t.PosInfs(), NegInfs: t.NegInfs()})
	}
}
