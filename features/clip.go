package features

import (
	"math"
	"math/big"

	"quern/features/column"
	"quern/features/program"
	"quern/features/stat"
)

// Clip keeps numbers between two bounds, given or learnt as quantiles (winsorising).
type Clip struct {
	// Min and Max are the bounds as written; "" is no bound.
	Min Literal `quern:"min"`
	Max Literal `quern:"max"`
	// Quantiles are the bounds as two quantiles, in the place of Min and Max.
	Quantiles []Literal `quern:"quantiles"`
	// Rule is the rule of quantiles between two values.
	Rule Rule `quern:"rule"`
}

// NewClip returns a Clip without bounds, which must be given.
func NewClip() *Clip { return &Clip{Rule: RuleLinear} }

// Bind implements Operator.
func (o Clip) Bind(in []column.Field) (Bound, error) {
	if err := numericOnly("clip", in[0]); err != nil {
		return nil, err
	}
	if err := chosen("rule", o.Rule); err != nil {
		return nil, err
	}
	fixed := o.Min != "" || o.Max != ""
	switch {
	case fixed && o.Quantiles != nil:
		return nil, missingOption("quantiles", "clip takes min and max, or quantiles, not both")
	case fixed:
		return o.bindFixed(in[0])
	case o.Quantiles != nil:
		return o.bindQuantiles(in[0])
	}
	return nil, missingOption("", "clip needs min, max or quantiles").withHint("such as `clip: {quantiles: [0.01, 0.99]}`")
}

// bindFixed checks min and max. Integers stay integers if both bounds are.
func (o Clip) bindFixed(field column.Field) (Bound, error) {
	bound := clipBound{field: field}
	integers := field.Type.Integer()
	narrow := field.Type == column.Int32
	for i, l := range []Literal{o.Min, o.Max} {
		if l == "" {
			continue
		}
		key := []string{"min", "max"}[i]
		exact, ok := l.Rat()
		float, fits := l.Float64()
		if !ok || !fits {
			return nil, wrongOption(key, "%s must be a finite number, not %s", key, string(l))
		}
		bound.bounds[i] = &clipLimit{float: float}
		if exact.IsInt() && exact.Num().IsInt64() {
			bound.bounds[i].integer = exact.Num().Int64()
			narrow = narrow && bound.bounds[i].integer == int64(int32(bound.bounds[i].integer))
		} else {
			integers = false
		}
	}
	if o.Min != "" && o.Max != "" {
		low, _ := o.Min.Rat()
		high, _ := o.Max.Rat()
		if low.Cmp(high) > 0 {
			return nil, wrongOption("min", "min must not be above max, but %s is above %s", string(o.Min), string(o.Max))
		}
	}
	bound.out = clipType(field.Type, integers, narrow)
	return bound, nil
}

// bindQuantiles checks the quantiles. With rule linear a bound may fall between
// two integers, so integers become reals; with the other rules bounds are values
// of the column.
func (o Clip) bindQuantiles(field column.Field) (Bound, error) {
	if len(o.Quantiles) != 2 {
		return nil, wrongOption("quantiles", "quantiles takes two numbers, [low, high], not %d", len(o.Quantiles))
	}
	at := make([]*big.Rat, 2)
	for i, l := range o.Quantiles {
		exact, err := quantile(nth("quantiles", i), l)
		if err != nil {
			return nil, err
		}
		at[i] = exact
	}
	if at[0].Cmp(at[1]) > 0 {
		return nil, wrongOption("quantiles", "quantiles must ascend, but %s is above %s", string(o.Quantiles[0]), string(o.Quantiles[1]))
	}
	// Infinities are what clipping is for: they are not learnt from, and clipped.
	learner := &quantileLearner{op: "clip", field: field, at: at, rule: o.Rule, infinities: InfinitiesIgnore}
	integers := learner.exactIntegers()
	return clipBound{field: field, learner: learner, out: clipType(field.Type, integers, true)}, nil
}

// clipType is the type of the output.
func clipType(in column.Type, integers, narrow bool) column.Type {
	switch {
	case !integers:
		return realType(in)
	case in == column.Int32 && narrow:
		return in
	}
	return column.Int64
}

// clipLimit is one bound, as a float and, for integer outputs, as an integer.
type clipLimit struct {
	float   float64
	integer int64
}

// clipBound is Clip bound to a column.
type clipBound struct {
	field   column.Field
	out     column.Type
	bounds  [2]*clipLimit    // low, high; nil: none
	learner *quantileLearner // nil: fixed bounds
}

// Out implements Bound.
func (o clipBound) Out() []column.Field { return []column.Field{{Type: o.out}} }

// Rounds implements Bound.
func (o clipBound) Rounds() int {
	if o.learner == nil {
		return 0
	}
	return o.learner.rounds()
}

// Wants implements Bound.
func (o clipBound) Wants(b *program.Builder, in []program.Register) []Want {
	return o.learner.wants(b, in[0])
}

// Fit implements Bound.
func (o clipBound) Fit(learnt []stat.Statistic) (Bound, error) {
	next, err := o.learner.fit(learnt)
	if err != nil {
		return nil, err
	}
	o.learner = next
	for i := range next.values {
		limit := clipLimit{float: next.values[i]}
		if next.integers != nil {
			limit.integer = next.integers[i]
		}
		o.bounds[i] = &limit
	}
	return o, nil
}

// Lower implements Bound: one clamp.
func (o clipBound) Lower(b *program.Builder, in []program.Register, _ Mode) []program.Register {
	x := in[0]
	if o.out.Integer() {
		x = o.clampIntegers(b, x)
		if o.out == column.Int32 && b.Elem(x) != column.Int32 {
			x = b.Emit(program.Narrow32, program.Imm{}, x)
		}
		return []program.Register{x}
	}
	x = toReal(b, x)
	if o.bounds[0] != nil || o.bounds[1] != nil {
		low, high := math.Inf(-1), math.Inf(1)
		if o.bounds[0] != nil {
			low = o.bounds[0].float
		}
		if o.bounds[1] != nil {
			high = o.bounds[1].float
		}
		x = b.Emit(program.Clamp, program.Imm{}, x, b.ConstFloat(low), b.ConstFloat(high))
	}
	return []program.Register{toStored(b, x, o.out)}
}

// clampIntegers clamps in the integers, and widens Int32 where the output is wider.
func (o clipBound) clampIntegers(b *program.Builder, x program.Register) program.Register {
	if o.bounds[0] == nil && o.bounds[1] == nil {
		return x
	}
	low, high := int64(math.MinInt64), int64(math.MaxInt64)
	if o.bounds[0] != nil {
		low = o.bounds[0].integer
	}
	if o.bounds[1] != nil {
		high = o.bounds[1].integer
	}
	return b.Emit(program.Clamp, program.Imm{}, x, b.ConstInt(low), b.ConstInt(high))
}

// Learnt implements Bound.
func (o clipBound) Learnt() []Number {
	if o.learner == nil || o.Rounds() > 0 {
		return nil
	}
	if o.bounds[0] == nil {
		return []Number{flagNumber("empty")}
	}
	if o.out.Integer() {
		return []Number{intNumber("min", o.bounds[0].integer), intNumber("max", o.bounds[1].integer)}
	}
	return []Number{floatNumber("min", o.bounds[0].float), floatNumber("max", o.bounds[1].float)}
}

// clipEntry is clip in the catalogue.
func clipEntry() Entry {
	return Entry{
		Name: "clip",
		New:  func() Operator { return NewClip() },
		Doc: Doc{
			Summary:  "Keeps numbers between two bounds, given or learnt as quantiles (winsorising).",
			Does:     "y = min if x < min, max if x > max, else x. With `quantiles: [a, b]` the bounds are the exact quantiles of the finite values of the column.",
			Null:     "Not learnt from; null stays null.",
			NaN:      "Not learnt from; NaN stays NaN.",
			Inf:      "Not learnt from. When transforming, an infinity becomes the bound on its side, if there is one.",
			Unseen:   "Numbers beyond the bounds become the bound: that is the purpose.",
			Constant: "A constant column with quantiles gives that constant for every number. An all-null column learns no bounds, is flagged, and later numbers pass unchanged.",
			Output:   "One output under the name of the column. Reals keep their type. Integers keep it if both bounds are integers of that type (with quantiles: rules lower and inverted_cdf); bounds beyond int32 make int64, fractional bounds and rule linear make float64.",
			Source:   "Winsorising. The quantile rules are numpy's.",
			Options: []Option{
				{"min", "number", "none", "lower bound"},
				{"max", "number", "none", "upper bound"},
				{"quantiles", "list of two numbers from 0 to 1", "none", "the bounds as quantiles, in the place of min and max"},
				{"rule", "linear | lower | inverted_cdf", "linear", "what a quantile between two values is"},
			},
			Example: "clip: {quantiles: [0.01, 0.99]}",
		},
		Samples: clipSamples,
	}
}

// clipSamples covers both kinds of bounds and every type rule.
func clipSamples() []Sample {
	quantiles := func(rule Rule) *Clip { return &Clip{Quantiles: []Literal{"0.1", "0.9"}, Rule: rule} }
	return join(
		samplesOf("fixed", &Clip{Min: "-2", Max: "5"}, column.Float64, column.Float32, column.Int64, column.Int32),
		samplesOf("fraction", &Clip{Min: "0.1"}, column.Float64, column.Float32, column.Int64),
		samplesOf("wide", &Clip{Max: "3000000000"}, column.Int32),
		samplesOf("linear", quantiles(RuleLinear), column.Float64, column.Float32, column.Int64, column.Int32),
		samplesOf("lower", quantiles(RuleLower), column.Float64, column.Int64, column.Int32),
		samplesOf("inverted_cdf", quantiles(RuleInvertedCDF), column.Float32, column.Int64),
	)
}
