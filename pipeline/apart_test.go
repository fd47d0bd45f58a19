package pipeline

import (
	"context"
	"slices"
	"testing"

	"quern/cpu"
	"quern/pipeline/recipe"
	"quern/pipeline/source"
)

// separable returns a recipe over the flights whose features do not meet.
func separable(t *testing.T, where string, tensor bool) *recipe.Recipe {
	return flights(t, func(string) string {
		text := `quern: 1
name: separable
source: {parquet: flights-*.parquet` + where + `}
fit: {where: "date < datetime('2001-06-01')"}
keep: [delay]
label: {late: "delay > 15"}
features:
  - columns: [distance]
    steps: [{fill: {with: median}}, {clip: {quantiles: [0.01, 0.99]}}, log1p, standardize]
  - columns: [origin, destination]
    steps: [categorify]
  - columns: [date]
    steps: [{datetime: {parts: [month, hour]}}]
output:
  parquet: {path: out/features}
`
		if tensor {
			text += "  tensor: {path: out/tensors}\n"
		}
		return text
	})
}

// TestColumnsApartGiveTheSameRows: tensors want whole rows, so with them chunks are
// computed whole; without, column by column. The rows are the same, and so is which of
// them were learnt from; with a condition on the source too.
func TestColumnsApartGiveTheSameRows(t *testing.T) {
	for _, where := range []string{"", `, where: "distance > 500 and origin <> 'ATL'"`} {
		whole, err := Run(context.Background(), separable(t, where, true), Options{Backend: cpu.New(), Workers: 3})
		if err != nil {
			t.Fatal(err)
		}
		for _, workers := range []int{1, 2, 5} {
			apart, err := Run(context.Background(), separable(t, where, false), Options{Backend: cpu.New(), Workers: workers})
			if err != nil {
				t.Fatal(err)
			}
			a, b := apart.Outputs[0].Manifest, whole.Outputs[0].Manifest
			if a.Content != b.Content || a.Rows != b.Rows || !slices.Equal(a.OutsideFit, b.OutsideFit) || len(a.OutsideFit) == 0 {
				t.Errorf("where %q, %d workers: %d rows %s, whole %d rows %s", where, workers, a.Rows, a.Content, b.Rows, b.Content)
			}
			if apart.Digest != whole.Digest {
				t.Errorf("another model")
			}
		}
	}
}

// TestSharesAreOfTheWhole: what components read adds up.
func TestSharesAreOfTheWhole(t *testing.T) {
	r := separable(t, "", false)
	src, err := Open(context.Background(), r, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	plan, err := Bind(r, src.Schema(), src.Unusable())
	if err != nil {
		t.Fatal(err)
	}
	ph, _, err := plan.phase(0)
	if err != nil {
		t.Fatal(err)
	}
	components := ph.Program.Split()
	total := 0.0
	for _, s := range sharesOf(src.(source.Columnar), components) {
		if s <= 0 || s > 1 {
			t.Errorf("a share of %v", s)
		}
		total += s
	}
	if len(components) != 5 || total < 0.999 || total > 1.001 {
		t.Errorf("%d components (delay is only counted), shares of %v together", len(components), total)
	}
}
