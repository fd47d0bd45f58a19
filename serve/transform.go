package serve

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"

	"quern/features/column"
	"quern/features/diag"
	"quern/serve/access"
	"quern/serve/jsontext"
	"quern/serve/live"
	"quern/serve/lookup"
	"quern/serve/tensor"
	"quern/serve/transform"
)

// transformPath is the tree of calls that compute features.
const transformPath = "/v1/transform/"

// transformRoutes are the calls that compute features of raw rows, and what lists their models.
func (s *Server) transformRoutes() []*route {
	return []*route{
		{path: transformPath, verb: http.MethodPost, label: "v1_transform", needs: access.Transform, answer: s.serveTransform},
		{path: "/v1/models", verb: http.MethodGet, label: "v1_models", needs: access.Transform, answer: s.serveModels},
	}
}

// liveModel is a model that answers, and the version of its view; "": it has none.
type liveModel struct {
	*transform.Transformer
	name, version string
}

// transformer returns the model that name, VIEW or VIEW@VERSION, stands for: the one of a
// served view or, if there is no such view, of Config.Models. It fails with Q617.
func (s *Server) transformer(g *live.Generation, name string) (liveModel, error) {
	view, version, _ := strings.Cut(name, "@")
	if l := g.Version(view, version); l != nil {
		if t := l.Transform(); t != nil {
			return liveModel{t, l.View().Name, l.View().Version}, nil
		}
		return liveModel{}, diag.New("Q617", "view %q is served without its model", lookup.Clip(name)).In(lookup.Named(name))
	}
	if t := s.c.Models[name]; t != nil {
		return liveModel{t, name, ""}, nil
	}
	e := diag.New("Q617", "there is no model %q", lookup.Clip(name)).In(lookup.Named(name))
	var names []string
	for _, l := range g.Views() {
		names = append(names, l.View().Name)
	}
	names = append(names, slices.Sorted(maps.Keys(s.c.Models))...)
	if near := diag.Nearest(lookup.Clip(view), names); near != "" && s.c.Tokens == nil {
		e = e.WithHint("did you mean %q?", near)
	}
	return liveModel{}, e
}

// serveTransform answers POST /v1/transform/MODEL, where MODEL is a view, VIEW@VERSION or a
// model of its own:
//
//	{"rows": [{"origin": "SFO", "distance": 337}]}     or {"columns": {"origin": ["SFO"], ...}}
//
// with a row of features for each row, in its order and the order of names:
//
//	{"model": {"name": "flights", "version": "v1", "digest": "3f..."}, "names": ["distance", ...],
//	 "rows": [[-0.81, ...]]}                           or "columns": {"distance": [-0.81], ...}
//
// Rows may also come as a tensor message of kind Raw. See package transform for what rows
// mean.
func (s *Server) serveTransform(w *work, r *http.Request) {
	x := s.natives.Get().(*exchange)
	defer s.putExchange(x, len(w.body.bytes))
	f, err := accepted(r)
	if err == nil {
		err = s.transform(r.Context(), x, w, f, strings.TrimPrefix(r.URL.Path, transformPath), isTensor(r))
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	reply(w, f, x.out)
}

// transform computes a reply into x.out.
func (s *Server) transform(ctx context.Context, x *exchange, w *work, f form, name string, packed bool) error {
	g := s.pin()
	defer g.Release()
	if s.c.Tokens != nil { // whoever may not use a model does not learn whether there is one
		model, _, _ := strings.Cut(name, "@")
		if err := access.MayTransform(ctx, model); err != nil {
			return err
		}
	}
	m, err := s.transformer(g.Generation, name)
	if err != nil {
		return err
	}
	c := m.Begin(transform.Serve)
	defer c.Close()
	c.MaxRows = max(1, min(s.c.Limits.Rows, s.c.Limits.Cells/m.Cells()))
	if packed {
		err = x.parseTensor(c, w.body.bytes, tensor.Limits{Rows: c.MaxRows, Columns: s.c.Limits.Features, Cells: s.c.Limits.Cells})
	} else {
		err = c.Parse(w.body.bytes)
	}
	if err == nil {
		err = access.Charge(ctx, c.Rows)
	}
	if err == nil {
		err = c.Run(ctx)
	}
	if err != nil {
		return err
	}
	h, id := w.Header(), []string{m.id()}
	h["Quern-Model"], h["Quern-Model-Digest"] = id, []string{m.Digest()}
	if m.version != "" {
		h["Quern-Versions"] = id
	}
	x.appendFeatures(&m, c, f)
	return nil
}

// id is NAME@VERSION, or the name of a model without a view.
func (m *liveModel) id() string {
	if m.version == "" {
		return m.name
	}
	return m.name + "@" + m.version
}

// parseTensor reads raw rows from a tensor message.
func (x *exchange) parseTensor(c *transform.Call, body []byte, limits tensor.Limits) error {
	if err := tensor.Read(body, tensor.Raw, limits, &x.asked); err != nil {
		return err
	}
	names, err := x.names(x.asked.Schema, len(x.asked.Columns))
	if err != nil {
		return err
	}
	columns := x.columns[:0]
	for i := range x.asked.Columns {
		columns = append(columns, x.asked.Columns[i].Values)
	}
	x.columns = columns
	return c.Take(names, columns)
}

// names returns the names of a message's columns. Clients mostly send one schema again.
func (x *exchange) names(schema []byte, columns int) ([]string, error) {
	if err := x.readSchema(schema); err != nil {
		return nil, err
	}
	if len(x.schema.Columns) != columns {
		return nil, diag.New("Q622", "the tensor message has %d columns and %d names", columns, len(x.schema.Columns))
	}
	return x.schema.Columns, nil
}

// appendFeatures writes the reply of a call into x.out.
func (x *exchange) appendFeatures(m *liveModel, c *transform.Call, f form) {
	switch f {
	case formJSON:
		x.out = appendTransformed(x.out[:0], m, c)
	case formArrow:
		x.out = appendArrowFeatures(x.out[:0], m, c)
	default:
		x.answer.Kind, x.answer.Rows, x.answer.Views = tensor.Features, c.Rows, nil
		x.answer.Columns = x.answer.Columns[:0]
		for i := range c.Features {
			x.answer.Columns = append(x.answer.Columns, tensor.Column{Values: c.Features[i]})
		}
		if x.model != *m {
			s := tensor.Schema{Columns: m.Features().Names(), Model: &tensor.SchemaModel{Name: m.name, Version: m.version, Digest: m.Digest()}}
			x.model, x.modelSchema = *m, s.Append(nil)
		}
		x.answer.Schema = x.modelSchema
		x.appendTensor(f)
	}
}

// appendTensor writes x.answer.
func (x *exchange) appendTensor(f form) {
	x.answer.Layout = tensor.Columns
	if f == formTensorRows {
		x.answer.Layout = tensor.Rows
	}
	x.out = tensor.Append(x.out[:0], &x.answer)
	for i := range x.answer.Columns { // they are others' memory
		x.answer.Columns[i] = tensor.Column{}
	}
}

// appendTransformed writes the JSON of a call: rows or columns, as the request had them.
func appendTransformed(dst []byte, m *liveModel, c *transform.Call) []byte {
	dst = appendModel(append(dst, `{"model":`...), m)
	dst = append(dst, `,"names":[`...)
	features := m.Features()
	for i, f := range features {
		dst = jsontext.AppendText(comma(dst, i), f.Name)
	}
	if c.Columnar {
		dst = append(dst, `],"columns":{`...)
		for i, f := range features {
			dst = append(jsontext.AppendText(comma(dst, i), f.Name), ":["...)
			for r := range c.Rows {
				dst = appendCell(comma(dst, r), &c.Features[i], r)
			}
			dst = append(dst, ']')
		}
		return append(dst, "}}"...)
	}
	dst = append(dst, `],"rows":[`...)
	for r := range c.Rows {
		dst = append(comma(dst, r), '[')
		for i := range c.Features {
			dst = appendCell(comma(dst, i), &c.Features[i], r)
		}
		dst = append(dst, ']')
	}
	return append(dst, "]}"...)
}

func appendCell(dst []byte, c *column.Column, r int) []byte {
	return jsontext.AppendValue(dst, &c.Values, c.Slot(r), false)
}

func appendModel(dst []byte, m *liveModel) []byte {
	dst = jsontext.AppendText(append(dst, `{"name":`...), m.name)
	if m.version != "" {
		dst = jsontext.AppendText(append(dst, `,"version":`...), m.version)
	}
	return append(jsontext.AppendText(append(dst, `,"digest":`...), m.Digest()), '}')
}

// serveModels answers GET /v1/models: the models that the caller may use, with the columns
// that rows must have and the features, and the types of both.
//
//	{"models": [{"name": "flights", "version": "v1", "digest": "3f...",
//	  "columns": [{"name": "distance", "type": "int64"}], "features": [{"name": ..., "type": ...}]}]}
func (s *Server) serveModels(w *work, r *http.Request) {
	g := s.pin()
	defer g.Release()
	x := s.natives.Get().(*exchange)
	defer s.putExchange(x, 0)
	dst, n := append(x.out[:0], `{"models":[`...), 0
	add := func(m liveModel) {
		if m.Transformer == nil || s.c.Tokens != nil && access.MayTransform(r.Context(), m.name) != nil {
			return
		}
		dst = appendModel(comma(dst, n), &m)
		dst = appendFields(append(dst[:len(dst)-1], `,"columns":`...), m.Columns(transform.Serve))
		dst = append(appendFields(append(dst, `,"features":`...), m.Features()), '}')
		n++
	}
	for _, l := range g.Views() {
		add(liveModel{l.Transform(), l.View().Name, l.View().Version})
	}
	for _, name := range slices.Sorted(maps.Keys(s.c.Models)) {
		if g.Version(name, "") == nil {
			add(liveModel{s.c.Models[name], name, ""})
		}
	}
	x.out = append(dst, "]}"...)
	reply(w, formJSON, x.out)
}

func appendFields(dst []byte, fields column.Schema) []byte {
	dst = append(dst, '[')
	for i, f := range fields {
		dst = jsontext.AppendText(append(comma(dst, i), `{"name":`...), f.Name)
		dst = append(jsontext.AppendText(append(dst, `,"type":`...), f.Type.String()), '}')
	}
	return append(dst, ']')
}
