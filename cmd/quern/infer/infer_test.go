package infer

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"quern/cpu"
	"quern/features/column"
	"quern/features/stat"
	"quern/pipeline"
	"quern/pipeline/recipe"
)

// testing.TB without what rapid.T lacks.
type tester interface {
	Fatal(...any)
	Helper()
}

// proposed writes a CSV file, proposes a recipe for it, and returns its text after
// making sure that it binds, fits and writes what it says.
func proposed(t tester, folder, text, schema string) string {
	t.Helper()
	return proposedFor(t, recipe.CSVText, folder, text, schema)
}

// proposedFor does so for a file of any format.
func proposedFor(t tester, format recipe.FileFormat, folder, text, schema string) string {
	t.Helper()
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	file := "x." + string(format)
	must(os.WriteFile(filepath.Join(folder, file), []byte(text), 0o644))
	o := pipeline.Options{Backend: cpu.New(), Overwrite: true}
	read := &recipe.Recipe{File: filepath.Join(folder, "x.yaml"), Source: recipe.Source{Format: format, Files: []recipe.Name{{Text: file}}}}
	for _, s := range strings.Fields(schema) {
		name, typ, _ := strings.Cut(s, ":")
		is, ok := column.ParseType(typ)
		if !ok {
			t.Fatal(typ)
		}
		read.Source.Schema = append(read.Source.Schema, recipe.Typed{Name: recipe.Name{Text: name}, Type: is})
	}
	src, err := pipeline.Open(context.Background(), read, o)
	must(err)
	defer src.Close()
	profiles, looked, err := Look(context.Background(), src, o.Backend, 0, stat.Resources{})
	must(err)
	r := Recipe(Table{Profiles: profiles, Looked: looked, Rows: looked, Unusable: src.Unusable()})
	if len(r.Features) == 0 {
		return r.Comment
	}
	r.Name.Text, r.File, r.Source = "x", read.File, read.Source
	r.Output.Parquet = &recipe.ParquetOutput{Path: recipe.Name{Text: "features"}}
	r.Output.Tensor = &recipe.TensorOutput{Path: recipe.Name{Text: "tensors"}}
	written := recipe.Format(r)
	again, err := recipe.Parse(read.File, written)
	must(err)
	result, err := pipeline.Run(context.Background(), again, o)
	must(err)
	if result.RowsOut != looked {
		t.Fatal(fmt.Sprintf("%d of %d rows written", result.RowsOut, looked))
	}
	return string(written)
}

// TestEachKindOfColumn: the reasons are in the comments, the steps below them.
func TestEachKindOfColumn(t *testing.T) {
	lines := []string{"constant,empty,id,city,word,tail,odd,flag,day,instant,moment,few"}
	for i := range 3000 {
		tail := fmt.Sprint(i % 100)
		if i == 2999 {
			tail = "1000000"
		}
		odd := []string{"1.5", "nan", "inf", "", "-2"}[i%5]
		lines = append(lines, fmt.Sprintf("same,,%d,city %d,word %d,%s,%s,%s,2001-%02d-01,2001-01-%02dT12:00:00Z,2001-01-01T00:00:%02d,%d",
			i, i%40, i%1500, tail, odd, []string{"true", "false", ""}[i%3], i%12+1, i%28+1, i%60, i%3))
	}
	got := proposed(t, t.TempDir(), strings.Join(lines, "\n")+"\n", "odd:float64")
	for _, want := range []string{
		"constant (string): it has one value only", "empty (string): it has no value at all", "id (int64): all 3,000 values differ",
		"moment (datetime): its times span less",
		"columns: [city]\n    steps:\n      - categorify\n",
		"columns: [word]\n    steps:\n      - hash_bucket: {buckets: 4096}\n",
		"columns: [tail]\n    steps:\n      - fill: {with: median}\n      - clip: {quantiles: [0.01, 0.99]}\n",
		"columns: [odd]\n    steps:\n      - clip: {quantiles: [0.01, 0.99]}\n      - fill: {with: median, nan: fill}\n      - standardize\n",
		"columns: [flag]\n    steps:\n      - fill: {with: mode}\n",
		"datetime: {parts: [month, weekday], cyclical: true}",
		"datetime: {parts: [weekday], cyclical: true, zone: UTC}",
		"columns: [few]\n    steps:\n      - fill: {with: median}\n      - standardize\n",
		"33.3 % nulls", "20.0 % infinities", "20.0 % NaNs",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

// TestWhateverIsProposedRuns draws tables: a proposal always runs.
func TestWhateverIsProposedRuns(t *testing.T) {
	folder := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		columns := rapid.IntRange(1, 5).Draw(t, "columns")
		rows := rapid.SampledFrom([]int{0, 1, 2, 3, 49, 50, 51, 65}).Draw(t, "rows")
		cell := rapid.SampledFrom([]string{"", `""`, "0", "1", "-1", "2.5", "nan", "inf", "-inf", "1e300", "true", "false", "x", "ü", `"a,b"`,
			"2001-01-01", "2004-02-29T23:59:59", "2001-01-01T00:00:00Z", "9223372036854775807", "features.x"})
		var b strings.Builder
		for c := range columns {
			fmt.Fprintf(&b, "%s%s", []string{"", ","}[min(c, 1)], []string{"a", "b c", "a_month_sin", "features.x", " "}[c])
		}
		b.WriteString("\n")
		// A column keeps to few kinds of cells, or all would be strings.
		kinds := make([][]string, columns)
		for c := range kinds {
			kinds[c] = rapid.SliceOfN(cell, 1, 3).Draw(t, "kinds")
		}
		for range rows {
			for c := range columns {
				fmt.Fprintf(&b, "%s%s", []string{"", ","}[min(c, 1)], rapid.SampledFrom(kinds[c]).Draw(t, "cell"))
			}
			b.WriteString("\n")
		}
		proposed(t, folder, b.String(), "")
	})
}
