package pipeline

import (
	"errors"
	"testing"

	"quern/features/column"
	"quern/features/diag"
	"quern/pipeline/recipe"
)

// TestHoles: what a recipe made in Go leaves out is a mistake; what a mistake of
// reading has left out is not blamed again.
func TestHoles(t *testing.T) {
	r := &recipe.Recipe{
		Labels: []recipe.Label{{}},
		Features: []recipe.Feature{
			{},
			{Columns: []recipe.Name{{Text: "x"}}, Steps: []recipe.Step{{Name: "log2p"}}},
			{Columns: []recipe.Name{{Text: "features.x"}, {Text: "features.gone"}}, As: recipe.Name{Text: "{column}_2"}},
		},
	}
	schema := column.Schema{{Name: "x", Type: column.Float64}}
	codes := func(err error) string {
		var list diag.List
		list.Add(err, "")
		text := ""
		for _, e := range list {
			text += string(e.Code) + " "
		}
		return text
	}
	if _, err := Bind(r, schema, nil); codes(err) != "Q043 Q043 Q043 Q038 " {
		t.Errorf("made in Go: %v", err)
	}
	operator := diag.List{diag.New("Q016", "unknown operator").At(diag.Place{Line: 9, Column: 2})}
	if err := Mistakes(r, operator, schema, nil); codes(err) != "Q016 Q038 " {
		t.Errorf("an operator could not be read: %v", err)
	}
	name := diag.List{diag.New("Q015", "bad name").At(diag.Place{Line: 9, Column: 2})}
	if err := Mistakes(r, name, schema, nil); codes(err) != "Q015 " {
		t.Errorf("a name could not be read: %v", err)
	}
	if err := Mistakes(r, errors.New("not a mistake of the text"), schema, nil); codes(err) != "Q036 " {
		t.Errorf("another error: %v", err)
	}
}

// TestScheduleWaitsForFeatures: a step learns after the features that it reads.
func TestScheduleWaitsForFeatures(t *testing.T) {
	r, err := recipe.Parse("r.yaml", []byte(`quern: 1
name: r
source: {parquet: x.parquet}
features:
  - name: a
    columns: [x]
    steps: [standardize, standardize]
  - name: b
    expr: "features.a * 2"
    steps: [standardize]
  - name: d
    columns: [x]
    steps: [log1p]
  - name: e
    columns: [features.d, features.a]
    steps: [standardize]
`))
	if err != nil {
		t.Fatal(err)
	}
	p, err := Bind(r, column.Schema{{Name: "x", Type: column.Float64}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var last []int
	for _, steps := range p.schedule() {
		last = append(last, steps[len(steps)-1].Last)
	}
	want := []int{2, 3, 0, 3}
	for i := range want {
		if last[i] != want[i] {
			t.Fatalf("last scans %v, want %v", last, want)
		}
	}
	if p.rounds() != 3 {
		t.Errorf("%d rounds", p.rounds())
	}
}
