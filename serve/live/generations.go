package live

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"quern/internal/background"
	"quern/internal/pace"
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
	now     atomic.Pointer[Generation]
	scratch sync.Pool
	pushes  *Overlays // nil: pushes are somebody else's

	changing sync.Mutex // of everything below, and of what replaces now
	past     []*Generation
	last     []Wanted
	refused  map[Name]refusal
	lost     bool        // the last question what is current failed
	told     pace.Seldom // why look-ups failed

	reloads, failures atomic.Int64
}

// NewGenerations starts without views: Reload brings them. log is told, in one line each,
// of swaps and refusals; it may be called from any goroutine.
func NewGenerations(views Views, log func(format string, args ...any)) *Generations {
	g := &Generations{views: views, log: log, refused: map[Name]refusal{}}
	g.scratch.New = newScratch
	g.now.Store(newGeneration(0, nil, nil, nil, &g.scratch))
	return g
}

// Pin returns what is served now, which stays as it is until Release.
func (g *Generations) Pin() *Generation {
	for {
		if now := g.now.Load(); now.hold() {
			return now
		}
	}
}

// Reloads returns how often a generation took another's place.
func (g *Generations) Reloads() int64 { return g.reloads.Load() }

// Failures returns how often a version was refused, or what is current could not be seen.
func (g *Generations) Failures() int64 { return g.failures.Load() }

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
		g.failures.Add(1)
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

// swap makes next the present generation.
func (g *Generations) swap(old, next *Generation) {
	next.failed, next.pushes = g.lookupFailed, g.pushes
	g.now.Store(next)
	old.Release()
	g.past = append(slices.DeleteFunc(g.past, (*Generation).isGone), old)
	g.reloads.Add(1)
	var names []string
	for _, v := range slices.SortedFunc(maps.Values(next.all), func(a, b *version) int { return cmp.Compare(a.name.String(), b.name.String()) }) {
		text := fmt.Sprintf("%s (%d rows)", v.name, v.rows)
		switch {
		case next.Version(v.name.View, "").is(v):
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
	if g.told.May() {
		g.log("a look-up failed: %v", err)
	}
}

// Follow reloads every interval until ctx ends.
func (g *Generations) Follow(ctx context.Context, interval time.Duration) {
	pace.Every(ctx, interval, func() { g.Reload(ctx) }) // which logs what goes wrong
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

// Settle waits until nobody holds a generation that was replaced, nor has it mapped.
func (g *Generations) Settle(ctx context.Context) error {
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
