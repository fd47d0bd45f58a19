package live

import (
	"context"
	"errors"
	"maps"
	"slices"

	"quern/features/backend"
	"quern/features/column"
	"quern/features/diag"
	"quern/serve/lookup"
	"quern/serve/view"
)

// Published is the Views of a store of published views.
type Published struct {
	Store  *view.Store
	Only   string // serve this view alone; "": all
	Mirror string // the local folder that versions of a store that is not local are copied to
	// Log is told, in one line each, of views whose state cannot be read. May be nil.
	Log func(format string, args ...any)
	// Backend computes features of raw rows by the views' models; nil: nobody can ask for that.
	Backend backend.Backend

	models sharedModels
	last   map[string]*view.State // as they were seen last, by view
	told   map[string]bool        // views whose damage Log was told of
}

// Current is Views'. A view whose pointer is damaged stays as it was seen last. All views
// gone at once are an error: a disk that is not mounted any longer is likelier than that
// somebody wants nothing to be served.
func (p *Published) Current(ctx context.Context) ([]Wanted, error) {
	now, err := p.states(ctx)
	if err != nil {
		return nil, err
	}
	if len(now) == 0 && len(p.last) > 0 {
		return nil, diag.New("Q666", "all views are gone from %s", p.Store.Folder).
			WithHint("restart the server if that is wanted")
	}
	var all []Wanted
	for _, name := range slices.Sorted(maps.Keys(now)) {
		state := now[name]
		if state.Current != "" {
			all = append(all, Wanted{Name: Name{name, state.Current}})
		}
		if state.Staged != "" {
			all = append(all, Wanted{Name: Name{name, state.Staged}, Staged: true})
		}
		for _, version := range state.Carried {
			all = append(all, Wanted{Name: Name{name, version}, Carried: true})
		}
		if before := p.last[name]; before == nil || before.Number != state.Number {
			p.cleanMirror(state)
		}
	}
	p.last = now
	return all, nil
}

// states returns the states of the views that are wanted.
func (p *Published) states(ctx context.Context) (map[string]*view.State, error) {
	now := map[string]*view.State{}
	if p.Only != "" {
		state, err := p.Store.State(ctx, p.Only)
		var e *diag.Error
		if errors.As(err, &e) && e.Code == "Q664" {
			return now, nil
		}
		now[p.Only] = state
		return now, err
	}
	states, damaged, err := p.Store.States(ctx)
	for _, state := range states {
		now[state.View] = state
		delete(p.told, state.View)
	}
	for name, why := range damaged {
		if before := p.last[name]; before != nil {
			now[name] = before
		}
		p.tell(name, why)
	}
	return now, err
}

// tell logs once that a view cannot be seen.
func (p *Published) tell(name string, why error) {
	if p.told[name] || p.Log == nil {
		return
	}
	if p.told == nil {
		p.told = map[string]bool{}
	}
	p.told[name] = true
	p.Log("what is current of view %s cannot be read, so what was served goes on: %v", name, why)
}

// cleanMirror removes copies of versions that a view no longer keeps.
func (p *Published) cleanMirror(state *view.State) {
	if p.Mirror == "" {
		return
	}
	if err := view.CleanMirror(p.Mirror, state.View, state.Kept()...); err != nil && p.Log != nil {
		p.Log("old copies of view %s cannot be removed: %v", state.View, err)
	}
}

// Open is Views'. A version of another store is copied to the mirror first. What is local is
// not read yet: newVersion reads and checks it, piece by piece.
func (p *Published) Open(ctx context.Context, name Name) (*Opened, error) {
	v, err := p.Store.Open(ctx, name.View, name.Version, p.Mirror)
	if err != nil {
		return nil, err
	}
	m := v.Manifest
	computes, err := p.models.of(ctx, v, p.Backend)
	if err != nil {
		v.Close()
		return nil, err
	}
	o := &Opened{Segments: v.Segments, Services: map[string][]lookup.Ref{}, Pushed: m.Pushed, Sequence: m.Sequence(),
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
	o.Transform = computes
	if err := fits(computes, &o.View); err != nil {
		v.Close()
		return nil, err
	}
	return o, nil
}
