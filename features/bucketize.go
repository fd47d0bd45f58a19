package features

import (
	"math/big"

	"quern/features/column"
	"quern/features/program"
	"quern/features/stat"
)

// Bucketize replaces a number by the number of the interval that it lies in.
// Exactly one of Edges, Uniform and Quantile is given.
type Bucketize struct {
	// Edges are the borders between the intervals, ascending.
	Edges []Literal `quern:"edges"`
	// Uniform is a number of intervals of equal width from min to max.
	Uniform int `quern:"uniform"`
	// Quantile is a number of intervals with equally many rows.
	Quantile int `quern:"quantile"`
	// Rule is the rule of quantiles between two values.
	Rule Rule `quern:"rule"`
	// Closed is the side on which an interval contains its border.
	Closed Side `quern:"closed"`
	// NaN says which bucket NaN has.
	NaN NaNBucket `quern:"nan"`
	// Infinities says what learning does with infinities.
	Infinities Infinities `quern:"infinities"`
}

// NewBucketize returns a Bucketize without borders, which must be given.
func NewBucketize() *Bucketize {
	return &Bucketize{Rule: RuleLinear, Closed: ClosedLeft, NaN: NaNOwn, Infinities: InfinitiesError}
}

// Side is a side of an interval.
type Side string

// The sides; the zero value is ClosedLeft.
const (
	ClosedLeft    Side = "left"     // [a, b): a border belongs to the interval above it
	ClosedRight   Side = "right"    // (a, b]: a border belongs to the interval below it
	ClosedLeftMax Side = "left_max" // as left, but the last learnt interval is [a, max]
)

// Choices implements Chooser.
func (Side) Choices() []string {
	return []string{string(ClosedLeft), string(ClosedRight), string(ClosedLeftMax)}
}

// NaNBucket says which bucket NaN has.
type NaNBucket string

// The choices; the zero value is NaNOwn.
const (
	NaNOwn   NaNBucket = "own"   // a bucket of its own, after the last
	NaNFirst NaNBucket = "first" // bucket 0
	NaNLast  NaNBucket = "last"  // the last interval
	NaNNull  NaNBucket = "null"  // none: null
)

// Choices implements Chooser.
func (NaNBucket) Choices() []string {
	return []string{string(NaNOwn), string(NaNFirst), string(NaNLast), string(NaNNull)}
}

// maxBuckets bounds uniform and quantile: more intervals than that are no buckets.
const maxBuckets = 1 << 16

// Bind implements Operator.
func (o Bucketize) Bind(in []column.Field) (Bound, error) {
	if err := numericOnly("bucketize", in[0]); err != nil {
		return nil, err
	}
	for _, err := range []error{chosen("rule", o.Rule), chosen("closed", o.Closed), chosen("nan", o.NaN), chosen("infinities", o.Infinities)} {
		if err != nil {
			return nil, err
		}
	}
	if err := o.oneForm(); err != nil {
		return nil, err
	}
	bound := bucketizeBound{spec: o, field: in[0], buckets: max(o.Uniform, o.Quantile)}
	switch {
	case o.Edges != nil:
		edges, err := o.givenEdges(in[0])
		bound.edges, bound.buckets, bound.fitted = edges, len(edges)+1, true
		return bound, err
	case o.Quantile > 0:
		bound.learner = o.quantileLearner(in[0])
	}
	return bound, nil
}

// oneForm checks that the borders are given in exactly one way.
func (o Bucketize) oneForm() error {
	forms := 0
	for _, given := range []bool{o.Edges != nil, o.Uniform != 0, o.Quantile != 0} {
		if given {
			forms++
		}
	}
	if forms != 1 {
		return missingOption("", "bucketize takes exactly one of edges, uniform and quantile; %d are given", forms).
			withHint("such as `bucketize: {quantile: 10}`")
	}
	for _, form := range []struct {
		key string
		n   int
	}{{"uniform", o.Uniform}, {"quantile", o.Quantile}} {
		if form.n != 0 && (form.n < 2 || form.n > maxBuckets) {
			return wrongOption(form.key, "%s must be from 2 to %d buckets, not %d", form.key, maxBuckets, form.n)
		}
	}
	return nil
}

// givenEdges returns the borders in the column's own precision, so that 0.1 in the
// recipe is the same number as 0.1 in a float32 column.
func (o Bucketize) givenEdges(field column.Field) ([]float64, error) {
	edges := make([]float64, len(o.Edges))
	for i, l := range o.Edges {
		v, ok := l.Float64()
		if !ok {
			return nil, wrongOption(nth("edges", i), "an edge must be a finite number, not %q", string(l))
		}
		if field.Type == column.Float32 {
			v = program.RoundTo32(v)
		}
		if exact, _ := l.Rat(); field.Type.Integer() && exact.IsInt() && exact.Cmp(new(big.Rat).SetFloat64(v)) != 0 {
			return nil, wrongOption(nth("edges", i), "%s is beyond the integers that float64 holds exactly, and edges are float64", string(l))
		}
		if i > 0 && v <= edges[i-1] {
			return nil, wrongOption(nth("edges", i), "edges must ascend, but %s is not above %s in a column of type %s", string(l), string(o.Edges[i-1]), field.Type)
		}
		edges[i] = v
	}
	if len(edges) == 0 {
		return nil, wrongOption("edges", "edges must hold at least one number")
	}
	return edges, nil
}

// quantileLearner learns the borders k/n, the least and the greatest value included.
func (o Bucketize) quantileLearner(field column.Field) *quantileLearner {
	at := make([]*big.Rat, o.Quantile+1)
	for k := range at {
		at[k] = big.NewRat(int64(k), int64(o.Quantile))
	}
	return &quantileLearner{op: "bucketize", field: field, at: at, rule: o.Rule, infinities: o.Infinities}
}

// bucketizeBound is Bucketize bound to a column.
type bucketizeBound struct {
	spec    Bucketize
	field   column.Field
	buckets int // as the recipe says; fewer are in use where borders coincide
	learner *quantileLearner
	fitted  bool
	edges   []float64
}

// Out implements Bound.
func (o bucketizeBound) Out() []column.Field { return []column.Field{{Type: column.Int64}} }

// Rounds implements Bound.
func (o bucketizeBound) Rounds() int {
	switch {
	case o.fitted:
		return 0
	case o.learner != nil:
		return o.learner.rounds()
	}
	return 1
}

// Wants implements Bound.
func (o bucketizeBound) Wants(b *program.Builder, in []program.Register) []Want {
	if o.learner != nil {
		return o.learner.wants(b, in[0])
	}
	x := in[0]
	if o.spec.Infinities == InfinitiesIgnore {
		x = finiteOnly(b, x)
	}
	return []Want{{
		Spec: stat.Spec{Kind: stat.KindExtremes, Types: []column.Type{o.field.Type}},
		Args: [][]program.Register{{x}},
	}}
}

// Fit implements Bound.
func (o bucketizeBound) Fit(learnt []stat.Statistic) (Bound, error) {
	if o.learner == nil {
		return o.fitUniform(learnt[0].(*stat.Extremes))
	}
	next, err := o.learner.fit(learnt)
	if err != nil {
		return nil, err
	}
	o.learner = next
	if next.rounds() == 0 {
		o.fitted, o.edges = true, o.spec.usefulEdges(next.values)
	}
	return o, nil
}

// fitUniform places the inner borders lo + k (hi - lo) / n, each rounded once from
// the exact value.
func (o bucketizeBound) fitUniform(extremes *stat.Extremes) (Bound, error) {
	lo, hi, ok := exactExtremes(extremes, o.field.Type)
	if ok && (lo == nil || hi == nil) {
		return nil, infinite("bucketize", o.field)
	}
	o.fitted = true
	if !ok || lo.Cmp(hi) == 0 {
		return o, nil
	}
	width := new(big.Rat).Sub(hi, lo)
	edges := make([]float64, o.buckets+1)
	for k := range edges {
		edge := new(big.Rat).Mul(width, big.NewRat(int64(k), int64(o.buckets)))
		edges[k], _ = edge.Add(edge, lo).Float64()
	}
	o.edges = o.spec.usefulEdges(edges)
	return o, nil
}

// usefulEdges returns the inner ones of the borders min, ..., max (nil: no values):
// distinct, and with learnt values on both sides of each. Closed on the left, a
// border at min has nothing below it; closed on the right, one at max has nothing
// above it; left_max merges the interval [max, max] into the one below, as
// scikit-learn does.
func (o Bucketize) usefulEdges(sorted []float64) []float64 {
	if len(sorted) == 0 {
		return nil
	}
	lo, hi := sorted[0], sorted[len(sorted)-1]
	var out []float64
	for _, e := range sorted[1 : len(sorted)-1] {
		switch {
		case len(out) > 0 && e == out[len(out)-1]:
		case e == lo && o.Closed != ClosedRight:
		case e == hi && o.Closed != ClosedLeft && o.Closed != "":
		default:
			out = append(out, e)
		}
	}
	return out
}

// Lower implements Bound.
func (o bucketizeBound) Lower(b *program.Builder, in []program.Register, _ Mode) []program.Register {
	imm := program.Imm{Floats: o.edges}
	if o.spec.Closed == ClosedRight {
		imm.Int = 1
	}
	x := in[0]
	switch o.spec.NaN {
	case NaNLast:
		imm.NaN = int64(len(o.edges))
	case NaNOwn, "":
		imm.NaN = int64(o.buckets)
	case NaNNull:
		x = notNaN(b, x)
	}
	return []program.Register{b.Emit(program.Bucketize, imm, x)}
}

// Learnt implements Bound.
func (o bucketizeBound) Learnt() []Number {
	if !o.fitted || o.spec.Edges != nil {
		return nil
	}
	var numbers []Number
	for i, e := range o.edges {
		numbers = append(numbers, floatNumber(nth("edges", i), e))
	}
	if len(o.edges) == 0 {
		numbers = append(numbers, flagNumber("constant"))
	}
	return numbers
}

// bucketizeEntry is bucketize in the catalogue.
func bucketizeEntry() Entry {
	return Entry{
		Name: "bucketize",
		New:  func() Operator { return NewBucketize() },
		Doc: Doc{
			Summary: "Replaces a number by the number of the interval that it lies in.",
			Does: "With borders e[0] < e[1] < ... < e[m-1] the output is how many borders are <= x (closed: left, intervals [a, b)) or < x (closed: right, intervals (a, b]): an id from 0 to m. " +
				"uniform: n has the n - 1 inner borders lo + k (hi - lo) / n between min lo and max hi, quantile: n those at the quantiles k/n; both are exact, rounded once. " +
				"Only inner borders are used, so everything below is in the first bucket and everything above in the last; a learnt border that coincides with another, or with min or max so that no learnt value lies beyond it, is dropped. closed: left_max also drops a border at max: the last interval is [a, max].",
			Null:     "Not learnt from; null stays null. (A `fill` after it gives nulls an id.)",
			NaN:      "Not learnt from. nan: own gives NaN the id n (edges: m + 1), which no number has; first and last put it into that bucket, null makes it null.",
			Inf:      "Ends fitting of uniform and quantile with Q261; with `infinities: ignore` it is not learnt from. When transforming, infinities are in the first and the last bucket.",
			Unseen:   "Numbers beyond the learnt range are in the first or the last bucket.",
			Constant: "Useless borders are dropped, so fewer than n buckets are in use and ids stay consecutive. A constant or all-null column has no borders: every number is in bucket 0, and that is flagged.",
			Output:   "One output under the name of the column, int64. Borders that are given are rounded to float32 for a float32 column.",
			Source:   "Intervals as numpy's digitize and searchsorted; borders as scikit-learn's KBinsDiscretizer (strategy uniform or quantile, ordinal), whose ids `closed: left_max` gives.",
			Options: []Option{
				{"edges", "list of numbers", "none", "the borders, ascending"},
				{"uniform", "integer", "none", "how many intervals of equal width, 2 to 65536"},
				{"quantile", "integer", "none", "how many intervals with equally many rows, 2 to 65536"},
				{"rule", "linear | lower | inverted_cdf", "linear", "what a quantile between two values is"},
				{"closed", "left | right | left_max", "left", "the side on which an interval contains its border"},
				{"nan", "own | first | last | null", "own", "which bucket NaN has"},
				{"infinities", "error | ignore", "error", "what learning does with infinities"},
			},
			Example: "bucketize: {edges: [0, 18, 65]}",
		},
		Samples: bucketizeSamples,
	}
}

// bucketizeSamples covers the three forms, both sides and every place of NaN.
func bucketizeSamples() []Sample {
	with := func(change func(*Bucketize)) *Bucketize {
		o := NewBucketize()
		change(o)
		return o
	}
	return join(
		samplesOf("edges", with(func(o *Bucketize) { o.Edges = []Literal{"-1.5", "0", "0.1", "3"} }), column.Float64, column.Float32, column.Int64, column.Int32),
		samplesOf("edges_right_null", with(func(o *Bucketize) { o.Edges, o.Closed, o.NaN = []Literal{"0", "10"}, ClosedRight, NaNNull }), column.Float64, column.Int64),
		samplesOf("uniform", with(func(o *Bucketize) { o.Uniform = 5 }), column.Float64, column.Float32, column.Int64),
		samplesOf("uniform_ignore_first", with(func(o *Bucketize) { o.Uniform, o.Infinities, o.NaN = 3, InfinitiesIgnore, NaNFirst }), column.Float64),
		samplesOf("quantile", with(func(o *Bucketize) { o.Quantile = 4 }), column.Float64, column.Float32, column.Int64, column.Int32),
		samplesOf("quantile_lower_last", with(func(o *Bucketize) {
			o.Quantile, o.Rule, o.Infinities, o.NaN, o.Closed = 7, RuleLower, InfinitiesIgnore, NaNLast, ClosedLeftMax
		}), column.Float64, column.Int64),
	)
}
