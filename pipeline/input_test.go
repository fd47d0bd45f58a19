package pipeline

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"github.com/parquet-go/parquet-go"

	"quern/features/column"
	"quern/features/diag"
	"quern/pipeline/recipe"
)

// schema: makes columns of a Parquet file usable; a mistake in it stands at its entry.
func TestSchemaOfParquet(t *testing.T) {
	type row struct {
		N     int32            `parquet:"n"`
		Price int64            `parquet:"price,decimal(2:12)"`
		ID    uint64           `parquet:"id"`
		Map   map[string]int64 `parquet:"map"`
	}
	dir := t.TempDir()
	if err := parquet.WriteFile(filepath.Join(dir, "rows.parquet"), []row{{1, 150, 1 << 63, nil}}); err != nil {
		t.Fatal(err)
	}
	read := func(types string) (column.Schema, error) {
		r, err := recipe.Parse(filepath.Join(dir, "recipe.yaml"), []byte("quern: 1\nname: r\nsource:\n  parquet: rows.parquet\n  schema: {"+types+"}\nfeatures:\n  - columns: [n]\n"))
		if err != nil {
			t.Fatal(err)
		}
		in, err := openInput(context.Background(), r, nil, Options{})
		if err != nil {
			return nil, err
		}
		defer in.Close()
		return in.Schema(), nil
	}
	want := column.Schema{{Name: "n", Type: column.Int64}, {Name: "price", Type: column.Float64}, {Name: "id", Type: column.String}}
	got, err := read("n: int64, price: float64, id: string")
	for _, f := range want {
		if !slices.Contains(got, f) || len(got) != len(want) {
			t.Errorf("schema %v, %v", got, err)
		}
	}
	for types, code := range map[string]diag.Code{"n: float32": "Q041", "n: int32, map: int64": "Q032", "n: int32, pirce: float64": "Q031"} {
		_, err := read(types)
		var e *diag.Error
		if !errors.As(err, &e) || e.Code != code || e.Place.Line != 5 || (e.Place.Column > 12) != (code != "Q041") {
			t.Errorf("%s: %v", types, err)
		}
	}
}
