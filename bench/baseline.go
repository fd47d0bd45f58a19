package bench

import (
	"context"
	"fmt"
	"math"
	"time"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"

	"quern/features/column"
	"quern/pipeline"
	"quern/pipeline/recipe"
)

// baseline reads the source once and computes count, mean, standard deviation, least
// and greatest of every numeric column with gonum's float64 functions: what one gets
// without quern's statistics. Nulls and NaN are left out first, for gonum knows
// neither. The columns' sums are float64 sums, chunk by chunk.
func (j Job) baseline(ctx context.Context, r *recipe.Recipe) (Sample, error) {
	if j.Baseline != "gonum" {
		return Sample{}, fmt.Errorf("unknown baseline %q", j.Baseline)
	}
	src, err := pipeline.Open(ctx, r, pipeline.Options{})
	if err != nil {
		return Sample{}, err
	}
	defer src.Close()
	var names []string
	for _, f := range src.Schema() {
		if f.Type.Numeric() {
			names = append(names, f.Name)
		}
	}
	reader, err := src.NewReader(names)
	if err != nil {
		return Sample{}, err
	}
	defer reader.Close()
	s := Sample{BytesIn: j.Data.Bytes, Scans: 1}
	columns := make([]described, len(names))
	started, before := time.Now(), cpuTime()
	reading := time.Duration(0)
	var values []float64
	for _, c := range src.Chunks() {
		at := time.Now()
		batch, err := reader.Read(ctx, c)
		if err != nil {
			return s, err
		}
		reading += time.Since(at)
		s.Rows += int64(batch.Rows)
		for i := range columns {
			values = numbersOf(values[:0], &batch.Columns[i])
			columns[i].add(values)
		}
	}
	s.Wall, s.CPU = time.Since(started).Seconds(), (cpuTime() - before).Seconds()
	s.Fit = s.Wall - reading.Seconds()
	total := described{}
	for _, c := range columns {
		total.count += c.count
		total.mean += c.mean
	}
	s.Check = fmt.Sprintf("%.0f values, means sum to %.6g", total.count, total.mean)
	return s, nil
}

// numbersOf appends the numbers of a column that are there, as float64.
func numbersOf(dst []float64, c *column.Column) []float64 {
	for row := range c.Len {
		slot := c.Slot(row)
		if c.Values.Null(slot) {
			continue
		}
		x := 0.0
		if c.Type().Integer() {
			x = float64(c.Values.Int(slot))
		} else if x = c.Values.Float(slot); math.IsNaN(x) {
			continue
		}
		dst = append(dst, x)
	}
	return dst
}

// described are the moments and bounds of numbers.
type described struct {
	count, mean, square float64 // square: sum of squared distances from the mean
	low, high           float64
}

// add merges the numbers of a chunk (Chan, Golub and LeVeque's formula).
func (d *described) add(values []float64) {
	n := float64(len(values))
	if n == 0 {
		return
	}
	mean, variance := stat.PopMeanVariance(values, nil)
	low, high := floats.Min(values), floats.Max(values)
	if d.count == 0 {
		d.low, d.high = low, high
	}
	d.low, d.high = min(d.low, low), max(d.high, high)
	step, both := mean-d.mean, d.count+n
	d.square += variance*n + step*step*d.count*n/both
	d.mean += step * n / both
	d.count = both
}
