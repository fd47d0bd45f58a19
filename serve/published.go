package serve

import (
	"context"

	"quern/features/column"
	"quern/serve/lookup"
	"quern/serve/segment"
	"quern/serve/view"
)

// Published is the Views of a store of published views.
type Published struct {
	Store  *view.Store
	Only   string // serve this view alone; "": all
	Mirror string // the local folder that versions of a store that is not local are copied to
}

// Current is Views'. A store that does not exist has no views.
func (p *Published) Current(ctx context.Context) ([]Wanted, error) {
	names, err := p.Store.Views(ctx)
	if err != nil {
		return nil, err
	}
	var all []Wanted
	for _, name := range names {
		if p.Only != "" && name != p.Only {
			continue
		}
		state, err := p.Store.State(ctx, name)
		if err != nil {
			return nil, err
		}
		if state.Current != "" {
			all = append(all, Wanted{Name: Name{name, state.Current}})
		}
		if state.Staged != "" {
			all = append(all, Wanted{Name: Name{name, state.Staged}, Staged: true})
		}
	}
	return all, nil
}

// Open is Views'. A version of another store is copied to the mirror first.
func (p *Published) Open(ctx context.Context, name Name) (*Opened, error) {
	v, err := p.Store.Open(ctx, name.View, name.Version, view.OpenOptions{
		Mirror: p.Mirror, Segment: segment.OpenOptions{Populate: true}})
	if err != nil {
		return nil, err
	}
	m := v.Manifest
	o := &Opened{Segments: v.Segments, Services: map[string][]lookup.Ref{},
		View: lookup.View{Name: name.View, Version: name.Version, TTL: m.TTL, Event: m.Time}}
	for _, f := range m.Key {
		t, _ := column.ParseType(f.Type) // a type that is none is not the segments'
		o.View.Keys = append(o.View.Keys, column.Field{Name: f.Name, Type: t})
	}
	for _, f := range m.Features {
		t, _ := column.ParseType(f.Type)
		o.View.Fields = append(o.View.Fields, lookup.Field{Name: f.Name, Type: t})
	}
	for service, features := range m.Services {
		for _, feature := range features {
			o.Services[service] = append(o.Services[service], lookup.Ref{View: name.View, Feature: feature})
		}
	}
	return o, nil
}
