package serve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"quern/internal/background"
	"quern/serve/lookup"
)

// Generations serves what a store of views says is current, and follows it: new versions
// are opened, read and checked while the old ones go on, and then take their place at
// once for all requests that start after that. A version that cannot be served is refused;
// what was served before goes on, view by view.
//
// All methods may be called concurrently.
type Generations struct {
	views   Views
	log     func(format string, args ...any)
	now     atomic.Pointer[generation]
	scratch sync.Pool
	pushes  *Overlays // nil: pushes are somebody else's

	changing sync.Mutex // of everything below, and of what replaces now
	past     []*generation
	last     []Wanted
	refused  map[Name]refusal
	lost     bool   // the last question what is current failed
	told     seldom // why look-ups failed

	Reloads, Failures atomic.Int64 // how many swaps, and how many refusals
}

// refusal remembers why a version is not served, and when it is tried again.
type refusal struct {
	again time.Time
	why   error
}

// retryRefused is how long a refused version is left alone.
const retryRefused = 30 * time.Second

// NewGenerations starts without views: Reload brings them. log is told, in one line each,
// of swaps and refusals; it may be called from any goroutine.
func NewGenerations(views Views, log func(format string, args ...any)) *Generations {
	g := &Generations{views: views, log: log, refused: map[Name]refusal{}}
	g.scratch.New = newScratch
	g.now.Store(newGeneration(0, nil, nil, nil, &g.scratch))
	return g
}

// Pin is lookup.Server's.
func (g *Generations) Pin() lookup.Catalog { return g.pin() }

func (g *Generations) pin() *generation {
	for {
		if now := g.now.Load(); now.hold() {
			return now
		}
	}
}

// Reload looks once what is current and serves it. It reports whether anything changed.
// Its error is that of the question what is current, or the refusals, joined; each was
// logged when it was new.
func (g *Generations) Reload(ctx context.Context) (changed bool, err error) {
	g.changing.Lock()
	defer g.changing.Unlock()
	wanted, err := g.views.Current(ctx)
	if err != nil {
		if !g.lost && ctx.Err() == nil {
			g.log("cannot see what is current, so what was served goes on: %v", err)
		}
		g.lost = true
		g.Failures.Add(1)
		return false, err
	}
	g.lost = false
	wanted = slices.Clone(wanted)
	slices.SortFunc(wanted, compareWanted)
	if slices.Equal(wanted, g.last) && len(g.refused) == 0 {
		return false, nil
	}
	old := g.now.Load() // only Reload and Close replace it, so it is held
	if len(old.all) > 0 {
		ctx = background.With(ctx) // requests come first
	}
	have, served, err := g.follow(ctx, old, wanted)
	if ctx.Err() != nil || slices.Equal(old.wanted, served) {
		for _, v := range have {
			v.release()
		}
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		g.last = wanted
		return false, err
	}
	g.last = wanted
	g.swap(old, newGeneration(old.number+1, served, have, g.overlayOf, &g.scratch))
	return true, err
}

// follow opens what is wanted and new, and retains what is served already. It returns the
// versions, each held once more, and what of wanted they are, in order: where a version is
// refused, what its view had before.
func (g *Generations) follow(ctx context.Context, old *generation, wanted []Wanted) (map[Name]*version, []Wanted, error) {
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
func (g *Generations) followView(ctx context.Context, old *generation, wanted []Wanted, add func(Wanted, *version)) error {
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
		g.Failures.Add(1)
		g.refused[name] = refusal{time.Now().Add(retryRefused), err}
		if !known {
			g.log("%s is refused, so what was served goes on: %v", name, err)
		}
	}
	return nil, err
}

// swap makes next the present generation.
func (g *Generations) swap(old, next *generation) {
	next.failed, next.pushes = g.lookupFailed, g.pushes
	g.now.Store(next)
	old.Release()
	g.past = append(slices.DeleteFunc(g.past, (*generation).isGone), old)
	g.Reloads.Add(1)
	var names []string
	for _, v := range slices.SortedFunc(maps.Values(next.all), func(a, b *version) int { return cmp.Compare(a.name.String(), b.name.String()) }) {
		text := fmt.Sprintf("%s (%d rows)", v.name, v.rows)
		switch {
		case next.live[v.name.View] == v:
		case next.named[v.name] != nil:
			text += " staged"
		default:
			text += fmt.Sprintf(" for %d pushed ones", v.Pushed)
		}
		names = append(names, text)
	}
	g.log("generation %d serves %s", next.number, cmp.Or(strings.Join(names, ", "), "nothing"))
}

// lookupFailed logs a look-up that failed for no fault of the client, at most one a second.
func (g *Generations) lookupFailed(err error) {
	if g.told.may() {
		g.log("a look-up failed: %v", err)
	}
}

// Follow reloads every interval until ctx ends.
func (g *Generations) Follow(ctx context.Context, interval time.Duration) {
	every(ctx, interval, func() { g.Reload(ctx) }) // which logs what goes wrong
}

// Close serves nothing any longer. Segments that no request has pinned are closed when it
// returns, the others once the last of those has let go.
func (g *Generations) Close() {
	g.changing.Lock()
	defer g.changing.Unlock()
	last := g.now.Swap(newGeneration(0, nil, nil, nil, &g.scratch))
	last.Release()
	g.past = append(g.past, last)
	for _, old := range g.past {
		if old.holders.Load() == 0 {
			<-old.gone
		}
	}
}

func compareWanted(a, b Wanted) int {
	return cmp.Or(cmp.Compare(a.View, b.View), cmp.Compare(a.Version, b.Version))
}

// isGone reports whether nobody holds g any longer, and its segments are released.
func (g *generation) isGone() bool {
	select {
	case <-g.gone:
		return true
	default:
		return false
	}
}

// settle waits until nobody holds a generation that was replaced, nor has it mapped.
func (g *Generations) settle(ctx context.Context) error {
	g.changing.Lock()
	past := slices.Clone(g.past)
	g.changing.Unlock()
	for _, old := range past {
		select {
		case <-old.gone:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// overlayOf returns the overlay of a live version; nil if pushes are somebody else's.
func (g *Generations) overlayOf(v *version) *pushed {
	if g.pushes == nil {
		return nil
	}
	return g.pushes.of(v)
}
