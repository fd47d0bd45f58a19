package features

import (
	"math/big"

	"quern/features/column"
	"quern/features/program"
	"quern/features/stat"
)

// CountEncode replaces a value by how often it occurs among the rows learnt from.
type CountEncode struct {
	// Normalize gives the share of the rows instead of their number.
	Normalize bool `quern:"normalize"`
	// Joint counts the tuples of all lanes instead of each lane's values.
	Joint bool `quern:"joint"`
}

// Arity implements Combiner: tuples need all lanes.
func (c CountEncode) Arity() Arity {
	if c.Joint {
		return All
	}
	return Each
}

// Bind implements Operator.
func (c CountEncode) Bind(in []column.Field) (Bound, error) {
	if err := typedOnly("count_encode", in); err != nil {
		return nil, err
	}
	return countEncodeBound{spec: c, types: typesOf(in)}, nil
}

// typesOf returns the types of fields.
func typesOf(fields []column.Field) []column.Type {
	types := make([]column.Type, len(fields))
	for i, f := range fields {
		types[i] = f.Type
	}
	return types
}

// countEncodeBound is CountEncode bound to its key columns; tuples is nil until fitted.
type countEncodeBound struct {
	spec   CountEncode
	types  []column.Type
	tuples *tupleIndex
	values column.Vector // of the tuples
	rows   uint64
}

// Out implements Bound.
func (c countEncodeBound) Out() []column.Field {
	if c.spec.Normalize {
		return []column.Field{{Type: column.Float64}}
	}
	return []column.Field{{Type: column.Int64}}
}

// Rounds implements Bound.
func (c countEncodeBound) Rounds() int { return boolRank(c.tuples == nil) }

// Wants implements Bound.
func (c countEncodeBound) Wants(_ *program.Builder, in []program.Register) []Want {
	spec := stat.Spec{Kind: stat.KindValueCounts, Types: c.types}
	return []Want{{Spec: spec, Args: [][]program.Register{in}}}
}

// Fit implements Bound.
func (c countEncodeBound) Fit(learnt []stat.Statistic) (Bound, error) {
	counts := learnt[0].(*stat.ValueCounts)
	c.rows = counts.Total()
	c.tuples = newTupleIndex(c.types)
	c.values = column.Vector{Type: c.Out()[0].Type}
	cells := make([]stat.Cell, len(c.types))
	var bad error
	err := counts.Each(func(key []byte, count uint64) bool {
		if bad = stat.DecodeKey(c.types, key, cells); bad != nil {
			return false
		}
		c.tuples.add(cells)
		program.AppendRegister(&c.values, program.Value{Int: int64(count), Float: share(count, c.rows)})
		return true
	})
	if err == nil {
		err = bad
	}
	c.tuples.finish()
	return c, err
}

// share returns part/whole, correctly rounded; whole is not 0.
func share(part, whole uint64) float64 {
	if part < 1<<53 && whole < 1<<53 {
		return float64(part) / float64(whole)
	}
	exact := new(big.Rat).SetFrac(new(big.Int).SetUint64(part), new(big.Int).SetUint64(whole))
	f, _ := exact.Float64()
	return f
}

// Lower implements Bound.
func (c countEncodeBound) Lower(b *program.Builder, in []program.Register, _ Mode) []program.Register {
	unseen := b.ConstInt(0)
	if c.spec.Normalize {
		unseen = b.ConstFloat(0)
	}
	return []program.Register{b.Coalesce(c.tuples.find(b, in, c.values), unseen)}
}

// Learnt implements Bound.
func (c countEncodeBound) Learnt() []Number {
	if c.tuples == nil {
		return nil
	}
	return []Number{countNumber("keys", uint64(c.values.Len)), countNumber("rows", c.rows)}
}

// countEncodeEntry is count_encode in the catalogue.
func countEncodeEntry() Entry {
	return Entry{
		Name:    "count_encode",
		New:     func() Operator { return &CountEncode{} },
		Doc:     countEncodeDoc(),
		Samples: countEncodeSamples,
	}
}

func countEncodeDoc() Doc {
	return Doc{
		Summary:  "Replaces a value by how often it occurs among the rows learnt from.",
		Does:     "The number of rows with that value, or with `normalize` that number divided by the number of all rows learnt from (nulls included), correctly rounded. With `joint` the tuples of all lanes are counted.",
		Null:     "Null is a value of its own: it gets the number of null rows. In a tuple a null part is a value of its own.",
		NaN:      "A value like any other, in fit and in transform: all NaNs are one value. 0 and -0 are one value too.",
		Inf:      "Values like any others, in fit and in transform.",
		Unseen:   "0, which is how often it was seen. So is null if no null was learnt.",
		Constant: "A constant column gets the number of rows (1 with `normalize`). After learning from no rows everything is 0.",
		Output:   "One int64, or float64 with `normalize`, with the lane's name; with `joint` one for all lanes, with the feature's name. Never null.",
		Source:   "Count and frequency encoding; feature_engine's CountFrequencyEncoder without its errors for null and unseen.",
		Options: []Option{
			{"normalize", "bool", "false", "Shares of the rows instead of counts."},
			{"joint", "bool", "false", "Count the tuples of all lanes of the chain."},
		},
		Example: "count_encode: {normalize: true}",
	}
}

func countEncodeSamples() []Sample {
	samples := []Sample{
		{Name: "share", Operator: &CountEncode{Normalize: true}, In: []column.Type{column.String}},
		{Name: "tuple", Operator: &CountEncode{Joint: true}, In: []column.Type{column.String, column.Int32, column.Bool}},
		{Name: "tuple_share", Operator: &CountEncode{Joint: true, Normalize: true}, In: []column.Type{column.Float64, column.Date}},
	}
	for _, t := range column.Types() {
		samples = append(samples, Sample{Name: t.String(), Operator: &CountEncode{}, In: []column.Type{t}})
	}
	return samples
}
