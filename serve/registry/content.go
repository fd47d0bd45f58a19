package registry

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"quern/features/column"
	"quern/serve/lookup"
)

// Content is what a server serves at one time.
type Content struct {
	Views    []*lookup.View // one version of each
	Services map[string][]lookup.Ref
	Sources  map[string][]string // push sources, and the names of the views that each feeds
}

// Service answers the calls. It is safe for concurrent use.
type Service struct {
	// Content tells what is served. What it returns is only read, until done is called.
	Content func() (c Content, done func())
	// MayRead and MayWrite decide, as in feast.Options, what the caller sees. nil: all.
	MayRead  func(context.Context, *lookup.Query) error
	MayWrite func(context.Context, *lookup.View) error
}

// seen is what one caller sees of a Content, in the order of names.
type seen struct {
	project  string
	views    []view
	entities []entity
	services []string
	sources  []string // push sources
	all      *Content
}

// view is a view, and which of its features are seen.
type view struct {
	*lookup.View
	fields   []lookup.Field
	entities []string // the names of its keys' entities
	source   string   // the push source that is shown; "": none
}

// entity is a key.
type entity struct {
	name string
	key  column.Field
}

// look returns what the caller sees.
func (s *Service) look(ctx context.Context, c *Content, project string) *seen {
	w := &seen{project: cmp.Or(project, "default"), all: c}
	for _, v := range c.Views {
		if fields := s.fields(ctx, v); len(fields) > 0 {
			w.views = append(w.views, view{View: v, fields: fields})
		}
	}
	slices.SortFunc(w.views, func(a, b view) int { return cmp.Compare(a.Name, b.Name) })
	for i := range w.views {
		for _, k := range w.views[i].Keys {
			w.views[i].entities = append(w.views[i].entities, w.entity(k))
		}
	}
	slices.SortFunc(w.entities, func(a, b entity) int { return cmp.Compare(a.name, b.name) })
	for _, name := range slices.Sorted(maps.Keys(c.Services)) {
		if s.readable(ctx, c, c.Services[name]) {
			w.services = append(w.services, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Sources)) {
		shown := false
		for _, fed := range c.Sources[name] {
			v := w.view(fed)
			if v == nil {
				continue
			}
			shown = true
			if v.source == "" || v.source == v.Name {
				v.source = name
			}
		}
		if shown {
			w.sources = append(w.sources, name)
		}
	}
	return w
}

// fields returns the features of v that the caller may look up; all, if it may push them.
func (s *Service) fields(ctx context.Context, v *lookup.View) (fields []lookup.Field) {
	if s.MayRead == nil || s.MayWrite != nil && s.MayWrite(ctx, v) == nil {
		return v.Fields
	}
	for i := range v.Fields {
		if s.MayRead(ctx, one(v, i)) == nil {
			fields = append(fields, v.Fields[i])
		}
	}
	return fields
}

// readable reports whether the caller may look up all of a service.
func (s *Service) readable(ctx context.Context, c *Content, refs []lookup.Ref) bool {
	for _, ref := range refs {
		i := slices.IndexFunc(c.Views, func(v *lookup.View) bool { return v.Name == ref.View })
		if i < 0 {
			return false
		}
		field := c.Views[i].Find(ref.Feature)
		if field < 0 || s.MayRead != nil && s.MayRead(ctx, one(c.Views[i], field)) != nil {
			return false
		}
	}
	return true
}

// one asks for one feature.
func one(v *lookup.View, field int) *lookup.Query {
	f := v.Fields[field]
	return &lookup.Query{
		Parts:  []lookup.Part{{View: v, Name: v.Name, From: []int{field}, Into: []int{0}}},
		Fields: []lookup.Output{{Name: f.Name, Type: f.Type, Binary: f.Binary}},
	}
}

// entity returns the name of the entity of a key, which is added where it is new.
func (w *seen) entity(k column.Field) string {
	taken := map[string]bool{}
	for _, e := range w.entities {
		if e.key == k {
			return e.name
		}
		taken[e.name] = true
	}
	name := k.Name
	for taken[name] {
		name += ":" + k.Type.String()
	}
	w.entities = append(w.entities, entity{name, k})
	return name
}

// view returns the view called name, or nil.
func (w *seen) view(name string) *view {
	i := slices.IndexFunc(w.views, func(v view) bool { return v.Name == name })
	if i < 0 {
		return nil
	}
	return &w.views[i]
}

// feature returns a feature of a view that is served, whoever may see it.
func (w *seen) feature(ref lookup.Ref) lookup.Field {
	for _, v := range w.all.Views {
		if v.Name == ref.View {
			return v.Fields[v.Find(ref.Feature)]
		}
	}
	panic("quern: bug: a service of a view that is not served")
}
