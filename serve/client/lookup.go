package client

import (
	"context"
	"net/http"
	"net/url"

	"quern/features/column"
	"quern/features/diag"
	"quern/serve/tensor"
)

// Request says what is looked up, in one of three ways, and for which keys.
type Request struct {
	View     string   // all features of a view: VIEW or VIEW@VERSION
	Service  string   // the features of a service
	Features []string // VIEW:FEATURE or VIEW@VERSION:FEATURE
	Full     bool     // columns of the answer are called VIEW__FEATURE
	Keys     []Column // each key of what is asked for, once
}

// Lookup returns a row of features for each row of keys, in their order. A row that is not
// there, is too old or has a null is no error: Column.Status says which.
func (c *Client) Lookup(ctx context.Context, r *Request) (*Table, error) {
	body, err := message(tensor.Keys, r.Keys, &tensor.Schema{View: r.View, Service: r.Service, References: r.Features, Full: r.Full})
	if err != nil {
		return nil, err
	}
	t, err := c.table(ctx, "/v1/lookup", body, tensor.Answer)
	if err != nil {
		return nil, err
	}
	if t.Rows != r.Keys[0].Len() {
		return nil, diag.New("Q694", "the server answered %d rows of %d", t.Rows, r.Keys[0].Len())
	}
	t.Keys = r.Keys
	return t, nil
}

// Transform computes the features of raw rows by a model: the name of a view, of a version
// of it (VIEW@VERSION), or of a model that the server has without one. The columns are those
// that the model reads from its source, in its types or ones that fit them.
func (c *Client) Transform(ctx context.Context, model string, columns ...Column) (*Table, error) {
	body, err := message(tensor.Raw, columns, &tensor.Schema{})
	if err != nil {
		return nil, err
	}
	return c.table(ctx, "/v1/transform/"+url.PathEscape(model), body, tensor.Features)
}

// table makes a call whose reply is a table.
func (c *Client) table(ctx context.Context, path string, body []byte, kind tensor.Kind) (*Table, error) {
	r, err := c.call(ctx, &call{method: http.MethodPost, path: path, kind: tensor.ContentType, accept: tensor.ContentType, body: body})
	if err != nil {
		return nil, err
	}
	return readTable(r, kind)
}

// message writes columns.
func message(kind tensor.Kind, columns []Column, s *tensor.Schema) ([]byte, error) {
	rows, err := checked(columns)
	if err != nil {
		return nil, err
	}
	m := &tensor.Message{Kind: kind, Rows: rows}
	for i := range columns {
		m.Columns = append(m.Columns, tensor.Column{Values: columns[i].values})
		s.Columns = append(s.Columns, columns[i].Name)
	}
	m.Schema = s.Append(nil)
	return tensor.Append(nil, m), nil
}

// checked returns how many rows columns have. They must have the same number, which is not
// none, and different names: Q695.
func checked(columns []Column) (rows int, err error) {
	seen := map[string]bool{}
	for i := range columns {
		one := &columns[i]
		switch {
		case one.values.Type() == column.Invalid:
			return 0, diag.New("Q695", "column %d has no values: Of makes columns", i)
		case one.Len() != columns[0].Len():
			return 0, diag.New("Q695", "column %s has %d rows, and %s has %d", one.Name, one.Len(), columns[0].Name, columns[0].Len())
		case seen[one.Name]:
			return 0, diag.New("Q695", "there are two columns %s", one.Name)
		}
		seen[one.Name] = true
	}
	if len(columns) == 0 || columns[0].Len() == 0 {
		return 0, diag.New("Q695", "there are no rows")
	}
	return columns[0].Len(), nil
}
