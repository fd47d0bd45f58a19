package feast

import (
	"bytes"

	"quern/features/diag"
	"quern/serve/lookup"
	"quern/serve/row"
)

// request is a GetOnlineFeatures request in either wire format, taken apart but not
// yet understood: spans of the body. It is reused.
type request struct {
	features []byte // the list of references: a JSON array, or a FeatureList message
	service  []byte // the name of a feature service; it wins over features
	asked    bool   // protobuf: features or service was there
	full     bool   // full_feature_names
	metadata bool   // include_feature_view_version_metadata
	entities []entity
	names    []byte         // memory of unquoted names
	index    map[string]int // positions in entities by name, where they are many
}

// entity is one column of keys.
type entity struct {
	name   []byte
	values []byte // a JSON array, or a RepeatedValue message
}

// reset empties r and lets go of the bodies that it has spans of.
func (r *request) reset() {
	clear(r.entities)
	const kept = 1 << 12 // columns; the memory of wider rows is not for every request
	if len(r.index) > kept {
		r.index, r.entities = nil, nil
	}
	clear(r.index)
	*r = request{entities: r.entities[:0], names: r.names[:0], index: r.index}
}

// maxColumns is how many columns a request may have: as many as pushed rows of the widest
// view, with its keys and times.
const maxColumns = row.MaxFields + row.MaxKeys + 2

// few columns are searched one by one, more by r.index.
const few = 32

// add notes a column of keys, or of pushed rows, once.
func (r *request) add(name, values []byte) error {
	if r.entity(name) != nil {
		return diag.New("Q614", "the key %q is there twice", lookup.Clip(name))
	}
	if len(r.entities) == maxColumns {
		return diag.New("Q609", "the request has more than %d columns", maxColumns)
	}
	r.entities = append(r.entities, entity{name, values})
	if len(r.entities) <= few {
		return nil
	}
	if r.index == nil {
		r.index = map[string]int{}
	}
	for i := len(r.index); i < len(r.entities); i++ {
		r.index[string(r.entities[i].name)] = i
	}
	return nil
}

// entity returns the column called name, or nil.
func (r *request) entity(name []byte) *entity {
	if len(r.entities) > few {
		if i, ok := r.index[string(name)]; ok {
			return &r.entities[i]
		}
		return nil
	}
	for i := range r.entities {
		if bytes.Equal(r.entities[i].name, name) {
			return &r.entities[i]
		}
	}
	return nil
}

// wire is what differs between the two wire formats of requests.
type wire interface {
	// references reads a list of references, at most limit.
	references(list []byte, limit int) ([]lookup.Ref, error)
	// keys appends the values of one column to into, at most limit rows.
	keys(values []byte, name string, into *lookup.Cells, limit int) error
	// tag tells the formats apart in the keys of the cache.
	tag() byte
}

// query returns the compiled query of a request, from the catalog's cache or new.
func (x *exchange) query(c lookup.Catalog, w wire) (*lookup.Query, error) {
	r := &x.request
	x.cacheKey = append(x.cacheKey[:0], w.tag(), 'f', 0)
	if r.full {
		x.cacheKey[2] = 1
	}
	if len(r.service) > 0 {
		x.cacheKey[1] = 's'
		x.cacheKey = append(x.cacheKey, r.service...)
	} else {
		x.cacheKey = append(x.cacheKey, r.features...)
	}
	cache := c.Queries()
	if q := cache.Get(x.cacheKey); q != nil {
		return q, nil
	}
	refs, err := x.references(c, w)
	if err != nil {
		return nil, err
	}
	q, err := lookup.Compile(c, refs, r.full)
	if err == nil {
		err = q.KeysApart()
	}
	if err != nil {
		return nil, err
	}
	cache.Put(x.cacheKey, q)
	return q, nil
}

func (x *exchange) references(c lookup.Catalog, w wire) ([]lookup.Ref, error) {
	if name := x.request.service; len(name) > 0 {
		refs, ok := c.Service(string(name))
		if !ok {
			return nil, diag.New("Q603", "feature service %q does not exist", lookup.Clip(name)).In(lookup.Named(name))
		}
		return refs, nil
	}
	return w.references(x.request.features, x.limits.Features)
}

// keys reads the key columns that q needs. Others are left alone: Feast ignores them.
func (x *exchange) keys(q *lookup.Query, w wire) error {
	x.lookup.Reset(q)
	limit := min(x.limits.Rows, x.limits.Cells/len(q.Fields))
	rows := -1
	for i, k := range q.Keys {
		x.name = append(x.name[:0], k.Name...)
		column := x.request.entity(x.name)
		if column == nil {
			return diag.New("Q606", "missing join key values for key %q: views that are asked for have it", k.Name).In(lookup.Named(k.Name))
		}
		into := &x.lookup.Columns[i]
		if err := w.keys(column.values, k.Name, into, limit); err != nil {
			return err
		}
		if rows >= 0 && into.Len != rows {
			return diag.New("Q608", "all entity rows must have the same columns: key %q has %d values, key %q has %d",
				q.Keys[0].Name, rows, k.Name, into.Len)
		}
		rows = into.Len
	}
	if rows <= 0 {
		return diag.New("Q615", "the request has no rows: give every key at least one value")
	}
	x.lookup.Rows = rows
	return nil
}

// badKey is the error for a value that a key cannot have.
func badKey(name string, row int, value []byte, t string, p lookup.Problem) error {
	return diag.New("Q607", "key %q, row %d: %s %s (the key is %s)", name, row, lookup.Clip(value), string(p), t).
		In(diag.Data{RowGroup: -1, Row: int64(row), Column: name})
}

func tooManyRows(limit int) error {
	return diag.New("Q609", "the request has more than %d rows for its features", limit)
}
