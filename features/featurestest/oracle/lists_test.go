package oracle

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"quern/cpu"
	"quern/features/column"
	"quern/features/featurestest"
	"quern/features/program"
	"quern/pipeline"
	"quern/pipeline/recipe"
)

// listRecipe is what testdata/lists.py computes again.
const listRecipe = `quern: 1
name: lists
source: {parquet: lists.parquet}
features:
  - {columns: [tags], as: "hot_{column}", steps: [one_hot, pool: {by: max}, fill: {with: false}]}
  - {columns: [tags], as: "ids_{column}", steps: [categorify]}
  - {columns: [tags], as: "left_{column}", steps: [categorify: {min_count: 40}, pad: {length: 3, side: left}]}
  - {columns: [tags], as: "right_{column}", steps: [pad: {length: 2, with: none}]}
  - {columns: [tags], as: "hash_{column}", steps: [hash_bucket: {buckets: 97, hash: murmur3}]}
  - {columns: [prices], as: "std_{column}", steps: [standardize]}
  - {columns: [prices], as: "filled_{column}", steps: [fill: {with: median}, slice: {start: -3, end: -1}]}
  - {columns: [counts], as: "first2_{column}", steps: [slice: {end: 2}]}
  - {columns: [counts], as: "some_{column}", steps: [slice: {start: 3, end: 5}, pad: {length: 5}]}
  - {columns: [prices, counts], as: "mean_{column}", steps: [pool: {by: mean}]}
  - {columns: [prices, counts], as: "sum_{column}", steps: [pool: {by: sum}]}
  - {columns: [prices, counts], as: "min_{column}", steps: [pool: {by: min}]}
  - {columns: [prices, counts], as: "max_{column}", steps: [pool: {by: max}]}
  - {columns: [tags, prices], as: "n_{column}", steps: [pool: {by: length}]}
  - {columns: [tags, counts], as: "at0_{column}", steps: [pool: {by: first}]}
  - {columns: [tags, counts], as: "last_{column}", steps: [pool: {by: last}]}
  - {name: share, expr: "list_mean(float(tags = 'b'))"}
  - {name: twice, expr: "list_slice(counts, 1, -1) * 2"}
`

// listTable returns rows of lists: null, empty, with null elements, of up to six.
func listTable(rows int) (column.Schema, column.Batch) {
	r := rand.New(rand.NewPCG(5, 6))
	schema := column.Schema{
		{Name: "tags", Type: column.ListOf(column.String)},
		{Name: "prices", Type: column.ListOf(column.Float64)},
		{Name: "counts", Type: column.ListOf(column.Int64)},
	}
	element := []func() value{
		func() value { return text(pick(r, "a", "b", "b", "c", "c", "c", "Ærø", "", "d e")) },
		func() value { return real(float64(r.IntN(2000)-900) / 16) },
		func() value { return whole(r.Int64N(900) - 100) },
	}
	batch := column.Batch{Rows: rows, Columns: make([]column.Column, len(schema))}
	for i, f := range schema {
		v := column.Vector{Type: f.Type}
		for range rows {
			list := value{Null: r.IntN(9) == 0}
			for range r.IntN(7) {
				e := element[i]()
				e.Null = r.IntN(8) == 0
				list.List = append(list.List, e)
			}
			program.AppendStored(&v, list)
		}
		batch.Columns[i] = column.Column{Len: rows, Values: v}
	}
	return schema, batch
}

// plainValue returns a value as JSON has it.
func plainValue(t column.Type, v value) any {
	switch {
	case v.Null:
		return nil
	case t.IsList():
		list := []any{}
		for _, e := range v.List {
			list = append(list, plainValue(t.Elem(), e))
		}
		return list
	}
	switch t.Kind() {
	case column.Bools:
		return v.Bool
	case column.Ints:
		return v.Int
	case column.Floats:
		return v.Float
	}
	return string(v.Str)
}

// plainColumn returns all values of a column.
func plainColumn(c *column.Column) []any {
	all := make([]any, c.Len)
	for i := range all {
		all[i] = plainValue(c.Type(), program.ValueAt(&c.Values, c.Slot(i)))
	}
	return all
}

// runLists learns and runs the recipe, and returns inputs and outputs by name.
func runLists(t *testing.T, text string) map[string]map[string][]any {
	t.Helper()
	r, err := recipe.Parse("lists.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	schema, batch := listTable(300)
	result, err := pipeline.FitSource(context.Background(), r, featurestest.NewSource(schema, batch), pipeline.Options{Backend: cpu.New()})
	if err != nil {
		t.Fatal(err)
	}
	p := result.Model.Serving
	exe, err := cpu.New().Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	session := exe.NewSession()
	defer session.Close()
	in := column.Batch{Rows: batch.Rows}
	for _, f := range p.Inputs {
		in.Columns = append(in.Columns, batch.Columns[schema.Find(f.Name)])
	}
	out, err := session.Run(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	tables := map[string]map[string][]any{"in": {}, "out": {}}
	for i, f := range schema {
		tables["in"][f.Name] = plainColumn(&batch.Columns[i])
	}
	for i, o := range p.Outputs {
		tables["out"][o.Name] = plainColumn(&out.Columns[i])
	}
	return tables
}

// compareLists lets Python compute the outputs again.
func compareLists(t *testing.T, interpreter string, tables map[string]map[string][]any) (string, error) {
	t.Helper()
	data, err := json.Marshal(tables)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "lists.json")
	write(t, path, string(data))
	out, err := exec.Command(interpreter, "testdata/lists.py", path).CombinedOutput()
	return string(out), err
}

// Lists agree with numpy, and multi-hot encodings with scikit-learn. What was spoilt
// does not.
func TestListsAgreeWithTheLibraries(t *testing.T) {
	interpreter := python(t)
	tables := runLists(t, listRecipe)
	out, err := compareLists(t, interpreter, tables)
	if err != nil || !strings.Contains(out, fmt.Sprintf("columns %d ", len(tables["out"]))) {
		t.Fatalf("%v: %d columns\n%s", err, len(tables["out"]), out)
	}
	t.Log(out)
	other := strings.NewReplacer("length: 3, side: left", "length: 3", "end: -1}]", "end: -2}]", "by: max}, fill", "by: min}, fill")
	out, err = compareLists(t, interpreter, runLists(t, other.Replace(listRecipe)))
	if err == nil {
		t.Fatal("no difference found")
	}
	for _, want := range []string{"left_tags, row ", "filled_prices, row ", "hot_tags_b, row "} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in what the oracle says:\n%s", want, out)
		}
	}
}
