package pipeline

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"quern/cpu"
	"quern/features/diag"
	"quern/pipeline/output"
	"quern/pipeline/store"
)

// faulty is a recipe whose third step faults on every value, and is first needed
// when the column's table is there: after two rounds of learning.
const faulty = `quern: 1
name: faulty
source: {parquet: flights-*.parquet}
features:
  - columns: [distance]
    steps:
      - clip: {quantiles: [0, 1], rule: lower}
      - cast: {to: string}
      - cast: {to: bool}
      - categorify
`

// TestFaultsOverTablesAreLocated: a table knows no rows, so a fault over one is found
// again by a scan, and both ends are named.
func TestFaultsOverTablesAreLocated(t *testing.T) {
	r := flights(t, func(string) string { return faulty })
	_, err := Fit(context.Background(), r, Options{Backend: cpu.New(), Workers: 1})
	var e *diag.Error
	if !errors.As(err, &e) || e.Code != "Q401" || e.Data == nil || e.Data.Row != 0 || e.Data.Column != "distance" {
		t.Fatalf("%v", err)
	}
	if want := strings.Count(faulty[:strings.Index(faulty, "- cast: {to: bool}")], "\n") + 1; e.Place.Line != want {
		t.Errorf("line %d, want %d: %v", e.Place.Line, want, err)
	}
}

// TestRecipeFaultsQuarantineNothing: a value that the recipe cannot take is no damage
// of the file.
func TestRecipeFaultsQuarantineNothing(t *testing.T) {
	r := flights(t, func(string) string { return faulty })
	if result, err := Fit(context.Background(), r, Options{Backend: cpu.New(), Quarantine: true}); !hasCode(err, "Q401") {
		t.Errorf("%+v, %v", result, err)
	}
}

// TestOverwriteKeepsWhatItCannotReplace: if one of two outputs cannot be written, the
// other is not cleared either.
func TestOverwriteKeepsWhatItCannotReplace(t *testing.T) {
	r := flights(t, nil)
	ctx := context.Background()
	result, err := Run(ctx, r, Options{Backend: cpu.New()})
	if err != nil {
		t.Fatal(err)
	}
	table, tensors := result.Outputs[0].Path, result.Outputs[1].Path
	if err := os.RemoveAll(tensors); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(tensors, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Run(ctx, r, Options{Backend: cpu.New(), Overwrite: true}); err == nil {
		t.Fatal("a file was taken for a folder")
	}
	st, err := store.NewLocal(table)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := output.Verify(ctx, st); err != nil {
		t.Errorf("the other output is gone: %v", err)
	}
}

// TestDigestIgnoresPlaces: a step that does nothing, before others, moves them.
func TestDigestIgnoresPlaces(t *testing.T) {
	digest := func(steps string) string {
		r := flights(t, func(string) string {
			return "quern: 1\nname: n\nsource: {parquet: flights-*.parquet}\nfeatures:\n  - columns: [distance]\n    steps: [" + steps + "]\n"
		})
		result, err := Fit(context.Background(), r, Options{Backend: cpu.New()})
		if err != nil {
			t.Fatal(err)
		}
		return result.Digest
	}
	if a, b := digest("standardize"), digest("rename: {to: distance}, standardize"); a != b {
		t.Errorf("digests %s and %s of the same programs", a, b)
	}
}
