package live

import (
	"cmp"
	"context"
	"slices"
	"time"

	"quern/internal/pace"
	"quern/serve/row"
	"quern/serve/view"
)

// Compactor makes a version of a view that has pushed rows in its segments.
type Compactor interface {
	// Compact makes the next version of a view, of the one that is served and of pushed rows
	// of a schema, and has it served: Views lists it from then on. Rows hands the rows out.
	Compact(ctx context.Context, view string, schema row.Schema, rows func(yield func(*row.Rows) error) (uint64, error)) (version string, err error)
}

// Compact is Compactor's. Versions that nobody needs any longer are removed.
func (p *Published) Compact(ctx context.Context, name string, schema row.Schema, rows func(yield func(*row.Rows) error) (uint64, error)) (string, error) {
	m, err := p.Store.Compact(ctx, name, view.CompactOptions{Mirror: p.Mirror, Schema: schema, Pushed: rows})
	if err != nil {
		return "", err
	}
	p.Store.Collect(ctx, name) // what cannot be removed now is the next time
	return m.Version, nil
}

// Run compacts until ctx ends: overlays that are large, or old, go into segments.
func (p *Overlays) Run(ctx context.Context) {
	if p == nil {
		return
	}
	often := time.Second
	if p.o.Every > 0 {
		often = min(often, max(p.o.Every/4, 10*time.Millisecond))
	}
	pace.Every(ctx, often, func() { p.Maintain(ctx, time.Now()) })
}

// Maintain compacts what is due at an instant, as Run does again and again. It waits for the
// requests that look in older segments. Failures are logged and counted, and tried again later.
func (p *Overlays) Maintain(ctx context.Context, now time.Time) {
	if p.o.Into == nil {
		return
	}
	p.compacting.Lock()
	defer p.compacting.Unlock()
	for _, one := range p.list() {
		if ctx.Err() != nil {
			return
		}
		if now.Before(one.again) {
			continue
		}
		if one.made == "" && !p.due(one, now) {
			continue
		}
		if err := p.compact(ctx, one); err != nil && ctx.Err() == nil {
			one.wait = min(max(2*one.wait, 5*time.Second), 5*time.Minute)
			one.again = now.Add(one.wait)
			p.compactionFailures.Add(1)
			p.o.Log("view %s: pushed rows wait in the log: %v", one.key.view, err)
			continue
		}
		one.wait = 0
	}
	p.sweep()
}

// list returns the overlays, in order.
func (p *Overlays) list() []*pushed {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]*pushed, 0, len(p.kept))
	for _, one := range p.kept {
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b *pushed) int { return cmp.Compare(a.key.view, b.key.view) })
	return all
}

// due reports whether the rows over a live version are to go into segments now.
func (p *Overlays) due(one *pushed, now time.Time) bool {
	g := p.generations.Pin()
	defer g.Release()
	live := g.live[one.key.view]
	if live == nil || live.pushes != one {
		return false // rows of other columns than those that are served wait
	}
	s := one.Stats()
	if s.Rows == 0 && len(live.over) == 0 {
		one.since = time.Time{}
		return false
	}
	if one.since.IsZero() {
		one.since = now
	}
	most := p.o.Compact
	if most == 0 {
		most = min(max(64<<20, live.version.bytes()/8), p.o.Memory/2)
	}
	// Keys that are pushed again and again take no more memory, but more of the log.
	return s.Bytes >= most || s.LogBytes >= 4*most || p.o.Every > 0 && now.Sub(one.since) >= p.o.Every
}

// compact brings the rows of an overlay into segments, and forgets them once every request
// looks there: a request that asked older segments and a trimmed overlay would miss rows.
func (p *Overlays) compact(ctx context.Context, one *pushed) error {
	if one.made == "" {
		begun := time.Now()
		var seq uint64
		made, err := p.o.Into.Compact(ctx, one.key.view, one.Layout().Schema(), func(yield func(*row.Rows) error) (uint64, error) {
			var err error
			seq, err = one.Snapshot(yield)
			return seq, err
		})
		if err != nil {
			return err
		}
		one.made, one.seq, one.checked, one.since = made, seq, 0, time.Time{}
		p.compacted.Add(1)
		p.compactionTime.Add(int64(time.Since(begun)))
		p.o.Log("view %s: pushed rows are in version %s", one.key.view, made)
	}
	return p.forget(ctx, one)
}

// forget trims an overlay, if the version that has its rows is served by now.
func (p *Overlays) forget(ctx context.Context, one *pushed) error {
	_, refused := p.generations.Reload(ctx)
	if !p.generations.serves(Name{one.key.view, one.made}) {
		// Perhaps somebody published another version of other columns, or compacted that one
		// again. Then the rows stay here until the next compaction finds them, which is no harm.
		if one.checked++; one.checked > 3 && refused == nil {
			one.made = ""
		}
		return refused
	}
	if err := p.generations.Settle(ctx); err != nil {
		return err
	}
	if err := one.Trim(one.seq, one.made); err != nil {
		return err
	}
	one.made = ""
	return nil
}

// serves reports whether every new request sees the rows of a version: it is live, or its
// pushed rows are served over the live one.
func (g *Generations) serves(name Name) bool {
	now := g.Pin()
	defer now.Release()
	live := now.live[name.View]
	return live != nil && live.has(name)
}

// sweep closes the overlays of columns that no version has that is served: their rows are
// in their logs.
func (p *Overlays) sweep() {
	g := p.generations
	g.changing.Lock()
	defer g.changing.Unlock()
	if slices.ContainsFunc(g.past, func(old *Generation) bool { return !old.isGone() }) {
		return
	}
	used := map[pushedKey]bool{}
	for _, v := range g.now.Load().all {
		used[keyOf(v)] = true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, one := range p.kept {
		if used[key] {
			continue
		}
		if n := one.Stats().Rows; n > 0 {
			p.o.Log("view %s: %d pushed rows wait for a version of the columns that they were pushed to", key.view, n)
		}
		if err := one.Close(); err != nil {
			p.o.Log("view %s: %v", key.view, err)
		}
		delete(p.kept, key)
	}
}
