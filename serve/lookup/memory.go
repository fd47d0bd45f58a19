package lookup

import (
	"context"
	"encoding/binary"
	"slices"
	"sync"

	"quern/features/column"
	"quern/serve/fieldstatus"
)

// Memory is a small server in memory: for tests, and as the plainest statement of
// what Lookup and Write mean. It is safe for concurrent use.
type Memory struct {
	mu       sync.RWMutex
	views    map[string]*memoryView
	services map[string][]Ref
	sources  map[string][]string
	queries  *Cache
}

// memoryView is a view and its rows, as they were written.
type memoryView struct {
	*View
	latest map[string]place // by key bytes
}

// place is a row of a batch that was written.
type place struct {
	rows *Rows
	row  int
}

// NewMemory returns a server without views.
func NewMemory() *Memory {
	return &Memory{
		views: map[string]*memoryView{}, services: map[string][]Ref{}, sources: map[string][]string{},
		queries: &Cache{},
	}
}

// Define adds a view without rows, or replaces one.
func (m *Memory) Define(v *View) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.views[v.Name] = &memoryView{v, map[string]place{}}
	m.queries = &Cache{}
}

// DefineService adds or replaces a feature service.
func (m *Memory) DefineService(name string, refs ...Ref) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.services[name] = refs
	m.queries = &Cache{}
}

// DefineSource makes a push source feed views.
func (m *Memory) DefineSource(name string, views ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sources[name] = views
}

// Pin returns m itself: it has one generation, and Define is for before the requests.
func (m *Memory) Pin() Catalog { return m }

// Release does nothing.
func (m *Memory) Release() {}

// View returns a view by name. It has no versions.
func (m *Memory) View(name, version string) (*View, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	v, ok := m.views[name]
	if !ok || version != "" && version != v.Version {
		return nil, false
	}
	return v.View, true
}

// Service returns the features of a service.
func (m *Memory) Service(name string) ([]Ref, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	s, ok := m.services[name]
	return s, ok
}

// Source returns the views of a push source.
func (m *Memory) Source(name string) ([]string, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	s, ok := m.sources[name]
	return s, ok
}

// Queries returns the queries that were compiled.
func (m *Memory) Queries() *Cache {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.queries
}

// Write keeps a copy of rows. Of rows with one key the one with the greatest (event
// time, creation time) stays; among equals, the last written.
func (m *Memory) Write(_ context.Context, rows *Rows) error {
	rows = rows.clone()
	m.mu.Lock()
	defer m.mu.Unlock()
	view := m.views[rows.View.Name]
	for r := range rows.Rows {
		key := string(keyBytes(nil, rows.Keys, nil, r))
		old, have := view.latest[key]
		if !have || !older(rows, r, old) {
			view.latest[key] = place{rows, r}
		}
	}
	return nil
}

// older reports whether row r of rows is older than the row at p.
func older(rows *Rows, r int, p place) bool {
	a, b := rows.Event[r], p.rows.Event[p.row]
	if a != b {
		return a < b
	}
	return rows.Created[r] < p.rows.Created[p.row]
}

// Lookup copies the rows of keys, field by field.
func (m *Memory) Lookup(_ context.Context, q *Query, keys *Keys, into *Block) error {
	into.Reset(q, keys.Rows)
	m.mu.RLock()
	defer m.mu.RUnlock()
	var key []byte
	for p := range q.Parts {
		part := &q.Parts[p]
		view := m.views[part.View.Name]
		for r := range keys.Rows {
			key = keyBytes(key[:0], keys.Columns, part.Keys, r)
			at, found := view.latest[string(key)]
			if found {
				into.Parts[p].Status[r], into.Parts[p].Event[r] = fieldstatus.Present, at.rows.Event[at.row]
			}
			for i, field := range part.Into {
				dst := &into.Values[field]
				if !found || at.rows.Fields[part.From[i]].Vector.Null(at.row) {
					dst.absent()
					if found {
						dst.SetNull(r)
					}
					continue
				}
				dst.take(r, &at.rows.Fields[part.From[i]].Vector, at.row)
			}
		}
	}
	return nil
}

// take makes value i of v row r of c. Text and lists are appended: r is the next row.
func (c *Cells) take(r int, v *column.Vector, i int) {
	switch {
	case v.Type.IsList():
		lo, hi := v.List(i)
		for k := lo; k < hi; k++ {
			c.inner.add(&v.Elements.Values, k)
		}
		c.endRow()
	case v.Type == column.Bool:
		c.Bools[r] = v.Bools[i]
	case v.Type == column.Int32 || v.Type == column.Date:
		c.Int32s[r] = v.Int32s[i]
	case v.Type.Kind() == column.Ints:
		c.Int64s[r] = v.Int64s[i]
	case v.Type == column.Float32:
		c.Float32s[r] = v.Float32s[i]
	case v.Type == column.Float64:
		c.Float64s[r] = v.Float64s[i]
	default:
		c.Text.Append(v.Text.At(i))
	}
}

// add appends value i of v, which has the type of c.
func (c *Cells) add(v *column.Vector, i int) {
	switch {
	case v.Null(i):
		c.AddNull()
	case v.Type == column.Bool:
		c.AddBool(v.Bools[i])
	case v.Type == column.Date:
		c.Int32s = append(c.Int32s, v.Int32s[i])
		c.present()
	case v.Type == column.Int32:
		c.AddInt(int64(v.Int32s[i]))
	case v.Type == column.Int64:
		c.AddInt(v.Int64s[i])
	case v.Type.Kind() == column.Ints:
		c.AddMicros(v.Int64s[i])
	case v.Type == column.Float32:
		c.AddFloat(float64(v.Float32s[i]))
	case v.Type == column.Float64:
		c.AddFloat(v.Float64s[i])
	default:
		c.AddBytes(v.Text.At(i))
	}
}

// keyBytes appends a key tuple: columns at which of row r; which == nil is all.
func keyBytes(dst []byte, columns []Cells, which []int, r int) []byte {
	if which == nil {
		for i := range columns {
			dst = appendKey(dst, &columns[i].Vector, r)
		}
		return dst
	}
	for _, i := range which {
		dst = appendKey(dst, &columns[i].Vector, r)
	}
	return dst
}

func appendKey(dst []byte, v *column.Vector, r int) []byte {
	switch v.Type.Kind() {
	case column.Ints:
		return binary.LittleEndian.AppendUint64(dst, uint64(v.Int(r)))
	case column.Bools:
		if v.Bools[r] {
			return append(dst, 1)
		}
		return append(dst, 0)
	case column.Strings:
		text := v.Text.At(r)
		return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
	}
	panic("quern: bug: key of type " + v.Type.String())
}

// clone copies r deeply.
func (r *Rows) clone() *Rows {
	c := &Rows{}
	c.Reset(r.View)
	c.Rows = r.Rows
	c.Event, c.Created = slices.Clone(r.Event), slices.Clone(r.Created)
	for i := range r.Keys {
		c.Keys[i].copy(&r.Keys[i])
	}
	for i := range r.Fields {
		c.Fields[i].copy(&r.Fields[i])
	}
	return c
}

// copy appends all of from to c, which is empty and of the same type.
func (c *Cells) copy(from *Cells) {
	for i := range from.Len {
		if !from.Type.IsList() || from.Vector.Null(i) {
			c.add(&from.Vector, i)
			continue
		}
		lo, hi := from.List(i)
		for k := lo; k < hi; k++ {
			c.inner.add(&from.Elements.Values, k)
		}
		c.End()
	}
}
