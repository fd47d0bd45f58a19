package serve

import (
	"context"
	"encoding/json"
	"net/http"

	"quern/features/column"
	"quern/features/diag"
	"quern/serve/access"
	"quern/serve/arrow"
	"quern/serve/feast"
	"quern/serve/lookup"
	"quern/serve/scan"
	"quern/serve/tensor"
)

// maxKept is the largest buffer that is kept for the next request.
const maxKept = 4 << 20

// exchange is the memory of one call of quern's own, which the next one uses again.
type exchange struct {
	keys  lookup.Keys
	block lookup.Block
	out   []byte

	asked, answer tensor.Message  // of requests and replies in tensors
	columns       []column.Column // of raw rows
	shown         []column.Bitmap // by part of a query, and then by field
	statuses      []byte          // of all parts
	scan          scan.Scanner
	seen          []int // by key: the row that had it last, from 1

	// What was made of schemas, for requests like the one before.
	schemaText  []byte
	schema      *tensor.Schema
	model       liveModel
	modelSchema []byte
	query       *lookup.Query
	querySchema []byte
	arrowOf     *lookup.Query
	arrowFields []arrow.Field
	arrowSchema []byte
}

// putExchange keeps the memory of a call, unless it is a large one's.
func (s *Server) putExchange(x *exchange, body int) {
	if cap(x.out) <= maxKept && body <= maxKept/4 {
		x.asked.Schema, x.answer.Schema = nil, nil // the body's memory
		x.scan.Reset(nil)
		s.natives.Put(x)
	}
}

// nativeRequest is what a request wants to look up, in one of three ways, and in JSON the
// keys of each row.
type nativeRequest struct {
	Features []string `json:"features"` // VIEW:FEATURE or VIEW@VERSION:FEATURE
	View     string   `json:"view"`     // all features of a view
	Service  string   `json:"service"`  // the features of a service
	Full     bool     `json:"full_feature_names"`
	rows     []byte   // as it stands in the body
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
//
// Requests and replies may also be tensor messages (package tensor), and replies a stream
// of Arrow's IPC, by the headers Content-Type and Accept.
func (s *Server) serveNative(w *work, r *http.Request) {
	x := s.natives.Get().(*exchange)
	defer s.putExchange(x, len(w.body.bytes))
	f, err := accepted(r)
	if err == nil {
		err = s.lookupNative(r.Context(), x, w.body.bytes, isTensor(r))
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	x.appendAnswer(f)
	sayVersions(&x.block, w.Header())
	reply(w, f, x.out)
}

// lookupNative looks up what a body asks for, into x.block.
func (s *Server) lookupNative(ctx context.Context, x *exchange, body []byte, packed bool) error {
	c := s.pin()
	defer c.Release()
	q, in, err := x.question(c, body, packed, s.c.Limits)
	if err != nil {
		return err
	}
	if s.c.Tokens != nil {
		if err := access.MayRead(ctx, q); err != nil {
			return err
		}
	}
	limit := min(s.c.Limits.Rows, s.c.Limits.Cells/len(q.Fields))
	if packed {
		err = x.takeKeys(q, limit)
	} else {
		err = x.readKeys(q, in.rows, limit)
	}
	if err != nil {
		return err
	}
	if err := c.Lookup(ctx, q, &x.keys, &x.block); err != nil {
		return err
	}
	x.block.Expire(s.c.Now().UnixMicro(), s.c.Rules)
	s.served(ctx, &x.keys, &x.block)
	return nil
}

// question reads a body as JSON or as a tensor message, which stays in x.asked.
func (x *exchange) question(c lookup.Catalog, body []byte, packed bool, limits feast.Limits) (*lookup.Query, *nativeRequest, error) {
	if packed {
		q, err := x.tensorQuery(c, body, limits)
		return q, nil, err
	}
	in, err := x.readRequest(body)
	if err != nil {
		return nil, nil, err
	}
	q, err := x.compiled(c, in, limits.Features)
	return q, in, err
}

// compiled returns the compiled query of a request, from the catalog's cache where it asks
// for a whole view or service, or new.
func (x *exchange) compiled(c lookup.Catalog, in *nativeRequest, limit int) (*lookup.Query, error) {
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
			return nil, diag.New("Q603", "feature service %q does not exist", lookup.Clip(in.Service)).In(lookup.Named(in.Service))
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
		return nil, diag.New("Q601", "feature view %q does not exist", lookup.Clip(name)).In(lookup.Named(name))
	}
	refs := make([]lookup.Ref, len(v.Fields))
	for i := range refs {
		refs[i] = lookup.Ref{View: ref.View, Version: ref.Version, Feature: v.Fields[i].Name}
	}
	return refs, nil
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
