package lookup

// Rows are pushed rows of one view, in columns of its declared types. They are
// reused from request to request.
type Rows struct {
	View    *View
	Rows    int
	Keys    []Cells // like View.Keys; never null
	Fields  []Cells // like View.Fields; may be null
	Event   []int64 // microseconds since 1970-01-01T00:00:00Z; every row has one
	Created []int64 // the same; NoTime where the row has none
}

// Reset makes r empty and gives it the columns of v, to be appended to.
func (r *Rows) Reset(v *View) {
	r.View, r.Rows = v, 0
	r.Keys, r.Fields = resize(r.Keys, len(v.Keys)), resize(r.Fields, len(v.Fields))
	for i, k := range v.Keys {
		r.Keys[i].Reset(k.Type, false)
	}
	for i, f := range v.Fields {
		r.Fields[i].Reset(f.Type, f.Binary)
	}
	r.Event, r.Created = r.Event[:0], r.Created[:0]
}
