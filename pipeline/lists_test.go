package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quern/cpu"
	"quern/features/diag"
	"quern/pipeline"
	"quern/pipeline/output"
	"quern/pipeline/recipe"
	"quern/pipeline/store"
)

// listRecipe returns a recipe of lists, whose tensors are in the given layout, beside
// its data. feature is one more feature.
func listRecipe(t *testing.T, format, feature string) *recipe.Recipe {
	t.Helper()
	dir := t.TempDir()
	rows := `{"tags": ["a", "b"], "p": [1.5, 2.5, null], "q": 1.5, "tags.values": 1, "p.offsets": 1}
{"tags": [], "p": [], "q": 2}
{"tags": null, "p": null, "q": null}
{"tags": ["a", "c", "a"], "p": [3], "q": 0}
`
	if err := os.WriteFile(filepath.Join(dir, "rows.jsonl"), []byte(rows), 0o666); err != nil {
		t.Fatal(err)
	}
	text := `quern: 1
name: lists
source: {jsonl: rows.jsonl, schema: {tags: list<string>, p: list<float64>, q: float64}}
features:
  - columns: [tags]
    steps: [categorify]
  - columns: [p]
    steps: [standardize, pad: {length: 2, with: 0}]
` + feature + `output:
  parquet: {path: rows}
  tensor: {path: tensors, ` + format + `}
`
	r, err := recipe.Parse(filepath.Join(dir, "recipe.yaml"), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestListsReachTheOutputs: reals in the outputs' type, and fixed widths as they follow
// from the program.
func TestListsReachTheOutputs(t *testing.T) {
	for _, format := range []string{"format: npy", "format: safetensors", "format: npy, layout: columns"} {
		r := listRecipe(t, format, "")
		if _, err := pipeline.Run(context.Background(), r, pipeline.Options{Backend: cpu.New()}); err != nil {
			t.Fatal(err)
		}
		contents := map[string]bool{}
		for _, folder := range []string{"rows", "tensors"} {
			st, err := store.NewLocal(r.Resolve(folder))
			if err != nil {
				t.Fatal(err)
			}
			m, err := output.Verify(context.Background(), st)
			if err != nil {
				t.Fatal(err)
			}
			contents[m.Content] = true
			if got := fmt.Sprint(m.Fields); got != "[{tags list<int64> feature 0} {p list<float32> feature 2}]" {
				t.Errorf("%s: fields %s", folder, got)
			}
			names := ""
			for _, f := range m.Files {
				names += f.Name + " "
			}
			if folder == "tensors" && strings.Contains(format, "npy") && names != "tags.values.npy tags.offsets.npy p.npy " {
				t.Errorf("files %s", names)
			}
		}
		if len(contents) != 1 {
			t.Error("the outputs have rows of other content")
		}
	}
}

// TestNamesOfListsClashBeforeAnyRowIsRead, at the place of the lists.
func TestNamesOfListsClashBeforeAnyRowIsRead(t *testing.T) {
	for _, c := range []struct {
		columns, name, steps string
		layout               string
		clash                bool
	}{
		{"[tags.values]", "", "[standardize]", "columns", true},
		{"[p.offsets]", "", "[standardize]", "columns", true}, // although p has a fixed width once it is fitted
		{"[tags.values]", "", "[standardize]", "rows", false},
		{"[q]", "", "[standardize]", "columns", false},
		{"[tags]", "labels", "[categorify]", "rows", false}, // there are none
		{"[tags]", "ids", "[categorify, pad: {length: 3}]", "rows", false},
		{"[tags]", "features", "[categorify]", "columns", false},
		{"[q]", "", "[standardize]\n  - columns: [tags]\n    as: features\n    steps: [categorify]", "rows", true},
	} {
		feature := "  - columns: " + c.columns + "\n    steps: " + c.steps + "\n"
		if c.name != "" {
			feature += "    as: " + c.name + "\n"
		}
		r := listRecipe(t, "format: safetensors, layout: "+c.layout, feature)
		_, err := pipeline.Run(context.Background(), r, pipeline.Options{Backend: cpu.New()})
		var e *diag.Error
		if clash := errors.As(err, &e) && e.Code == "Q422" && e.Place.Line > 0; clash != c.clash || !c.clash && err != nil {
			t.Errorf("%s %s, layout %s: %v", c.columns, c.name, c.layout, err)
		}
	}
}
