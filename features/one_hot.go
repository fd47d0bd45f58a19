package features

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"quern/features/column"
	"quern/features/program"
	"quern/features/stat"
)

// OneHot makes one true-or-false column per value.
type OneHot struct {
	// MinCount: values that occur less often than that have no column. 0 means 1.
	MinCount int `quern:"min_count"`
	// MaxSize is the most values that have a column, the most frequent ones; 0: all
	// of them, and more than 1,000 are an error.
	MaxSize int `quern:"max_size"`
	// Vocabulary, if it is given, is not learnt; columns are in its order.
	Vocabulary Vocabulary `quern:"vocabulary"`
	// Drop leaves out the column of one value, which the others imply.
	Drop DropRule `quern:"drop"`
	// NullColumn adds a column that is true for null.
	NullColumn bool `quern:"null_column"`
}

// DropRule says which value of one_hot has no column.
type DropRule string

// The rules; the zero value is DropNone.
const (
	DropNone  DropRule = "none"
	DropFirst DropRule = "first" // the smallest value, or the first of a given vocabulary
)

// Choices implements Chooser.
func (DropRule) Choices() []string { return []string{string(DropNone), string(DropFirst)} }

// mostOneHot is how many columns one_hot makes without being told to.
const mostOneHot = 1000

// Bind implements Operator.
func (o OneHot) Bind(in []column.Field) (Bound, error) {
	if err := typedOnly("one_hot", in); err != nil {
		return nil, err
	}
	if err := checkBounds(o.MinCount, o.MaxSize, o.Vocabulary); err != nil {
		return nil, err
	}
	if err := chosen("drop", o.Drop); err != nil {
		return nil, err
	}
	bound := oneHotBound{spec: o, in: in[0]}
	if o.Vocabulary != nil {
		words, err := o.Vocabulary.vector(in[0].Type)
		if err != nil {
			return nil, err
		}
		return bound.with(givenWords(words)), nil
	}
	return bound, nil
}

// oneHotBound is OneHot bound to a lane; names are set once fitted.
type oneHotBound struct {
	spec   OneHot
	in     column.Field
	fitted bool
	words  learntWords
	names  []string // of all outputs
}

// with returns o with its vocabulary learnt.
func (o oneHotBound) with(words learntWords) oneHotBound {
	o.words, o.fitted = words, true
	taken := map[string]bool{}
	for i := o.dropped(); i < words.words.Len; i++ {
		o.names = append(o.names, freeName(taken, suffixOf(o.in.Type, program.ValueAt(&words.words, i))))
	}
	if o.spec.NullColumn {
		o.names = append(o.names, freeName(taken, "null"))
	}
	return o
}

// dropped returns how many values of the vocabulary have no column.
func (o oneHotBound) dropped() int {
	return boolRank(o.spec.Drop == DropFirst && o.words.words.Len > 0)
}

// suffixOf writes a value so that it can be part of a column's name: letters,
// digits, "-", "." and "_" stay, all else becomes "_", at most 60 characters.
func suffixOf(t column.Type, v program.Value) string {
	text := v.Str
	if t != column.String {
		formatted, err := program.Eval(program.Format, column.String, program.Imm{}, []column.Type{t}, []program.Value{v}, nil)
		if err != nil {
			panic("quern: bug: format faults on a value: " + err.Error())
		}
		text = formatted.Str
	}
	var b strings.Builder
	for n := 0; len(text) > 0 && n < 60; n++ {
		r, size := utf8.DecodeRune(text)
		text = text[size:]
		if r == utf8.RuneError || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-._", r) {
			r = '_'
		}
		b.WriteRune(r)
	}
	if b.Len() == 0 {
		return "empty"
	}
	return b.String()
}

// freeName returns name, or name with the first of _2, _3 ... that is not taken,
// and takes it.
func freeName(taken map[string]bool, name string) string {
	free := name
	for n := 2; taken[free]; n++ {
		free = fmt.Sprintf("%s_%d", name, n)
	}
	taken[free] = true
	return free
}

// Out implements Bound.
func (o oneHotBound) Out() []column.Field {
	if !o.fitted {
		return []column.Field{{Name: "value", Type: column.Bool}}
	}
	out := make([]column.Field, len(o.names))
	for i, name := range o.names {
		out[i] = column.Field{Name: name, Type: column.Bool}
	}
	return out
}

// Rounds implements Bound.
func (o oneHotBound) Rounds() int { return 1 - boolRank(o.fitted) }

// Wants implements Bound.
func (o oneHotBound) Wants(_ *program.Builder, in []program.Register) []Want {
	spec := stat.Spec{Kind: stat.KindValueCounts, Types: []column.Type{o.in.Type}}
	return []Want{{Spec: spec, Args: [][]program.Register{{in[0]}}}}
}

// Fit implements Bound.
func (o oneHotBound) Fit(learnt []stat.Statistic) (Bound, error) {
	counts := learnt[0].(*stat.ValueCounts)
	words, err := learnWords(counts, o.spec.MinCount, o.spec.MaxSize, OrderValue)
	if err != nil {
		return nil, err
	}
	if o.spec.MaxSize == 0 && words.words.Len > mostOneHot {
		return nil, tooManyWords(o.in, words.words.Len, mostOneHot)
	}
	return o.with(words), nil
}

// Lower implements Bound: one lookup gives the value's number, which every output
// compares with its own.
func (o oneHotBound) Lower(b *program.Builder, in []program.Register, _ Mode) []program.Register {
	no := b.ConstBool(false)
	id := b.Lookup(b.AddNumbered(o.words.idTable(0, -1)), in[0])
	var out []program.Register
	for i := o.dropped(); i < o.words.words.Len; i++ {
		out = append(out, b.Coalesce(b.Emit(program.Eq, program.Imm{}, id, b.ConstInt(int64(i))), no))
	}
	if o.spec.NullColumn {
		out = append(out, b.IsNull(in[0]))
	}
	return out
}

// Learnt implements Bound.
func (o oneHotBound) Learnt() []Number {
	if !o.fitted {
		return nil
	}
	if o.spec.Vocabulary != nil {
		return []Number{countNumber("vocabulary", uint64(o.words.words.Len))}
	}
	return o.words.numbers()
}

// NewOneHot returns the defaults: a column for every value.
func NewOneHot() *OneHot { return &OneHot{MinCount: 1, Drop: DropNone} }

// oneHotEntry is one_hot in the catalogue.
func oneHotEntry() Entry {
	return Entry{
		Name:    "one_hot",
		New:     func() Operator { return NewOneHot() },
		Doc:     oneHotDoc(),
		Samples: oneHotSamples,
	}
}

func oneHotDoc() Doc {
	return Doc{
		Summary:  "Makes one true-or-false column per value.",
		Does:     "Counts every value and keeps those that occur at least `min_count` times, at most `max_size` of them (the most frequent; ties: the smaller value). Each has a column that is true where the input is that value and false elsewhere. Columns are in the order of the values: false before true, numbers and times ascending, texts by bytes, NaN last; or in the order of a given vocabulary.",
		Null:     "False in every column, never null; true in the column of null if there is one (`null_column`).",
		NaN:      "A value like any other, in fit and in transform, with a column of its own if it was learnt: all NaNs are one value. 0 and -0 are one value too.",
		Inf:      "Values like any others, in fit and in transform.",
		Unseen:   "False in every column.",
		Constant: "A constant column makes one column. An all-null column (or no rows) makes none, or only that of null.",
		Output:   "One bool per value, named {lane}_{value}: letters, digits, `-`, `.` and `_` of the value stay, all else becomes `_`, at most 60 characters, \"empty\" for the empty text; equal names get _2, _3 ... in order. The column of null is the last: {lane}_null. Tensors hold 0 and 1, among the features.",
		Source:   "Dummy coding; scikit-learn's OneHotEncoder with handle_unknown=\"ignore\" has the same columns in the same order.",
		Options: []Option{
			{"min_count", "integer", "1", "Values that occur less often have no column."},
			{"max_size", "integer", "0", "The most values that have a column; 0: all of them, and more than 1,000 are an error."},
			{"vocabulary", "list of values", "learnt", "The values, in the order of their columns; nothing is learnt then. Reals are rounded to the column's type; dates are texts."},
			{"drop", "none | first", "none", "first: no column for the first value, which the others imply (for linear models)."},
			{"null_column", "bool", "false", "Add a column that is true for null."},
		},
		Example: "one_hot: {max_size: 20, null_column: true}",
	}
}

func oneHotSamples() []Sample {
	samples := []Sample{
		{Name: "most_frequent", Operator: &OneHot{MinCount: 2, MaxSize: 2}, In: []column.Type{column.String}},
		{Name: "drop_first", Operator: &OneHot{MaxSize: 50, Drop: DropFirst, NullColumn: true}, In: []column.Type{column.Int64}},
		{Name: "given", Operator: &OneHot{Vocabulary: Vocabulary{"b", "a"}, NullColumn: true}, In: []column.Type{column.String}},
	}
	for _, t := range column.Types() {
		samples = append(samples, Sample{Name: t.String(), Operator: &OneHot{MaxSize: 5}, In: []column.Type{t}})
	}
	return samples
}
