package features

import (
	"slices"

	"quern/features/column"
)

// Drop removes some lanes of a chain and passes the others on.
type Drop struct {
	// Columns are the names of the lanes to drop.
	Columns []string `quern:"columns"`
}

// Arity implements Combiner.
func (Drop) Arity() Arity { return All }

// TakesLists implements ListTaker: values are not looked at.
func (Drop) TakesLists() {}

// Bind implements Operator.
func (o Drop) Bind(in []column.Field) (Bound, error) {
	dropped, err := findLanes("drop", o.Columns, in)
	if err != nil {
		return nil, err
	}
	if len(dropped) == len(in) {
		return nil, wrongOption("columns", "drop leaves nothing of this chain")
	}
	var rest []int
	for i := range in {
		if !slices.Contains(dropped, i) {
			rest = append(rest, i)
		}
	}
	return passLanes(in, rest), nil
}

// dropEntry is drop in the catalogue.
func dropEntry() Entry {
	return Entry{
		Name: "drop",
		New:  func() Operator { return &Drop{} },
		Doc: Doc{
			Summary:  "Removes some lanes of a chain and passes the others on.",
			Does:     "A chain that starts with several columns, or whose steps made several, has several lanes. drop names those that end here; unknown names, and dropping all, are errors.",
			Null:     "Null stays null.",
			NaN:      "NaN stays NaN.",
			Inf:      "Infinities stay.",
			Unseen:   "Not applicable: nothing is learnt.",
			Constant: "Not applicable: values are not looked at.",
			Output:   "The lanes that are not named, with their names, types and order.",
			Source:   "Not applicable: there is no formula.",
			Options:  []Option{{"columns", "list of names", "required", "the lanes to drop"}},
			Example:  "drop: {columns: [origin]}",
		},
		Samples: func() []Sample {
			return []Sample{{Name: "middle", Operator: &Drop{Columns: []string{SampleLane(1)}},
				In: []column.Type{column.Float64, column.String, column.Date}}}
		},
	}
}
