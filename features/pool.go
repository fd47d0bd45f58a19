package features

import (
	"quern/features/column"
	"quern/features/program"
)

// Pool makes one value of every list.
type Pool struct {
	// By says which.
	By PoolBy `quern:"by"`
}

// PoolBy says what one value Pool makes of a list.
type PoolBy string

// The ways; there is no default.
const (
	PoolMean   PoolBy = "mean"
	PoolSum    PoolBy = "sum"
	PoolMin    PoolBy = "min"
	PoolMax    PoolBy = "max"
	PoolLength PoolBy = "length"
	PoolFirst  PoolBy = "first"
	PoolLast   PoolBy = "last"
)

// Choices implements Chooser.
func (PoolBy) Choices() []string {
	return []string{string(PoolMean), string(PoolSum), string(PoolMin), string(PoolMax), string(PoolLength), string(PoolFirst), string(PoolLast)}
}

// TakesLists implements ListTaker.
func (Pool) TakesLists() {}

// Bind implements Operator.
func (o Pool) Bind(in []column.Field) (Bound, error) {
	if err := listsOnly("pool", in[0]); err != nil {
		return nil, err
	}
	if o.By == "" {
		return nil, missingOption("by", "pool needs `by`: mean, sum, min, max, length, first or last").withHint("such as `pool: {by: mean}`")
	}
	if err := chosen("by", o.By); err != nil {
		return nil, err
	}
	elem := in[0].Type.Elem()
	out := elem
	switch o.By {
	case PoolLength:
		out = column.Int64
	case PoolMean, PoolSum:
		if !elem.Numeric() && elem != column.Bool {
			return nil, wrongType("pool by "+string(o.By), in[0], "lists of numbers and bools").WithHint("%s", poolHint(elem))
		}
		if out = realType(elem); o.By == PoolSum && !elem.Real() {
			out = column.Int64
		}
	case PoolMin, PoolMax:
		if elem == column.String {
			return nil, wrongType("pool by "+string(o.By), in[0], "lists of numbers, bools and times").WithHint("%s", poolHint(elem))
		}
	}
	return poolBound{by: o.By, elem: elem, out: out}, nil
}

// poolHint says what to do with lists of what has no sum.
func poolHint(elem column.Type) string {
	if elem == column.String {
		return "put `categorify`, `one_hot` or, if the texts are numbers, `cast` before it; or take `by: length`, `first` or `last`"
	}
	return "put `datetime` or `cast: {to: int64}` before it; or take `by: min`, `max`, `length`, `first` or `last`"
}

// poolBound is Pool bound to a lane.
type poolBound struct {
	stateless
	by        PoolBy
	elem, out column.Type
}

// Out implements Bound.
func (o poolBound) Out() []column.Field { return []column.Field{{Type: o.out}} }

// PassIDs implements IDPasser: an element of a list of ids is an id.
func (o poolBound) PassIDs(in []int64) []int64 {
	switch o.by {
	case PoolMin, PoolMax, PoolFirst, PoolLast:
		return in
	}
	return []int64{0}
}

// Lower implements Bound.
func (o poolBound) Lower(b *program.Builder, in []program.Register, _ Mode) []program.Register {
	x := in[0]
	switch o.by {
	case PoolLength:
		x = b.Emit(program.ListLength, program.Imm{}, x)
	case PoolFirst, PoolLast:
		x = b.Emit(program.ListAt, program.Imm{Int: -int64(boolRank(o.by == PoolLast))}, x)
	case PoolMean:
		x = toStored(b, b.Emit(program.ListMean, program.Imm{}, toReal(b, x)), o.out)
	case PoolSum:
		x = toStored(b, b.Emit(program.ListSum, program.Imm{}, ordinal(b, x)), o.out)
	case PoolMin:
		x = o.back(b, b.Emit(program.ListMin, program.Imm{}, ordinal(b, x)))
	case PoolMax:
		x = o.back(b, b.Emit(program.ListMax, program.Imm{}, ordinal(b, x)))
	}
	return []program.Register{x}
}

// ordinal emits bools as 0 and 1 and times as integers; numbers stay.
func ordinal(b *program.Builder, x program.Register) program.Register {
	switch t := b.Elem(x); {
	case t == column.Bool:
		return b.Emit(program.ToInt, program.Imm{}, x)
	case t.Temporal():
		return b.EmitTyped(program.Retype, column.Int64, program.Imm{}, x)
	}
	return x
}

// back emits an ordinal as the type that it was made of. What was in a list fits.
func (o poolBound) back(b *program.Builder, x program.Register) program.Register {
	switch {
	case o.out == column.Bool:
		return b.Emit(program.Ne, program.Imm{}, x, b.ConstInt(0))
	case o.out.Temporal():
		return b.EmitTyped(program.Retype, o.out, program.Imm{}, x)
	case o.out == column.Int32:
		return b.Emit(program.Narrow32, program.Imm{}, x)
	}
	return toStored(b, x, o.out)
}

// poolEntry is pool in the catalogue.
func poolEntry() Entry {
	return Entry{
		Name: "pool",
		New:  func() Operator { return &Pool{} },
		Doc: Doc{
			Summary: "Makes one value of every list: its mean, sum, least, greatest, first or last element, or its length.",
			Does: "Null elements are left out of mean, sum, min and max. sum adds from the left, each sum rounded; mean is that sum divided by the number of elements that are not null (integers become float64 first). " +
				"length counts all elements, null ones too. first and last take the element at that position, whatever it is. True counts as 1: max is whether any is true, min whether all are, sum how many, mean their share. " +
				"A multi-hot encoding is `one_hot`, `pool: {by: max}`, `fill: {with: false}`.",
			Null:     "A null list gives null. A list without elements that are not null gives null, but for length, which is 0 for an empty list; first and last of an empty list are null. `fill` after it gives those a value.",
			NaN:      "An element that is NaN makes mean, sum, min and max NaN.",
			Inf:      "An infinity is a value like any other: sums with it are infinite, or NaN with both of them.",
			Unseen:   "Not applicable: nothing is learnt.",
			Constant: "Not applicable: every list is transformed by itself.",
			Output:   "One value per lane, with the lane's name. mean: float64 (float32 of float32). sum: int64 of integers and bools (overflow ends the run with an error that names the row), else as mean. length: int64. min, max, first and last: the elements' type; of ids they are ids.",
			Source:   "Not applicable: these are the usual reductions, in the order of the elements.",
			Options:  []Option{{"by", "mean | sum | min | max | length | first | last", "required", "What value is made of a list. Texts have length, first and last; times have no mean and sum."}},
			Example:  "pool: {by: mean}",
		},
		Samples: poolSamples,
	}
}

// poolSamples covers every way, and every type with the ways that treat it apart.
func poolSamples() []Sample {
	types := map[PoolBy][]column.Type{
		PoolMean:   {column.Float64, column.Float32, column.Int64, column.Bool},
		PoolSum:    {column.Float32, column.Int32, column.Bool},
		PoolMin:    {column.Float64, column.Int32, column.Timestamp},
		PoolMax:    {column.Float32, column.Int64, column.Bool, column.Date},
		PoolLength: {column.String, column.Int64},
		PoolFirst:  {column.String, column.Datetime},
		PoolLast:   {column.Float32, column.Bool},
	}
	var out []Sample
	for _, by := range (PoolBy("")).Choices() {
		for _, t := range types[PoolBy(by)] {
			out = append(out, Sample{Name: by + "_" + t.String(), Operator: &Pool{By: PoolBy(by)}, In: []column.Type{column.ListOf(t)}})
		}
	}
	return out
}
