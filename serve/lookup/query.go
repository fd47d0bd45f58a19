package lookup

import (
	"strings"

	"quern/features/column"
	"quern/features/diag"
)

// Query is a compiled request: which views, which of their features, which keys.
// It is immutable and belongs to the Catalog that it was compiled against.
type Query struct {
	Keys   []column.Field // the join keys of all parts, each once for every type that it has
	Parts  []Part         // one for every view, in the order of their first features
	Fields []Output       // the columns of the reply, in the order asked for
	Full   bool           // names are VIEW__FEATURE
}

// Part is what a query wants of one view.
type Part struct {
	View *View
	Name string // the view's name in full names: its alias, or NAME@VERSION where one was asked for
	Keys []int  // for each key of the view: its position in Query.Keys
	From []int  // the wanted features: positions in View.Fields
	Into []int  // and where they go: positions in Query.Fields and Block.Values
}

// Output is one column of a reply.
type Output struct {
	Name   string // as the reply calls it
	Part   int    // position in Query.Parts
	Type   column.Type
	Binary bool
}

// ParseRef reads VIEW:FEATURE or VIEW@VERSION:FEATURE. It fails with Q604.
func ParseRef(text string) (Ref, error) {
	view, feature, ok := strings.Cut(text, ":")
	name, version, versioned := strings.Cut(view, "@")
	if !ok || name == "" || feature == "" || versioned && version == "" {
		return Ref{}, diag.New("Q604", "invalid feature reference %q: write VIEW:FEATURE or VIEW@VERSION:FEATURE", Clip(text)).
			In(Named(text))
	}
	return Ref{View: name, Version: version, Feature: feature}, nil
}

// Compile makes a query for refs. With full, names are VIEW__FEATURE. It fails with
// Q601 (no such view), Q602 (no such feature), Q605 (two features under one name) and
// Q615 (no features). A feature may have the name of a key: see KeysApart.
func Compile(c Catalog, refs []Ref, full bool) (*Query, error) {
	q := &Query{Full: full, Fields: make([]Output, 0, len(refs))}
	if len(refs) == 0 {
		return nil, diag.New("Q615", "the request asks for no features")
	}
	for _, r := range refs {
		p, err := q.part(c, r)
		if err != nil {
			return nil, err
		}
		part := &q.Parts[p]
		at := part.View.Find(r.Feature)
		if at < 0 {
			return nil, unknownFeature(part.View, r.Feature)
		}
		f := part.View.Fields[at]
		name := f.Name
		if full {
			name = part.Name + "__" + f.Name
		}
		part.From, part.Into = append(part.From, at), append(part.Into, len(q.Fields))
		q.Fields = append(q.Fields, Output{name, p, f.Type, f.Binary})
	}
	return q, q.distinct()
}

// part returns the position of the part that r belongs to, which it adds when it is new.
func (q *Query) part(c Catalog, r Ref) (int, error) {
	view, ok := c.View(r.View, r.Version)
	if !ok {
		name := r.View
		if r.Version != "" {
			name += "@" + r.Version
		}
		return 0, diag.New("Q601", "feature view %q does not exist", Clip(name)).
			In(Named(name))
	}
	name := r.View
	if r.Alias != "" {
		name = r.Alias
	} else if r.Version != "" {
		name += "@" + r.Version
	}
	for i := range q.Parts {
		if q.Parts[i].View == view && q.Parts[i].Name == name {
			return i, nil
		}
	}
	p := Part{View: view, Name: name}
	for _, k := range view.Keys {
		p.Keys = append(p.Keys, q.key(k))
	}
	q.Parts = append(q.Parts, p)
	return len(q.Parts) - 1, nil
}

// key returns the position of k in q.Keys, where it adds it when it is new.
func (q *Query) key(k column.Field) int {
	for i, have := range q.Keys {
		if have == k {
			return i
		}
	}
	q.Keys = append(q.Keys, k)
	return len(q.Keys) - 1
}

// distinct checks that no two features of the reply have one name.
func (q *Query) distinct() error {
	seen := make(map[string]bool, len(q.Fields))
	for _, f := range q.Fields {
		if seen[f.Name] {
			return q.ambiguous(f.Name, "two features called %q")
		}
		seen[f.Name] = true
	}
	return nil
}

// KeysApart checks that no feature of the reply has the name of a key, or fails with Q605.
// It is for replies that show keys and features in one list, as Feast's do.
func (q *Query) KeysApart() error {
	for _, k := range q.Keys {
		for _, f := range q.Fields {
			if f.Name == k.Name {
				return q.ambiguous(f.Name, "a key and a feature called %q")
			}
		}
	}
	return nil
}

// ambiguous is the error of a reply in which name stands for two columns.
func (q *Query) ambiguous(name, what string) error {
	e := diag.New("Q605", "the reply would have "+what, name).In(diag.Data{RowGroup: -1, Row: -1, Column: name})
	if !q.Full {
		e = e.WithHint("full_feature_names: true calls features VIEW__FEATURE")
	}
	return e
}

func unknownFeature(v *View, name string) error {
	names := make([]string, len(v.Fields))
	for i := range v.Fields {
		names[i] = v.Fields[i].Name
	}
	e := diag.New("Q602", "feature %q is not in view %q", Clip(name), v.Name).
		In(diag.Data{File: v.Name, RowGroup: -1, Row: -1, Column: Clip(name)})
	if near := diag.Nearest(Clip(name), names); near != "" {
		e = e.WithHint("did you mean %q?", near)
	}
	return e
}
