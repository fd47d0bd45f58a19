package pipeline

import (
	"cmp"
	"context"

	"quern/features/stat"
	"quern/pipeline/model"
)

// Learner leads a plan through its phases, wherever the scans are done:
//
//	for {
//		phase, err := l.Next()        // nil: nothing is left to learn
//		partial := ... of all chunks  // one scan, anywhere, in any pieces
//		err = l.Learn(ctx, partial)
//	}
//	m, err := l.Model()
//
// What comes of it depends on the partials alone, so every process that is given the
// same ones stands where all others stand. A Learner is used by one goroutine.
type Learner struct {
	plan    *Plan
	options Options
	known   tables // of columns that a scan has counted
	seen    model.Seen
	scans   int
	number  int              // of the phase at hand
	phase   *Phase           // nil: none
	stats   []stat.Statistic // of it; those to scan for are nil
	scan    *Phase           // what is scanned for: those, then tables; nil: nothing
	todo    []int            // their numbers
	tabled  []string         // columns whose tables the scan counts, behind todo
}

// NewLearner returns a learner that has learnt nothing. It takes the plan over.
func NewLearner(p *Plan, o Options) *Learner {
	return &Learner{plan: p, options: o, known: tables{}}
}

// Rounds returns the most scans that there may still be. Tables of earlier ones may make
// it fewer.
func (l *Learner) Rounds() int { return l.plan.rounds() }

// Next returns what the next scan is for; nil when nothing is left to learn. Phases for
// which the tables of earlier scans suffice are learnt on the way.
func (l *Learner) Next(ctx context.Context) (*Phase, error) {
	for {
		ph, done, err := l.plan.phase(l.number)
		if err != nil || done {
			return nil, err
		}
		scan, err := l.begin(ph)
		if err != nil || scan != nil {
			return scan, err
		}
		if err := l.end(ctx); err != nil {
			return nil, err
		}
	}
}

// begin takes up a phase and returns what is to be scanned for; nil: nothing.
func (l *Learner) begin(ph *Phase) (*Phase, error) {
	l.phase, l.stats, l.scan, l.tabled = ph, make([]stat.Statistic, len(ph.Specs)), nil, nil
	var err error
	l.todo, err = l.known.answer(l.options.Backend, ph, l.stats, l.options.resources(len(ph.Specs)))
	if err != nil || len(l.todo) == 0 {
		return nil, l.plan.locateRun(err, ph.Program, nil, nil)
	}
	l.scan = ph.only(l.todo)
	if ph.Number == 0 && l.plan.rounds() > 1 && l.plan.tableLimit > 0 {
		l.tabled = tableSpecs(l.scan, l.plan.tableLimit)
	}
	return l.scan, nil
}

// Learn takes the partial of all chunks for the phase that Next returned. It takes the
// statistics over. Those of another phase are stat.ErrMismatch.
func (l *Learner) Learn(ctx context.Context, partial *Partial) error {
	if l.scan == nil {
		panic("quern: bug: Learn without a phase from Next")
	}
	if !partial.fits(l.scan.Specs) {
		return stat.ErrMismatch
	}
	l.scans++
	l.seen.Read, l.seen.Taken = partial.Read, partial.Taken
	for i, at := range l.todo {
		l.stats[at] = partial.Stats[i]
	}
	for i, name := range l.tabled {
		counts := partial.Stats[len(l.todo)+i].(*stat.Entries)
		if err := cmp.Or(l.known.add(name, counts), counts.Close()); err != nil {
			return err
		}
	}
	return l.end(ctx)
}

// end has the operators learn from the phase at hand.
func (l *Learner) end(ctx context.Context) error {
	ph, stats := l.phase, l.stats
	if ph.Number == 0 {
		l.tally(stats[len(ph.wants):])
	}
	err := ph.learn(ctx, l.options.workers(), stats[:len(ph.wants)])
	for _, s := range stats {
		err = cmp.Or(err, s.Close())
	}
	l.number, l.phase, l.scan = l.number+1, nil, nil
	return err
}

// tally notes the tallies of the first phase, one per column that is read.
func (l *Learner) tally(stats []stat.Statistic) {
	for _, f := range l.plan.Schema {
		if !l.plan.used[f.Name] {
			continue
		}
		t := stats[len(l.seen.Columns)].(*stat.Tally)
		l.seen.Columns = append(l.seen.Columns, model.ColumnSeen{Name: f.Name, Nulls: t.Nulls(), NaNs: t.NaNs(), PosInfs: t.PosInfs(), NegInfs: t.NegInfs()})
	}
}

// Model makes the model, when nothing is left to learn.
func (l *Learner) Model() (*model.Model, error) { return l.plan.freeze(l.seen) }
