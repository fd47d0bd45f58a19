package pipeline

import (
	"strings"

	"quern/features/column"
	"quern/features/diag"
	"quern/features/expr"
	"quern/pipeline/recipe"
)

// Mistakes checks what could be read of a recipe, against the schema of its source,
// and returns every mistake in the order of the text: those of reading, which the
// caller hands over, and those of meaning. It never blames what a mistake of
// reading has left out.
func Mistakes(r *recipe.Recipe, reading error, schema column.Schema, unusable map[string]string) error {
	b := newBinder(r, schema, unusable)
	b.partial = reading != nil
	b.mistakes.Add(reading, "Q036")
	for _, e := range b.mistakes {
		b.unsure = b.unsure || !onlyStep(e.Code)
	}
	b.bind()
	return b.mistakes.InOrder().Err()
}

// onlyStep reports whether a mistake of reading concerns a step alone: no name of a
// column, feature or label is lost by it.
func onlyStep(code diag.Code) bool {
	switch code {
	case "Q011", "Q016", "Q017", "Q018", "Q020", "Q071", "Q072", "Q073":
		return true
	}
	return false
}

// hole notes that something is not there. Only a recipe that was made in Go, or
// read with mistakes, has holes.
func (b *binder) hole(what string) {
	if !b.partial {
		b.mistake(diag.New("Q043", "%s is not complete", what))
	}
}

// isBroken reports whether name is (an output of) a feature or a label whose mistake
// is reported already.
func (b *binder) isBroken(name string) bool {
	for broken := range b.broken {
		if name == broken || broken != "" && strings.HasPrefix(name, broken+"_") {
			return true
		}
	}
	return b.unsure && b.Schema.Find(name) < 0
}

// breakFeature notes the names that the outputs of a broken feature would have had.
func (b *binder) breakFeature(c *chain, f *recipe.Feature) {
	if c.name != "" {
		b.broken[c.name] = true
		return
	}
	for _, n := range f.Columns {
		name := strings.TrimPrefix(n.Text, featurePrefix)
		if c.rename != "" {
			name = strings.ReplaceAll(c.rename, "{column}", name)
		}
		b.broken[name] = true
	}
}

// mayRead checks that the columns of x can be used, and used here.
func (b *binder) mayRead(x *expr.Expr, e recipe.Expr, s scope) bool {
	ok := true
	for _, n := range x.Names() {
		if why, cannot := b.unusable[n.Text]; cannot {
			b.mistake(diag.New("Q032", "column %q cannot be used: %s", n.Text, why).At(e.At(n.Column-1, n.Width)))
			ok = false
		}
		if !s.labels && b.labelColumns[n.Text] {
			b.mistake(diag.New("Q033", "column %q is what the label is made of: a served feature may not read it", n.Text).
				At(e.At(n.Column-1, n.Width)).WithHint("only label, keep and target may"))
			ok = false
		}
	}
	return ok
}

// comesLater reports whether a feature of the recipe has the name; it is asked only
// where no feature so far has it.
func (b *binder) comesLater(name string) bool {
	for _, f := range b.Recipe.Features {
		if f.Name.Text == name {
			return true
		}
		for _, c := range f.Columns {
			if f.Name.Text == "" && f.As.Text == "" && c.Text == name {
				return true
			}
		}
	}
	return false
}

// laterFeatures adds a hint to those mistakes of x that name a feature which comes later.
func (b *binder) laterFeatures(x *expr.Expr, err error) error {
	var list diag.List
	list.Add(err, "Q036")
	for i, e := range list {
		for _, n := range x.Names() {
			at := e.Place.Line == n.Line && e.Place.Column == n.Column
			if e.Code == "Q111" && e.Hint == "" && n.Feature && at && b.comesLater(n.Text[len(featurePrefix):]) {
				list[i] = e.WithHint("it comes later in the recipe: move it up")
			}
		}
	}
	return list
}

// guard keeps features from the columns of a label that has a mistake.
func (b *binder) guard(e recipe.Expr) {
	x, err := expr.Parse(e.Text)
	if err != nil {
		return
	}
	for _, n := range x.Names() {
		b.labelColumns[n.Text] = true
	}
}

// outputPlace returns what to point at for output f of a feature: its name, or the
// column that it is made of.
func outputPlace(f column.Field, from *recipe.Feature) diag.Place {
	if from.Name.Place.Line > 0 || len(from.Columns) == 0 {
		return from.Name.Place
	}
	for _, n := range from.Columns {
		name := strings.TrimPrefix(n.Text, featurePrefix)
		if f.Name == name || strings.HasPrefix(f.Name, name+"_") {
			return n.Place
		}
	}
	return from.Columns[0].Place
}
