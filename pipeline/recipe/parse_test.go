package recipe

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"quern/features"
	"quern/features/diag"
)

// whole is a recipe that has everything in it.
const whole = `# comment
---
quern: 1
name: flights
preset: sklearn
source:
  csv: [a/*.csv, "b, c.csv"]
  where: "distance > 0"
  schema: {distance: float32, date: datetime}
  delimiter: ";"
  header: false
  null_text: NA
fit:
  where: 'date < datetime(''2001-06-01'')'
key: [origin, destination]
time: date
keep:
- delay
label: {late: "delay > 15", very: delay > 60}
features:
  - columns: [distance]
    as: "{column}_norm"
    steps:
      - fill: {with: median}
      - clip: {quantiles: [0.01, 0.99]}
      - log1p
      - standardize:
  - name: route_late
    columns: [origin, features.x]
    steps:
      - target_encode: {target: late, smoothing: 20, folds_by: [date]}
      - fill:
          with: -1.50
          indicator: true
  - name: evening_miles
    expr: |
      if(hour(date) >= 17,
         distance, 0)
    steps: [standardize: {ddof: 1}, bucketize: {edges: [1, 2.5], side: right}]
output:
  parquet: {path: out/features, codec: snappy, encoding: plain}
  tensor: {path: out/tensors, format: npy, dtype: float64, layout: columns}
`

func mustParse(t *testing.T, text string) *Recipe {
	t.Helper()
	r, err := fakeReader().Parse("dir/recipe.yaml", []byte(text))
	if err != nil {
		var b strings.Builder
		diag.Draw(&b, err, false)
		t.Fatalf("%s\nof\n%s", b.String(), text)
	}
	return r
}

func TestParseWhole(t *testing.T) {
	r := mustParse(t, whole)
	median := fillWith{Word: "median"}
	names := func(texts ...string) (out []Name) {
		for _, text := range texts {
			out = append(out, Name{Text: text})
		}
		return out
	}
	want := &Recipe{
		Version: 1, Name: Name{Text: "flights"}, Preset: Sklearn,
		Source: Source{Format: CSVText, Files: names("a/*.csv", "b, c.csv"), Where: Expr{Text: "distance > 0"},
			Schema: []Typed{{Name: Name{Text: "distance"}, Type: 4}, {Name: Name{Text: "date"}, Type: 8}},
			CSV:    CSV{Delimiter: ';', NoHeader: true, NullText: "NA"}},
		Fit: Fit{Where: Expr{Text: "date < datetime('2001-06-01')"}},
		Key: names("origin", "destination"), Time: Name{Text: "date"}, Keep: names("delay"),
		Labels: []Label{{Name{Text: "late"}, Expr{Text: "delay > 15"}}, {Name{Text: "very"}, Expr{Text: "delay > 60"}}},
		Features: []Feature{
			{Columns: names("distance"), As: Name{Text: "{column}_norm"}, Steps: []Step{
				{Name: "fill", Operator: &fakeFill{With: median}},
				{Name: "clip", Operator: &fakeClip{Quantiles: []features.Literal{"0.01", "0.99"}}},
				{Name: "log1p", Operator: &fakeLog1p{}},
				{Name: "standardize", Operator: &fakeStandardize{}}}},
			{Name: Name{Text: "route_late"}, Columns: names("origin", "features.x"), Steps: []Step{
				{Name: "target_encode", Operator: &fakeTargetEncode{Target: "late", Folds: 5, Smoothing: 20, FoldsBy: []features.ColumnName{"date"}}},
				{Name: "fill", Operator: &fakeFill{With: fillWith{Number: "-1.50"}, Indicator: true}}}},
			{Name: Name{Text: "evening_miles"}, Expr: Expr{Text: "if(hour(date) >= 17,\n   distance, 0)"}, Steps: []Step{
				{Name: "standardize", Operator: &fakeStandardize{DDof: 1}},
				{Name: "bucketize", Operator: &fakeBucketize{Edges: []float64{1, 2.5}, Side: "right"}}}},
		},
		Output: Output{
			Parquet: &ParquetOutput{Path: Name{Text: "out/features"}, Codec: Snappy, Encoding: PlainValues},
			Tensor:  &TensorOutput{Path: Name{Text: "out/tensors"}, Format: NPY, DType: Float64, Layout: Columns}},
	}
	if got := bare(r); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got := r.Resolve("out/features"); got != filepath.Join("dir", "out/features") {
		t.Errorf("resolved %q", got)
	}
	for _, fixed := range []string{"/tmp/x", "s3://bucket/x", ""} {
		if got := r.Resolve(fixed); got != fixed {
			t.Errorf("%q resolved to %q", fixed, got)
		}
	}
	r.File = "s3://bucket/models/m.quern"
	for path, want := range map[string]string{"out/x": "s3://bucket/models/out/x", "../in/*.csv": "s3://bucket/in/*.csv", "/tmp/x": "/tmp/x", "s3://b/y": "s3://b/y"} {
		if got := r.Resolve(path); got != want {
			t.Errorf("%q resolved to %q beside a model in a store", path, got)
		}
	}
}

// TestPlaces checks what the places of a recipe underline.
func TestPlaces(t *testing.T) {
	r := mustParse(t, whole)
	f := r.Features
	under := func(p diag.Place) string {
		line := []rune(p.Text)
		if p.File != "dir/recipe.yaml" || strings.Split(whole, "\n")[p.Line-1] != p.Text {
			t.Fatalf("%+v is no place of the file", p)
		}
		return string(line[p.Column-1 : p.Column-1+p.Width])
	}
	for i, c := range []struct {
		place diag.Place
		want  string
	}{
		{r.Name.Place, "flights"},
		{r.Source.Place, "csv"},
		{r.Source.Files[1].Place, `"b, c.csv"`},
		{r.Source.Where.Place, `"distance > 0"`},
		{r.Source.Where.At(9, 1), ">"},
		{r.Source.Where.At(0, 8), "distance"},
		{r.Source.Where.At(0, 99), "distance > 0"},
		{r.Source.Schema[1].At, "datetime"},
		{r.Fit.Where.At(7, 8), "datetime"},
		{r.Fit.Where.At(15, 12), "(''2001-06-01"},
		{r.Keep[0].Place, "delay"},
		{r.Labels[1].Name.Place, "very"},
		{r.Labels[1].Expr.At(8, 2), "60"},
		{f[0].Place, "columns"},
		{f[0].As.Place, `"{column}_norm"`},
		{f[1].Columns[1].Place, "features.x"},
		{f[2].Expr.At(3, 4), "hour"},
		{f[2].Expr.At(21, 3), "   "},
		{f[2].Expr.At(24, 8), "distance"},
		{f[2].Expr.At(3, 40), "hour(date) >= 17,"},
		{r.StepPlace(0, 1), "clip"},
		{r.StepPlace(2, 0), "standardize"},
		{r.StepPlace(2, 9), "name"},
		{r.OptionPlace(0, 0, "with"), "median"},
		{r.OptionPlace(0, 1, "quantiles"), "["},
		{r.OptionPlace(0, 1, "quantiles[1]"), "0.99"},
		{r.OptionPlace(0, 1, "quantiles[7]"), "["},
		{r.OptionPlace(0, 1, "min"), "clip"},
		{r.OptionPlace(1, 0, "folds_by[0]"), "date"},
		{r.OptionPlace(1, 1, "indicator"), "true"},
		{r.Output.Tensor.Path.Place, "out/tensors"},
	} {
		if got := under(c.place); got != c.want {
			t.Errorf("%d: %v underlines %q, want %q", i, c.place, got, c.want)
		}
	}
	if p := r.StepPlace(9, 9); p.Line != 0 {
		t.Errorf("a step of no feature is at %v", p)
	}
}

// TestShift checks that errors in expressions land where they were written, in
// every style of YAML: the error is always about the word "origni".
func TestShift(t *testing.T) {
	for _, written := range []string{
		`origni > 1`, `"origni > 1"`, `'origni > 1'`, `"\"ü\\\" < origni"`, `'''a'' < origni'`, `"\u00fc\x41 + origni"`,
		"|\n    1 +\n    origni", "|-\n      1 +\n        origni\n", ">\n    1 +\n    origni", ">-\n    1 +\n\n    origni", "1 +\n    origni", "\"1 +\n    \\\"x\\\" origni\"",
		"'1 +\n\n    origni'", "\n    origni", "\"a \\\n    origni\"", "\"日本 é\" + origni",
	} {
		text := "quern: 1\nname: n\nsource:\n  parquet: x\n  where: " + written + "\nfeatures: [{columns: [a]}]\n"
		if strings.HasPrefix(written, "\"日本") {
			text = strings.Replace(text, written, "'"+written+"'", 1)
		}
		where := mustParse(t, text).Source.Where
		at := strings.Index(where.Text, "origni")
		if at < 0 {
			t.Fatalf("%q reads as %q", written, where.Text)
		}
		column := len([]rune(where.Text[:at])) + 1
		moved := where.Shift(diag.New("Q101", "x").At(diag.Place{Line: 1, Column: column, Width: 6})).(*diag.Error).Place
		line := []rune(moved.Text)
		if moved.Column < 1 || moved.Column+5 > len(line) || string(line[moved.Column-1:moved.Column+5]) != "origni" ||
			moved.Width != 6 || strings.Split(text, "\n")[moved.Line-1] != moved.Text {
			t.Errorf("%q: %+v", written, moved)
		}
	}
	where := Expr{Text: "a +\nbb", Place: diag.Place{File: "f", Line: 7}, runs: []run{{0, 7, 3, "  a +"}, {4, 8, 3, "  bb"}}}
	list := where.Shift(diag.List{
		diag.New("Q101", "x").At(diag.Place{Line: 2, Column: 2, Width: 1}),
		diag.New("Q101", "x"),
		diag.New("Q101", "x").At(diag.Place{File: "g", Line: 1}),
	}).(diag.List)
	if p := list[0].Place; p.Line != 8 || p.Column != 4 {
		t.Errorf("line 2 moved to %+v", p)
	}
	if list[1].Place.Line != 7 || list[2].Place.File != "g" {
		t.Errorf("got %v", list)
	}
	if err := where.Shift(os.ErrExist); err != os.ErrExist {
		t.Errorf("got %v", err)
	}
	made := Expr{Text: "a + b"}
	if p := made.At(4, 1); p.Text != "a + b" || p.Column != 5 {
		t.Errorf("made in Go: %+v", p)
	}
}

// TestReturnsTheRest checks that a mistake in one place leaves the rest to check.
func TestReturnsTheRest(t *testing.T) {
	text := strings.Replace(whole, "fill: {with: median}", "fill: {with: modian}", 1)
	r, err := fakeReader().Parse("r", []byte(text))
	if err == nil || len(r.Features) != 3 || r.Features[0].Steps[0].Operator != nil || r.Features[0].Steps[1].Operator == nil {
		t.Errorf("got %+v, %v", r, err)
	}
	if r, err := fakeReader().Parse("r", []byte("a: [")); r != nil || err == nil {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestLineEnds(t *testing.T) {
	want := bare(mustParse(t, whole))
	for _, text := range []string{strings.ReplaceAll(whole, "\n", "\r\n"), "\ufeff" + whole, whole[:len(whole)-1]} {
		if got := bare(mustParse(t, text)); !reflect.DeepEqual(got, want) {
			t.Errorf("%q...: got %+v", text[:8], got)
		}
	}
}

func TestExampleRecipe(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "examples", "flights", "recipe.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if r := mustParse(t, string(text)); len(r.Features) != 6 {
		t.Errorf("got %+v", r)
	}
}

// TestPresetsSetDefaults: wherever the key stands, and below a step's own options.
func TestPresetsSetDefaults(t *testing.T) {
	text := []byte("quern: 1\nname: n\nsource: {parquet: x}\nfeatures:\n  - columns: [a]\n    steps: [standardize]\n  - columns: [b]\n    steps: [{standardize: {ddof: 0}}]\npreset: nvtabular\n")
	r, err := Parse("r.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	preset, own := r.Features[0].Steps[0].Operator.(*features.Standardize), r.Features[1].Steps[0].Operator.(*features.Standardize)
	if preset.DDOF != 1 || own.DDOF != 0 {
		t.Errorf("ddof %d by preset and %d by option", preset.DDOF, own.DDOF)
	}
	again, err := Parse("r.yaml", Format(r))
	if err != nil || again.Features[0].Steps[0].Operator.(*features.Standardize).DDOF != 1 || again.Features[1].Steps[0].Operator.(*features.Standardize).DDOF != 0 {
		t.Errorf("Format loses it: %s%v", Format(r), err)
	}
}
