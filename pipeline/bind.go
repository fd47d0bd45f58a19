package pipeline

import (
	"strings"

	"quern/features"
	"quern/features/column"
	"quern/features/diag"
	"quern/features/program"
	"quern/pipeline/recipe"
)

// bindFeature checks feature i and appends its chain.
func (b *binder) bindFeature(i int) {
	f := &b.Recipe.Features[i]
	c := &chain{name: f.Name.Text, rename: f.As.Text, place: f.Place, origin: originOf("features", i, -1, f.Place)}
	lanes, ok := b.bindInputs(c, f)
	for j := range f.Steps {
		c.steps = append(c.steps, b.newStep(i, j))
	}
	for _, s := range c.steps {
		refs, found := b.references(s)
		switch {
		case s.op == nil:
			b.hole("a step of " + c.origin.Path)
			ok = false
		case ok && found:
			lanes, ok = b.bindStep(c, s, lanes, refs)
		default:
			ok = false // later steps would be bound to types that nobody knows
		}
	}
	if !ok {
		b.breakFeature(c, f)
		return
	}
	b.chains = append(b.chains, c)
	for _, l := range c.finish(lanes) {
		b.bindOutput(l.Field, f)
	}
}

// bindInputs makes the lanes with which the chain starts.
func (b *binder) bindInputs(c *chain, f *recipe.Feature) (lanes []lane, ok bool) {
	if f.Expr.Text != "" {
		x, typ, ok := b.expression(f.Expr, scope{plan: &b.Plan, features: b.outputs, broken: b.isBroken})
		if !ok {
			return nil, false
		}
		for _, n := range x.Names() {
			b.used[n.Text] = true
		}
		c.expr = x
		c.inputs = []input{{name: c.name, typ: typ, lower: func(w *lowering) (program.Register, bool) {
			if !w.ready(x) {
				return program.None, false
			}
			return w.expression(x), true
		}}}
		return []lane{{Field: column.Field{Name: c.name, Type: typ}, reg: program.None}}, true
	}
	if ok = len(f.Columns) > 0; !ok {
		b.hole(c.origin.Path)
	}
	for _, n := range f.Columns {
		field, found := b.field(n)
		ok = ok && found
		b.used[n.Text] = true
		name := strings.TrimPrefix(n.Text, featurePrefix)
		if c.name != "" && len(f.Columns) > 1 {
			name = c.name + "_" + name
		} else if c.name != "" {
			name = c.name
		}
		c.inputs = append(c.inputs, input{name: name, typ: field.Type, lower: func(w *lowering) (program.Register, bool) {
			reg, _, ok := w.resolve(n.Text)
			return reg, ok
		}})
		lanes = append(lanes, lane{Field: column.Field{Name: name, Type: field.Type}, reg: program.None})
	}
	return lanes, ok
}

// field finds a source column, or an earlier feature by features.NAME.
func (b *binder) field(n recipe.Name) (column.Field, bool) {
	feature, isFeature := strings.CutPrefix(n.Text, featurePrefix)
	if !isFeature {
		return b.column(n, false)
	}
	if at := b.outputs.Find(feature); at >= 0 {
		return b.outputs[at], true
	}
	if b.isBroken(feature) {
		return column.Field{}, false
	}
	e := diag.New("Q038", "no earlier feature has the name %q", feature).At(n.Place)
	if near := diag.Nearest(feature, b.outputs.Names()); near != "" {
		e = e.WithHint("did you mean %q?", featurePrefix+near)
	} else if b.comesLater(feature) {
		e = e.WithHint("it comes later in the recipe: move it up")
	}
	b.mistake(e)
	return column.Field{}, false
}

// newStep returns step j of feature i, not yet bound.
func (b *binder) newStep(i, j int) *step {
	rs := &b.Recipe.Features[i].Steps[j]
	place := b.Recipe.StepPlace(i, j)
	s := &step{name: rs.Name, op: rs.Operator, all: arityAll(rs.Operator), place: place,
		origin: originOf("features", i, j, place),
		option: func(key string) diag.Place { return b.Recipe.OptionPlace(i, j, key) }}
	if r, ok := rs.Operator.(features.Reader); ok {
		s.refs = r.Reads()
	}
	return s
}

// references checks everything that s reads beside its lanes.
func (b *binder) references(s *step) (refs []lane, ok bool) {
	ok = true
	for _, r := range s.refs {
		f, found := b.reference(s, r)
		ok = ok && found
		refs = append(refs, lane{Field: f, reg: program.None})
	}
	return refs, ok
}

// bindStep binds s to the types of its lanes and references and returns the lanes
// after it.
func (b *binder) bindStep(c *chain, s *step, lanes, refs []lane) ([]lane, bool) {
	taken, aside := split(lanes)
	if err := s.bind(taken, refs); err != nil {
		b.mistake(err)
		return nil, false
	}
	return append(s.out(c, taken, nil), aside...), true
}

// reference checks something that a step reads beside its lanes.
func (b *binder) reference(s *step, r features.Reference) (column.Field, bool) {
	place := s.option(r.Option)
	if f, ok := b.labelField(r.Name); ok {
		if r.Label {
			return f, true
		}
		b.mistake(diag.New("Q033", "%s of %s may not be a label", r.Option, s.name).At(place))
		return column.Field{}, false
	}
	if b.isBroken(r.Name) {
		return column.Field{}, false
	}
	n := recipe.Name{Text: r.Name, Place: place}
	if strings.HasPrefix(r.Name, featurePrefix) {
		return b.field(n)
	}
	f, ok := b.column(n, r.Label)
	if ok {
		b.used[r.Name] = true
		if r.Label {
			b.labelColumns[r.Name] = true
		}
	}
	return f, ok
}

// bindOutput notes an output of a feature; two of one name are a mistake.
func (b *binder) bindOutput(f column.Field, from *recipe.Feature) {
	place := outputPlace(f, from)
	if f.Name == "" {
		b.mistake(diag.New("Q009", "a feature that makes one column of several needs a name").At(place).
			WithHint("add name: route"))
		return
	}
	if b.outputs.Find(f.Name) >= 0 {
		if b.unsure {
			return // one of them may have lost its name
		}
		b.mistake(diag.New("Q039", "two features have an output called %q", f.Name).At(place).
			WithHint(`give one of them a name, or as: "{column}_2"`))
		return
	}
	b.outputs = append(b.outputs, f)
	b.places = append(b.places, place)
}

// bindOutputs checks what only shows when all features are known.
func (b *binder) bindOutputs() {
	for _, l := range b.labels {
		if b.outputs.Find(l.name) >= 0 {
			b.mistake(diag.New("Q039", "label %q has the name of a feature", l.name).At(l.at.Place))
		}
	}
	for _, n := range b.Recipe.Keep {
		if _, isLabel := b.labelField(n.Text); b.outputs.Find(n.Text) >= 0 || isLabel {
			b.mistake(diag.New("Q039", "kept column %q has the name of a feature or label", n.Text).At(n.Place).
				WithHint(`rename the feature with as: "{column}_feature"`))
		}
	}
}

// originOf returns the place of a feature or step for instructions.
func originOf(what string, i, j int, place diag.Place) program.Origin {
	path := what + "[" + itoa(i) + "]"
	if j >= 0 {
		path += ".steps[" + itoa(j) + "]"
	}
	return program.Origin{Path: path, Line: place.Line, Col: place.Column}
}

// noteTargets notes the columns that any step reads as a label: features that come
// before that step may not read them either.
func (b *binder) noteTargets() {
	for i := range b.Recipe.Features {
		for _, s := range b.Recipe.Features[i].Steps {
			reader, ok := s.Operator.(features.Reader)
			if !ok {
				continue
			}
			for _, r := range reader.Reads() {
				if r.Label && b.Schema.Find(r.Name) >= 0 {
					b.labelColumns[r.Name] = true
				}
			}
		}
	}
}
