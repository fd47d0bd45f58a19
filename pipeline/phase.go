package pipeline

import (
	"context"
	"slices"

	"quern/features"
	"quern/features/column"
	"quern/features/program"
	"quern/features/stat"
)

// Phase is one round of learning: statistics that are all ready at the same time
// and the program that shows them their registers. It is data: any process that
// has it and a chunk can observe.
type Phase struct {
	Number  int              // from 0
	Program *program.Program // observes into Specs; no outputs
	Specs   []stat.Spec
	wants   []want // who asked for Specs[i]; nil for the plan's own
}

// phase builds the next phase from what has been learnt so far. done means that
// nothing is left to learn. The first phase also tallies every input column.
func (p *Plan) phase(number int) (ph *Phase, done bool, err error) {
	w := newLowering(p, features.Training)
	if _, err := w.all(); err != nil {
		return nil, false, err
	}
	ph = &Phase{Number: number}
	for i, x := range w.wants {
		for _, args := range x.Args {
			w.b.Observe(i, args...)
		}
		ph.Specs = append(ph.Specs, x.Spec)
	}
	ph.wants = w.wants
	if number == 0 {
		p.tallies(ph, w.b)
	}
	if len(ph.Specs) == 0 {
		return nil, true, nil
	}
	ph.Program = w.b.Finish()
	return ph, false, nil
}

// tallies adds a tally of every column that features or labels read: what the
// model reports of its training data; of a column of lists, of their elements.
func (p *Plan) tallies(ph *Phase, b *program.Builder) {
	for i, f := range p.Schema {
		if !p.used[f.Name] {
			continue
		}
		b.Observe(len(ph.Specs), b.Load(i))
		ph.Specs = append(ph.Specs, stat.Spec{Kind: stat.KindTally, Types: []column.Type{f.Type.Elem()}})
	}
}

// learn hands every step what it asked for, several at a time. Steps are rebound to
// what they have learnt; the statistics are not changed.
func (ph *Phase) learn(ctx context.Context, workers int, learnt []stat.Statistic) error {
	starts := []int{} // of the statistics of one operator
	for i, w := range ph.wants {
		if i == 0 || w.step != ph.wants[i-1].step || w.group != ph.wants[i-1].group {
			starts = append(starts, i)
		}
	}
	start := func() (none struct{}, err error) { return }
	finish := func(struct{}) error { return nil }
	return forEach(ctx, workers, len(starts), start, func(_ context.Context, _ struct{}, i int) error {
		end := len(ph.wants)
		if i+1 < len(starts) {
			end = starts[i+1]
		}
		w := ph.wants[starts[i]]
		return w.step.learn(w.group, learnt[starts[i]:end])
	}, finish)
}

// learn rebinds an operator of the step to what it has learnt.
func (s *step) learn(group int, learnt []stat.Statistic) error {
	fitted, err := s.bound[group].Fit(learnt)
	if err != nil {
		return s.locate(err)
	}
	s.bound[group] = fitted
	if fitted.Rounds() > 0 {
		return nil
	}
	// An operator makes its tables when it is lowered for the first time, and they are
	// checked and digested once. Here that happens beside other operators.
	fields := column.Schema(s.fields[group])
	b := program.NewBuilder(fields)
	in := make([]program.Register, len(fields))
	for i := range in {
		in[i] = b.Load(i)
	}
	for i, r := range fitted.Lower(b, in, features.Training) {
		b.Output(itoa(i), r, program.RoleKeep)
	}
	tables := b.Finish().Tables
	for i := range tables {
		tables[i].Digest()
	}
	return nil
}

// Columns returns the names of the columns that the phase reads.
func (ph *Phase) Columns() []string { return ph.Program.Inputs.Names() }

// inputsOf returns the columns that any of the programs reads, each once; nil
// programs read none.
func inputsOf(programs ...*program.Program) []string {
	var lists [][]string
	for _, p := range programs {
		if p != nil {
			lists = append(lists, p.Inputs.Names())
		}
	}
	return union(lists...)
}

// union returns the names in any of the lists, each once, in order of first appearance.
func union(lists ...[]string) []string {
	var all []string
	for _, l := range lists {
		for _, name := range l {
			if !slices.Contains(all, name) {
				all = append(all, name)
			}
		}
	}
	return all
}

// positions returns where each name of want stands in have.
func positions(want, have []string) []int {
	at := make([]int, len(want))
	for i, name := range want {
		if at[i] = slices.Index(have, name); at[i] < 0 {
			panic("quern: bug: column " + name + " is not read")
		}
	}
	return at
}
