package recipe

import (
	"fmt"
	"slices"
	"strings"

	"quern/features"
	"quern/features/diag"
)

// features reads the list of features.
func (in *reading) features(n *node) {
	if n.kind != list {
		in.wrong(n, "features", "a list", `start each feature with "- " on a line of its own`)
		return
	}
	if len(n.items) == 0 {
		in.add(n.place, diag.New("Q013", "features is empty").WithHint("a recipe makes at least one"))
	}
	names := map[string]bool{}
	for i, item := range n.items {
		if f, ok := in.feature(item, fmt.Sprintf("features[%d]", i)); ok {
			if f.Name.Text != "" && names[f.Name.Text] {
				in.add(f.Name.Place, diag.New("Q019", "two features are called %q", f.Name.Text))
			}
			names[f.Name.Text] = true
			in.recipe.Features = append(in.recipe.Features, f)
		}
	}
}

// feature reads one feature.
func (in *reading) feature(n *node, what string) (Feature, bool) {
	if n.kind != mapping {
		in.wrong(n, what, "a mapping with columns or expr", "write {columns: [distance], steps: [log1p]}")
		return Feature{}, false
	}
	f := Feature{Place: n.place}
	given := map[string]*node{}
	note := func(name string, read func(*node)) key {
		return key{name, "", func(v *node) { given[name] = v; read(v) }}
	}
	in.mapping(n, what, []key{
		note("columns", func(v *node) { f.Columns = in.names(v, what+".columns") }),
		note("name", func(v *node) { f.Name = in.identifier(v, "a feature") }),
		note("as", func(v *node) { f.As = in.pattern(v, what+".as") }),
		note("expr", func(v *node) { f.Expr = in.expr(v, what+".expr") }),
		note("steps", func(v *node) { f.Steps = in.steps(v, what) }),
	})
	in.checkFeature(n, what, given, len(f.Columns))
	return f, true
}

// checkFeature checks which keys a feature has together.
func (in *reading) checkFeature(n *node, what string, given map[string]*node, columns int) {
	at := func(name string) diag.Place { return given[name].place }
	switch {
	case given["columns"] != nil && given["expr"] != nil:
		in.add(at("expr"), diag.New("Q014", "%s has both columns and expr", what).
			WithHint("an expression names its columns itself"))
	case given["columns"] == nil && given["expr"] == nil:
		if !in.hasKey(n, "columns", "expr") {
			in.add(n.place, diag.New("Q009", "%s has neither columns nor expr", what).WithHint("add columns: [...] or expr: \"...\""))
		}
	case given["expr"] != nil && given["name"] == nil:
		in.add(at("expr"), diag.New("Q009", "%s has an expr but no name", what).WithHint("add name: miles"))
	}
	if given["as"] == nil {
		return
	}
	if given["name"] != nil || given["expr"] != nil {
		in.add(at("as"), diag.New("Q014", "%s has as, but one name only", what).WithHint("as is for features made from columns without name"))
	} else if columns > 1 && given["as"].kind == scalar && !strings.Contains(given["as"].text, columnMark) {
		in.add(at("as"), diag.New("Q015", "all %d columns of %s would get the same name", columns, what).
			WithHint(`put %s in it, as in "%s_norm"`, columnMark, columnMark))
	}
}

// hasKey reports whether a mapping has any of the keys: with a value, without one,
// or misspelt, which all have been noted.
func (in *reading) hasKey(n *node, names ...string) bool {
	for _, p := range n.pairs {
		if slices.Contains(names, p.key.text) || nearest(p.key.text, names) != "" {
			return true
		}
	}
	return false
}

// columnMark stands for the column's name in a pattern of output names.
const columnMark = "{column}"

// pattern reads a pattern of output names.
func (in *reading) pattern(n *node, what string) Name {
	if n.kind == mapping {
		in.wrong(n, what, "a text", `put it in quotes: "{column}_norm"`)
		return Name{}
	}
	name := in.name(n, what)
	if strings.ContainsAny(strings.ReplaceAll(name.Text, columnMark, ""), "{}") {
		in.add(name.Place, diag.New("Q015", "%s can hold %s and no other braces", what, columnMark))
		return Name{}
	}
	return name
}

// steps reads a chain of steps.
func (in *reading) steps(n *node, what string) []Step {
	if n.kind != list {
		in.wrong(n, what+".steps", "a list", `write [log1p, standardize], or start each step with "- " on a line of its own`)
		return nil
	}
	var steps []Step
	for i, item := range n.items {
		steps = append(steps, in.step(item, fmt.Sprintf("%s.steps[%d]", what, i)))
	}
	return steps
}

// step reads one step: a name, or a name with options. Without an operator it is a
// step that could not be read.
func (in *reading) step(n *node, what string) Step {
	switch {
	case n.kind == broken:
		return Step{Place: n.place}
	case n.kind == scalar && n.shape() == textShape && n.text != "":
		return in.operator(n, &node{kind: scalar, place: n.place})
	case n.kind == mapping && len(n.pairs) == 1 && n.pairs[0].key.kind == scalar:
		return in.operator(n.pairs[0].key, n.pairs[0].value)
	case n.kind == mapping && len(n.pairs) > 1:
		in.add(n.pairs[1].key.place, diag.New("Q017", "%s has %d keys; a step is one operator", what, len(n.pairs)).
			WithHint("indent options further than the operator's name, and start each step with -"))
		return Step{Place: n.place}
	}
	in.add(n.place, diag.New("Q017", "%s must be an operator's name, or name: {options}, not %s", what, n.describe()))
	return Step{Place: n.place}
}

// operator makes the operator that name asks for, with its options set.
func (in *reading) operator(name, options *node) Step {
	s := Step{Name: name.text, Place: name.place, Options: map[string]diag.Place{}}
	entry, ok := in.Find(name.text)
	if !ok {
		in.add(name.place, diag.New("Q016", "unknown operator %q", shorten(name.text)).
			WithHint("%s", meant(nearest(name.text, in.Names()), "`quern explain` lists the operators")))
		return s
	}
	if options.kind == broken {
		return s
	}
	if options.kind != mapping && !options.null() {
		in.wrong(options, "what follows "+name.text, "a mapping of options", "write "+name.text+": {option: value}")
		return s
	}
	operator := in.New(entry, in.recipe.Preset)
	if in.options(operator, s, options) {
		s.Operator = operator
	}
	return s
}

// options sets the options of an operator, and notes their places in s.
func (in *reading) options(operator features.Operator, s Step, n *node) bool {
	before := len(in.errs)
	values, keys := map[string]any{}, map[string]diag.Place{}
	if n.kind == mapping {
		for _, p := range in.pairs(n, "the options of "+s.Name, "") {
			keys[p.key.text] = p.key.place
			s.Options[p.key.text] = p.value.place
			values[p.key.text] = in.value(p.value, p.key.text, s.Options)
		}
	}
	if len(in.errs) > before {
		return false
	}
	for _, m := range features.Decode(operator, values) {
		place := nearestPlace(s.Options, m.Path, s.Place)
		if _, known := s.Options[m.Path]; known && m.Err.Code == "Q072" {
			place = keys[m.Path]
		}
		e := *m.Err
		if m.Path != "" && e.Code != "Q072" {
			e.Message = m.Path + " " + e.Message
		}
		e.Message = s.Name + ": " + e.Message
		in.add(place, &e)
	}
	return len(in.errs) == before
}

// value returns a node as features.Decode takes it, and notes the places of its parts.
func (in *reading) value(n *node, path string, places map[string]diag.Place) any {
	switch n.kind {
	case list:
		out := make([]any, len(n.items))
		for i, item := range n.items {
			inner := fmt.Sprintf("%s[%d]", path, i)
			places[inner] = item.place
			out[i] = in.value(item, inner, places)
		}
		return out
	case mapping:
		out := map[string]any{}
		for _, p := range in.pairs(n, path, "") {
			inner := path + "." + p.key.text
			places[inner] = p.value.place
			out[p.key.text] = in.value(p.value, inner, places)
		}
		return out
	case broken:
		return nil
	}
	switch n.shape() {
	case nullShape:
		return nil
	case boolShape:
		return n.text[0] == 't' || n.text[0] == 'T'
	case numberShape, oddShape:
		return features.Literal(n.text)
	}
	return n.text
}
