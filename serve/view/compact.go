package view

import (
	"context"
	"errors"
	"slices"

	"quern/features/diag"
	"quern/pipeline/store"
	"quern/serve/row"
	"quern/serve/segment"
)

// Compacted says what a version was made of: the rows of another one, and pushed rows, of
// each key the greatest.
type Compacted struct {
	Of       string   `json:"of"`                // the version before, the same but for pushed rows
	Carried  []string `json:"carried,omitempty"` // versions whose pushed rows it has, too
	Sequence uint64   `json:"sequence"`          // rows of the overlay up to this one are in it
}

// CompactOptions say what is compacted.
type CompactOptions struct {
	Mirror string     // as Store.Open's
	Schema row.Schema // of the pushed rows; Time is of no interest
	// Pushed hands out the pushed rows, which are covered up to the sequence that it
	// returns: overlay.Overlay.Snapshot. It is called again when somebody else changed
	// what is served meanwhile. nil: there are none.
	Pushed func(yield func(*row.Rows) error) (uint64, error)
}

// compactMemory is how many bytes of rows are held before they are spilled, all shards together.
const compactMemory = 256 << 20

// compactTries is how often a compaction begins anew because a publish was faster.
const compactTries = 5

// Compact makes a version of the one that is served, of the pushed rows that it carries, and
// of those that are handed in, and serves it. It takes the place of the version before: a
// rollback goes to what was served before that one. If somebody else changes what is served
// meanwhile it begins anew, on top of that. A publish never waits for it, nor has to begin
// anew because of it.
//
// Errors: Q674, the version that is served has other columns than the pushed rows; Q663,
// another compaction is at work, or others were faster again and again; those of Open and of
// View.Verify. After an error what was served is served.
func (s *Store) Compact(ctx context.Context, view string, o CompactOptions) (*Manifest, error) {
	p, err := s.of(ctx, view)
	if err != nil {
		return nil, err
	}
	// A store of their own: a publish holds the lock of the view's for as long as it takes.
	versions, err := s.Places.Store(ctx, store.Join(s.Folder, "views/"+view+"/versions"))
	if err != nil {
		return nil, err
	}
	if l, ok := versions.(store.Locker); ok {
		unlock, err := l.Lock(ctx)
		if errors.Is(err, store.ErrLocked) {
			return nil, diag.New("Q663", "another compaction of view %s is at work", view)
		}
		if err != nil {
			return nil, explain(versions, "write", err)
		}
		defer unlock()
	}
	for range compactTries {
		c := compaction{store: s, o: o, place: p, versions: versions}
		err = c.run(ctx)
		c.close()
		if err == nil {
			return c.build.manifest, nil
		}
		if !c.overtaken {
			break
		}
	}
	return nil, err
}

// compaction is one attempt.
type compaction struct {
	store     *Store
	o         CompactOptions
	place     place
	versions  store.Store
	old       *State
	base      *View
	carried   []*View
	left      []string // of State.Carried: they have other columns
	build     *build
	overtaken bool // by somebody who changed what is served: worth another attempt
}

// run is the path of an attempt.
func (c *compaction) run(ctx context.Context) (err error) {
	if c.old, err = c.store.state(ctx, c.place); err != nil {
		return err
	}
	if err = c.open(ctx); err != nil {
		return err
	}
	if err = c.begin(); err != nil {
		return err
	}
	defer c.build.close()
	if err = c.gather(ctx); err == nil {
		err = c.write(ctx)
	}
	if err != nil {
		c.build.discard(context.WithoutCancel(ctx))
		return err
	}
	return c.point(ctx)
}

// open opens what is served. It reads it whole: rows that a disk has changed would get new
// checksums, and nobody could tell any longer.
func (c *compaction) open(ctx context.Context) (err error) {
	open := func(version string) (*View, error) {
		v, err := c.store.Open(ctx, c.place.view, version, c.o.Mirror)
		if err != nil {
			return nil, err
		}
		if err := v.Verify(ctx); err != nil {
			v.Close()
			return nil, err
		}
		return v, nil
	}
	if c.old.Current == "" {
		return diag.New("Q664", "view %s serves nothing yet", c.place.view)
	}
	if c.base, err = open(c.old.Current); err != nil {
		return err
	}
	if c.o.Pushed != nil && !c.base.Layout().Schema().SameColumns(c.o.Schema) {
		return diag.New("Q674", "version %s of view %s has other keys or features than the rows that were pushed", c.base.Version, c.place.view)
	}
	for _, version := range c.old.Carried {
		v, err := open(version)
		if err != nil {
			return err
		}
		if v.Layout().Schema().SameColumns(c.base.Layout().Schema()) {
			c.carried = append(c.carried, v)
			continue
		}
		if c.wanted(ctx, v) {
			c.left = append(c.left, version)
		}
		v.Close()
	}
	return nil
}

// wanted reports whether a carried version with other columns may be of use again: one that
// is kept, for a rollback, has the same.
func (c *compaction) wanted(ctx context.Context, v *View) bool {
	return slices.ContainsFunc(append(slices.Clone(c.old.Previous), c.old.Staged), func(version string) bool {
		if version == "" {
			return false
		}
		m, err := manifest(ctx, c.place, version)
		return err != nil || slices.Equal(m.Key, v.Key) && slices.Equal(m.Features, v.Features)
	})
}

func (c *compaction) close() {
	for _, v := range append(c.carried, c.base) {
		if v != nil {
			v.Close()
		}
	}
}

// begin prepares the segments. There are as many as before.
func (c *compaction) begin() error {
	m := *c.base.Manifest
	now := c.store.now()
	m.Version, m.Built, m.Previous = newVersion(now), now.UnixMicro(), ""
	m.Rows, m.MinEvent, m.MaxEvent, m.Pushed, m.Segments = 0, row.NoTime, row.NoTime, 0, nil
	m.Compacted = &Compacted{Of: c.base.Version, Sequence: c.base.Sequence()}
	for _, v := range c.carried {
		m.Compacted.Carried = append(m.Compacted.Carried, v.Version)
		m.Compacted.Sequence = max(m.Compacted.Sequence, v.Sequence())
	}
	schema := c.base.Layout().Schema()
	schema.Time = true // pushed rows have times
	layout, err := row.NewLayout(schema)
	if err != nil {
		return err
	}
	c.build = &build{place: c.place, manifest: &m, layout: layout, folder: m.Version}
	c.build.place.files = c.versions
	shards := len(c.base.Segments)
	return c.build.prepare(segment.BuildOptions{Model: c.base.Segments[0].Info().Model, Shards: shards,
		Memory: max(1<<20, compactMemory/int64(shards))})
}

// Sequence returns up to where rows of an overlay are in a version; 0: it has none.
func (m *Manifest) Sequence() uint64 {
	if m.Compacted == nil {
		return 0
	}
	return m.Compacted.Sequence
}

// gather gives all rows to the builders, which keep the greatest of each key.
func (c *compaction) gather(ctx context.Context) error {
	add := func(rows *row.Rows) error {
		for _, b := range c.build.builders {
			if err := b.Add(rows); err != nil {
				return err
			}
		}
		return ctx.Err()
	}
	err := eachRow(c.base, false, add)
	for _, v := range c.carried {
		if err == nil {
			err = eachRow(v, true, add)
		}
	}
	if err != nil || c.o.Pushed == nil {
		return err
	}
	seq, err := c.o.Pushed(add)
	c.build.manifest.Compacted.Sequence = max(c.build.manifest.Compacted.Sequence, seq)
	return err
}

// eachRow hands out the rows of a version, or the pushed ones of them, in batches whose
// memory is used again.
func eachRow(v *View, pushed bool, yield func(*row.Rows) error) error {
	const batch = 4096
	l := v.Layout()
	var rows row.Rows
	for _, seg := range v.Segments {
		n := seg.Info().Rows
		for from := int64(0); from < n; from += batch {
			rows.Reset(l)
			err := segment.Guard(func() error {
				for i := from; i < min(n, from+batch); i++ {
					r, err := seg.Row(i)
					if err != nil {
						return err
					}
					if !pushed || l.Seq(r) > 0 {
						rows.Append(r)
					}
				}
				return nil
			})
			if err == nil && rows.Len() > 0 {
				err = yield(&rows)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// write writes the version, reads it back, and makes it whole.
func (c *compaction) write(ctx context.Context) error {
	b, m := c.build, c.build.manifest
	for i := range b.builders {
		if err := b.write(ctx, i); err != nil {
			return explain(c.versions, "write", err)
		}
	}
	for _, seg := range b.open {
		if err := seg.Verify(ctx); err != nil {
			return err
		}
	}
	made := &View{Manifest: m, Segments: b.open}
	err := eachRow(made, true, func(rows *row.Rows) error { m.Pushed += int64(rows.Len()); return nil })
	if err != nil {
		return err
	}
	ids := make([]bool, len(m.Features)) // what had no quantiles is an id, a text or a list, or was null
	for i := range ids {
		ids[i] = i < len(m.Stats) && m.Stats[i].Quantiles == nil
	}
	if m.Stats, err = statsOf(b.open, ids); err != nil {
		return err
	}
	if err := b.upload(ctx); err != nil {
		return err
	}
	return explain(c.versions, "write", c.finish(ctx))
}

// finish copies the model and writes the manifest.
func (c *compaction) finish(ctx context.Context) error {
	name := c.base.ModelFile.Name
	data, err := read(ctx, c.versions, c.base.Version+"/"+name)
	if err != nil {
		return err
	}
	if err := put(ctx, c.versions, c.build.object(name), data); err != nil {
		return err
	}
	return put(ctx, c.versions, c.build.object("manifest.json"), encode(c.build.manifest))
}

// point makes the version the one that is served, if what it was made of still is.
func (c *compaction) point(ctx context.Context) error {
	for old := c.old; ; {
		next := &State{Action: compacting, Current: c.build.manifest.Version, Previous: old.Previous, Staged: old.Staged,
			Carried: c.left, Asked: old.asked()}
		err := c.store.advance(ctx, c.place, old, next)
		if !lost(err) {
			return err // an outcome that is not known stays: Collect removes what nobody serves
		}
		now, failed := newest(ctx, c.place)
		if failed != nil || now.Number == old.Number {
			return err
		}
		if now.Current != c.old.Current || !slices.Equal(now.Carried, c.old.Carried) {
			c.overtaken = true
			c.build.discard(context.WithoutCancel(ctx))
			return err
		}
		old = now // somebody staged a version
	}
}
