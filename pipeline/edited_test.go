package pipeline

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"quern/cpu"
	"quern/pipeline/output"
	"quern/pipeline/recipe"
)

// edited is a source of one CSV file with two outputs.
type edited struct {
	recipe *recipe.Recipe
	fit    *Result
	table  string
}

func newEdited(t *testing.T) edited {
	t.Helper()
	dir := t.TempDir()
	e := edited{table: filepath.Join(dir, "a.csv")}
	text := "x\n"
	for i := range 1000 {
		text += fmt.Sprintf("%d.5\n", 10000+i)
	}
	e.write(t, text)
	var err error
	e.recipe, err = recipe.Parse(filepath.Join(dir, "r.yaml"), []byte("quern: 1\nname: r\nsource: {csv: a.csv}\n"+
		"features:\n  - columns: [x]\n    steps: [standardize]\noutput:\n  parquet: {path: p}\n  tensor: {path: t}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if e.fit, err = Fit(context.Background(), e.recipe, Options{Backend: cpu.New()}); err != nil {
		t.Fatal(err)
	}
	return e
}

func (e edited) write(t *testing.T, text string) {
	t.Helper()
	if err := os.WriteFile(e.table, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// edit changes a row in place, without a change of size.
func (e edited) edit(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile(e.table)
	if err != nil {
		t.Fatal(err)
	}
	after := strings.Replace(string(text), "10500.5", "19500.5", 1)
	if after == string(text) || len(after) != len(text) {
		t.Fatal("this is no edit of equal size")
	}
	e.write(t, after)
}

func (e edited) transform(overwrite bool) (*Result, error) {
	return Transform(context.Background(), e.fit.Model, e.recipe, false, Options{Backend: cpu.New(), Overwrite: overwrite})
}

// manifests returns the outputs' manifests as text, "" for one that is not finished.
func (e edited) manifests(t *testing.T) (all []string) {
	t.Helper()
	for _, spec := range targetSpecs(e.recipe) {
		text, err := os.ReadFile(filepath.Join(spec.path, output.ManifestName))
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		all = append(all, string(text))
	}
	return all
}

// TestNothingIsContinuedOverAnEdit: of two outputs one is finished and the other is
// gone. With the same source the other is made again, beside the first; after an edit
// that keeps the size of the source the first one is another job's.
func TestNothingIsContinuedOverAnEdit(t *testing.T) {
	for lost := range 2 {
		e := newEdited(t)
		if _, err := e.transform(false); err != nil {
			t.Fatal(err)
		}
		first := e.manifests(t)
		lose := func() {
			if err := os.RemoveAll(targetSpecs(e.recipe)[lost].path); err != nil {
				t.Fatal(err)
			}
		}
		lose()
		if _, err := e.transform(false); err != nil {
			t.Fatalf("the source is the same: %v", err)
		}
		if !slices.Equal(e.manifests(t), first) {
			t.Fatal("the same source gave other outputs")
		}
		lose()
		e.edit(t)
		if _, err := e.transform(false); !hasCode(err, "Q430") {
			t.Fatalf("output %d lost, source edited: %v", lost, err)
		}
		now := e.manifests(t)
		if now[lost] != "" || now[1-lost] != first[1-lost] {
			t.Errorf("output %d lost: the refused run wrote", lost)
		}
		checkRewritten(t, e, first)
	}
}

// checkRewritten: --overwrite makes both outputs from the source as it is now, as in
// empty folders.
func checkRewritten(t *testing.T, e edited, first []string) {
	t.Helper()
	if _, err := e.transform(true); err != nil {
		t.Fatal(err)
	}
	rewritten := e.manifests(t)
	for i, spec := range targetSpecs(e.recipe) {
		if rewritten[i] == first[i] {
			t.Errorf("output %d is still that of the old source", i)
		}
		if err := os.RemoveAll(spec.path); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := e.transform(false); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(e.manifests(t), rewritten) {
		t.Error("the rewritten outputs are not those of the new source")
	}
}

// TestAnEditUndoneIsTheSameJob: the digest is of the bytes and not of their date.
func TestAnEditUndoneIsTheSameJob(t *testing.T) {
	e := newEdited(t)
	text, err := os.ReadFile(e.table)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.transform(false); err != nil {
		t.Fatal(err)
	}
	first := e.manifests(t)
	e.edit(t)
	e.write(t, string(text))
	if err := os.RemoveAll(targetSpecs(e.recipe)[0].path); err != nil {
		t.Fatal(err)
	}
	if _, err := e.transform(false); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(e.manifests(t), first) {
		t.Error("the outputs differ")
	}
}
