package pipeline_test

import (
	"errors"
	"testing"

	"quern/features/column"
	"quern/features/diag"
	"quern/pipeline"
	"quern/pipeline/recipe"
)

// TestOneColumnOfSeveralNeedsAName: it is told when the recipe is bound, with its
// place, and not when the rows have been read.
func TestOneColumnOfSeveralNeedsAName(t *testing.T) {
	text := "quern: 1\nname: x\nsource: {parquet: a.parquet}\nfeatures:\n  - columns: [a, b]\n    steps:\n      - cross: {buckets: 10}\n"
	r, err := recipe.Parse("x.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	_, err = pipeline.Bind(r, column.Schema{{Name: "a", Type: column.Int64}, {Name: "b", Type: column.Int64}}, nil)
	var e *diag.Error
	if !errors.As(err, &e) || e.Code != "Q009" || e.Place.Line != 5 {
		t.Errorf("got %v", err)
	}
}
