package serve

import (
	"slices"

	"quern/serve/row"
)

// layers are what a generation serves of a view: a version, over it the pushed rows of
// others that the version lacks, and over these the rows that were pushed since. Of each
// key the greatest row by row.Layout.Compare is served.
type layers struct {
	*version
	over   []*version
	pushes *pushed // nil: this server does not own the view's overlay
}

// carriedOver returns the versions of wanted whose pushed rows are served over v. Those that
// have other columns wait for a version that has the same.
func carriedOver(v *version, wanted []Wanted, have map[Name]*version) (over []*version) {
	for _, w := range wanted {
		if c := have[w.Name]; c != nil && w.Carried && w.View == v.name.View && sameColumns(c, v) {
			over = append(over, c)
		}
	}
	return over
}

func sameColumns(a, b *version) bool { return equalSchemas(a.layout.Schema(), b.layout.Schema()) }

// mayPush reports whether a row may be a pushed one.
func (l *layers) mayPush() bool {
	return l.Pushed > 0 || len(l.over) > 0 || l.pushes != nil
}

// latest returns the latest event time of a row, in microseconds; lookup.NoTime: none has one.
func (l *layers) latest() int64 {
	newest := l.newest
	for _, v := range l.over {
		newest = max(newest, v.newest)
	}
	if l.pushes != nil {
		newest = max(newest, l.pushes.newest.Load())
	}
	return newest
}

// lookup finds the rows of keys. Over is memory.
func (l *layers) lookup(keys *row.Keys, rows []row.Row, over *[]row.Row) error {
	if err := l.find(keys, rows); err != nil {
		return err
	}
	for _, v := range l.over {
		more := slices.Grow((*over)[:0], len(rows))[:len(rows)]
		*over = more
		clear(more)
		if err := v.find(keys, more); err != nil {
			return err
		}
		for i, r := range more {
			if !r.Missing() && l.layout.Seq(r) > 0 && (rows[i].Missing() || l.layout.Compare(r, rows[i]) > 0) {
				rows[i] = r
			}
		}
	}
	if l.pushes != nil {
		l.pushes.Lookup(keys, rows)
	}
	return nil
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

// sources returns the push sources that feed the view: one is called like it.
func (v *version) sources() []string {
	if slices.Contains(v.Sources, v.name.View) {
		return v.Sources
	}
	return append([]string{v.name.View}, v.Sources...)
}
