package features

import (
	"strings"

	"quern/features/column"
	"quern/features/program"
)

// Rename gives a column another name and leaves its values alone.
type Rename struct {
	// To is the new name; {name} and {column} stand for the old one.
	To string `quern:"to"`
}

// TakesLists implements ListTaker: values are not looked at.
func (Rename) TakesLists() {}

// Bind implements Operator.
func (o Rename) Bind(in []column.Field) (Bound, error) {
	if o.To == "" {
		return nil, missingOption("to", "rename needs `to`, the new name").withHint(`such as "rename: {to: \"{column}_miles\"}"`)
	}
	name := strings.NewReplacer("{name}", in[0].Name, "{column}", in[0].Name).Replace(o.To)
	rest := strings.NewReplacer("{name}", "", "{column}", "").Replace(o.To)
	if strings.ContainsAny(rest, "{}") {
		return nil, wrongOption("to", "%q has braces around something else than name or column", o.To)
	}
	return selectBound{out: []column.Field{{Name: "=" + name, Type: in[0].Type}}, from: []int{0}}, nil
}

// selectBound passes some of its inputs on, unchanged.
type selectBound struct {
	stateless
	out  []column.Field
	from []int // which input each output is
}

// Out implements Bound.
func (o selectBound) Out() []column.Field { return o.out }

// PassIDs implements IDPasser: values stay what they are.
func (o selectBound) PassIDs(in []int64) []int64 {
	out := make([]int64, len(o.from))
	for i, f := range o.from {
		out[i] = in[f]
	}
	return out
}

// Lower implements Bound. It emits nothing: an output is the register of an input.
func (o selectBound) Lower(_ *program.Builder, in []program.Register, _ Mode) []program.Register {
	out := make([]program.Register, len(o.from))
	for i, f := range o.from {
		out[i] = in[f]
	}
	return out
}

// renameEntry is rename in the catalogue.
func renameEntry() Entry {
	return Entry{
		Name: "rename",
		New:  func() Operator { return &Rename{} },
		Doc: Doc{
			Summary:  "Gives a column another name and leaves its values alone.",
			Does:     "y = x under the name `to`, in which {name} and {column} stand for the old name. Two columns of one name are an error of the recipe.",
			Null:     "Null stays null.",
			NaN:      "NaN stays NaN.",
			Inf:      "Infinities stay.",
			Unseen:   "Not applicable: nothing is learnt.",
			Constant: "Not applicable: values are not looked at.",
			Output:   "The column under its new name, of its own type.",
			Source:   "Not applicable: there is no formula.",
			Options:  []Option{{"to", "text", "required", "the new name; {name} or {column} is the old one"}},
			Example:  `rename: {to: "{column}_miles"}`,
		},
		Samples: func() []Sample { return samplesOf("every", &Rename{To: "{column}_new"}, column.Types()...) },
	}
}
