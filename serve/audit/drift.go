package audit

import (
	"math"
	"slices"

	"quern/features/column"
	"quern/serve/view"
)

// drift measures how far the values that were served are from those that the version had
// when it was published, by the population stability index:
//
//	PSI = sum over bins of (served - published) * ln(served / published)
//
// The bins lie between the version's quantiles (view.Stat), so what was published is known
// for each. Below 0.1 nothing happened, above 0.25 something did, as the rule of thumb
// goes (N. Siddiqi, Credit Risk Scorecards, 2006). It compares requests with entities: keys that
// are asked for often count often.
type drift struct {
	edges  []float64
	counts []int64
	total  int64
}

// publishedShares are those between the quantiles of view.Stat: 1, 5, 25, 50, 75, 95 and 99 %.
func publishedShares() []float64 { return []float64{0.01, 0.04, 0.20, 0.25, 0.25, 0.20, 0.04, 0.01} }

// fewest is how many values a PSI needs.
const fewest = 200

// newDrift returns the measure of a feature, without bins where it has no quantiles.
func newDrift(m *view.Manifest, feature string) drift {
	at := slices.IndexFunc(m.Stats, func(s view.Stat) bool { return s.Name == feature })
	if at < 0 || len(m.Stats[at].Quantiles) != len(publishedShares())-1 {
		return drift{}
	}
	return drift{edges: m.Stats[at].Quantiles, counts: make([]int64, len(publishedShares()))}
}

// add counts a value that was served.
func (d *drift) add(v *column.Vector, i int) {
	if d.edges == nil || v.Null(i) {
		return
	}
	var x float64
	switch v.Type.Kind() {
	case column.Floats:
		x = v.Float(i)
	case column.Ints:
		x = float64(v.Int(i))
	default:
		return
	}
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return
	}
	at, _ := slices.BinarySearch(d.edges, x) // a value on an edge is below it
	d.counts[at]++
	d.total++
}

// psi returns the index; nil where it says nothing: too few values, or published ones that
// are so often the same that bins are empty by construction.
func (d *drift) psi() *float64 {
	if d.total < fewest {
		return nil
	}
	for i := 1; i < len(d.edges); i++ {
		if d.edges[i] == d.edges[i-1] {
			return nil
		}
	}
	sum := 0.0
	for i, want := range publishedShares() {
		got := max(float64(d.counts[i])/float64(d.total), 1e-6) // an empty bin would be infinite
		sum += (got - want) * math.Log(got/want)
	}
	return &sum
}
