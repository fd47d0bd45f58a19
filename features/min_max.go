package features

import (
	"math"
	"math/big"

	"quern/features/column"
	"quern/features/program"
	"quern/features/stat"
)

// MinMax maps the learnt range of a column onto another range.
type MinMax struct {
	// Range is the target: two numbers, ascending.
	Range []Literal `quern:"range"`
	// Clip true keeps values beyond the learnt range inside of the target.
	Clip bool `quern:"clip"`
	// Infinities says what learning does with infinities.
	Infinities Infinities `quern:"infinities"`
}

// NewMinMax returns the defaults: onto [0, 1], not clipped.
func NewMinMax() *MinMax {
	return &MinMax{Range: []Literal{"0", "1"}, Infinities: InfinitiesError}
}

// Bind implements Operator.
func (o MinMax) Bind(in []column.Field) (Bound, error) {
	if err := numericOnly("min_max", in[0]); err != nil {
		return nil, err
	}
	if err := chosen("infinities", o.Infinities); err != nil {
		return nil, err
	}
	if len(o.Range) != 2 {
		return nil, wrongOption("range", "range takes two numbers, [low, high], not %d", len(o.Range))
	}
	ends := [2]float64{}
	for i, l := range o.Range {
		v, ok := l.Float64()
		if !ok {
			return nil, wrongOption(nth("range", i), "%q is not a finite number", string(l))
		}
		ends[i] = v
	}
	width := ends[1] - ends[0]
	if !(width > 0) || math.IsInf(width, 0) {
		return nil, wrongOption("range", "range must ascend, from a low to a high number, not %s to %s", string(o.Range[0]), string(o.Range[1]))
	}
	return minMaxBound{spec: o, field: in[0], low: ends[0], high: ends[1]}, nil
}

// minMaxBound is MinMax bound to a column; min and max count once fitted.
type minMaxBound struct {
	spec      MinMax
	field     column.Field
	low, high float64 // the target
	fitted    bool
	seen      bool // there was a value
	min, max  float64
	exactInts *[2]int64 // min and max of an integer column
}

// Out implements Bound.
func (o minMaxBound) Out() []column.Field { return []column.Field{{Type: realType(o.field.Type)}} }

// Rounds implements Bound.
func (o minMaxBound) Rounds() int {
	if o.fitted {
		return 0
	}
	return 1
}

// Wants implements Bound.
func (o minMaxBound) Wants(b *program.Builder, in []program.Register) []Want {
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
func (o minMaxBound) Fit(learnt []stat.Statistic) (Bound, error) {
	lo, hi, ok := exactExtremes(learnt[0].(*stat.Extremes), o.field.Type)
	if ok && (lo == nil || hi == nil) {
		return nil, infinite("min_max", o.field)
	}
	o.fitted, o.seen = true, ok
	if !ok {
		return o, nil
	}
	o.min, _ = lo.Float64()
	o.max, _ = hi.Float64()
	if o.field.Type.Integer() {
		o.exactInts = &[2]int64{lo.Num().Int64(), hi.Num().Int64()}
	}
	return o, nil
}

// exactExtremes returns min and max as exact numbers: nil where one is an
// infinity, false where there is no value.
func exactExtremes(e *stat.Extremes, t column.Type) (lo, hi *big.Rat, ok bool) {
	if t.Integer() {
		a, ok := e.MinInt()
		if !ok {
			return nil, nil, false
		}
		b, _ := e.MaxInt()
		return new(big.Rat).SetInt64(a), new(big.Rat).SetInt64(b), true
	}
	a, ok := e.MinFloat()
	if !ok {
		return nil, nil, false
	}
	b, _ := e.MaxFloat()
	return new(big.Rat).SetFloat64(a), new(big.Rat).SetFloat64(b), true // nil for an infinity
}

// Lower implements Bound: t = (x - min) / (max - min), then low + t*(high - low).
func (o minMaxBound) Lower(b *program.Builder, in []program.Register, _ Mode) []program.Register {
	x := toReal(b, in[0])
	y := alwaysConst(b, x, o.low)
	if o.min < o.max {
		y = between(o.min, o.min, o.max).emit(b, x)
		if o.high-o.low != 1 {
			y = b.Emit(program.Mul, program.Imm{}, y, b.ConstFloat(o.high-o.low))
		}
		if o.low != 0 {
			y = b.Emit(program.Add, program.Imm{}, y, b.ConstFloat(o.low))
		}
	}
	if o.spec.Clip {
		y = b.Emit(program.Clamp, program.Imm{}, y, b.ConstFloat(o.low), b.ConstFloat(o.high))
	}
	return []program.Register{toStored(b, y, realType(o.field.Type))}
}

// Learnt implements Bound.
func (o minMaxBound) Learnt() []Number {
	if !o.fitted {
		return nil
	}
	var numbers []Number
	switch {
	case o.exactInts != nil:
		numbers = []Number{intNumber("min", o.exactInts[0]), intNumber("max", o.exactInts[1])}
	case o.seen:
		numbers = []Number{floatNumber("min", o.min), floatNumber("max", o.max)}
	}
	if o.min == o.max {
		numbers = append(numbers, flagNumber("constant"))
	}
	return numbers
}

// minMaxEntry is min_max in the catalogue.
func minMaxEntry() Entry {
	return Entry{
		Name: "min_max",
		New:  func() Operator { return NewMinMax() },
		Doc: Doc{
			Summary: "Maps the learnt range of a column onto [0, 1], or another range.",
			Does: "t = (x - min) / (max - min); y = low + t (high - low). Each operation rounds once, so min gives t = 0 and max gives t = 1 exactly. " +
				"For the range [0, 1] y is t. A range beyond the largest float64 is computed on halved values.",
			Null:     "Not learnt from; null stays null.",
			NaN:      "Not learnt from; NaN stays NaN.",
			Inf:      "Ends fitting with Q261; with `infinities: ignore` it is not learnt from. When transforming, an infinity stays an infinity of its sign (with `clip: true` it becomes an end of the range, in a constant column the lower end).",
			Unseen:   "A number beyond the learnt range lands beyond the target range; `clip: true` keeps it at the end.",
			Constant: "A constant or all-null column gives the lower end of the range for every number, also for numbers never seen, and is flagged.",
			Output:   "One output under the name of the column: float32 from float32, otherwise float64.",
			Source:   "scikit-learn's MinMaxScaler, whose result for constant columns is the same.",
			Options: []Option{
				{"range", "list of two numbers", "[0, 1]", "where min and max are mapped to"},
				{"clip", "bool", "false", "keep values beyond the learnt range inside of the target range"},
				{"infinities", "error | ignore", "error", "what learning does with infinities"},
			},
			Example: "min_max: {range: [-1, 1], clip: true}",
		},
		Samples: func() []Sample {
			wide := NewMinMax()
			wide.Range, wide.Clip, wide.Infinities = []Literal{"-1", "2.5"}, true, InfinitiesIgnore
			return join(
				samplesOf("default", NewMinMax(), column.Float64, column.Float32, column.Int64, column.Int32),
				samplesOf("range_clip_ignore", wide, column.Float64, column.Float32, column.Int64),
			)
		},
	}
}
