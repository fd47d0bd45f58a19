package pipeline

import (
	"context"

	"quern/features/program"
	"quern/features/stat"
	"quern/pipeline/source"
)

// learn learns everything that the plan's operators want from the chunks: phase by
// phase observe, merge and freeze, until nothing is left to learn.
func (p *Plan) learn(ctx context.Context, src source.Source, chunks []source.Chunk, o Options) (*Learner, error) {
	l := NewLearner(p, o)
	for {
		phase, err := l.Next(ctx)
		if err != nil || phase == nil {
			return l, err
		}
		partial, err := p.Observe(ctx, src, chunks, phase, o)
		if err != nil {
			return nil, err
		}
		if err := l.Learn(ctx, partial); err != nil {
			return nil, err
		}
	}
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
