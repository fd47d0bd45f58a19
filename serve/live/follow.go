package live

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"
)

// refusal remembers why a version is not served, and when it is tried again.
type refusal struct {
	again time.Time
	why   error
}

// retryRefused is how long a refused version is left alone.
const retryRefused = 30 * time.Second

func compareWanted(a, b Wanted) int {
	return cmp.Or(cmp.Compare(a.View, b.View), cmp.Compare(a.Version, b.Version))
}

// follow opens what is wanted and new, and retains what is served already. It returns the
// versions, each held once more, and what of wanted they are, in order: where a version is
// refused, what its view had before.
func (g *Generations) follow(ctx context.Context, old *Generation, wanted []Wanted) (map[Name]*version, []Wanted, error) {
	for name := range g.refused {
		if !slices.ContainsFunc(wanted, func(w Wanted) bool { return w.Name == name }) {
			delete(g.refused, name)
		}
	}
	have := map[Name]*version{}
	var served []Wanted
	var errs []error
	for len(wanted) > 0 {
		view := wanted[0].View
		n := 1
		for n < len(wanted) && wanted[n].View == view {
			n++
		}
		add := func(w Wanted, v *version) {
			if have[w.Name] != nil {
				v.release()
				return
			}
			have[w.Name], served = v, append(served, w)
		}
		errs = append(errs, g.followView(ctx, old, wanted[:n], add))
		wanted = wanted[n:]
	}
	slices.SortFunc(served, compareWanted)
	return have, served, errors.Join(errs...)
}

// followView is follow for one view. A live version is served with all that it carries, or
// not at all.
func (g *Generations) followView(ctx context.Context, old *Generation, wanted []Wanted, add func(Wanted, *version)) error {
	var errs []error
	got := make([]*version, len(wanted))
	refused := false
	for i, w := range wanted {
		v := old.all[w.Name]
		if v != nil {
			v.retain()
		} else {
			var err error
			if v, err = g.open(ctx, w.Name); err != nil {
				errs = append(errs, err)
				refused = refused || !w.Staged
			}
		}
		got[i] = v
	}
	if refused {
		for _, w := range old.wanted {
			if w.View == wanted[0].View && !w.Staged {
				old.all[w.Name].retain()
				add(w, old.all[w.Name])
			}
		}
	}
	for i, w := range wanted {
		switch {
		case got[i] == nil:
		case refused && !w.Staged:
			got[i].release()
		default:
			add(w, got[i])
		}
	}
	return errors.Join(errs...)
}

// open opens one version, unless it was refused a moment ago.
func (g *Generations) open(ctx context.Context, name Name) (*version, error) {
	before, known := g.refused[name]
	if known && time.Now().Before(before.again) {
		return nil, before.why
	}
	o, err := g.views.Open(ctx, name)
	var v *version
	if err == nil {
		v, err = newVersion(ctx, name, o)
	}
	if err == nil && g.pushes != nil {
		if err = g.pushes.open(v); err != nil {
			v.Close()
		}
	}
	if err == nil {
		delete(g.refused, name)
		return v, nil
	}
	if ctx.Err() == nil {
		g.failures.Add(1)
		g.refused[name] = refusal{time.Now().Add(retryRefused), err}
		if !known {
			g.log("%s is refused, so what was served goes on: %v", name, err)
		}
	}
	return nil, err
}
