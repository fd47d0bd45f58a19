package features

import (
	"math"

	"quern/features/column"
	"quern/features/program"
)

// Slice keeps some elements of every list: those from Start up to but without End.
// Negative positions count from the end of the list. It is Python's list[start:end].
type Slice struct {
	// Start is the position of the first element that is kept.
	Start int64 `quern:"start"`
	// End is the position of the first element after them; ToEnd: all the rest.
	End int64 `quern:"end"`
}

// ToEnd is a Slice's End behind the last element of any list.
const ToEnd int64 = math.MaxInt64

// NewSlice returns a Slice of whole lists; Start or End must be set.
func NewSlice() *Slice { return &Slice{End: ToEnd} }

// TakesLists implements ListTaker.
func (Slice) TakesLists() {}

// Bind implements Operator.
func (o Slice) Bind(in []column.Field) (Bound, error) {
	if err := listsOnly("slice", in[0]); err != nil {
		return nil, err
	}
	if o == *NewSlice() {
		return nil, missingOption("end", "slice needs `start` or `end`, positions in the list").withHint("such as `slice: {end: 10}` for the first 10 elements, or `slice: {start: -10}` for the last 10")
	}
	return sliceBound{spec: o, field: in[0]}, nil
}

// listsOnly refuses everything but lists.
func listsOnly(op string, field column.Field) error {
	if field.Type.IsList() {
		return nil
	}
	return wrongType(op, field, "lists").
		WithHint("%s is for columns with several values in a row, such as list<%s>; leave the step out where there is one", op, field.Type)
}

// sliceBound is Slice bound to a lane.
type sliceBound struct {
	stateless
	spec  Slice
	field column.Field
}

// Out implements Bound.
func (o sliceBound) Out() []column.Field { return []column.Field{{Type: o.field.Type}} }

// PassIDs implements IDPasser: the elements that are left are what they were.
func (o sliceBound) PassIDs(in []int64) []int64 { return in }

// Lower implements Bound.
func (o sliceBound) Lower(b *program.Builder, in []program.Register, _ Mode) []program.Register {
	return []program.Register{sliced(b, in[0], o.spec.Start, o.spec.End)}
}

// sliced emits the elements of list from start up to but without end.
func sliced(b *program.Builder, list program.Register, start, end int64) program.Register {
	return b.Emit(program.ListSlice, program.Imm{Int: start, Extra: end}, list)
}

// sliceEntry is slice in the catalogue.
func sliceEntry() Entry {
	return Entry{
		Name: "slice",
		New:  func() Operator { return NewSlice() },
		Doc: Doc{
			Summary: "Keeps some elements of every list: from one position up to another.",
			Does: "The elements from position `start` up to but without `end`, in their order: Python's list[start:end]. Positions count from 0; negative ones from the end, so that -1 is the last element. " +
				"Positions before the first or behind the last element are cut to what there is; where `end` is not behind `start` the list is empty.",
			Null:     "A null list stays null. Null elements have a position and stay null. An empty list stays empty.",
			NaN:      "NaN is an element like any other.",
			Inf:      "Infinities are elements like any others.",
			Unseen:   "Not applicable: nothing is learnt.",
			Constant: "Not applicable: values are not looked at.",
			Output:   "One list of the same type per lane, with the lane's name. Ids stay ids, and as many.",
			Source:   "Python's slices; NVTabular's ListSlice.",
			Options: []Option{
				{"start", "integer", "0", "The first position that is kept; negative: from the end."},
				{"end", "integer", "to the end", "The first position after those; negative: from the end."},
			},
			Example: "slice: {start: -20}",
		},
		Samples: sliceSamples,
	}
}

// sliceSamples covers every type, and every sign of the bounds.
func sliceSamples() []Sample {
	list := column.ListOf
	return join(
		samplesOf("first", &Slice{End: 3}, list(column.Bool), list(column.Float32), list(column.Timestamp)),
		samplesOf("last", &Slice{Start: -2, End: ToEnd}, list(column.String), list(column.Int32)),
		samplesOf("middle", &Slice{Start: 1, End: -1}, list(column.String), list(column.Date)),
		samplesOf("window", &Slice{Start: -3, End: -1}, list(column.Int64)),
		samplesOf("nothing", &Slice{Start: 2, End: 1}, list(column.Datetime)),
		samplesOf("far", &Slice{Start: math.MinInt64, End: math.MaxInt64 - 1}, list(column.Float64)),
	)
}
