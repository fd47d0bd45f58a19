package pipeline

import (
	"cmp"
	"context"

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
		err = ph.learn(ctx, o.workers(), stats[:len(ph.wants)])
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
