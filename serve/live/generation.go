package live

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"quern/serve/lookup"
)

// Generation is what is served at one time: a version of every view. It is immutable but
// for its holders: Generations holds the present one once, and each request that pinned it.
// When the last has let go, the segments are released. It is a lookup.Catalog.
type Generation struct {
	number   int64
	since    time.Time
	wanted   []Wanted // what it is, in order
	holders  atomic.Int64
	gone     chan struct{}     // closed when the last holder has let go, and the segments are released
	all      map[Name]*version // the staged and carried ones, too
	live     map[string]*Layers
	views    []*Layers        // the live ones, in order
	named    map[Name]*Layers // what requests can name: the live and the staged ones
	stored   map[*lookup.View]*Layers
	services map[string][]lookup.Ref
	sources  map[string][]string
	queries  lookup.Cache
	pushes   *Overlays   // nil: this server takes no pushes
	failed   func(error) // told why a look-up failed that should not have
	scratch  *sync.Pool
}

// newGeneration makes a generation of versions, whose segments it then owns a hold of.
// pushes gives the overlay of a live version, or nil.
func newGeneration(number int64, wanted []Wanted, have map[Name]*version, pushes func(*version) *pushed, scratch *sync.Pool) *Generation {
	g := &Generation{
		number: number, since: time.Now(), wanted: wanted, gone: make(chan struct{}),
		all: have, live: map[string]*Layers{}, named: map[Name]*Layers{}, stored: map[*lookup.View]*Layers{},
		services: map[string][]lookup.Ref{}, sources: map[string][]string{}, scratch: scratch, failed: func(error) {},
	}
	g.holders.Store(1)
	for _, w := range wanted {
		v := have[w.Name]
		if v == nil || w.Carried {
			continue
		}
		l := &Layers{version: v}
		if !w.Staged {
			g.live[w.View] = l
			l.over, l.pushes = carriedOver(v, wanted, have), pushes(v)
		}
		g.named[w.Name], g.stored[&v.View] = l, l
	}
	// A service may have features of several views: those of the first by name come first.
	for _, name := range slices.Sorted(maps.Keys(g.live)) {
		l := g.live[name]
		g.views = append(g.views, l)
		for service, refs := range l.version.Services {
			g.services[service] = append(g.services[service], refs...)
		}
		for _, source := range l.version.sources() {
			g.sources[source] = append(g.sources[source], name)
		}
	}
	return g
}

// hold pins g, unless its last holder is gone.
func (g *Generation) hold() bool {
	for {
		n := g.holders.Load()
		if n == 0 {
			return false
		}
		if g.holders.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// Release is lookup.Catalog's. The last to let go is a request, mostly, and unmapping a large
// segment takes milliseconds, so it does not do that itself.
func (g *Generation) Release() {
	switch n := g.holders.Add(-1); {
	case n == 0:
		go g.end()
	case n < 0:
		panic("quern: bug: generation released more often than pinned")
	}
}

// end releases the segments.
func (g *Generation) end() {
	for _, v := range g.all {
		v.release()
	}
	close(g.gone)
}

// isGone reports whether nobody holds g any longer, and its segments are released.
func (g *Generation) isGone() bool {
	select {
	case <-g.gone:
		return true
	default:
		return false
	}
}

// Number counts the generations of a server; before the first it is 0.
func (g *Generation) Number() int64 { return g.number }

// Since returns when g began to be served.
func (g *Generation) Since() time.Time { return g.since }

// Views returns the live version of each view, in the order of their names. The slice is g's.
func (g *Generation) Views() []*Layers { return g.views }

// Version returns a version of a view: the live one if version is "", or else that one, if it
// is live or staged. It returns nil where there is none.
func (g *Generation) Version(view, version string) *Layers {
	l := g.live[view]
	if version != "" && (l == nil || l.version.name.Version != version) {
		return g.named[Name{view, version}]
	}
	return l
}

// View is lookup.Catalog's.
func (g *Generation) View(name, version string) (*lookup.View, bool) {
	l := g.Version(name, version)
	if l == nil {
		return nil, false
	}
	return l.View(), true
}

// Service is lookup.Catalog's.
func (g *Generation) Service(name string) ([]lookup.Ref, bool) {
	refs, ok := g.services[name]
	return refs, ok
}

// Services returns the features of each feature service, by its name. The map is g's.
func (g *Generation) Services() map[string][]lookup.Ref { return g.services }

// Source is lookup.Catalog's.
func (g *Generation) Source(name string) ([]string, bool) {
	views, ok := g.sources[name]
	return views, ok
}

// Sources returns the views that each push source feeds, by its name. The map is g's.
func (g *Generation) Sources() map[string][]string { return g.sources }

// Queries is lookup.Catalog's.
func (g *Generation) Queries() *lookup.Cache { return &g.queries }

// Overlays owns the rows that are pushed to the views; nil: another server does, or nothing
// is served yet.
func (g *Generation) Overlays() *Overlays { return g.pushes }
