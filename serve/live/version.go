package live

import (
	"context"
	"slices"

	"quern/features/diag"
	"quern/serve/lookup"
	"quern/serve/row"
)

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
		case !i.Schema.SameColumns(v.layout.Schema()):
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

// find asks the segments.
func (v *version) find(keys *row.Keys, rows []row.Row) error {
	for _, s := range v.Segments {
		if err := s.Lookup(keys, rows); err != nil {
			return err
		}
	}
	return nil
}

// bytes returns the size of the segments' files.
func (v *version) bytes() (n int64) {
	for _, s := range v.Segments {
		n += s.Info().Bytes
	}
	return n
}

// resident returns how much of the segments' files is in memory, 0 to 1.
func (v *version) resident() float64 {
	in := int64(0)
	for _, s := range v.Segments {
		n, err := s.Resident()
		if err != nil {
			return 0
		}
		in += n
	}
	return float64(in) / float64(max(v.bytes(), 1))
}

// sources returns the push sources that feed the view: one is called like it.
func (v *version) sources() []string {
	if slices.Contains(v.Sources, v.name.View) {
		return v.Sources
	}
	return append([]string{v.name.View}, v.Sources...)
}
