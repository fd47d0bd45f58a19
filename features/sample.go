package features

import (
	"strconv"

	"quern/features/column"
)

// Sample is a spec for the suite: an operator with options, and the types of the
// inputs that it is run on (lanes, then references).
type Sample struct {
	Name     string // "quantiles", for the test's name
	Operator Operator
	In       []column.Type
	Mode     Mode
}

// SampleLane names lane i of a sample's inputs.
func SampleLane(i int) string { return "lane" + strconv.Itoa(i) }

// Fields names the inputs: lanes by SampleLane, references as the operator does.
func (s Sample) Fields() []column.Field {
	var names []string
	if r, ok := s.Operator.(Reader); ok {
		for _, ref := range r.Reads() {
			names = append(names, ref.Name)
		}
	}
	fields := make([]column.Field, len(s.In))
	lanes := len(s.In) - len(names)
	for i, t := range s.In {
		fields[i] = column.Field{Name: SampleLane(i), Type: t}
		if i >= lanes {
			fields[i].Name = names[i-lanes]
		}
	}
	return fields
}
