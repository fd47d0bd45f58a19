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

	"quern/serve/lookup"
)

// Generations serves what a store of views says is current, and follows it: new versions
// are opened, read and checked while the old ones go on, and then take their place at
// once for all requests that start after that. A version that cannot be served is refused;
// what was served before goes on, view by view.
//
// Pin may be called concurrently with everything; Reload and Close not with each other.
type Generations struct {
	views   Views
	log     func(format string, args ...any)
	now     atomic.Pointer[generation]
	scratch sync.Pool
	last    []Wanted
	refused map[Name]refusal
	lost    bool // the last question what is current failed
	toldAt  atomic.Int64

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
	g.now.Store(newGeneration(0, nil, nil, &g.scratch))
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
	slices.SortFunc(wanted, func(a, b Wanted) int {
		return cmp.Or(cmp.Compare(a.View, b.View), cmp.Compare(a.Version, b.Version))
	})
	if slices.Equal(wanted, g.last) && len(g.refused) == 0 {
		return false, nil
	}
	old := g.now.Load() // only Reload and Close replace it, so it is held
	have, served, err := g.follow(ctx, old, wanted)
	if ctx.Err() != nil {
		for _, v := range have {
			v.release()
		}
		return false, ctx.Err()
	}
	g.last = wanted
	if same(old, served) {
		for _, v := range have {
			v.release()
		}
		return false, err
	}
	g.swap(old, newGeneration(old.number+1, served, have, &g.scratch))
	return true, err
}

// follow opens what is wanted and new, and retains what is served already. It returns the
// versions, each held once more, and what of wanted they are: where a version is refused,
// the one that its view had before.
func (g *Generations) follow(ctx context.Context, old *generation, wanted []Wanted) (map[Name]*version, []Wanted, error) {
	have := map[Name]*version{}
	var served []Wanted
	var errs []error
	add := func(w Wanted, v *version) {
		if have[w.Name] == nil {
			have[w.Name], served = v, append(served, w)
			return
		}
		v.release()
	}
	for name := range g.refused {
		if !slices.ContainsFunc(wanted, func(w Wanted) bool { return w.Name == name }) {
			delete(g.refused, name)
		}
	}
	for _, w := range wanted {
		if v := old.all[w.Name]; v != nil {
			v.retain()
			add(w, v)
			continue
		}
		v, err := g.open(ctx, w.Name)
		if err != nil {
			errs = append(errs, err)
			if v = old.live[w.View]; w.Staged || v == nil {
				continue
			}
			v.retain()
			w = Wanted{Name: v.name}
		}
		add(w, v)
	}
	return have, served, errors.Join(errs...)
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

// same reports whether g serves just that.
func same(g *generation, served []Wanted) bool {
	if len(g.all) != len(served) {
		return false
	}
	for _, w := range served {
		live := g.live[w.View]
		if g.all[w.Name] == nil || (live != nil && live.name == w.Name) == w.Staged {
			return false
		}
	}
	return true
}

// swap makes next the present generation.
func (g *Generations) swap(old, next *generation) {
	next.failed = g.lookupFailed
	g.now.Store(next)
	old.Release()
	g.Reloads.Add(1)
	var names []string
	for _, v := range slices.SortedFunc(maps.Values(next.all), func(a, b *version) int { return cmp.Compare(a.name.String(), b.name.String()) }) {
		text := fmt.Sprintf("%s (%d rows)", v.name, v.rows)
		if next.live[v.name.View] != v {
			text += " staged"
		}
		names = append(names, text)
	}
	g.log("generation %d serves %s", next.number, cmp.Or(strings.Join(names, ", "), "nothing"))
}

// lookupFailed logs a look-up that failed for no fault of the client, at most one a second.
func (g *Generations) lookupFailed(err error) {
	now, last := time.Now().Unix(), g.toldAt.Load()
	if now != last && g.toldAt.CompareAndSwap(last, now) {
		g.log("a look-up failed: %v", err)
	}
}

// Follow reloads every interval until ctx ends.
func (g *Generations) Follow(ctx context.Context, interval time.Duration) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			g.Reload(ctx) // logs what goes wrong
		}
	}
}

// Close serves nothing any longer. Segments are closed once the last request that pinned
// them has let go.
func (g *Generations) Close() {
	g.now.Swap(newGeneration(0, nil, nil, &g.scratch)).Release()
}
