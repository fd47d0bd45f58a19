package live

import (
	"slices"

	"quern/serve/lookup"
	"quern/serve/overlay"
	"quern/serve/row"
	"quern/serve/transform"
)

// Layers are what a generation serves of a view: a version, over it the pushed rows of
// others that the version lacks, and over these the rows that were pushed since. Of each
// key the greatest row by row.Layout.Compare is served.
//
// They are valid as long as their generation is held.
type Layers struct {
	version *version
	over    []*version
	pushes  *pushed // nil: this server does not own the view's overlay
}

// View describes the version that is served.
func (l *Layers) View() *lookup.View { return &l.version.View }

// Transform computes features of raw rows, by the view's model; nil: nobody does.
func (l *Layers) Transform() *transform.Transformer { return l.version.Transform }

// Rows returns how many rows the version has; those that lie over it are not counted.
func (l *Layers) Rows() int64 { return l.version.rows }

// Resident returns how much of the version's files is in memory, 0 to 1; 0, too, where the
// system does not tell.
func (l *Layers) Resident() float64 { return l.version.resident() }

// Overlay tells of the rows that were pushed and are in no segment yet; zeros where another
// server owns them.
func (l *Layers) Overlay() overlay.Stats {
	if l.pushes == nil {
		return overlay.Stats{}
	}
	return l.pushes.Stats()
}

// Latest returns the latest event time of a row in any layer, in microseconds since 1970;
// lookup.NoTime: none has one.
func (l *Layers) Latest() int64 {
	newest := l.version.newest
	for _, v := range l.over {
		newest = max(newest, v.newest)
	}
	if l.pushes != nil {
		newest = max(newest, l.pushes.newest.Load())
	}
	return newest
}

// carriedOver returns the versions of wanted whose pushed rows are served over v. Those that
// have other columns wait for a version that has the same.
func carriedOver(v *version, wanted []Wanted, have map[Name]*version) (over []*version) {
	for _, w := range wanted {
		if c := have[w.Name]; c != nil && w.Carried && w.View == v.name.View && c.layout.Schema().SameColumns(v.layout.Schema()) {
			over = append(over, c)
		}
	}
	return over
}

// is reports whether l's version, below what lies over it, is v. There may be no l.
func (l *Layers) is(v *version) bool { return l != nil && l.version == v }

// has reports whether the rows of a version are found: it is served, or its pushed rows are
// over the one that is.
func (l *Layers) has(name Name) bool {
	return l.version.name == name || slices.ContainsFunc(l.over, func(v *version) bool { return v.name == name })
}

// mayPush reports whether a row may be a pushed one.
func (l *Layers) mayPush() bool {
	return l.version.Pushed > 0 || len(l.over) > 0 || l.pushes != nil
}

// lookup finds the rows of keys. Over is memory.
func (l *Layers) lookup(keys *row.Keys, rows []row.Row, over *[]row.Row) error {
	if err := l.version.find(keys, rows); err != nil {
		return err
	}
	layout := l.version.layout
	for _, v := range l.over {
		more := slices.Grow((*over)[:0], len(rows))[:len(rows)]
		*over = more
		clear(more)
		if err := v.find(keys, more); err != nil {
			return err
		}
		for i, r := range more {
			if !r.Missing() && layout.Seq(r) > 0 && (rows[i].Missing() || layout.Compare(r, rows[i]) > 0) {
				rows[i] = r
			}
		}
	}
	if l.pushes != nil {
		l.pushes.Lookup(keys, rows)
	}
	return nil
}
