package recipe

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"quern/features"
	"quern/features/column"
)

// TestFormatGolden shows what Format writes for the recipe that has everything.
func TestFormatGolden(t *testing.T) {
	r := mustParse(t, whole)
	r.Comment = "Flights of 2001.\n\nSee\x1bthe docs."
	r.Features[0].Comment = "skewed: log1p"
	text := string(fakeReader().Format(r))
	golden(t, filepath.Join("testdata", "whole.yaml"), text)
	again := mustParse(t, text)
	if !reflect.DeepEqual(bare(again), bare(r)) {
		t.Errorf("reads back as\n%s", fakeReader().Format(again))
	}
	if twice := string(fakeReader().Format(again)); twice != string(fakeReader().Format(uncommented(r))) {
		t.Errorf("a second time:\n%s", twice)
	}
}

// uncommented returns r without comments.
func uncommented(r *Recipe) *Recipe {
	c := *r
	c.Comment = ""
	c.Features = append([]Feature(nil), r.Features...)
	for i := range c.Features {
		c.Features[i].Comment = ""
	}
	return &c
}

// texts draws texts that YAML could take for something else, and any other.
func texts() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.SampledFrom([]string{"a", "yes", "null", "~", "1", "1e3", "0x1F", ".inf", "-", "- a", "a: b", "#", "a #b", "*", "&a", "!t",
			"{column}", "[x]", "'", "\"", "\\", "\\n", "a\nb", " a ", "\t", "\x00", "\u0085", "\u2028", "\ufeff", "日本", "é", "😀", "s3://b/c", "%", "@", "`", "|", ">", "?", ",", "a,b", "true", "True", "<<", "---", "..."}),
		rapid.StringN(1, 20, -1),
		rapid.StringMatching(`[a-z_]{1,8}`),
	).Filter(func(s string) bool { return strings.TrimSpace(s) != "" && !strings.HasSuffix(s, "\n") })
}

// recipes draws recipes that are valid as far as reading goes.
func recipes() *rapid.Generator[*Recipe] {
	return rapid.Custom(func(t *rapid.T) *Recipe {
		ident := rapid.StringMatching(`[a-z_][a-z0-9_]{0,12}`)
		name := rapid.Map(texts(), func(s string) Name { return Name{Text: s} })
		names := rapid.SliceOfNDistinct(name, 1, 4, func(n Name) string { return n.Text })
		maybe := func(g *rapid.Generator[[]Name], label string) []Name {
			if rapid.Bool().Draw(t, label+"?") {
				return g.Draw(t, label)
			}
			return nil
		}
		expr := func(label string) Expr { return Expr{Text: texts().Draw(t, label)} }
		r := &Recipe{Version: 1, Name: Name{Text: ident.Draw(t, "name")},
			Preset: rapid.SampledFrom([]Preset{NoPreset, Sklearn, SparkML}).Draw(t, "preset"),
			Source: Source{Format: rapid.SampledFrom(formats()).Draw(t, "format"), Files: names.Draw(t, "files")},
			Key:    maybe(names, "key"), Keep: maybe(names, "keep")}
		if r.Source.Format == CSVText {
			r.Source.CSV = CSV{Delimiter: rapid.SampledFrom([]rune{0, ';', '\t', '1', ' ', '#'}).Draw(t, "delimiter"), NoHeader: rapid.Bool().Draw(t, "header")}
		}
		if rapid.Bool().Draw(t, "where?") {
			r.Source.Where, r.Fit.Where = expr("where"), expr("fit")
			r.Source.Schema = []Typed{{Name: name.Draw(t, "typed"), Type: rapid.SampledFrom(types()).Draw(t, "type")}}
			r.Labels = []Label{{Name{Text: ident.Draw(t, "label")}, expr("label expr")}}
			r.Time = name.Draw(t, "time")
			r.Output.Tensor = &TensorOutput{Path: name.Draw(t, "path"), Layout: Columns}
		}
		for i := range rapid.IntRange(1, 3).Draw(t, "features") {
			f := Feature{Columns: names.Draw(t, "columns"), Steps: steps(t)}
			if i == 1 {
				f = Feature{Name: Name{Text: ident.Draw(t, "feature")}, Expr: expr("expr"), Steps: steps(t)}
			}
			r.Features = append(r.Features, f)
		}
		return r
	})
}

// types lists all types, those of lists too.
func types() []column.Type {
	all := column.Types()
	for _, t := range column.Types() {
		all = append(all, column.ListOf(t))
	}
	return all
}

// steps draws a chain.
func steps(t *rapid.T) []Step {
	number := rapid.Float64().Filter(func(f float64) bool { return f != 0 }) // an option cannot be -0
	all := []Step{
		{Name: "log1p", Operator: &fakeLog1p{}},
		{Name: "standardize", Operator: &fakeStandardize{DDof: rapid.IntRange(-3, 3).Draw(t, "ddof")}},
		{Name: "fill", Operator: &fakeFill{With: fillWith{Word: rapid.SampledFrom([]string{"mean", "median"}).Draw(t, "with")}, Indicator: rapid.Bool().Draw(t, "indicator")}},
		{Name: "fill", Operator: &fakeFill{With: fillWith{Number: "-0.10"}}},
		{Name: "clip", Operator: &fakeClip{Min: rapid.SampledFrom([]features.Literal{"", "-1", "2.50", "1e9"}).Draw(t, "min"), Quantiles: []features.Literal{"0.01", "9.9e-1"}}},
		{Name: "bucketize", Operator: &fakeBucketize{Edges: rapid.SliceOfN(number, 1, 3).Draw(t, "edges"), Side: "right"}},
		{Name: "categorify", Operator: &fakeCategorify{MinCount: rapid.Int64().Draw(t, "min_count"), Vocabulary: rapid.SliceOfN(rapid.String(), 1, 4).Draw(t, "vocabulary")}},
		{Name: "target_encode", Operator: &fakeTargetEncode{Target: features.ColumnName(texts().Draw(t, "target")), Folds: 2, FoldsBy: []features.ColumnName{"a", "b"}}},
	}
	return rapid.SliceOfN(rapid.SampledFrom(all), 0, 4).Draw(t, "steps")
}

// TestFormatParse: what is written reads back as the same recipe, and is written
// the same way again.
func TestFormatParse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := recipes().Draw(t, "recipe")
		text := fakeReader().Format(r)
		again, err := fakeReader().Parse("r.yaml", text)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if got, want := bare(again), bare(r); !reflect.DeepEqual(got, want) {
			t.Fatalf("got\n%s\nfrom\n%s", fakeReader().Format(again), text)
		}
		if twice := fakeReader().Format(again); string(twice) != string(text) {
			t.Fatalf("first\n%s\nthen\n%s", text, twice)
		}
	})
}

// TestFormatFindsOperators: a recipe made in Go need not name its operators, and may
// hold them by value.
func TestFormatFindsOperators(t *testing.T) {
	r := &Recipe{Features: []Feature{{Columns: []Name{{Text: "a"}}, Steps: []Step{{Operator: fakeStandardize{DDof: 1}}}}}}
	if text := string(fakeReader().Format(r)); !strings.Contains(text, "- standardize: {ddof: 1}\n") {
		t.Errorf("got\n%s", text)
	}
	defer func() {
		if recover() == nil {
			t.Error("an operator from elsewhere is written")
		}
	}()
	r.Features[0].Steps[0].Operator = unbound{}
	fakeReader().Format(r)
}

// TestNestedOptions: an option may be any value, and each of its parts has a place.
func TestNestedOptions(t *testing.T) {
	text := "quern: 1\nname: n\nsource: {parquet: p}\nfeatures:\n  - columns: [a]\n    steps:\n" +
		"      - anything: {value: {list: [1, null, true, .5, yes, \"1\", []], map: {b: {}, a: 0x1F}}}\n"
	r := mustParse(t, text)
	want := map[string]any{
		"list": []any{features.Literal("1"), nil, true, features.Literal(".5"), "yes", "1", []any{}},
		"map":  map[string]any{"a": features.Literal("0x1F"), "b": map[string]any{}},
	}
	if got := r.Features[0].Steps[0].Operator.(*fakeAnything).Value.Value; !reflect.DeepEqual(got, any(want)) {
		t.Errorf("got %v, want %v", got, want)
	}
	if again := mustParse(t, string(fakeReader().Format(r))); !reflect.DeepEqual(bare(again), bare(r)) {
		t.Errorf("reads back as\n%s", fakeReader().Format(again))
	}
	for path, column := range map[string]int{"value.list[4]": 54, "value.map.a": 85, "value.map.c.d": 74, "value.list[9][1]": 34} {
		if p := r.OptionPlace(0, 0, path); p.Line != 7 || p.Column != column {
			t.Errorf("%s is at %d:%d, want column %d", path, p.Line, p.Column, column)
		}
	}
}

// TestBuiltInCatalogue: the zero Reader knows the operators of package features.
func TestBuiltInCatalogue(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "examples", "flights", "recipe.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := Parse("recipe.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse("recipe.yaml", Format(r))
	if err != nil || !reflect.DeepEqual(bare(again), bare(r)) {
		t.Errorf("%v: got\n%s\nwant\n%s", err, Format(again), Format(r))
	}
}
