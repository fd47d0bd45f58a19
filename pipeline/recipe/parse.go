package recipe

import (
	"cmp"
	"slices"

	"quern/features"
	"quern/features/diag"
)

// Reader reads and writes recipes against a catalogue of operators. The zero value
// uses that of package features.
type Reader struct {
	Find  func(name string) (features.Entry, bool) // nil: features.Find
	Names func() []string                          // for near matches; nil: features.Catalogue
	// New makes an operator with a preset's defaults; nil: features.NewOperator, or
	// Entry.New, which has no presets, for another catalogue.
	New func(features.Entry, Preset) features.Operator
}

// Parse reads a recipe with the operators of package features. See Reader.Parse.
func Parse(file string, text []byte) (*Recipe, error) { return Reader{}.Parse(file, text) }

// Format writes r with the operators of package features. See Reader.Format.
func Format(r *Recipe) []byte { return Reader{}.Format(r) }

// Parse reads a recipe. file is how the user named it; relative paths are relative
// to its folder. The error is a diag.List of every mistake, in the order of the text.
// Together with an error Parse returns what it could read, for further checks, or
// nil if the text is not even YAML: parts in error are left out, and steps may lack
// their Operator.
func (r Reader) Parse(file string, text []byte) (*Recipe, error) {
	root, source, errs := parseTree(file, text)
	if root == nil {
		return nil, inOrder(errs).Err()
	}
	in := &reading{Reader: r.withDefaults(), source: source, errs: errs, recipe: &Recipe{File: file}}
	in.document(root)
	return in.recipe, inOrder(in.errs).Err()
}

// withDefaults fills in the catalogue.
func (r Reader) withDefaults() Reader {
	if r.New == nil && r.Find == nil {
		r.New = func(e features.Entry, p Preset) features.Operator { return features.NewOperator(e, string(p)) }
	} else if r.New == nil {
		r.New = func(e features.Entry, _ Preset) features.Operator { return e.New() }
	}
	if r.Find == nil {
		r.Find = features.Find
	}
	if r.Names == nil {
		r.Names = func() []string {
			var names []string
			for _, e := range features.Catalogue() {
				names = append(names, e.Name)
			}
			return names
		}
	}
	return r
}

// inOrder sorts errors by their place in the text.
func inOrder(errs diag.List) diag.List {
	slices.SortStableFunc(errs, func(a, b *diag.Error) int {
		return cmp.Or(cmp.Compare(a.Place.Line, b.Place.Line), cmp.Compare(a.Place.Column, b.Place.Column))
	})
	return errs
}

// reading is a recipe in the making.
type reading struct {
	Reader
	source *source
	errs   diag.List
	recipe *Recipe
}

// add notes a mistake at p.
func (in *reading) add(p diag.Place, e *diag.Error) { in.errs = append(in.errs, e.At(p)) }

// document reads the whole.
func (in *reading) document(root *node) {
	r := in.recipe
	if root.null() {
		in.add(root.place, diag.New("Q009", "the recipe is empty").WithHint("`quern infer FILE` writes one"))
		return
	}
	var features *node // read last: the preset decides the operators' defaults
	in.mapping(root, "the recipe", []key{
		{"quern", "quern: 1", in.version},
		{"name", "name: flights", func(n *node) { r.Name = in.fileName(n, "name") }},
		{"preset", "", func(n *node) { r.Preset = choice(in, n, "preset", r.Preset.Values(), r.Preset) }},
		{"source", "source: {parquet: flights.parquet}", in.sourceKeys},
		{"fit", "", func(n *node) {
			in.mapping(n, "fit", []key{{"where", "", func(n *node) { r.Fit.Where = in.expr(n, "fit.where") }}})
		}},
		{"key", "", func(n *node) { r.Key = in.names(n, "key") }},
		{"time", "", func(n *node) { r.Time = in.name(n, "time") }},
		{"keep", "", func(n *node) { r.Keep = in.names(n, "keep") }},
		{"label", "", in.labels},
		{"features", "features: [{columns: [distance]}]", func(n *node) { features = n }},
		{"output", "", in.output},
		{"online", "", in.online},
	})
	if features != nil {
		in.features(features)
	}
}

// version reads the version of the language.
func (in *reading) version(n *node) {
	switch {
	case n.kind == broken:
	case n.kind == scalar && n.shape() == numberShape && n.text == "1":
		in.recipe.Version = Version
	case n.kind == scalar && n.shape() == numberShape:
		in.add(n.place, diag.New("Q012", "this quern reads recipes of version %d, not %s", Version, n.text).
			WithHint("write quern: %d", Version))
	default:
		in.wrong(n, "quern", "the version of the recipe's language", "write quern: 1")
	}
}

// labels reads the mapping of labels.
func (in *reading) labels(n *node) {
	for _, p := range in.pairs(n, "label", "{late: \"delay > 15\"}") {
		name := in.identifier(p.key, "a label")
		in.recipe.Labels = append(in.recipe.Labels, Label{Name: name, Expr: in.expr(p.value, "label "+name.Text)})
	}
}
