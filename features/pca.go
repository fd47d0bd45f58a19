package features

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"quern/features/column"
	"quern/features/diag"
	"quern/features/program"
	"quern/features/stat"
)

// PCA projects all lanes onto the directions in which they vary most.
type PCA struct {
	// Components is the number of directions, at most that of the lanes; 0: as many.
	Components int `quern:"components"`
	// Whiten scales every output to variance 1.
	Whiten bool `quern:"whiten"`
	// Center subtracts the means before projecting.
	Center bool `quern:"center"`
}

// Arity implements Combiner.
func (p PCA) Arity() Arity { return All }

// Bind implements Operator.
func (p PCA) Bind(in []column.Field) (Bound, error) {
	for _, f := range in {
		if f.Type == column.Bool {
			continue
		}
		if err := numericOnly("pca", f); err != nil {
			return nil, err
		}
	}
	if len(in) < 2 {
		return nil, wrongOption("", "pca takes two or more columns, not %d", len(in)).
			withHint("use `standardize` for one column")
	}
	if p.Components < 0 || p.Components > len(in) {
		return nil, wrongOption("components", "components must be between 1 and the number of columns, %d, not %d", len(in), p.Components)
	}
	bound := pcaBound{spec: p, in: in, out: column.Float32}
	for _, f := range in {
		if f.Type != column.Float32 {
			bound.out = column.Float64
		}
	}
	if p.Components == 0 {
		bound.spec.Components = len(in)
	}
	return bound, nil
}

// pcaBound is PCA bound to lanes. The first round finds the grid on which the
// second one's products are exact integers.
type pcaBound struct {
	spec     PCA
	in       []column.Field
	out      column.Type
	middle   []float64 // per lane, after round one: of its range
	grid     []int     // per lane, after round one: |x - middle| < 2^grid
	means    []float64
	axes     [][]float64 // per component: its loadings, divided by its deviation to whiten
	variance []float64   // per component
	ratio    []float64   // of the variance of all components
	rows     uint64
	skipped  uint64
}

// Out implements Bound.
func (p pcaBound) Out() []column.Field {
	out := make([]column.Field, p.spec.Components)
	for i := range out {
		out[i] = column.Field{Name: fmt.Sprintf("pc%d", i), Type: p.out}
	}
	return out
}

// Rounds implements Bound.
func (p pcaBound) Rounds() int { return boolRank(p.grid == nil) + boolRank(p.axes == nil) }

// lanesAsReal emits the lanes as reals.
func lanesAsReal(b *program.Builder, in []program.Register) []program.Register {
	out := make([]program.Register, len(in))
	for i, x := range in {
		out[i] = toReal(b, x)
	}
	return out
}

// Wants implements Bound: first the range of every lane, then the products of the
// lanes, shifted to the middles of their ranges. A shift changes no covariance, and
// the grid, which has 2^40 steps, is then as fine as the range allows.
func (p pcaBound) Wants(b *program.Builder, in []program.Register) []Want {
	var wants []Want
	lanes := lanesAsReal(b, in)
	types := make([]column.Type, len(lanes))
	for j, x := range lanes {
		if p.grid == nil {
			spec := stat.Spec{Kind: stat.KindExtremes, Types: []column.Type{b.Type(x)}}
			wants = append(wants, Want{Spec: spec, Args: [][]program.Register{{x}}})
			continue
		}
		lanes[j], types[j] = b.Emit(program.Sub, program.Imm{}, x, b.ConstFloat(p.middle[j])), column.Float64
	}
	if p.grid == nil {
		return wants
	}
	spec := stat.Spec{Kind: stat.KindGram, Types: types, Grid: p.grid}
	return []Want{{Spec: spec, Args: [][]program.Register{lanes}}}
}

// Fit implements Bound.
func (p pcaBound) Fit(learnt []stat.Statistic) (Bound, error) {
	if p.grid != nil {
		return p.fitAxes(learnt[0].(*stat.Gram))
	}
	for j, s := range learnt {
		e := s.(*stat.Extremes)
		low, some := e.MinFloat()
		high, _ := e.MaxFloat()
		if !some {
			low, high = 0, 0
		}
		if math.IsInf(low, 0) || math.IsInf(high, 0) {
			return nil, diag.New("Q261", "pca cannot learn from column %q: it has infinities", p.in[j].Name).
				WithHint("put `clip: {min: ..., max: ...}` before it")
		}
		middle := low*0.5 + high*0.5
		_, grid := math.Frexp(max(high-middle, middle-low))
		p.middle, p.grid = append(p.middle, middle), append(p.grid, grid)
	}
	return p, nil
}

// fitAxes finds the eigenvectors of the covariance.
func (p pcaBound) fitAxes(gram *stat.Gram) (Bound, error) {
	p.rows, p.skipped = gram.N(), gram.Skipped()
	if n := gram.Outside(); n > 0 {
		return nil, diag.New("Q267", "pca cannot learn: %d rows hold values that were not there in the scan before: the data changes", n)
	}
	if p.rows < 2 {
		return nil, diag.New("Q267", "pca needs at least two rows without null and NaN to learn from, and finds %d", p.rows).
			WithHint("put `fill` before it")
	}
	n := len(p.in)
	covariance := gram.Covariance(1)
	for _, c := range covariance {
		if math.IsNaN(c) || math.IsInf(c, 0) {
			return nil, diag.New("Q267", "pca cannot learn: the columns' variances are beyond the range of float64").
				WithHint("put `standardize` before it")
		}
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(mat.NewSymDense(n, covariance), true) {
		return nil, diag.New("Q267", "pca cannot learn: the eigenvectors of the covariance do not converge").
			WithHint("put `standardize` before it")
	}
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)
	p.means = make([]float64, n)
	for j := range p.means {
		p.means[j] = p.middle[j] + gram.Mean(j)
	}
	return p.withAxes(eigen.Values(nil), &vectors), nil
}

// withAxes takes the components in descending order of values, which ascend.
func (p pcaBound) withAxes(values []float64, vectors *mat.Dense) pcaBound {
	n := len(values)
	largest, total := values[n-1], 0.0
	for i, v := range values {
		if v < roundingNoise(n, largest) {
			values[i] = 0
		}
		total += values[i]
	}
	p.axes = make([][]float64, p.spec.Components)
	for c := range p.axes {
		axis, v := mat.Col(nil, n-1-c, vectors), values[n-1-c]
		fixSign(axis)
		if p.spec.Whiten {
			whitenAxis(axis, v)
		}
		p.axes[c] = axis
		p.variance = append(p.variance, v)
		p.ratio = append(p.ratio, quotientOrZero(v, total))
	}
	return p
}

// roundingNoise is the size of what rounding leaves of an eigenvalue that is zero:
// n ulps of the largest one.
func roundingNoise(n int, largest float64) float64 {
	const ulp = 1.0 / (1 << 52)
	return float64(n) * ulp * largest
}

// quotientOrZero returns v/total, or 0 where there is no variance at all.
func quotientOrZero(v, total float64) float64 {
	if total == 0 {
		return 0
	}
	return v / total
}

// fixSign makes the largest loading positive: the first of those that are as large
// but for rounding, so that the choice does not hang on the last bits.
func fixSign(axis []float64) {
	largest := 0.0
	for _, x := range axis {
		largest = max(largest, math.Abs(x))
	}
	for _, x := range axis {
		if math.Abs(x) < largest*(1-1e-9) {
			continue
		}
		if x < 0 {
			for i := range axis {
				axis[i] = -axis[i]
			}
		}
		return
	}
}

// whitenAxis divides the loadings by the deviation; without any, there is nothing
// to scale up but rounding, and all loadings are 0.
func whitenAxis(axis []float64, variance float64) {
	for i := range axis {
		if variance > 0 {
			axis[i] /= math.Sqrt(variance)
		} else {
			axis[i] = 0
		}
	}
}

// Lower implements Bound. Centring comes before the product: x - mean is exact
// where x is near its mean, whereas x.axis - mean.axis would cancel.
func (p pcaBound) Lower(b *program.Builder, in []program.Register, _ Mode) []program.Register {
	lanes := lanesAsReal(b, in)
	if p.spec.Center {
		for j, x := range lanes {
			lanes[j] = b.Emit(program.Sub, program.Imm{}, x, b.ConstFloat(p.means[j]))
		}
	}
	out := make([]program.Register, len(p.axes))
	for c, axis := range p.axes {
		weights := append(append([]float64{}, axis...), 0)
		out[c] = toStored(b, b.Emit(program.Dot, program.Imm{Floats: weights}, lanes...), p.out)
	}
	return out
}

// Learnt implements Bound.
func (p pcaBound) Learnt() []Number {
	if p.axes == nil {
		return nil
	}
	numbers := []Number{countNumber("rows", p.rows), countNumber("skipped_rows", p.skipped)}
	for j, f := range p.in {
		numbers = append(numbers, floatNumber("mean_"+f.Name, p.means[j]))
	}
	for c, axis := range p.axes {
		numbers = append(numbers,
			floatNumber(fmt.Sprintf("variance_pc%d", c), p.variance[c]),
			floatNumber(fmt.Sprintf("variance_ratio_pc%d", c), p.ratio[c]))
		for j, f := range p.in {
			numbers = append(numbers, floatNumber(fmt.Sprintf("weight_pc%d_%s", c, f.Name), axis[j]))
		}
	}
	return numbers
}

// NewPCA returns the defaults: centred, as many components as lanes.
func NewPCA() *PCA { return &PCA{Center: true} }

// pcaEntry is pca in the catalogue.
func pcaEntry() Entry {
	return Entry{Name: "pca", New: func() Operator { return NewPCA() }, Doc: pcaDoc(), Samples: pcaSamples}
}

func pcaDoc() Doc {
	return Doc{
		Summary: "Projects several columns onto the directions in which they vary most.",
		Does: "Learns in two scans: the columns' ranges, then, from the rows without null and NaN, the means and the covariance (divided by n - 1), and its eigenvectors v in descending order of their eigenvalues. Values are rounded to 2^40 steps from the middle to the end of their column's range; on that grid all sums are exact, and each covariance is rounded once; a mean is rounded as a distance from the middle, and once more when the middle is added. " +
			"pcK = sum over columns of (x - mean) v, added in the order of the columns; `center: false` leaves the means where they are. `whiten` divides v by the root of its eigenvalue. " +
			"The sign of v is that which makes its largest loading positive (the first of several that differ by less than 1e-9 of it). Columns are not scaled: put `standardize` before it for that.",
		Null:     "Rows with a null in any column are not learnt from; their outputs are null.",
		NaN:      "Rows with NaN in any column are not learnt from; all their outputs are NaN.",
		Inf:      "An infinity ends fitting with Q261. When transforming, outputs are infinite or NaN as IEEE 754 has it.",
		Unseen:   "Not applicable: every number is projected.",
		Constant: "A constant column has zero loadings in all components with variance. Eigenvalues within rounding of 0 (n ulps of the largest) are 0, and `whiten` gives 0 for them. Fewer than two rows end fitting with Q267.",
		Output:   "One output per component, named {feature}_pc0, {feature}_pc1 ...: float32 if all columns are float32, otherwise float64.",
		Source:   "Pearson (1901); scikit-learn's PCA (covariance by n - 1). The eigenvectors are gonum's: between families of processors their last bits may differ.",
		Options: []Option{
			{"components", "integer", "0", "How many directions; 0: as many as columns."},
			{"whiten", "bool", "false", "Scale every output to variance 1."},
			{"center", "bool", "true", "Subtract the means before projecting; false as in Spark and TensorFlow Transform."},
		},
		Example: "pca: {components: 2}",
	}
}

func pcaSamples() []Sample {
	f32, f64 := column.Float32, column.Float64
	return []Sample{
		{Name: "reals", Operator: NewPCA(), In: []column.Type{f64, f64, f64}},
		{Name: "float32", Operator: &PCA{Components: 1, Center: true}, In: []column.Type{f32, f32}},
		{Name: "whiten", Operator: &PCA{Components: 2, Whiten: true, Center: true}, In: []column.Type{f64, f32, column.Int64}},
		{Name: "not_centered", Operator: &PCA{}, In: []column.Type{column.Int32, column.Bool}},
	}
}
