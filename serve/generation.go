package serve

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"quern/features/column"
	"quern/serve/lookup"
	"quern/serve/row"
	"quern/serve/segment"
)

func equalFields(a, b []column.Field) bool { return slices.Equal(a, b) }

// generation is what is served at one time: a version of every view. It is immutable but
// for its holders: Generations holds the present one once, and each request that pinned it.
// When the last has let go, the segments are released.
type generation struct {
	number   int64
	since    time.Time
	wanted   []Wanted // what it is, in order
	holders  atomic.Int64
	gone     chan struct{} // closed when the last holder has let go, and the segments are released
	live     map[string]*version
	all      map[Name]*version // the staged and carried ones, too
	named    map[Name]*layers  // what requests can name: the live and the staged ones
	stored   map[*lookup.View]*layers
	services map[string][]lookup.Ref
	sources  map[string][]string
	queries  lookup.Cache
	pushes   *Overlays   // nil: this server takes no pushes
	failed   func(error) // told why a look-up failed that should not have
	scratch  *sync.Pool
}

// newGeneration makes a generation of versions, whose segments it then owns a hold of.
// pushes gives the overlay of a live version, or nil.
func newGeneration(number int64, wanted []Wanted, have map[Name]*version, pushes func(*version) *pushed, scratch *sync.Pool) *generation {
	g := &generation{
		number: number, since: time.Now(), wanted: wanted, gone: make(chan struct{}),
		live: map[string]*version{}, all: have, named: map[Name]*layers{}, stored: map[*lookup.View]*layers{},
		services: map[string][]lookup.Ref{}, sources: map[string][]string{}, scratch: scratch, failed: func(error) {},
	}
	g.holders.Store(1)
	for _, w := range wanted {
		v := have[w.Name]
		if v == nil || w.Carried {
			continue
		}
		l := &layers{version: v}
		if !w.Staged {
			g.live[w.View] = v
			l.over, l.pushes = carriedOver(v, wanted, have), pushes(v)
		}
		g.named[w.Name], g.stored[&v.View] = l, l
	}
	// A service may have features of several views: those of the first by name come first.
	for _, name := range slices.Sorted(maps.Keys(g.live)) {
		for service, refs := range g.live[name].Services {
			g.services[service] = append(g.services[service], refs...)
		}
		for _, source := range g.live[name].sources() {
			g.sources[source] = append(g.sources[source], name)
		}
	}
	return g
}

// hold pins g, unless its last holder is gone.
func (g *generation) hold() bool {
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
func (g *generation) Release() {
	switch n := g.holders.Add(-1); {
	case n == 0:
		go g.end()
	case n < 0:
		panic("quern: bug: generation released more often than pinned")
	}
}

// end releases the segments.
func (g *generation) end() {
	for _, v := range g.all {
		v.release()
	}
	close(g.gone)
}

// View is lookup.Catalog's.
func (g *generation) View(name, version string) (*lookup.View, bool) {
	v := g.live[name]
	if version != "" && (v == nil || v.name.Version != version) {
		l := g.named[Name{name, version}]
		if l == nil {
			return nil, false
		}
		v = l.version
	}
	if v == nil {
		return nil, false
	}
	return &v.View, true
}

// Service is lookup.Catalog's.
func (g *generation) Service(name string) ([]lookup.Ref, bool) {
	refs, ok := g.services[name]
	return refs, ok
}

// Source is lookup.Catalog's.
func (g *generation) Source(name string) ([]string, bool) {
	views, ok := g.sources[name]
	return views, ok
}

// Queries is lookup.Catalog's.
func (g *generation) Queries() *lookup.Cache { return &g.queries }

// scratch is the memory of one look-up, which the next one uses again.
type scratch struct {
	keys   row.Keys
	rows   []row.Row
	over   []row.Row // of one carried version
	gather row.Gatherer

	// What find works on: fields, so that handing it to Guard makes no closure.
	layers *layers
	part   int
	asked  *lookup.Keys
	into   *lookup.Block
	find   func() error
}

func newScratch() any {
	s := &scratch{}
	s.find = s.lookup
	return s
}

// lookup answers one part of a query.
func (s *scratch) lookup() error {
	part := &s.into.Query.Parts[s.part]
	part.PutKeys(s.asked, s.layers.layout, &s.keys)
	if err := s.layers.lookup(&s.keys, s.rows, &s.over); err != nil {
		return err
	}
	s.into.Parts[s.part].Latest = s.layers.latest()
	if s.layers.mayPush() {
		mark := s.into.Parts[s.part].MarkPushed()
		for i, r := range s.rows {
			mark[i] = !r.Missing() && s.layers.layout.Seq(r) > 0
		}
	}
	return s.into.Gather(s.part, s.layers.layout, s.rows, &s.gather)
}

// Lookup is lookup.Catalog's. Beyond the context's errors it fails with segment.ErrFault
// where a disk fails, and with ErrCorrupt where memory or a file was damaged later.
func (g *generation) Lookup(ctx context.Context, q *lookup.Query, keys *lookup.Keys, into *lookup.Block) error {
	if err := charge(ctx, keys.Rows); err != nil {
		return err
	}
	into.Reset(q, keys.Rows)
	s := g.scratch.Get().(*scratch)
	s.asked, s.into = keys, into
	s.rows = slices.Grow(s.rows[:0], keys.Rows)[:keys.Rows]
	err := ctx.Err()
	for p := range q.Parts {
		if err != nil {
			break
		}
		clear(s.rows)
		s.part, s.layers = p, g.stored[q.Parts[p].View]
		if s.layers == nil {
			panic("quern: bug: query of another generation")
		}
		if err = segment.Guard(s.find); err == nil {
			err = ctx.Err()
		}
	}
	clear(s.rows) // rows must not outlive the generation
	clear(s.over)
	s.asked, s.into, s.layers = nil, nil, nil
	const kept = 1 << 14 // rows; more would keep the memory of one large request for ever
	if cap(s.rows) <= kept {
		g.scratch.Put(s)
	}
	if err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		g.failed(err)
	}
	return err
}
