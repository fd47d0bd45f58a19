package features

import (
	"quern/features/column"
	"quern/features/program"
	"quern/features/stat"
)

// stateless is the part of Bound of operators that learn nothing.
type stateless struct{}

// Rounds implements Bound.
func (stateless) Rounds() int { return 0 }

// Wants implements Bound.
func (stateless) Wants(*program.Builder, []program.Register) []Want { return nil }

// Fit implements Bound.
func (stateless) Fit([]stat.Statistic) (Bound, error) {
	panic("quern: bug: an operator that learns nothing was fitted")
}

// Learnt implements Bound.
func (stateless) Learnt() []Number { return nil }

// samplesOf runs one operator of one lane on several types.
func samplesOf(name string, op Operator, types ...column.Type) []Sample {
	out := make([]Sample, len(types))
	for i, t := range types {
		out[i] = Sample{Name: name + "_" + t.String(), Operator: op, In: []column.Type{t}}
	}
	return out
}

// join appends lists of samples.
func join(lists ...[]Sample) []Sample {
	var all []Sample
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}
