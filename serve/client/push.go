package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"

	"quern/features/diag"
	"quern/serve/jsontext"
)

// Pushed says what came of a push.
type Pushed struct {
	View, Version string // the version that is served
	Rows          int    // that were written
	LeftOut       int    `json:"left_out"` // raw rows that the recipe's source.where leaves out
}

// Push writes rows of a view: its keys, all of its features and the event time (the view's own
// column of it, or else event_timestamp; and created, where two rows of one time differ).
// When it returns they are durable, and are seen by every look-up that starts after that; of
// two rows of a key the one of the later event time stays.
func (c *Client) Push(ctx context.Context, view string, columns ...Column) (*Pushed, error) {
	return c.push(ctx, view, columns, false)
}

// PushRaw is Push of rows as the source of the view's model has them: the server computes
// the features.
func (c *Client) PushRaw(ctx context.Context, view string, columns ...Column) (*Pushed, error) {
	return c.push(ctx, view, columns, true)
}

func (c *Client) push(ctx context.Context, view string, columns []Column, raw bool) (*Pushed, error) {
	rows, err := checked(columns)
	if err != nil {
		return nil, err
	}
	body := strconv.AppendBool([]byte(`{"raw":`), raw)
	body = append(body, `,"rows":[`...)
	for r := range rows {
		separator := byte('{')
		for i := range columns {
			body = append(body, separator)
			separator = ','
			values := &columns[i].values
			body = append(jsontext.AppendText(body, columns[i].Name), ':')
			body = jsontext.AppendValue(body, &values.Values, values.Slot(r), false)
		}
		body = append(body, "},"...)
	}
	body = append(body[:len(body)-1], "]}"...)
	const kind = "application/json"
	r, err := c.call(ctx, &call{method: http.MethodPost, path: "/v1/push/" + url.PathEscape(view), kind: kind, accept: kind, body: body})
	if err != nil {
		return nil, err
	}
	return readPushed(r)
}

// readPushed reads the reply to a push.
func readPushed(r *reply) (*Pushed, error) {
	p := &Pushed{}
	if err := json.Unmarshal(r.body, p); err != nil || p.View == "" {
		return nil, diag.New("Q694", "the server's reply to a push cannot be read").Because(err)
	}
	return p, nil
}
