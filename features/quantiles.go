package features

import (
	"fmt"
	"math/big"

	"quern/features/column"
	"quern/features/program"
	"quern/features/stat"
)

// Rule says what a quantile is that falls between two values.
type Rule string

// The rules, by numpy's names. The zero value is RuleLinear.
const (
	RuleLinear      Rule = "linear"       // interpolates between the two neighbours (numpy's default)
	RuleLower       Rule = "lower"        // the lower neighbour
	RuleInvertedCDF Rule = "inverted_cdf" // the first value whose share of the rows reaches the quantile
)

// Choices implements Chooser.
func (Rule) Choices() []string {
	return []string{string(RuleLinear), string(RuleLower), string(RuleInvertedCDF)}
}

// stat returns the statistic's rule.
func (r Rule) stat() stat.Rule {
	switch r {
	case RuleLower:
		return stat.Lower
	case RuleInvertedCDF:
		return stat.InvertedCDF
	}
	return stat.Linear
}

// quantileLearner learns exact quantiles of one numeric column in two rounds: a
// histogram finds the bins that hold the wanted ranks, then the values of those
// bins are counted. It is a value: fit returns another one.
type quantileLearner struct {
	op         string
	field      column.Field
	at         []*big.Rat // which quantiles, each in [0, 1]
	rule       Rule
	infinities Infinities

	histogram *stat.Histogram // learnt in round one
	bins      []uint32
	done      bool
	values    []float64 // one per quantile; nil: the column had no value
	integers  []int64   // the same, exactly, for order statistics of integers
}

// rounds returns how many rounds are left.
func (q *quantileLearner) rounds() int {
	switch {
	case q.done:
		return 0
	case q.histogram != nil:
		return 1
	}
	return 2
}

// wants returns the statistics of the next round over x: the histogram, and with
// it a tally if infinities must be found; then the counts of the wanted bins.
func (q *quantileLearner) wants(b *program.Builder, x program.Register) []Want {
	if q.infinities == InfinitiesIgnore {
		x = finiteOnly(b, x)
	}
	types := []column.Type{b.Elem(x)}
	args := [][]program.Register{{x}}
	if q.histogram != nil {
		return []Want{{Spec: stat.Spec{Kind: stat.KindBinCounts, Types: types, Bins: q.bins}, Args: args}}
	}
	wants := []Want{{Spec: stat.Spec{Kind: stat.KindHistogram, Types: types}, Args: args}}
	if q.refusesInfinities() {
		wants = append(wants, Want{Spec: stat.Spec{Kind: stat.KindTally, Types: types}, Args: args})
	}
	return wants
}

// refusesInfinities reports whether infinities can occur and are errors.
func (q *quantileLearner) refusesInfinities() bool {
	return q.field.Type.Real() && q.infinities != InfinitiesIgnore
}

// fit takes the statistics of one round and returns what has learnt them.
func (q *quantileLearner) fit(learnt []stat.Statistic) (*quantileLearner, error) {
	next := *q
	if q.histogram == nil {
		return &next, next.locate(learnt)
	}
	counts := learnt[0].(*stat.BinCounts)
	var err error
	if q.exactIntegers() {
		next.integers, err = stat.QuantilesInt(q.histogram, counts, q.at, q.rule.stat())
		next.values = make([]float64, len(next.integers))
		for i, v := range next.integers {
			next.values[i] = float64(v)
		}
	} else {
		next.values, err = stat.Quantiles(q.histogram, counts, q.at, q.rule.stat())
	}
	if err != nil {
		return nil, fmt.Errorf("%s: quantiles of column %q: %w", q.op, q.field.Name, err)
	}
	next.histogram, next.bins, next.done = nil, nil, true
	return &next, nil
}

// locate takes round one: which bins hold the wanted ranks.
func (q *quantileLearner) locate(learnt []stat.Statistic) error {
	if q.refusesInfinities() {
		if tally := learnt[1].(*stat.Tally); tally.PosInfs()+tally.NegInfs() > 0 {
			return infinite(q.op, q.field)
		}
	}
	histogram := learnt[0].(*stat.Histogram)
	if histogram.N() == 0 {
		q.done = true
		return nil
	}
	q.histogram, q.bins = histogram, histogram.BinsFor(q.at, q.rule.stat())
	return nil
}

// exactIntegers reports whether the quantiles are values of an integer column.
func (q *quantileLearner) exactIntegers() bool {
	return q.field.Type.Integer() && q.rule != RuleLinear && q.rule != ""
}

// quantile checks a quantile of option path and returns its exact value.
func quantile(path string, l Literal) (*big.Rat, error) {
	exact, ok := l.Rat()
	if !ok || exact.Sign() < 0 || exact.Cmp(big.NewRat(1, 1)) > 0 {
		return nil, wrongOption(path, "%s must be a quantile from 0 to 1, not %s", path, string(l))
	}
	return exact, nil
}
