package serve

import (
	"bytes"
	"slices"

	"quern/features/column"
	"quern/features/diag"
	"quern/serve/feast"
	"quern/serve/lookup"
	"quern/serve/tensor"
)

// tensorQuery reads a request in a tensor message of kind Keys, and returns its query from
// the catalog's cache, or new.
func (x *exchange) tensorQuery(c lookup.Catalog, body []byte, limits feast.Limits) (*lookup.Query, error) {
	if err := tensor.Read(body, tensor.Keys, tensor.Limits{Rows: limits.Rows, Columns: limits.Features}, &x.asked); err != nil {
		return nil, err
	}
	if _, err := x.names(x.asked.Schema, len(x.asked.Columns)); err != nil {
		return nil, err
	}
	x.out = append(append(x.out[:0], 't'), x.asked.Schema...) // the keys of other wire formats begin otherwise
	if q := c.Queries().Get(x.out); q != nil {
		return q, nil
	}
	in := &nativeRequest{Features: x.schema.References, View: x.schema.View, Service: x.schema.Service, Full: x.schema.Full}
	refs, err := in.refs(c, limits.Features)
	if err != nil {
		return nil, err
	}
	q, err := lookup.Compile(c, refs, in.Full)
	if err == nil {
		c.Queries().Put(x.out, q)
	}
	return q, err
}

// readSchema reads a schema into x.schema, unless it is the one before.
func (x *exchange) readSchema(text []byte) error {
	if x.schema != nil && bytes.Equal(text, x.schemaText) {
		return nil
	}
	s, err := tensor.ParseSchema(text)
	if err != nil {
		return err
	}
	x.schema, x.schemaText = s, append(x.schemaText[:0], text...)
	return nil
}

// takeKeys makes x.keys of the columns of the message. Every key has a column, and every
// column is a key.
func (x *exchange) takeKeys(q *lookup.Query, limit int) error {
	m, keys := &x.asked, &x.keys
	keys.Reset(q)
	if m.Rows > limit {
		return diag.New("Q609", "the request has more than %d rows for its features", limit)
	}
	if m.Rows == 0 {
		return diag.New("Q615", "the request has no rows: give every key at least one value")
	}
	used := 0
	for k, key := range q.Keys {
		at := -1
		for i, name := range x.schema.Columns {
			if name == key.Name {
				at = i
				break
			}
		}
		if at < 0 {
			return diag.New("Q606", "there is no column of key %q", key.Name).In(lookup.Named(key.Name))
		}
		if k == 0 || !hasKey(q, k) {
			used++
		}
		if err := takeKey(&m.Columns[at].Values, key, &keys.Columns[k]); err != nil {
			return err
		}
	}
	if used < len(m.Columns) {
		return diag.New("Q614", "the message has columns that are no keys of what is asked for")
	}
	keys.Rows = m.Rows
	return nil
}

// takeKey copies a column of keys. Integers of another size are taken where they fit.
func takeKey(from *column.Column, key column.Field, into *lookup.Cells) error {
	v := &from.Values
	wrong := func(r int, p lookup.Problem) error {
		return diag.New("Q607", "key %q, row %d, a value of type %s, %s (the key is %s)", key.Name, r, v.Type, string(p), key.Type).
			In(diag.Data{RowGroup: -1, Row: int64(r), Column: key.Name})
	}
	for r := range from.Len {
		if v.Null(r) {
			return wrong(r, "is null")
		}
	}
	if v.Type == key.Type {
		into.AppendColumn(from, nil)
		return nil
	}
	if !v.Type.Integer() || !key.Type.Integer() {
		return wrong(0, "has another type")
	}
	for r := range from.Len {
		if p := into.AddInt(v.Int(r)); p != "" {
			return wrong(r, p)
		}
	}
	return nil
}

// mask returns for every field which rows have a value to show; empty: all that are not null.
func (x *exchange) mask(b *lookup.Block) []column.Bitmap {
	q, words := b.Query, (b.Rows+63)/64
	parts := len(q.Parts)
	for len(x.shown) < parts+len(q.Fields) {
		x.shown = append(x.shown, nil)
	}
	all, of := x.shown[:parts], x.shown[parts:parts+len(q.Fields)]
	for p := range all {
		if b.Fresh(p) {
			all[p] = all[p][:0]
			continue
		}
		all[p] = grown(all[p], words)
		clear(all[p])
		for r := range b.Rows {
			if b.Shows(p, r) {
				all[p].Set(r)
			}
		}
	}
	for f := range of {
		of[f] = append(of[f][:0], all[q.Fields[f].Part]...)
		for k, word := range b.Values[f].Valid {
			if k < len(of[f]) {
				of[f][k] &= word
			}
		}
	}
	return of
}

func grown(b column.Bitmap, words int) column.Bitmap {
	if cap(b) < words {
		return make(column.Bitmap, words)
	}
	return b[:words]
}

// tensorAnswer makes x.answer the message of a block, whose memory it shares.
func (x *exchange) tensorAnswer(b *lookup.Block) {
	m, shown := &x.answer, x.mask(b)
	m.Kind, m.Rows = tensor.Answer, b.Rows
	m.Columns, m.Views, x.statuses = slices.Grow(m.Columns[:0], len(b.Values))[:len(b.Values)], m.Views[:0], x.statuses[:0]
	for f := range b.Values {
		c := &m.Columns[f] // in place: they are large
		c.Values.Len, c.Values.Index, c.Values.Values, c.Shown = b.Rows, nil, b.Values[f].Vector, nil
		if len(shown[f]) > 0 {
			c.Shown = shown[f]
		}
	}
	for p := range b.Parts {
		from := len(x.statuses)
		for _, s := range b.Parts[p].Status {
			x.statuses = append(x.statuses, byte(s))
		}
		m.Views = append(m.Views, tensor.View{Status: x.statuses[from:], Event: b.Parts[p].Event})
	}
	if x.query != b.Query {
		x.query, x.querySchema = b.Query, answerSchema(b.Query).Append(nil)
	}
	m.Schema = x.querySchema
}

// answerSchema names the columns of an answer, and what they are of.
func answerSchema(q *lookup.Query) *tensor.Schema {
	s := &tensor.Schema{}
	for i := range q.Parts {
		s.Views = append(s.Views, tensor.SchemaView{View: q.Parts[i].Name, Version: q.Parts[i].View.Version})
	}
	for i := range q.Fields {
		s.Columns, s.Of = append(s.Columns, q.Fields[i].Name), append(s.Of, q.Fields[i].Part)
	}
	return s
}
