package features

import (
	"strings"

	"quern/features/column"
	"quern/features/diag"
)

// Keep passes some lanes of a chain on, in the order given, and drops the others.
type Keep struct {
	// Columns are the names of the lanes to keep.
	Columns []string `quern:"columns"`
}

// Arity implements Combiner.
func (Keep) Arity() Arity { return All }

// TakesLists implements ListTaker: values are not looked at.
func (Keep) TakesLists() {}

// Bind implements Operator.
func (o Keep) Bind(in []column.Field) (Bound, error) {
	positions, err := findLanes("keep", o.Columns, in)
	if err != nil {
		return nil, err
	}
	return passLanes(in, positions), nil
}

// findLanes returns the positions of the lanes called columns.
func findLanes(op string, columns []string, in []column.Field) ([]int, error) {
	if len(columns) == 0 {
		return nil, missingOption("columns", "%s needs `columns`, the names of lanes", op)
	}
	var names []string
	for _, f := range in {
		names = append(names, f.Name)
	}
	var positions []int
	taken := map[int]bool{}
	for i, name := range columns {
		at := column.Schema(in).Find(name)
		if at < 0 {
			return nil, unknownLane(op, i, name, names)
		}
		if taken[at] {
			return nil, wrongOption(nth("columns", i), "%q is there twice", name)
		}
		positions, taken[at] = append(positions, at), true
	}
	return positions, nil
}

// unknownLane says that a name is no lane, with the nearest one.
func unknownLane(op string, i int, name string, names []string) error {
	e := diag.New("Q074", "%s: there is no lane %q here", op, name)
	if near := diag.Nearest(name, names); near != "" {
		e = e.WithHint("did you mean %q?", near)
	} else {
		e = e.WithHint("lanes are: %s", strings.Join(names, ", "))
	}
	return &OptionError{Path: nth("columns", i), Err: e}
}

// passLanes passes the lanes at positions on, under their own names.
func passLanes(in []column.Field, positions []int) Bound {
	bound := selectBound{from: positions}
	for _, at := range positions {
		bound.out = append(bound.out, column.Field{Name: "=" + in[at].Name, Type: in[at].Type})
	}
	return bound
}

// keepEntry is keep in the catalogue.
func keepEntry() Entry {
	return Entry{
		Name: "keep",
		New:  func() Operator { return &Keep{} },
		Doc: Doc{
			Summary:  "Passes some lanes of a chain on, in the order given, and drops the others.",
			Does:     "A chain that starts with several columns, or whose steps made several, has several lanes. keep names those that go on; unknown names are errors.",
			Null:     "Null stays null.",
			NaN:      "NaN stays NaN.",
			Inf:      "Infinities stay.",
			Unseen:   "Not applicable: nothing is learnt.",
			Constant: "Not applicable: values are not looked at.",
			Output:   "The lanes that are named, with their names and types, in the order of `columns`.",
			Source:   "Not applicable: there is no formula.",
			Options:  []Option{{"columns", "list of names", "required", "the lanes to keep"}},
			Example:  "keep: {columns: [date_month]}",
		},
		Samples: func() []Sample {
			return []Sample{{Name: "two", Operator: &Keep{Columns: []string{SampleLane(2), SampleLane(0)}},
				In: []column.Type{column.Float64, column.String, column.Date}}}
		},
	}
}
