package feast

import (
	"slices"

	"quern/features/column"
	"quern/serve/fieldstatus"
	"quern/serve/lookup"
)

// part is what an encoder knows of one view's rows: most bytes of a reply are the
// same in all columns of a view, the statuses where nothing is null, and the event
// times. They are written once for each view and then copied.
type part struct {
	present column.Bitmap // the rows that are there
	fresh   bool          // all rows are there, none too old
	aged    bool          // a row is too old
	// Spans of the encoder's text: what follows a column's values.
	statuses, times, end int
}

// scan fills in present, fresh and aged.
func (p *part) scan(s *lookup.State) {
	rows := len(s.Status)
	words := (rows + 63) / 64
	p.present = slices.Grow(p.present[:0], words)[:words]
	p.present.Fill(rows)
	p.fresh, p.aged = true, false
	for r, status := range s.Status {
		switch status {
		case fieldstatus.NotFound:
			p.present.Clear(r)
			p.fresh = false
		case fieldstatus.OutsideMaxAge:
			p.fresh, p.aged = false, true
		}
	}
}

// sized returns parts with n elements, of which the old ones keep their memory.
func sized(parts []part, n int) []part {
	if n <= cap(parts) {
		return parts[:n]
	}
	return append(parts[:cap(parts)], make([]part, n-cap(parts))...)
}

// plain reports whether every row of a column is there, fresh and not null.
func (p *part) plain(v *lookup.Cells) bool { return p.fresh && v.Valid == nil }

// alike reports whether the statuses of a column are those of its part: no row that
// is there is null.
func (p *part) alike(v *lookup.Cells) bool { return v.Valid == nil || slices.Equal(v.Valid, p.present) }

// mask returns the rows of a column that are shown, where that needs no more than the
// nulls and the rows that are there: no row is too old. A column's nulls may or may
// not include the rows that are not there.
func (p *part) mask(v *lookup.Cells) (column.Bitmap, bool) {
	if p.aged {
		return nil, false
	}
	if v.Valid == nil {
		return p.present, true
	}
	for w := range v.Valid {
		if v.Valid[w]&^p.present[w] != 0 {
			return nil, false
		}
	}
	return v.Valid, true
}
