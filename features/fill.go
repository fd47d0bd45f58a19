package features

import (
	"bytes"
	"errors"
	"fmt"
	"math/big"
	"strconv"

	"quern/features/column"
	"quern/features/program"
	"quern/features/stat"
)

// Fill replaces nulls by a constant or by a learnt value.
type Fill struct {
	// With is the value: Mean, Median, MostFrequent or a Constant.
	With FillWith `quern:"with"`
	// Indicator adds a Bool output that is true where the value was missing.
	Indicator bool `quern:"indicator"`
	// NaN says whether NaN is filled too.
	NaN FillNaN `quern:"nan"`
	// Infinities says what learning a mean or a median does with infinities.
	Infinities Infinities `quern:"infinities"`
}

// NewFill returns a Fill of nulls only; With must be set.
func NewFill() *Fill { return &Fill{NaN: FillKeepNaN, Infinities: InfinitiesError} }

// FillWith is mean, median, mode, or a constant as JSON writes it: 0, true, "none".
type FillWith string

// The values that are learnt.
const (
	Mean         FillWith = "mean"   // the mean of the finite values
	Median       FillWith = "median" // the middle value, or the mean of the two in the middle
	MostFrequent FillWith = "mode"   // the most frequent value; of several, the smallest
)

// FillNaN says whether NaN counts as missing.
type FillNaN string

// The choices; the zero value is FillKeepNaN.
const (
	FillKeepNaN FillNaN = "keep" // NaN stays NaN
	FillAlsoNaN FillNaN = "fill" // NaN is filled as null is
)

// Choices implements Chooser.
func (FillNaN) Choices() []string { return []string{string(FillKeepNaN), string(FillAlsoNaN)} }

// FillText returns the constant text; FillWith("mean") would be the statistic.
func FillText(text string) FillWith { return FillWith(strconv.Quote(text)) }

// SetOption implements OptionSetter.
func (w *FillWith) SetOption(v any) error {
	switch v := v.(type) {
	case bool:
		*w = FillWith(strconv.FormatBool(v))
	case Literal:
		if _, ok := v.Rat(); !ok {
			return fmt.Errorf("must be a finite number, not %s", string(v))
		}
		*w = FillWith(v)
	case string:
		*w = FillText(v)
		if s := FillWith(v); s == Mean || s == Median || s == MostFrequent {
			*w = s
		}
	case map[string]any:
		text, ok := v["value"].(string)
		if !ok || len(v) != 1 {
			return errors.New("as a map must be {value: TEXT}")
		}
		*w = FillText(text)
	default:
		return fmt.Errorf("must be mean, median, mode or a constant, not %s", shapeOf(v))
	}
	return nil
}

// Option implements OptionGetter.
func (w FillWith) Option() any {
	switch w {
	case Mean, Median, MostFrequent:
		return string(w)
	case "true", "false":
		return w == "true"
	}
	text, err := strconv.Unquote(string(w))
	switch s := FillWith(text); {
	case err != nil:
		return Literal(w)
	case s == Mean || s == Median || s == MostFrequent:
		return map[string]any{"value": text}
	}
	return text
}

// Bind implements Operator.
func (o Fill) Bind(in []column.Field) (Bound, error) {
	for _, err := range []error{chosen("nan", o.NaN), chosen("infinities", o.Infinities)} {
		if err != nil {
			return nil, err
		}
	}
	bound := fillBound{spec: o, field: in[0], out: in[0].Type}
	switch o.With {
	case "":
		return nil, missingOption("with", "fill needs `with`: mean, median, mode or a constant").withHint("such as `fill: {with: 0}`")
	case MostFrequent:
		return bound, nil
	case Mean, Median:
		if err := numericOnly("fill with "+string(o.With), in[0]); err != nil {
			return nil, err
		}
		bound.out = realType(in[0].Type)
		if o.With == Median {
			bound.learner = &quantileLearner{op: "fill", field: in[0], at: []*big.Rat{big.NewRat(1, 2)}, infinities: o.Infinities}
		}
		return bound, nil
	}
	out, value, err := fillConstant(string(o.With), in[0])
	if err != nil {
		return nil, err
	}
	bound.out, bound.value, bound.fitted = out, value, true
	return bound, nil
}

// fillConstant returns the constant as a value, and the type that holds both it
// and the column.
func fillConstant(text string, field column.Field) (column.Type, program.Value, error) {
	t := field.Type
	if text == "true" || text == "false" {
		if t != column.Bool {
			return t, program.Value{}, constantMisfit(text, field)
		}
		return t, program.Value{Bool: text == "true"}, nil
	}
	if unquoted, err := strconv.Unquote(text); err == nil {
		if t == column.String {
			return t, program.Value{Str: []byte(unquoted)}, nil
		}
		at, ok := int64(0), false
		if t.Temporal() {
			at, ok = program.ParseTimeText(t, []byte(unquoted))
		}
		if !ok {
			return t, program.Value{}, constantMisfit(text, field)
		}
		return t, program.Value{Int: at}, nil
	}
	return fillNumber(Literal(text), field)
}

// fillNumber is fillConstant of a number: integers stay integers if the constant
// is one, and become wider or real if they must.
func fillNumber(l Literal, field column.Field) (column.Type, program.Value, error) {
	t := field.Type
	if t == column.String {
		return t, program.Value{}, constantMisfit(string(l), field).withHint("put it in quotes: `with: %q`", string(l))
	}
	exact, ok := l.Rat()
	if !ok || !t.Numeric() {
		return t, program.Value{}, constantMisfit(string(l), field)
	}
	if i, whole := l.Int64(); whole && t.Integer() {
		if i != int64(int32(i)) {
			t = column.Int64
		}
		return t, program.Value{Int: i}, nil
	}
	if t.Integer() && exact.IsInt() {
		return t, program.Value{}, wrongOption("with", "the constant %s is beyond the integers of 64 bits", string(l))
	}
	f, fits := l.Float64()
	t = realType(t)
	if t == column.Float32 {
		f = program.RoundTo32(f)
		fits = fits && f-f == 0
	}
	if !fits {
		return t, program.Value{}, wrongOption("with", "the constant %s is beyond %s", string(l), t)
	}
	return t, program.Value{Float: f}, nil
}

// constantMisfit says that a constant is no value of the column's type.
func constantMisfit(text string, field column.Field) *OptionError {
	return wrongOption("with", "the constant %s is no %s, which is the type of %q", text, field.Type, field.Name)
}

// fillBound is Fill bound to a column; value counts once fitted.
type fillBound struct {
	spec    Fill
	field   column.Field
	out     column.Type
	learner *quantileLearner // the median's
	fitted  bool
	value   program.Value
}

// Out implements Bound.
func (o fillBound) Out() []column.Field {
	out := []column.Field{{Type: o.out}}
	if o.spec.Indicator {
		out = append(out, column.Field{Name: "missing", Type: column.Bool})
	}
	return out
}

// ByProduct implements ByProducer: the indicator is no input of later steps.
func (o fillBound) ByProduct(i int) bool { return i == 1 }

// Rounds implements Bound.
func (o fillBound) Rounds() int {
	switch {
	case o.fitted:
		return 0
	case o.learner != nil:
		return o.learner.rounds()
	}
	return 1
}

// Wants implements Bound.
func (o fillBound) Wants(b *program.Builder, in []program.Register) []Want {
	if o.learner != nil {
		return o.learner.wants(b, in[0])
	}
	x, kind := in[0], stat.KindSums
	if o.spec.With == MostFrequent {
		x, kind = notNaN(b, x), stat.KindValueCounts
	}
	return []Want{{
		Spec: stat.Spec{Kind: kind, Types: []column.Type{o.field.Type}},
		Args: [][]program.Register{{x}},
	}}
}

// Fit implements Bound.
func (o fillBound) Fit(learnt []stat.Statistic) (Bound, error) {
	var found bool
	var err error
	switch s := learnt[0].(type) {
	case *stat.Sums:
		if s.PosInfs()+s.NegInfs() > 0 && o.spec.Infinities != InfinitiesIgnore {
			return nil, infinite("fill", o.field)
		}
		o.value.Float, found = s.Mean()
	case *stat.ValueCounts:
		o.value, found, err = modeOf(s, o.field.Type)
	default:
		if o.learner, err = o.learner.fit(learnt); err != nil {
			return nil, err
		}
		if o.learner.rounds() > 0 {
			return o, nil
		}
		if found = o.learner.values != nil; found {
			o.value.Float = o.learner.values[0]
		}
	}
	switch {
	case err != nil:
		return nil, err
	case !found:
		return nil, nothingLearnt("fill", string(o.spec.With), o.field)
	case o.out == column.Float32:
		o.value.Float = program.RoundTo32(o.value.Float)
	}
	o.fitted, o.learner = true, nil
	return o, nil
}

// modeOf returns the most frequent value, of several the smallest, or false where
// there is none.
func modeOf(counts *stat.ValueCounts, t column.Type) (best program.Value, found bool, err error) {
	var most uint64
	cell := make([]stat.Cell, 1)
	decode := func(key []byte, count uint64) bool {
		if err = stat.DecodeKey([]column.Type{t}, key, cell); err != nil {
			return false
		}
		v := cellValue(cell[0])
		if v.Null || count < most || count == most && found && !lessValue(t, v, best) {
			return true
		}
		v.Str = bytes.Clone(v.Str)
		best, most, found = v, count, true
		return true
	}
	if e := counts.Each(decode); e != nil {
		return best, false, e
	}
	return best, found, err
}

// lessValue orders the values of a type: false before true, numbers and times by
// size, texts by bytes.
func lessValue(t column.Type, a, b program.Value) bool {
	switch t.Kind() {
	case column.Bools:
		return !a.Bool && b.Bool
	case column.Ints:
		return a.Int < b.Int
	case column.Floats:
		return a.Float < b.Float
	}
	return bytes.Compare(a.Str, b.Str) < 0
}

// Lower implements Bound.
func (o fillBound) Lower(b *program.Builder, in []program.Register, _ Mode) []program.Register {
	x := in[0]
	switch {
	case o.out.Real():
		x = toReal(b, x)
	case o.out == column.Int64 && b.Elem(x) == column.Int32:
		x = b.EmitTyped(program.Retype, column.Int64, program.Imm{}, x)
	}
	missing := b.IsNull(x)
	value := b.ConstTyped(o.out, o.value)
	y := b.Coalesce(x, value)
	if o.spec.NaN == FillAlsoNaN && o.out.Real() {
		nan := b.Emit(program.IsNaN, program.Imm{}, x)
		missing = b.Emit(program.Or, program.Imm{}, missing, nan)
		y = b.Choose(nan, value, y)
	}
	if o.spec.Indicator {
		return []program.Register{y, missing}
	}
	return []program.Register{y}
}

// Learnt implements Bound.
func (o fillBound) Learnt() []Number {
	switch {
	case !o.fitted || o.spec.With != Mean && o.spec.With != Median && o.spec.With != MostFrequent:
		return nil
	case o.out.Real():
		return []Number{floatNumber(string(o.spec.With), o.value.Float)}
	case o.out == column.String:
		return []Number{{Name: string(o.spec.With), Text: strconv.Quote(string(o.value.Str))}}
	}
	return []Number{{Name: string(o.spec.With), Text: string(program.AppendFormat(nil, o.out, o.value))}}
}

// fillEntry is fill in the catalogue.
func fillEntry() Entry {
	return Entry{
		Name: "fill",
		New:  func() Operator { return NewFill() },
		Doc: Doc{
			Summary: "Replaces nulls by a constant, or by the mean, median or most frequent value.",
			Does: "y = x, or the value where x is null. The mean is the exact sum over the count, rounded once; the median is the exact order statistic (rule linear: of an even count the mean of the two in the middle); " +
				"the mode is the most frequent value, of several the smallest. A constant is a number, true or false, or a text (of a time: ISO 8601); the texts mean, median and mode are written {value: mean}.",
			Null:     "Not learnt from; filled. With `indicator: true` a second output says where.",
			NaN:      "Not learnt from; stays NaN, and is not missing. With `nan: fill` it is treated as null is (as scikit-learn does).",
			Inf:      "Ends fitting of mean and median with Q261; with `infinities: ignore` it is not learnt from. For the mode it is a value. When transforming it stays as it is.",
			Unseen:   "Not applicable: values that are there are never changed.",
			Constant: "A constant column is filled with its constant. Where there is nothing to learn from (all null or NaN) fitting ends with Q260: give a constant.",
			Output:   "The column under its own name, then NAME_missing (bool) with `indicator: true`. Mean and median of integers make float64, and so does a fractional constant; an integer beyond int32 makes int64. Otherwise the type stays; constants are rounded to float32 for float32.",
			Source:   "scikit-learn's SimpleImputer (and its tie rule of the mode).",
			Options: []Option{
				{"with", "mean | median | mode | a constant", "required", "the value"},
				{"indicator", "bool", "false", "add an output that is true where the value was missing"},
				{"nan", "keep | fill", "keep", "whether NaN is filled too"},
				{"infinities", "error | ignore", "error", "what learning a mean or a median does with infinities"},
			},
			Example: "fill: {with: median, indicator: true}",
		},
		Samples: fillSamples,
	}
}

// fillSamples covers every value on every type that takes it.
func fillSamples() []Sample {
	with := func(w FillWith) *Fill { return &Fill{With: w} }
	full := func(w FillWith) *Fill {
		return &Fill{With: w, Indicator: true, NaN: FillAlsoNaN, Infinities: InfinitiesIgnore}
	}
	numbers := []column.Type{column.Float64, column.Float32, column.Int64, column.Int32}
	return join(
		samplesOf("mean", with(Mean), numbers...),
		samplesOf("median", with(Median), numbers...),
		samplesOf("mode", with(MostFrequent), column.Types()...),
		samplesOf("zero", with("0"), numbers...),
		samplesOf("fraction", with("0.1"), numbers...),
		samplesOf("text", full(FillText("none")), column.String),
		samplesOf("bool", full("false"), column.Bool),
		samplesOf("date", with(FillText("2001-02-03")), column.Date, column.Datetime),
		samplesOf("timestamp", with(FillText("2001-02-03T04:05:06Z")), column.Timestamp),
		samplesOf("full_mean", full(Mean), column.Float64, column.Float32),
		samplesOf("full_median", full(Median), column.Float64, column.Int64),
		samplesOf("full_mode", full(MostFrequent), column.Float64, column.String),
	)
}
