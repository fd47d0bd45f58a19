package featurestest

import (
	"context"
	"maps"
	"testing"

	"quern/cpu"
	"quern/features/column"
	"quern/features/program"
	"quern/pipeline"
	"quern/pipeline/recipe"
)

// TestIDsPassThrough: what hands elements on hands on that they are ids, and how many
// there are.
func TestIDsPassThrough(t *testing.T) {
	const text = `quern: 1
name: ids
source: {parquet: memory}
features:
  - {columns: [tags], as: cut, steps: [categorify, slice: {end: 2}]}
  - {columns: [tags], as: padded, steps: [categorify, pad: {length: 3}]}
  - {columns: [tags], as: nulls, steps: [categorify, pad: {length: 3, with: null}]}
  - {columns: [tags], as: beyond, steps: [categorify, pad: {length: 3, with: 99}]}
  - {columns: [tags], as: below, steps: [categorify, pad: {length: 3, with: -1}]}
  - {columns: [tags], as: last, steps: [categorify, pool: {by: last}]}
  - {columns: [tags], as: most, steps: [hash_bucket: {buckets: 8}, pool: {by: max}]}
  - {columns: [tags], as: mean, steps: [categorify, pool: {by: mean}]}
  - {columns: [tags], as: count, steps: [categorify, pool: {by: length}]}
  - {columns: [tags], as: scaled, steps: [categorify, standardize]}
  - {columns: [word], steps: [categorify, rename: {to: other}]}
  - {columns: [word, tags], as: "kept_{column}", steps: [categorify: {joint: true}, keep: {columns: [tags, word]}]}
  - {columns: [word, tags], as: "left_{column}", steps: [categorify, drop: {columns: [word]}]}
`
	want := map[string]int64{
		"cut": 6, "padded": 6, "nulls": 6, "beyond": 100, "below": 0, "last": 6, "most": 10, "mean": 0, "count": 0,
		"scaled": 0, "other": 4, "kept_tags": 6, "kept_word": 6, "left_tags": 6,
	}
	r, err := recipe.Parse("ids.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	word := func(s string) program.Value { return program.Value{Str: []byte(s)} }
	rows := table{
		schema: column.Schema{{Name: "tags", Type: column.ListOf(column.String)}, {Name: "word", Type: column.String}},
		rows: [][]program.Value{
			{{List: []program.Value{word("a"), word("b"), program.NullValue()}}, word("a")},
			{{List: []program.Value{word("c")}}, word("a")},
			{program.NullValue(), program.NullValue()},
		},
	}
	result, err := pipeline.FitSource(context.Background(), r, NewSource(rows.schema, rows.batch(newRand(1), plain)), pipeline.Options{Backend: cpu.New()})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	for i, f := range result.Model.Serving.Fields() {
		got[f.Name] = result.Model.Sizes[i]
	}
	if !maps.Equal(got, want) {
		t.Errorf("ids %v, not %v", got, want)
	}
}
