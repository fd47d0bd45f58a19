package client

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Error is a call that the server refused.
type Error struct {
	Status     int           // of HTTP
	Code       string        // in quern's catalogue, like Q607; "": it has none
	Class      string        // Feast's exception, like FeatureViewNotFoundException; "": it has none
	Message    string        // the server's words
	RetryAfter time.Duration // when to try again; 0: the server does not say
}

// Error says why, with the code.
func (e *Error) Error() string {
	code := ""
	if e.Code != "" {
		code = e.Code + ": "
	}
	return fmt.Sprintf("the server refused: %s%s (HTTP %d)", code, e.Message, e.Status)
}

// refusal reads the reply to a call that was refused. Feast's form of it is a JSON string
// that holds JSON with module, class and message; FastAPI's, which quern has for what never
// gets as far as Feast's, is an object with detail.
func refusal(a *http.Response, body []byte) *Error {
	e := &Error{Status: a.StatusCode, Code: a.Header.Get("Quern-Code")}
	if s, err := strconv.ParseInt(strings.TrimSpace(a.Header.Get("Retry-After")), 10, 32); err == nil && s > 0 {
		e.RetryAfter = time.Duration(s) * time.Second
	}
	var inner string
	var feast struct{ Class, Message string }
	var fast struct{ Detail json.RawMessage }
	switch {
	case json.Unmarshal(body, &inner) == nil && json.Unmarshal([]byte(inner), &feast) == nil && feast.Message != "":
		e.Class, e.Message = feast.Class, feast.Message
	case json.Unmarshal(body, &fast) == nil && len(fast.Detail) > 0:
		if json.Unmarshal(fast.Detail, &e.Message) != nil {
			e.Message = string(fast.Detail)
		}
	default:
		e.Message = strings.TrimSpace(strings.ToValidUTF8(string(body[:min(len(body), 500)]), "\ufffd"))
	}
	if e.Message == "" {
		e.Message = strings.ToLower(http.StatusText(a.StatusCode))
	}
	return e
}
