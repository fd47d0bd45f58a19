package view

import (
	"fmt"
	"math"
	"slices"

	"quern/features/column"
	"quern/serve/row"
	"quern/serve/segment"
)

// Stat is what is known of a feature in a version.
type Stat struct {
	Name  string `json:"name"`
	Nulls int64  `json:"nulls"`
	// Quantiles are the 1st, 5th, 25th, 50th, 75th, 95th and 99th percentile of finite
	// numbers, of a sample of the rows; none of ids, texts and lists.
	Quantiles []float64 `json:"quantiles,omitempty"`
}

// percentiles are those of Stat.Quantiles.
func percentiles() []float64 { return []float64{0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99} }

// statRows is how many rows of a version quantiles are taken of. The rows of a segment
// stand in the order of their keys' hashes, so the first ones are a fair sample.
const statRows = 1 << 16

// statsOf describes the features in segments. Ids says which features are ids, whose
// size means nothing.
func statsOf(segments []*segment.Segment, ids []bool) ([]Stat, error) {
	fields := segments[0].Layout().Schema().Fields
	stats := make([]Stat, len(fields))
	numbers := make([][]float64, len(fields))
	for f := range fields {
		stats[f].Name = fields[f].Name
	}
	for _, seg := range segments {
		info := seg.Info()
		for f, n := range info.Nulls {
			stats[f].Nulls += n
		}
		err := segment.Guard(func() error { return gather(seg, min(info.Rows, statRows/int64(len(segments))+1), ids, numbers) })
		if err != nil {
			return nil, err
		}
	}
	for f, x := range numbers {
		if len(x) == 0 {
			continue
		}
		slices.Sort(x)
		for _, p := range percentiles() {
			stats[f].Quantiles = append(stats[f].Quantiles, x[int(p*float64(len(x)-1))])
		}
	}
	return stats, nil
}

// gather appends the finite numbers of the first rows of a segment, by feature.
func gather(seg *segment.Segment, rows int64, ids []bool, numbers [][]float64) error {
	l := seg.Layout()
	fields := l.Schema().Fields
	for i := range rows {
		r, err := seg.Row(i)
		if err != nil {
			return err
		}
		for f := range fields {
			if ids[f] || l.Null(r, f) {
				continue
			}
			if x, ok := number(l, r, f, fields[f].Type); ok {
				numbers[f] = append(numbers[f], x)
			}
		}
	}
	return nil
}

// number returns a feature as a number, where it is a finite one.
func number(l *row.Layout, r row.Row, f int, t column.Type) (float64, bool) {
	switch t {
	case column.Float32, column.Float64:
		x := l.Float64(r, f)
		return x, !math.IsNaN(x) && !math.IsInf(x, 0)
	case column.Int32, column.Int64:
		return float64(l.Int64(r, f)), true
	}
	return 0, false
}

// How far a version may be from the one before.
const (
	leastRows  = 0.5 // the least share of the rows before
	mostNulls  = 0.1 // the greatest rise of a feature's share of nulls
	mostMedian = 0.5 // the greatest move of a median, in distances from the 5th to the 95th percentile
)

// fewRows is below how many rows shares and medians say nothing.
const fewRows = 100

// compare returns what is suspicious in m after old, in words.
func compare(old, m *Manifest) (found []string) {
	if float64(m.Rows) < leastRows*float64(old.Rows) {
		found = append(found, fmt.Sprintf("%d rows after %d", m.Rows, old.Rows))
	}
	if m.Rows < fewRows || old.Rows < fewRows {
		return found
	}
	before := map[string]Stat{}
	for _, s := range old.Stats {
		before[s.Name] = s
	}
	for _, s := range m.Stats {
		b, ok := before[s.Name]
		if !ok {
			continue
		}
		was, is := float64(b.Nulls)/float64(old.Rows), float64(s.Nulls)/float64(m.Rows)
		if is-was > mostNulls {
			found = append(found, fmt.Sprintf("%s is null in %.3g %% of the rows after %.3g %%", s.Name, 100*is, 100*was))
		}
		if moved(b.Quantiles, s.Quantiles) {
			found = append(found, fmt.Sprintf("the median of %s is %.4g after %.4g", s.Name, s.Quantiles[3], b.Quantiles[3]))
		}
	}
	return found
}

// moved reports whether a median is further from the one before than mostMedian, in
// distances from the 5th to the 95th percentile before; of a constant, in its size.
func moved(was, is []float64) bool {
	if len(was) != len(percentiles()) || len(is) != len(was) {
		return false
	}
	spread := was[5] - was[1]
	if spread == 0 {
		spread = math.Abs(was[3])
	}
	return math.Abs(is[3]-was[3]) > mostMedian*spread
}
