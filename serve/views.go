package serve

import (
	"context"

	"quern/features/diag"
	"quern/serve/lookup"
	"quern/serve/row"
	"quern/serve/segment"
	"quern/serve/transform"
)

// Name names one version of a view. Names are never used again for other rows.
type Name struct{ View, Version string }

// String returns VIEW@VERSION.
func (n Name) String() string { return n.View + "@" + n.Version }

// Wanted is a version that is to be served.
type Wanted struct {
	Name
	Staged  bool // only requests that name the version get it
	Carried bool // its pushed rows are served over the live version, which lacks them
}

// Views says what is to be served, and opens it: a store of published views. Its
// methods are not called concurrently.
type Views interface {
	// Current lists the versions to serve. It is asked every few moments, so it is cheap.
	Current(ctx context.Context) ([]Wanted, error)
	// Open opens one of them. It may bring files here first.
	Open(ctx context.Context, name Name) (*Opened, error)
}

// Opened is an open version of a view. Whoever opened it owns its segments.
type Opened struct {
	View     lookup.View             // its Name and Version are those that were asked for
	Segments []*segment.Segment      // one for every shard, in any order
	Services map[string][]lookup.Ref // what the view adds to feature services
	Sources  []string                // push sources that feed the view, beside the one of its name
	Pushed   int64                   // how many rows were pushed; the others were published
	Sequence uint64                  // pushed rows up to this one of the overlay are among them

	Transform *transform.Transformer // computes features of raw rows, by the view's model; nil: nobody does
}

// Close lets go of the segments.
func (o *Opened) Close() {
	for _, s := range o.Segments {
		s.Close()
	}
}

// version is a version in memory. Generations share it; each holds the segments.
type version struct {
	Opened
	name   Name
	layout *row.Layout
	rows   int64
	newest int64 // the latest event time of a row, in microseconds; NoTime: none has one
}

// newVersion checks that the parts of o make up the version that was asked for, reads all
// of it, and so brings it into memory. On errors it closes o.
func newVersion(ctx context.Context, name Name, o *Opened) (*version, error) {
	v := &version{Opened: *o, name: name, newest: lookup.NoTime}
	if err := v.check(ctx); err != nil {
		o.Close()
		return nil, err
	}
	return v, nil
}

func (v *version) check(ctx context.Context) (err error) {
	wrong := func(format string, args ...any) error {
		return diag.New("Q662", "version "+v.name.String()+": "+format, args...)
	}
	if v.View.Name != v.name.View || v.View.Version != v.name.Version {
		return wrong("it calls itself %s@%s", v.View.Name, v.View.Version)
	}
	if v.layout, err = row.NewLayout(v.View.Schema()); err != nil {
		return err
	}
	if len(v.Segments) == 0 {
		return wrong("it has no segments")
	}
	seen := make([]bool, len(v.Segments))
	seed := v.Segments[0].Info().Seed
	for _, s := range v.Segments {
		i := s.Info()
		switch {
		case i.View != v.name.View || i.Version != v.name.Version:
			return wrong("it has a segment of %s@%s", i.View, i.Version)
		case i.Shards != len(seen) || seen[i.Shard] || i.Seed != seed:
			return wrong("its segments are not the shards of one table: shard %d of %d among %d", i.Shard, i.Shards, len(seen))
		case !equalSchemas(i.Schema, v.layout.Schema()):
			return wrong("a segment's rows have other columns than the view")
		}
		seen[i.Shard] = true
		v.rows, v.newest = v.rows+i.Rows, max(v.newest, i.MaxEvent)
		if err := s.Verify(ctx); err != nil {
			return err
		}
	}
	return nil
}

func equalSchemas(a, b row.Schema) bool {
	return equalFields(a.Keys, b.Keys) && equalFields(a.Fields, b.Fields)
}

// retain holds every segment once more.
func (v *version) retain() {
	for _, s := range v.Segments {
		if !s.Retain() {
			panic("quern: bug: segment of a served version was released")
		}
	}
}

func (v *version) release() {
	for _, s := range v.Segments {
		s.Release()
	}
}
