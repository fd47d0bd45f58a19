package client

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"quern/features/column"
	"quern/features/diag"
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
		for i := range columns {
			body = append(body, ",{"[first(i)])
			body = appendJSON(append(appendText(body, columns[i].Name), ':'), &columns[i].values, r)
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

// first returns 1 for the first of a list.
func first(i int) int {
	if i == 0 {
		return 1
	}
	return 0
}

// readPushed reads the reply to a push.
func readPushed(r *reply) (*Pushed, error) {
	p := &Pushed{}
	if err := json.Unmarshal(r.body, p); err != nil || p.View == "" {
		return nil, diag.New("Q694", "the server's reply to a push cannot be read").Because(err)
	}
	return p, nil
}

// appendJSON writes row i of a column: numbers in the fewest digits that tell them from
// others of their type, NaN and the infinities as texts, times in RFC 3339.
func appendJSON(dst []byte, c *column.Column, i int) []byte {
	v, at := &c.Values, c.Slot(i)
	switch {
	case v.Null(at):
		return append(dst, "null"...)
	case v.Type.IsList():
		dst = append(dst, '[')
		lo, hi := v.List(at)
		for k := lo; k < hi; k++ {
			if k > lo {
				dst = append(dst, ',')
			}
			dst = appendJSON(dst, v.Elements, k)
		}
		return append(dst, ']')
	case v.Type == column.Bool:
		return strconv.AppendBool(dst, v.Bools[at])
	case v.Type == column.Float32:
		return appendFloat(dst, float64(v.Float32s[at]), 32)
	case v.Type == column.Float64:
		return appendFloat(dst, v.Float64s[at], 64)
	case v.Type == column.String:
		return appendText(dst, string(v.Text.At(at)))
	case v.Type == column.Date:
		return append(instant(v, at).AppendFormat(append(dst, '"'), time.DateOnly), '"')
	case v.Type == column.Datetime:
		return append(instant(v, at).AppendFormat(append(dst, '"'), "2006-01-02T15:04:05.999999"), '"')
	case v.Type == column.Timestamp:
		return append(instant(v, at).AppendFormat(append(dst, '"'), time.RFC3339Nano), '"')
	}
	return strconv.AppendInt(dst, v.Int(at), 10)
}

func appendFloat(dst []byte, x float64, bits int) []byte {
	switch {
	case math.IsNaN(x):
		return append(dst, `"NaN"`...)
	case math.IsInf(x, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(x, -1):
		return append(dst, `"-Infinity"`...)
	}
	return strconv.AppendFloat(dst, x, 'g', -1, bits)
}

// appendText writes a JSON string.
func appendText(dst []byte, s string) []byte {
	text, _ := json.Marshal(s) // a string always is JSON
	return append(dst, text...)
}
