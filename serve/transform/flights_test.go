package transform_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"quern/cpu"
	"quern/pipeline"
	"quern/pipeline/model"
	"quern/pipeline/recipe"
	"quern/serve/transform"
)

// check ends the test at an error.
func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// flights fits the example's recipe, with names of features that a view can have.
func flights(t testing.TB) (*model.Model, *recipe.Recipe, pipeline.Options) {
	t.Helper()
	file, err := filepath.Abs("../../examples/flights/recipe.yaml")
	check(t, err)
	text, err := os.ReadFile(file)
	check(t, err)
	text = bytes.Replace(text, []byte("- columns: [origin, destination]\n"), []byte("- columns: [origin, destination]\n    as: \"{column}_id\"\n"), 1)
	r, err := recipe.Parse(file, text)
	check(t, err)
	o := pipeline.Options{Backend: cpu.New()}
	fitted, err := pipeline.Fit(context.Background(), r, o)
	check(t, err)
	return fitted.Model, r, o
}

func transformer(t testing.TB, m *model.Model) *transform.Transformer {
	t.Helper()
	tr, err := transform.New(m, cpu.New())
	check(t, err)
	return tr
}

// aFlight is a row of the example.
func aFlight(i int) string {
	return fmt.Sprintf(`{"date": "2001-06-%02dT%02d:10:00", "origin": "SFO", "destination": "LAX", "distance": %d}`, i%28+1, i%24, 300+i)
}

// BenchmarkTransform is requests of a row, ten and a thousand: parsed and computed.
func BenchmarkTransform(b *testing.B) {
	m, _, _ := flights(b)
	t := transformer(b, m)
	for _, rows := range []int{1, 10, 1000} {
		b.Run(fmt.Sprint(rows), func(b *testing.B) {
			body := []byte(`{"rows": [`)
			for i := range rows {
				body = append(append(body, ",\n"[min(i, 1)^1:1]...), aFlight(i)...)
			}
			body = append(body, "]}"...)
			b.ReportAllocs()
			for b.Loop() {
				c := t.Begin(transform.Serve)
				if err := c.Parse(body); err != nil {
					b.Fatal(err)
				}
				if err := c.Run(context.Background()); err != nil {
					b.Fatal(err)
				}
				c.Close()
			}
		})
	}
}
