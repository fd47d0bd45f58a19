package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"

	"quern/features/diag"
	"quern/serve/lookup"
)

// maxKept is the largest buffer that is kept for the next request.
const maxKept = 4 << 20

// exchange is the memory of one call of quern's own, which the next one uses again.
type exchange struct {
	keys  lookup.Keys
	block lookup.Block
	out   []byte
}

// nativeRequest is the body of POST /v1/lookup: what to look up, in one of three ways, and
// the keys of each row.
type nativeRequest struct {
	Features []string                     `json:"features"` // VIEW:FEATURE or VIEW@VERSION:FEATURE
	View     string                       `json:"view"`     // all features of a view
	Service  string                       `json:"service"`  // the features of a service
	Full     bool                         `json:"full_feature_names"`
	Rows     []map[string]json.RawMessage `json:"rows"`
}

// serveNative answers POST /v1/lookup:
//
//	{"features": ["drivers:rate"], "rows": [{"driver_id": 1001}, {"driver_id": 5}]}
//
// with a row of values for each row of keys, in its order. What is not PRESENT has its
// status beside it:
//
//	{"versions": {"drivers": "v1"}, "rows": [
//	  {"features": {"rate": 0.5}},
//	  {"features": {"rate": null}, "status": {"rate": "NOT_FOUND"}}]}
func (s *Server) serveNative(w *work, r *http.Request) {
	x := s.natives.Get().(*exchange)
	defer func() {
		if cap(x.out) <= maxKept {
			s.natives.Put(x)
		}
	}()
	if err := s.lookupNative(r.Context(), x, w.body.bytes); err != nil {
		s.fail(w, err)
		return
	}
	w.Header()["Quern-Versions"] = []string{versionsOf(x.block.Query)}
	replyJSON(w, http.StatusOK, x.out)
}

func (s *Server) lookupNative(ctx context.Context, x *exchange, text []byte) error {
	var in nativeRequest
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		return diag.New("Q614", "the body is no request: %s", clip(err.Error()))
	}
	if d.More() {
		return diag.New("Q614", "something follows the request")
	}
	c := s.c.Generations.Pin()
	defer c.Release()
	q, err := x.query(c, &in, s.c.Limits.Features)
	if err != nil {
		return err
	}
	if s.c.Tokens != nil {
		if err := mayRead(ctx, q); err != nil {
			return err
		}
	}
	if limit := min(s.c.Limits.Rows, s.c.Limits.Cells/len(q.Fields)); len(in.Rows) > limit {
		return diag.New("Q609", "the request has more than %d rows for its features", limit)
	}
	if err := fillKeys(q, in.Rows, &x.keys); err != nil {
		return err
	}
	if err := c.Lookup(ctx, q, &x.keys, &x.block); err != nil {
		return err
	}
	x.block.Expire(s.c.Now().UnixMicro(), s.c.Rules)
	s.metrics.served(&x.block)
	x.out = appendAnswer(x.out[:0], &x.block)
	return nil
}

// query returns the compiled query of a request, from the catalog's cache where it asks for
// a whole view or service, or new.
func (x *exchange) query(c lookup.Catalog, in *nativeRequest, limit int) (*lookup.Query, error) {
	x.out = append(x.out[:0], 'n', 's', 0) // 'n': the keys of other wire formats begin otherwise
	if in.Full {
		x.out[2] = 1
	}
	if in.View != "" {
		x.out[1] = 'v'
	}
	x.out = append(append(x.out, in.View...), in.Service...)
	whole := len(in.Features) == 0 && (in.View == "") != (in.Service == "")
	if whole {
		if q := c.Queries().Get(x.out); q != nil {
			return q, nil
		}
	}
	refs, err := in.refs(c, limit)
	if err != nil {
		return nil, err
	}
	q, err := lookup.Compile(c, refs, in.Full)
	if err == nil && whole {
		c.Queries().Put(x.out, q)
	}
	return q, err
}

// refs returns what is asked for.
func (in *nativeRequest) refs(c lookup.Catalog, limit int) ([]lookup.Ref, error) {
	ways := 0
	for _, there := range []bool{len(in.Features) > 0, in.View != "", in.Service != ""} {
		if there {
			ways++
		}
	}
	switch {
	case ways != 1:
		return nil, diag.New("Q615", "the request asks for no features: give one of features, view and service")
	case len(in.Features) > limit:
		return nil, diag.New("Q609", "the request has more than %d features", limit)
	case in.Service != "":
		refs, ok := c.Service(in.Service)
		if !ok {
			return nil, diag.New("Q603", "feature service %q does not exist", clip(in.Service)).In(named(in.Service))
		}
		return refs, nil
	case in.View != "":
		return AllOf(c, in.View)
	}
	refs := make([]lookup.Ref, len(in.Features))
	for i, text := range in.Features {
		var err error
		if refs[i], err = lookup.ParseRef(text); err != nil {
			return nil, err
		}
	}
	return refs, nil
}

// AllOf returns every feature of a view, VIEW or VIEW@VERSION, or fails with Q601.
func AllOf(c lookup.Catalog, name string) ([]lookup.Ref, error) {
	ref, err := lookup.ParseRef(name + ":x")
	if err != nil {
		return nil, err
	}
	v, ok := c.View(ref.View, ref.Version)
	if !ok {
		return nil, diag.New("Q601", "feature view %q does not exist", clip(name)).In(named(name))
	}
	refs := make([]lookup.Ref, len(v.Fields))
	for i := range refs {
		refs[i] = lookup.Ref{View: ref.View, Version: ref.Version, Feature: v.Fields[i].Name}
	}
	return refs, nil
}

// fillKeys reads the keys of rows. Every row has each key; others are refused, as they
// would be misspelt ones.
func fillKeys(q *lookup.Query, rows []map[string]json.RawMessage, keys *lookup.Keys) error {
	keys.Reset(q)
	if len(rows) == 0 {
		return diag.New("Q615", "the request has no rows: give every key at least one value")
	}
	for i, values := range rows {
		used := 0
		for k, key := range q.Keys {
			raw, ok := values[key.Name]
			if !ok {
				return diag.New("Q606", "row %d has no value of key %q", i, key.Name).In(named(key.Name))
			}
			if k == 0 || !hasKey(q, k) {
				used++
			}
			if p := addJSON(&keys.Columns[k], raw); p != "" {
				return diag.New("Q607", "key %q, row %d: %s %s (the key is %s)", key.Name, i, clip(string(raw)), string(p), key.Type).
					In(diag.Data{RowGroup: -1, Row: int64(i), Column: key.Name})
			}
		}
		if used < len(values) {
			return diag.New("Q614", "row %d has columns that are no keys of what is asked for", i)
		}
	}
	keys.Rows = len(rows)
	return nil
}

// hasKey reports whether a key before k has its name: two views may have it in two types.
func hasKey(q *lookup.Query, k int) bool {
	for i := range k {
		if q.Keys[i].Name == q.Keys[k].Name {
			return true
		}
	}
	return false
}

// addJSON appends a JSON value to a column.
func addJSON(c *lookup.Cells, raw json.RawMessage) lookup.Problem {
	switch raw[0] {
	case '"':
		var text string
		if json.Unmarshal(raw, &text) != nil {
			return "is no text"
		}
		return c.AddString([]byte(text))
	case 't', 'f':
		return c.AddBool(raw[0] == 't')
	case 'n':
		return "is null"
	case '{', '[':
		return "is no single value"
	}
	return c.AddNumber(raw)
}

// named is the place of a thing that has only a name.
func named(name string) diag.Data { return diag.Data{RowGroup: -1, Row: -1, Column: clip(name)} }

// clip shortens what a client sent before it goes into a message.
func clip(s string) string {
	const most = 120
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}
