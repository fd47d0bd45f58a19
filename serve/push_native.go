package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"quern/features/column"
	"quern/features/diag"
	"quern/serve/access"
	"quern/serve/feast"
	"quern/serve/jsontext"
	"quern/serve/live"
	"quern/serve/lookup"
	"quern/serve/transform"
)

// pushPath is the tree of quern's own pushes.
const pushPath = "/v1/push/"

// pushRoutes are quern's own pushes.
func (s *Server) pushRoutes() []*route {
	return []*route{{path: pushPath, verb: http.MethodPost, label: "v1_push", needs: access.Write, answer: s.servePush}}
}

// pushRequest is the body of POST /v1/push/VIEW.
type pushRequest struct {
	Rows json.RawMessage `json:"rows"`
	Raw  bool            `json:"raw"`
}

// servePush answers POST /v1/push/VIEW: rows with a value, or null, for the key, every
// feature, and the event time; "created" may be there. A feature that is called like a key
// or a time is VIEW__FEATURE.
//
//	{"rows": [{"driver_id": 1001, "rate": 0.5, "event_timestamp": "2026-11-22T10:00:00Z"}]}
//
// With "raw": true they are rows of the model's source, whose features the model computes
// (package transform); rows that source.where leaves out are not pushed. The reply says how
// many were, once they are durable and every later request sees them:
//
//	{"view": "drivers", "version": "v1", "rows": 1}
func (s *Server) servePush(w *work, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, pushPath)
	out, err := s.push(r.Context(), name, w.body.bytes)
	if err != nil {
		s.fail(w, err)
		return
	}
	replyJSON(w, http.StatusOK, out)
}

// push reads rows and writes them.
func (s *Server) push(ctx context.Context, name string, body []byte) ([]byte, error) {
	writer := s.writer()
	if writer == nil {
		return nil, diag.New("Q613", "this server takes no pushes")
	}
	if s.c.Tokens != nil { // whoever may not push does not learn whether there is such a view
		if err := access.MayWrite(ctx, &lookup.View{Name: name}); err != nil {
			return nil, err
		}
	}
	g := s.pin()
	defer g.Release()
	l := g.Version(name, "")
	if l == nil {
		return nil, diag.New("Q616", "view %q does not exist", lookup.Clip(name)).In(lookup.Named(name))
	}
	var in pushRequest
	if err := strictJSON(body, &in); err != nil {
		return nil, err
	}
	var rows lookup.Rows
	var err error
	left := 0
	if in.Raw {
		left, err = s.readRaw(ctx, l, in.Rows, &rows)
	} else {
		err = readPushed(l.View(), in.Rows, s.c.Limits.Rows, &rows)
	}
	if err == nil && rows.Rows > 0 {
		err = writer.Write(ctx, &rows)
	}
	if err != nil {
		return nil, err
	}
	return pushReply(name, l.View().Version, rows.Rows, left), nil
}

// pushReply says how many rows were pushed, and how many source.where left out.
func pushReply(view, version string, rows, left int) []byte {
	out := jsontext.AppendText([]byte(`{"view":`), view)
	out = append(jsontext.AppendText(append(out, `,"version":`...), version), `,"rows":`...)
	out = strconv.AppendInt(out, int64(rows), 10)
	if left > 0 {
		out = strconv.AppendInt(append(out, `,"left_out":`...), int64(left), 10)
	}
	return append(out, '}')
}

// strictJSON reads all of a body; anything that was not asked for is Q614.
func strictJSON(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return diag.New("Q614", "the body is no request: %s", lookup.Clip(err.Error()))
	}
	if d.More() {
		return diag.New("Q614", "something follows the request")
	}
	return nil
}

// readRaw has the model of a view compute the features of rows of its source. It returns how
// many source.where left out.
func (s *Server) readRaw(ctx context.Context, l *live.Layers, text json.RawMessage, rows *lookup.Rows) (left int, err error) {
	v, model := l.View(), l.Transform()
	if model == nil || !model.Fits(v) {
		return 0, diag.New("Q617", "view %q is served without its model", v.Name).In(lookup.Named(v.Name))
	}
	c := model.Begin(transform.Push)
	defer c.Close()
	c.MaxRows = max(1, min(s.c.Limits.Rows, s.c.Limits.Cells/model.Cells()))
	if err = c.Parse(text); err == nil {
		err = c.Run(ctx)
	}
	if err != nil {
		return 0, err
	}
	return c.Put(v, rows)
}

// readPushed reads rows of feature values.
func readPushed(v *lookup.View, text json.RawMessage, limit int, rows *lookup.Rows) error {
	var all []map[string]json.RawMessage
	if err := json.Unmarshal(text, &all); text == nil || err != nil {
		return diag.New("Q614", "the rows are no array of objects")
	}
	switch {
	case len(all) == 0:
		return diag.New("Q615", "the request has no rows")
	case len(all) > limit:
		return diag.New("Q609", "the request has more than %d rows", limit)
	}
	rows.Reset(v)
	rows.Rows = len(all)
	for i, values := range all {
		p := pushedRow{row: i, values: values}
		for k := range v.Keys {
			p.cell(v.Keys[k].Name, &rows.Keys[k], false)
		}
		for f := range v.Fields {
			p.cell(feast.PushedName(v, f), &rows.Fields[f], true)
		}
		rows.Event = append(rows.Event, p.time(v.EventColumn(), true))
		rows.Created = append(rows.Created, p.time(v.CreatedColumn(), false))
		if p.err == nil && p.used < len(values) {
			p.err = diag.New("Q614", "row %d has columns that are none of view %s", i, v.Name)
		}
		if p.err != nil {
			return p.err
		}
	}
	return nil
}

// pushedRow is a row that is being read. It stops at the first error.
type pushedRow struct {
	row    int
	values map[string]json.RawMessage
	used   int
	err    error
}

// value returns a column's value; nil if there is none.
func (p *pushedRow) value(name string, needed bool) json.RawMessage {
	raw, ok := p.values[name]
	if p.err != nil {
		return nil
	}
	if ok {
		p.used++
	} else if needed {
		p.err = diag.New("Q611", "row %d has no column %q: pushed rows have every column, with null for no value", p.row, name).
			In(diag.Data{RowGroup: -1, Row: int64(p.row), Column: name})
	}
	return raw
}

func (p *pushedRow) bad(name string, raw json.RawMessage, t string, problem lookup.Problem) {
	p.err = diag.New("Q612", "column %q, row %d: %s %s (the column is %s)", name, p.row, lookup.Clip(raw), string(problem), t).
		In(diag.Data{RowGroup: -1, Row: int64(p.row), Column: name})
}

// cell appends the value of a key or feature.
func (p *pushedRow) cell(name string, into *lookup.Cells, nulls bool) {
	raw := p.value(name, true)
	if p.err != nil {
		return
	}
	problem := lookup.Problem("")
	switch {
	case nulls && raw[0] == 'n':
		into.AddNull()
	case into.Type.IsList():
		problem = addList(into, raw)
	default:
		problem = addJSON(into, raw)
	}
	if problem != "" {
		p.bad(name, raw, into.Type.String(), problem)
	}
}

// addList appends an array of single values or nulls.
func addList(into *lookup.Cells, raw json.RawMessage) lookup.Problem {
	var elements []json.RawMessage
	if json.Unmarshal(raw, &elements) != nil {
		return "is no list"
	}
	for _, one := range elements {
		if one[0] == 'n' {
			into.Element().AddNull()
		} else if p := addJSON(into.Element(), one); p != "" {
			return p
		}
	}
	return into.End()
}

// time reads an instant.
func (p *pushedRow) time(name string, needed bool) int64 {
	raw := p.value(name, needed)
	if p.err != nil || raw == nil || !needed && raw[0] == 'n' {
		return lookup.NoTime
	}
	var text string
	if json.Unmarshal(raw, &text) != nil || raw[0] != '"' {
		p.bad(name, raw, column.Timestamp.String(), "is no time in text, like 2026-11-22T10:00:00Z")
		return lookup.NoTime
	}
	at, problem := lookup.ParseTime([]byte(text))
	if problem != "" {
		p.bad(name, raw, column.Timestamp.String(), problem)
	}
	return at
}
