package features

import (
	"fmt"

	"quern/features/column"
	"quern/features/program"
	"quern/features/stat"
)

// Categorify turns values into ids: small integers that an embedding table is
// indexed by. The ids are, in this order: padding (0), null, the buckets of unseen
// values, then the vocabulary. Each of the first three can be left out.
type Categorify struct {
	// MinCount: values that occur less often than that are unseen. 0 means 1.
	MinCount int `quern:"min_count"`
	// MaxSize is the most values that the vocabulary holds (reserved ids and
	// buckets not counted); 0: no bound.
	MaxSize int `quern:"max_size"`
	// OOVBuckets is the number of ids of unseen values; 0: unseen is null.
	OOVBuckets int `quern:"oov_buckets"`
	// Padding reserves id 0 for padding, which no value gets.
	Padding bool `quern:"padding"`
	// NullID gives null an id; without it null stays null.
	NullID bool `quern:"null_id"`
	// Order of a learnt vocabulary.
	Order VocabularyOrder `quern:"order"`
	// Vocabulary, if it is given, is not learnt; ids are in its order.
	Vocabulary Vocabulary `quern:"vocabulary"`
	// Joint learns one vocabulary for all lanes; each has an output of its own.
	Joint bool `quern:"joint"`
}

// Arity implements Combiner: a joint vocabulary needs all lanes.
func (c Categorify) Arity() Arity {
	if c.Joint {
		return All
	}
	return Each
}

// Separate implements Separate: lanes share the vocabulary, not the rows.
func (c Categorify) Separate() bool { return c.Joint }

// Bind implements Operator.
func (c Categorify) Bind(in []column.Field) (Bound, error) {
	if err := typedOnly("categorify", in); err != nil {
		return nil, err
	}
	if err := checkBounds(c.MinCount, c.MaxSize, c.Vocabulary); err != nil {
		return nil, err
	}
	if err := chosen("order", c.Order); err != nil {
		return nil, err
	}
	if c.OOVBuckets < 0 || c.OOVBuckets > maxHashBuckets {
		return nil, wrongOption("oov_buckets", "oov_buckets must be between 0 and %d, not %d", maxHashBuckets, c.OOVBuckets)
	}
	shared, err := sharedType("categorify with joint", in)
	if err != nil {
		return nil, err
	}
	bound := categorifyBound{spec: c, in: in, shared: shared}
	if c.Vocabulary != nil {
		words, err := c.Vocabulary.vector(shared)
		if err != nil {
			return nil, err
		}
		bound.words, bound.fitted = givenWords(words), true
	}
	return bound, nil
}

// sharedType returns the one type that holds the values of all fields: their
// type, or the wider one where only the width differs.
func sharedType(op string, in []column.Field) (column.Type, error) {
	shared := in[0].Type
	for _, f := range in[1:] {
		switch {
		case f.Type == shared:
		case f.Type.Integer() && shared.Integer():
			shared = column.Int64
		case f.Type.Real() && shared.Real():
			shared = column.Float64
		default:
			return shared, wrongType(op, f, fmt.Sprintf("columns of one type (%q is %s)", in[0].Name, in[0].Type))
		}
	}
	return shared, nil
}

// categorifyBound is Categorify bound to lanes; words is set once fitted.
type categorifyBound struct {
	spec   Categorify
	in     []column.Field
	shared column.Type
	fitted bool
	words  learntWords
}

// Out implements Bound.
func (c categorifyBound) Out() []column.Field {
	out := make([]column.Field, len(c.in))
	for i, f := range c.in {
		out[i].Type = column.Int64
		if c.spec.Joint {
			out[i].Name = "=" + f.Name
		}
	}
	return out
}

// Rounds implements Bound.
func (c categorifyBound) Rounds() int { return 1 - boolRank(c.fitted) }

// Wants implements Bound: the counts of the values of all lanes together.
func (c categorifyBound) Wants(b *program.Builder, in []program.Register) []Want {
	want := Want{Spec: stat.Spec{Kind: stat.KindValueCounts, Types: []column.Type{c.shared}}}
	for _, x := range in {
		want.Args = append(want.Args, []program.Register{widened(b, x, c.shared)})
	}
	return []Want{want}
}

// widened emits x as the wider type of its family, exactly.
func widened(b *program.Builder, x program.Register, t column.Type) program.Register {
	if b.Elem(x) == t {
		return x
	}
	return b.EmitTyped(program.Retype, t, program.Imm{}, x)
}

// Fit implements Bound.
func (c categorifyBound) Fit(learnt []stat.Statistic) (Bound, error) {
	counts := learnt[0].(*stat.ValueCounts)
	words, err := learnWords(counts, c.spec.MinCount, c.spec.MaxSize, c.spec.Order)
	c.words, c.fitted = words, true
	return c, err
}

// layout returns the id of null (-1: none), of the first unseen bucket, and of the
// first word.
func (c categorifyBound) layout() (null, unseen, first int64) {
	next := int64(boolRank(c.spec.Padding))
	null = -1
	if c.spec.NullID {
		null = next
		next++
	}
	return null, next, next + int64(c.spec.OOVBuckets)
}

// Lower implements Bound.
func (c categorifyBound) Lower(b *program.Builder, in []program.Register, _ Mode) []program.Register {
	null, unseen, first := c.layout()
	table := b.AddNumbered(c.words.idTable(first, null))
	out := make([]program.Register, len(in))
	for i, x := range in {
		x = widened(b, x, c.shared)
		out[i] = c.orUnseen(b, x, b.Lookup(table, x), null, unseen)
	}
	return out
}

// orUnseen replaces a missing id by that of x's bucket.
func (c categorifyBound) orUnseen(b *program.Builder, x, id program.Register, null, unseen int64) program.Register {
	switch {
	case c.spec.OOVBuckets == 0 && !c.spec.NullID:
		return id
	case c.spec.OOVBuckets == 0:
		return b.Coalesce(id, b.ConstInt(null))
	case c.spec.OOVBuckets > 1:
		hash := b.Emit(program.Hash, program.Imm{Text: "xxh3"}, x)
		bucket := b.Emit(program.Bucket, program.Imm{Int: int64(c.spec.OOVBuckets)}, hash)
		return b.Coalesce(id, shifted(b, bucket, unseen))
	case c.spec.NullID: // null is in the table, so what is missing is unseen
		return b.Coalesce(id, b.ConstInt(unseen))
	}
	known := b.Choose(b.IsNull(x), b.ConstNull(column.Int64), b.ConstInt(unseen))
	return b.Coalesce(id, known)
}

// shifted emits id + by.
func shifted(b *program.Builder, id program.Register, by int64) program.Register {
	if by == 0 {
		return id
	}
	return b.Emit(program.Add, program.Imm{}, id, b.ConstInt(by))
}

// Sizes implements Sized.
func (c categorifyBound) Sizes() []int64 {
	_, _, first := c.layout()
	sizes := make([]int64, len(c.in))
	for i := range sizes {
		sizes[i] = first + int64(c.words.words.Len)
	}
	return sizes
}

// Learnt implements Bound.
func (c categorifyBound) Learnt() []Number {
	if !c.fitted {
		return nil
	}
	size := intNumber("size", c.Sizes()[0])
	if c.spec.Vocabulary != nil {
		return []Number{size, countNumber("vocabulary", uint64(c.words.words.Len))}
	}
	return append([]Number{size}, c.words.numbers()...)
}

// NewCategorify returns the defaults: padding, null and one bucket of unseen
// values are reserved, and every value is in the vocabulary.
func NewCategorify() *Categorify {
	return &Categorify{MinCount: 1, OOVBuckets: 1, Padding: true, NullID: true, Order: OrderCount}
}

// categorifyEntry is categorify in the catalogue.
func categorifyEntry() Entry {
	return Entry{
		Name:    "categorify",
		New:     func() Operator { return NewCategorify() },
		Doc:     categorifyDoc(),
		Samples: categorifySamples,
	}
}

func categorifyDoc() Doc {
	return Doc{
		Summary: "Turns values into ids from a learnt or given vocabulary, for embedding tables.",
		Does: "Counts every value and keeps those that occur at least `min_count` times, at most `max_size` of them (the most frequent; ties: the smaller value). " +
			"Ids are laid out as: 0 padding (no value gets it), 1 null, 2 .. 1+k unseen values (k = `oov_buckets`; the bucket is xxh3_64 of the value's canonical bytes mod k), " +
			"then the vocabulary in order. `padding: false` and `null_id: false` leave those ids out and what follows moves down.",
		Null:     "The null id, 1 by default; with `null_id: false` null stays null. Nulls are never in the vocabulary.",
		NaN:      "A value like any other, in fit and in transform: all NaNs are one value. 0 and -0 are one value too.",
		Inf:      "Values like any others, in fit and in transform.",
		Unseen:   "One of the `oov_buckets` ids, by hash. With `oov_buckets: 0` it is treated as null: the null id, or null if there is none. Values below `min_count` or beyond `max_size` are unseen.",
		Constant: "A constant column has a vocabulary of one value; an all-null column (or no rows) an empty one, so that every value is unseen.",
		Output:   "One int64 per lane, with the lane's name. Ids are in [0, size); `size` is among the learnt numbers.",
		Source:   "Id layout: NVTabular's Categorify (padding, null, unseen, vocabulary), made stable: ties by value, bucket by xxh3.",
		Options: []Option{
			{"min_count", "integer", "1", "Values that occur less often are unseen."},
			{"max_size", "integer", "0", "The most values in the vocabulary, not counting reserved ids and buckets; 0: no bound."},
			{"oov_buckets", "integer", "1", "Ids of unseen values; 0: unseen is null."},
			{"padding", "bool", "true", "Reserve id 0 for padding."},
			{"null_id", "bool", "true", "Give null an id of its own; false: null stays null."},
			{"order", "count | value", "count", "The most frequent first (ties: the smaller value), or by value: false before true, numbers and times ascending, texts by bytes, NaN last."},
			{"vocabulary", "list of values", "learnt", "The vocabulary, in the order of its ids; nothing is learnt then. Reals are rounded to the column's type; dates are texts."},
			{"joint", "bool", "false", "One vocabulary for all lanes of the chain, which then have one type (integers, and reals, may differ in width). Some of them may be lists of it."},
		},
		Example: "categorify: {min_count: 10, oov_buckets: 1}",
	}
}

func categorifySamples() []Sample {
	standard := Categorify{MinCount: 1, OOVBuckets: 1, Padding: true, NullID: true}
	rare, buckets, joint, words := standard, standard, standard, standard
	rare.MinCount, rare.MaxSize = 2, 3
	buckets.OOVBuckets = 5
	joint.Joint = true
	words.Vocabulary = Vocabulary{"b", "a", ""}
	ordinal := Categorify{Order: OrderValue}
	samples := []Sample{
		{Name: "rare", Operator: &rare, In: []column.Type{column.String}},
		{Name: "buckets", Operator: &buckets, In: []column.Type{column.String}},
		{Name: "joint", Operator: &joint, In: []column.Type{column.String, column.String}},
		{Name: "joint_widths", Operator: &joint, In: []column.Type{column.Int32, column.Int64}},
		{Name: "joint_lists", Operator: &joint, In: []column.Type{column.String, column.ListOf(column.String)}},
		{Name: "joint_reals", Operator: &joint, In: []column.Type{column.Float32, column.Float64}},
		{Name: "given", Operator: &words, In: []column.Type{column.String}},
		{Name: "ordinal", Operator: &ordinal, In: []column.Type{column.Int64}},
		{Name: "null_stays", Operator: &Categorify{OOVBuckets: 1}, In: []column.Type{column.Float64}},
	}
	for _, t := range column.Types() {
		samples = append(samples, Sample{Name: t.String(), Operator: &standard, In: []column.Type{t}})
	}
	return samples
}
