package features

import (
	"math/big"

	"quern/features/column"
	"quern/features/program"
	"quern/features/stat"
)

// Robust subtracts the median and divides by the range between two quantiles.
type Robust struct {
	// Lower is the lower quantile of the range.
	Lower Literal `quern:"lower"`
	// Upper is the upper quantile of the range.
	Upper Literal `quern:"upper"`
	// Rule is the rule of quantiles between two values.
	Rule Rule `quern:"rule"`
	// Infinities says what learning does with infinities.
	Infinities Infinities `quern:"infinities"`
}

// NewRobust returns the defaults: the interquartile range, interpolated.
func NewRobust() *Robust {
	return &Robust{Lower: "0.25", Upper: "0.75", Rule: RuleLinear, Infinities: InfinitiesError}
}

// Bind implements Operator.
func (o Robust) Bind(in []column.Field) (Bound, error) {
	if err := numericOnly("robust", in[0]); err != nil {
		return nil, err
	}
	if err := chosen("rule", o.Rule); err != nil {
		return nil, err
	}
	if err := chosen("infinities", o.Infinities); err != nil {
		return nil, err
	}
	lower, err := quantile("lower", o.Lower)
	if err != nil {
		return nil, err
	}
	upper, err := quantile("upper", o.Upper)
	if err != nil {
		return nil, err
	}
	if lower.Cmp(upper) >= 0 {
		return nil, wrongOption("lower", "lower must be below upper, but %s is not below %s", string(o.Lower), string(o.Upper))
	}
	return robustBound{field: in[0], learner: &quantileLearner{
		op: "robust", field: in[0], at: []*big.Rat{lower, big.NewRat(1, 2), upper},
		rule: o.Rule, infinities: o.Infinities,
	}}, nil
}

// robustBound is Robust bound to a column.
type robustBound struct {
	field   column.Field
	learner *quantileLearner // lower, median, upper
}

// Out implements Bound.
func (o robustBound) Out() []column.Field { return []column.Field{{Type: realType(o.field.Type)}} }

// Rounds implements Bound.
func (o robustBound) Rounds() int { return o.learner.rounds() }

// Wants implements Bound.
func (o robustBound) Wants(b *program.Builder, in []program.Register) []Want {
	return o.learner.wants(b, in[0])
}

// Fit implements Bound.
func (o robustBound) Fit(learnt []stat.Statistic) (Bound, error) {
	next, err := o.learner.fit(learnt)
	return robustBound{field: o.field, learner: next}, err
}

// Lower implements Bound: sub, then div, each rounded once.
func (o robustBound) Lower(b *program.Builder, in []program.Register, _ Mode) []program.Register {
	x := toReal(b, in[0])
	if o.learner.values == nil {
		return []program.Register{toStored(b, alwaysConst(b, x, 0), realType(o.field.Type))}
	}
	v := o.learner.values
	shift := newAffine(v[1], 1)
	if v[0] != v[2] {
		shift = between(v[1], v[0], v[2])
	}
	x = shift.emit(b, x)
	return []program.Register{toStored(b, x, realType(o.field.Type))}
}

// Learnt implements Bound.
func (o robustBound) Learnt() []Number {
	if o.Rounds() > 0 {
		return nil
	}
	if o.learner.values == nil {
		return []Number{flagNumber("empty")}
	}
	v := o.learner.values
	numbers := []Number{floatNumber("lower", v[0]), floatNumber("median", v[1]), floatNumber("upper", v[2])}
	if v[0] == v[2] {
		numbers = append(numbers, flagNumber("constant"))
	}
	return numbers
}

// robustEntry is robust in the catalogue.
func robustEntry() Entry {
	return Entry{
		Name: "robust",
		New:  func() Operator { return NewRobust() },
		Doc: Doc{
			Summary:  "Subtracts the median and divides by the range between two quantiles, so that outliers do not set the scale.",
			Does:     "y = (x - median) / (q_upper - q_lower). The quantiles are exact order statistics of the values that are neither null nor NaN, not estimates; each operation rounds once.",
			Null:     "Not learnt from; null stays null.",
			NaN:      "Not learnt from; NaN stays NaN.",
			Inf:      "Ends fitting with Q261; with `infinities: ignore` it is not learnt from. When transforming, an infinity stays an infinity of its sign.",
			Unseen:   "Not applicable: every number has a value; numbers outside of the learnt quantiles are not clipped.",
			Constant: "Equal quantiles (also of a column with outliers, if most values are the same) divide by 1, as scikit-learn does, and are flagged. An all-null column gives 0 for every number.",
			Output:   "One output under the name of the column: float32 from float32, otherwise float64.",
			Source:   "scikit-learn's RobustScaler. The quantile rules are numpy's.",
			Options: []Option{
				{"lower", "number from 0 to 1", "0.25", "the lower quantile, exactly as written"},
				{"upper", "number from 0 to 1", "0.75", "the upper quantile"},
				{"rule", "linear | lower | inverted_cdf", "linear", "what a quantile between two values is"},
				{"infinities", "error | ignore", "error", "what learning does with infinities"},
			},
			Example: "robust: {lower: 0.1, upper: 0.9}",
		},
		Samples: func() []Sample {
			wide := NewRobust()
			wide.Lower, wide.Upper, wide.Rule, wide.Infinities = "0.1", "0.9", RuleInvertedCDF, InfinitiesIgnore
			return join(
				samplesOf("default", NewRobust(), column.Float64, column.Float32, column.Int64, column.Int32),
				samplesOf("deciles_ignore", wide, column.Float64, column.Float32, column.Int64),
			)
		},
	}
}
