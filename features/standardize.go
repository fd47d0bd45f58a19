package features

import (
	"quern/features/column"
	"quern/features/program"
	"quern/features/stat"
)

// Standardize subtracts the mean and divides by the standard deviation.
type Standardize struct {
	// DDOF is the delta degrees of freedom: the variance is divided by n - DDOF. 0 or 1.
	DDOF int `quern:"ddof"`
	// Center false leaves the mean where it is.
	Center bool `quern:"center"`
	// Scale false leaves the spread as it is.
	Scale bool `quern:"scale"`
	// Constant says what a column without spread gives.
	Constant ConstantColumn `quern:"constant"`
	// Infinities says what learning does with infinities.
	Infinities Infinities `quern:"infinities"`
}

// NewStandardize returns the defaults: population variance, centred and scaled.
func NewStandardize() *Standardize {
	return &Standardize{Center: true, Scale: true, Constant: ConstantZero, Infinities: InfinitiesError}
}

// ConstantColumn says what a column without spread becomes.
type ConstantColumn string

// The choices; the zero value is ConstantZero.
const (
	ConstantZero   ConstantColumn = "zero"   // 0 for every value, also those never seen
	ConstantCenter ConstantColumn = "center" // x - mean: 0 for the value seen, the distance for others
)

// Choices implements Chooser.
func (ConstantColumn) Choices() []string {
	return []string{string(ConstantZero), string(ConstantCenter)}
}

// Bind implements Operator.
func (o Standardize) Bind(in []column.Field) (Bound, error) {
	if err := numericOnly("standardize", in[0]); err != nil {
		return nil, err
	}
	if o.DDOF != 0 && o.DDOF != 1 {
		return nil, wrongOption("ddof", "ddof must be 0 or 1, not %d", o.DDOF)
	}
	if !o.Center && !o.Scale {
		return nil, missingOption("center", "standardize with neither center nor scale does nothing")
	}
	if err := chosen("constant", o.Constant); err != nil {
		return nil, err
	}
	if err := chosen("infinities", o.Infinities); err != nil {
		return nil, err
	}
	return standardizeBound{spec: o, field: in[0]}, nil
}

// standardizeBound is Standardize bound to a column; mean and std count once fitted.
type standardizeBound struct {
	spec      Standardize
	field     column.Field
	fitted    bool
	n         uint64
	mean, std float64
}

// Out implements Bound.
func (o standardizeBound) Out() []column.Field {
	return []column.Field{{Type: realType(o.field.Type)}}
}

// Rounds implements Bound.
func (o standardizeBound) Rounds() int {
	if o.fitted {
		return 0
	}
	return 1
}

// Wants implements Bound.
func (o standardizeBound) Wants(b *program.Builder, in []program.Register) []Want {
	return []Want{{
		Spec: stat.Spec{Kind: stat.KindSums, Types: []column.Type{o.field.Type}},
		Args: [][]program.Register{{in[0]}},
	}}
}

// Fit implements Bound. Sums keeps infinities apart from the finite values, so
// ignoring them needs no more than not to complain.
func (o standardizeBound) Fit(learnt []stat.Statistic) (Bound, error) {
	sums := learnt[0].(*stat.Sums)
	if sums.PosInfs()+sums.NegInfs() > 0 && o.spec.Infinities != InfinitiesIgnore {
		return nil, infinite("standardize", o.field)
	}
	o.fitted, o.n = true, sums.N()
	o.mean, _ = sums.Mean()
	o.std, _ = sums.Std(o.spec.DDOF) // none (too few rows) counts as no spread
	return o, nil
}

// Lower implements Bound. Two operations, each rounded once: sub, then div.
func (o standardizeBound) Lower(b *program.Builder, in []program.Register, _ Mode) []program.Register {
	x := toReal(b, in[0])
	if o.noSpread() && o.spec.Constant != ConstantCenter {
		return []program.Register{toStored(b, alwaysConst(b, x, 0), realType(o.field.Type))}
	}
	center, scale := o.mean, o.std
	if !o.spec.Center {
		center = 0
	}
	if !o.spec.Scale || scale == 0 {
		scale = 1
	}
	x = newAffine(center, scale).emit(b, x)
	return []program.Register{toStored(b, x, realType(o.field.Type))}
}

// noSpread reports whether a division by the standard deviation is due but impossible.
func (o standardizeBound) noSpread() bool { return o.spec.Scale && o.std == 0 }

// Learnt implements Bound.
func (o standardizeBound) Learnt() []Number {
	if !o.fitted {
		return nil
	}
	numbers := []Number{countNumber("n", o.n), floatNumber("mean", o.mean), floatNumber("std", o.std)}
	if o.std == 0 {
		numbers = append(numbers, flagNumber("constant"))
	}
	return numbers
}

// standardizeEntry is standardize in the catalogue.
func standardizeEntry() Entry {
	return Entry{
		Name: "standardize",
		New:  func() Operator { return NewStandardize() },
		Doc: Doc{
			Summary: "Subtracts the mean and divides by the standard deviation (z-score).",
			Does: "y = (x - mean) / std, where mean = S1/n and std = sqrt((n S2 - S1^2) / (n (n - ddof))); S1 and S2 are the exact sums of x and x^2 over the n finite values. " +
				"mean and std are the correctly rounded values of these formulas; then one subtraction and one division, each rounded once.",
			Null:     "Not learnt from; null stays null.",
			NaN:      "Not learnt from; NaN stays NaN.",
			Inf:      "Ends fitting with Q261; with `infinities: ignore` it is not learnt from. When transforming, an infinity stays an infinity of its sign (0 if the column is constant).",
			Unseen:   "Not applicable: every number has a value; numbers outside of the learnt range are not clipped.",
			Constant: "A std of 0 (a constant column, all null, or one row with ddof 1) gives 0 for every number, also for numbers never seen, and is flagged. With `constant: center` it gives x - mean, as scikit-learn and TFT do.",
			Output:   "One output under the name of the column: float32 from float32, otherwise float64.",
			Source:   "Population standard deviation (ddof 0) as in scikit-learn, TFT and Ray; NVTabular and Spark use ddof 1.",
			Options: []Option{
				{"ddof", "0 | 1", "0", "delta degrees of freedom: the divisor of the variance is n - ddof"},
				{"center", "bool", "true", "subtract the mean"},
				{"scale", "bool", "true", "divide by the standard deviation"},
				{"constant", "zero | center", "zero", "what a column without spread gives"},
				{"infinities", "error | ignore", "error", "what learning does with infinities"},
			},
			Example: "standardize: {ddof: 1}",
		},
		Samples: func() []Sample {
			sample, wide, center := NewStandardize(), NewStandardize(), NewStandardize()
			sample.DDOF, sample.Infinities = 1, InfinitiesIgnore
			wide.Center = false
			center.Constant, center.Infinities = ConstantCenter, InfinitiesIgnore
			return join(
				samplesOf("default", NewStandardize(), column.Float64, column.Float32, column.Int64, column.Int32),
				samplesOf("ddof1_ignore", sample, column.Float64, column.Float32),
				samplesOf("scale_only", wide, column.Float64, column.Int32),
				samplesOf("constant_center", center, column.Float64),
			)
		},
	}
}
