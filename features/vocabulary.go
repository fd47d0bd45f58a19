package features

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sync"

	"quern/features/column"
	"quern/features/diag"
	"quern/features/program"
	"quern/features/stat"
)

// Vocabulary is a given list of values, as a recipe writes them: texts, numbers
// (Literal), true and false. Dates and times are texts in ISO 8601. They become
// values of the column's type when the operator is bound.
type Vocabulary []any

// SetOption implements OptionSetter: a list of texts, numbers, true and false.
func (v *Vocabulary) SetOption(value any) error {
	list, ok := value.([]any)
	if !ok {
		return fmt.Errorf("must be a list of values, not %s", shapeOf(value))
	}
	for i, item := range list {
		switch item.(type) {
		case string, bool, Literal:
		default:
			return fmt.Errorf("must be a list of values, but number %d of them is %s", i+1, shapeOf(item))
		}
	}
	*v = list
	return nil
}

// Option implements OptionGetter.
func (v Vocabulary) Option() any { return []any(v) }

// vector returns the values as slots of type t. Values that t cannot hold and
// values that are there twice are mistakes.
func (v Vocabulary) vector(t column.Type) (column.Vector, error) {
	out := column.Vector{Type: t}
	seen := map[string]int{}
	for i, item := range v {
		value, err := valueOf(t, item)
		if err != nil {
			return out, wrongOption(nth("vocabulary", i), "vocabulary[%d] %s", i, err.Error())
		}
		if first, twice := seen[valueKey(t, value)]; twice {
			return out, wrongOption(nth("vocabulary", i), "vocabulary[%d] is the same value as vocabulary[%d]", i, first)
		}
		seen[valueKey(t, value)] = i
		program.AppendRegister(&out, value)
	}
	return out, nil
}

// valueOf reads what a recipe says as a value of type t.
func valueOf(t column.Type, item any) (program.Value, error) {
	switch x := item.(type) {
	case bool:
		if t == column.Bool {
			return program.Value{Bool: x}, nil
		}
	case string:
		switch {
		case t == column.String:
			return program.Value{Str: []byte(x)}, nil
		case t.Temporal():
			return timeOf(t, x)
		}
	case Literal:
		if t.Numeric() {
			return numberOf(t, x)
		}
		if t == column.String {
			return program.Value{}, fmt.Errorf("is the number %s, but the column holds texts: put quotes around it", string(x))
		}
	}
	return program.Value{}, fmt.Errorf("is %s, but the column is %s", shapeOf(item), t)
}

// timeOf reads an ISO 8601 text as a value of type t.
func timeOf(t column.Type, text string) (program.Value, error) {
	lenient := program.Imm{Int: 1}
	in := []program.Value{{Str: []byte(text)}}
	value, err := program.Eval(program.ParseTime, t, lenient, []column.Type{column.String}, in, nil)
	if err != nil || value.Null {
		return program.Value{}, fmt.Errorf("is the text %q, which is no %s", text, t)
	}
	return value, nil
}

// numberOf reads a number as a value of a numeric type t, rounding reals once.
func numberOf(t column.Type, l Literal) (program.Value, error) {
	if t.Integer() {
		i, ok := l.Int64()
		if !ok || t == column.Int32 && int64(int32(i)) != i {
			return program.Value{}, fmt.Errorf("is the number %s, which is no %s", string(l), t)
		}
		return program.Value{Int: i}, nil
	}
	exact, ok := l.Rat()
	if !ok {
		return program.Value{}, fmt.Errorf("is %s, which is no finite number", string(l))
	}
	f, _ := exact.Float64()
	if t == column.Float32 {
		f32, _ := exact.Float32()
		f = float64(f32)
	}
	if math.IsInf(f, 0) {
		return program.Value{}, fmt.Errorf("is the number %s, which is too large for %s", string(l), t)
	}
	return program.Value{Float: f}, nil
}

// valueKey returns bytes that two values of type t share only if they are the
// same key: all NaNs are one key, and so are 0 and -0.
func valueKey(t column.Type, v program.Value) string {
	if v.Null {
		return "" // "" is no value's key, as others have a first byte
	}
	return string(program.AppendCanonical([]byte{1}, t, v))
}

// withNullKey returns v, which has no nulls, with one more slot, a null. It shares the
// bytes of texts with v.
func withNullKey(v column.Vector) column.Vector {
	n := v.Len
	v.Valid = column.NewBitmap(n + 1)
	v.Valid.Fill(n)
	switch v.Len++; v.Type.Kind() {
	case column.Bools:
		v.Bools = append(v.Bools[:n:n], false)
	case column.Ints:
		v.Int64s = append(v.Int64s[:n:n], 0)
	case column.Floats:
		v.Float64s = append(v.Float64s[:n:n], 0)
	default:
		v.Text.Offsets = append(append(make([]uint32, 0, n+2), v.Text.Offsets...), uint32(len(v.Text.Bytes)))
		if n == 0 {
			v.Text.Offsets = []uint32{0, 0}
		}
	}
	return v
}

// boolRank is 1 for true.
func boolRank(b bool) int {
	if b {
		return 1
	}
	return 0
}

// byValue returns a copy of v (without nulls) in ascending order: false before
// true, numbers and times ascending with NaN last, texts by their bytes. That is
// the order of canonical bytes.
func byValue(v column.Vector) column.Vector {
	keys, rank := make([]string, v.Len), make([]int32, v.Len)
	for i := range rank {
		keys[i], rank[i] = valueKey(v.Type, program.ValueAt(&v, i)), int32(i)
	}
	slices.SortFunc(rank, func(i, j int32) int { return cmp.Compare(keys[i], keys[j]) })
	in, out := column.Column{Len: v.Len, Values: v}, column.Column{}
	column.Take(&out, &in, rank)
	return out.Values
}

// VocabularyOrder says in which order a learnt vocabulary lists its values.
type VocabularyOrder string

// The orders; the zero value is OrderCount.
const (
	OrderCount VocabularyOrder = "count" // the most frequent first; ties by value, ascending
	OrderValue VocabularyOrder = "value" // by value, ascending
)

// Choices implements Chooser.
func (VocabularyOrder) Choices() []string { return []string{string(OrderCount), string(OrderValue)} }

// learntWords is what a column taught about its values.
type learntWords struct {
	words   column.Vector // the vocabulary, without null
	rows    uint64        // rows that were learnt from
	nulls   uint64        // of these: null
	covered uint64        // of these: in the vocabulary
	ids     *tableOnce
}

// tableOnce is a table of an operator that is lowered several times: made when it is
// first wanted, and checked and digested once.
type tableOnce struct {
	once  sync.Once
	table program.Table
}

// get returns the table, made by the first call's make.
func (o *tableOnce) get(make func() program.Table) program.Table {
	o.once.Do(func() { o.table = make() })
	return o.table
}

// givenWords is a vocabulary that nobody had to learn.
func givenWords(words column.Vector) learntWords {
	return learntWords{words: words, ids: &tableOnce{}}
}

// learnWords takes the values that occur at least minCount times, at most maxSize
// of them (0: all; the most frequent ones, ties to the smaller value), in order.
func learnWords(counts *stat.ValueCounts, minCount, maxSize int, order VocabularyOrder) (learntWords, error) {
	words, each, err := counts.Ranked(uint64(max(1, minCount)), maxSize)
	if err != nil {
		return learntWords{}, err
	}
	learnt := givenWords(words)
	learnt.rows, learnt.nulls = counts.Total(), counts.NullCount()
	for _, n := range each {
		learnt.covered += n
	}
	if order == OrderValue {
		learnt.words = byValue(words)
	}
	return learnt, nil
}

// numbers lists what was learnt, for people.
func (l learntWords) numbers() []Number {
	return []Number{
		countNumber("vocabulary", uint64(l.words.Len)),
		countNumber("rows", l.rows),
		countNumber("null_rows", l.nulls),
		countNumber("unseen_rows", l.rows-l.nulls-l.covered),
	}
}

// idTable maps word i to first+i and, unless nullID is negative, null to nullID:
// always the same two, for one operator.
func (l learntWords) idTable(first, nullID int64) program.Table {
	return l.ids.get(func() program.Table { return newIDTable(l.words, first, nullID) })
}

func newIDTable(words column.Vector, first, nullID int64) program.Table {
	ids := make([]int64, words.Len, words.Len+1)
	for i := range ids {
		ids[i] = first + int64(i)
	}
	if nullID >= 0 {
		words, ids = withNullKey(words), append(ids, nullID)
	}
	return program.NewDistinctTable("vocabulary", words, column.Vector{Type: column.Int64, Len: len(ids), Int64s: ids})
}

// checkBounds refuses a threshold or a bound below zero, and either of them
// beside a given vocabulary, where they would say nothing.
func checkBounds(minCount, maxSize int, given Vocabulary) error {
	switch {
	case minCount < 0:
		return wrongOption("min_count", "min_count must be at least 0, not %d", minCount)
	case maxSize < 0:
		return wrongOption("max_size", "max_size must be at least 0, not %d", maxSize)
	case given != nil && len(given) == 0:
		return wrongOption("vocabulary", "vocabulary must have at least one value")
	case given != nil && minCount > 1:
		return missingOption("min_count", "min_count says which values to learn, but the vocabulary is given")
	case given != nil && maxSize > 0:
		return missingOption("max_size", "max_size says how many values to learn, but the vocabulary is given")
	}
	return nil
}

// typedOnly refuses a field without a valid type: every type has values to list.
func typedOnly(op string, fields []column.Field) error {
	for _, f := range fields {
		if f.Type.Kind() == column.NoKind {
			return wrongType(op, f, "columns of any type")
		}
	}
	return nil
}

// tooManyWords is the data error of a column with more values than outputs are reasonable.
func tooManyWords(field column.Field, words, most int) error {
	return diag.New("Q265", "one_hot would make %d columns of %q, more than %d", words, field.Name, most).
		WithHint("set `max_size` to keep the most frequent values, or use `categorify` or `hash_bucket`")
}
