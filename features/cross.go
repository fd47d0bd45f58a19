package features

import (
	"quern/features/column"
	"quern/features/program"
)

// Cross turns the combination of several columns' values into one id by hashing.
// It is ordered: (a, b) and (b, a) are different combinations.
type Cross struct {
	// Buckets is the number of ids of combinations; at least 1.
	Buckets int `quern:"buckets"`
	// Seed of the combination.
	Seed int64 `quern:"seed"`
	// Padding reserves id 0 for padding, which no row gets.
	Padding bool `quern:"padding"`
	// NullID gives rows whose parts are all null an id; without it they stay null.
	NullID bool `quern:"null_id"`
}

// nullPart stands for the hash of a null part in a combination: the bytes of
// "null" as a big-endian integer. Any constant does, as hashes have 64 bits.
const nullPart = 0x6e756c6c

// Arity implements Combiner.
func (c Cross) Arity() Arity { return All }

// Bind implements Operator.
func (c Cross) Bind(in []column.Field) (Bound, error) {
	if err := typedOnly("cross", in); err != nil {
		return nil, err
	}
	if len(in) < 2 {
		return nil, wrongOption("", "cross combines two or more columns, not %d", len(in)).
			withHint("use `hash_bucket` for one column")
	}
	if err := checkBuckets(c.Buckets); err != nil {
		return nil, err
	}
	return crossBound{spec: c}, nil
}

// crossBound is Cross bound to lanes.
type crossBound struct {
	stateless
	spec Cross
}

// Out implements Bound.
func (c crossBound) Out() []column.Field { return []column.Field{{Type: column.Int64}} }

// Lower implements Bound.
func (c crossBound) Lower(b *program.Builder, in []program.Register, _ Mode) []program.Register {
	mixed := mixedHash(b, in, c.spec.Seed)
	allNull := b.IsNull(in[0])
	for _, x := range in[1:] {
		allNull = b.Emit(program.And, program.Imm{}, allNull, b.IsNull(x))
	}
	mixed = b.Choose(allNull, b.ConstNull(column.Int64), mixed)
	return []program.Register{bucketIDs{c.spec.Buckets, c.spec.Padding, c.spec.NullID}.lower(b, mixed)}
}

// mixedHash emits the position-salted hash of a tuple: null parts count as nullPart.
func mixedHash(b *program.Builder, in []program.Register, seed int64) program.Register {
	parts := make([]program.Register, len(in))
	for i, x := range in {
		parts[i] = hashOrNullPart(b, x)
	}
	return b.Emit(program.HashMix, program.Imm{Int: seed}, parts...)
}

// hashOrNullPart emits the xxh3_64 of x, or nullPart for null.
func hashOrNullPart(b *program.Builder, x program.Register) program.Register {
	return b.Coalesce(XXH3.hashed(b, x, 0), b.ConstInt(nullPart))
}

// Sizes implements Sized.
func (c crossBound) Sizes() []int64 {
	return []int64{bucketIDs{c.spec.Buckets, c.spec.Padding, c.spec.NullID}.size()}
}

// NewCross returns the defaults, with padding and null reserved; Buckets must be set.
func NewCross() *Cross { return &Cross{Padding: true, NullID: true} }

// crossEntry is cross in the catalogue.
func crossEntry() Entry {
	return Entry{
		Name:    "cross",
		New:     func() Operator { return NewCross() },
		Doc:     crossDoc(),
		Samples: crossSamples,
	}
}

func crossDoc() Doc {
	return Doc{
		Summary:  "Turns the combination of several columns' values into one id by hashing.",
		Does:     "Every part is hashed (xxh3_64 of its canonical bytes), the hashes are put one after the other as 8 little-endian bytes each and hashed again with `seed`; id = first + that mod `buckets`. Order counts: (a, b) and (b, a) differ, and equal parts do not cancel as they do under XOR. Ids are laid out as: 0 padding (no row gets it), 1 null, 2 .. buckets+1 the buckets. `padding: false` and `null_id: false` leave those ids out and what follows moves down.",
		Null:     "If all parts are null: the null id, 1 by default, or null with `null_id: false`. If only some are, a null part counts as a value of its own, whose hash is 0x6e756c6c.",
		NaN:      "Hashed like any other value; all NaNs hash alike, and 0 and -0 do. There is no fit.",
		Inf:      "Hashed like any other value. There is no fit.",
		Unseen:   "Not applicable: nothing is learnt, every combination has a bucket.",
		Constant: "Not applicable: nothing is learnt. A constant column adds nothing to the combination.",
		Output:   "One int64 with the feature's name. Ids are in [0, buckets+2).",
		Source:   "Hashed feature crosses (Cheng et al., Wide & Deep Learning, 2016), position-salted.",
		Options: []Option{
			{"buckets", "integer", "required", "How many ids the combinations share."},
			{"seed", "integer", "0", "Seed of the combination."},
			{"padding", "bool", "true", "Reserve id 0 for padding."},
			{"null_id", "bool", "true", "Give rows whose parts are all null an id; false: they stay null."},
		},
		Example: "cross: {buckets: 4096}",
	}
}

func crossSamples() []Sample {
	standard := Cross{Buckets: 64, Padding: true, NullID: true}
	return []Sample{
		{Name: "texts", Operator: &standard, In: []column.Type{column.String, column.String}},
		{Name: "mixed", Operator: &standard, In: []column.Type{column.String, column.Int32, column.Float64, column.Bool}},
		{Name: "times", Operator: &standard, In: []column.Type{column.Timestamp, column.Date, column.Datetime}},
		{Name: "bare", Operator: &Cross{Buckets: 1000, Seed: -7}, In: []column.Type{column.Int64, column.Float32}},
	}
}
