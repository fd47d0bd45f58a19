package serve

import (
	"context"
	"net/http"
	"time"

	"quern/serve/access"
	"quern/serve/lookup"
	"quern/serve/tracing"
)

// workKey is the key of a context's *work.
type workKey struct{}

// seen is what is known of what a request looked up.
type seen struct {
	query *lookup.Query // nil: nothing
	rows  int
}

// served takes note of an answer to a look-up, before it is written: whoever answers one
// calls it. It keeps nothing of keys and b.
func (s *Server) served(ctx context.Context, keys *lookup.Keys, b *lookup.Block) {
	s.metrics.answered(b)
	if w, ok := ctx.Value(workKey{}).(*work); ok {
		w.seen = seen{b.Query, b.Rows}
	}
	if s.c.Audit == nil {
		return
	}
	caller := ""
	if g := access.Of(ctx); g != nil {
		caller = g.Name
	}
	s.c.Audit.Served(caller, keys, b)
}

// observe counts a request that is over, and traces it.
func (s *Server) observe(w *work, r *http.Request, to *route, start time.Time) {
	to.meter.add(w.seen.view(), w.code, time.Since(start))
	if s.c.Tracer != nil {
		one := tracing.Request{Start: start, Header: r.Header, Method: to.verb, Route: to.path, Endpoint: to.label,
			GRPC: to.grpc, Status: w.code, Rows: w.seen.rows}
		if one.Method == "" {
			one.Method = "_OTHER" // a client can send any word
		}
		if q := w.seen.query; q != nil {
			one.Features = len(q.Fields)
			for i := range q.Parts {
				one.Views = append(one.Views, q.Parts[i].View.Name+"@"+q.Parts[i].View.Version)
			}
		}
		s.c.Tracer.Trace(&one)
	}
	w.seen = seen{}
}

// view returns what the metrics call the views that were looked up: the one, "several",
// or "" for none.
func (s *seen) view() string {
	switch {
	case s.query == nil:
		return ""
	case len(s.query.Parts) == 1:
		return s.query.Parts[0].View.Name
	}
	return "several"
}

// statusOf returns the status of HTTP that is nearest to one of gRPC, for metrics and
// traces, which know only one kind.
func statusOf(code uint32) int {
	switch code {
	case grpcOK:
		return http.StatusOK
	case 4: // DEADLINE_EXCEEDED
		return http.StatusGatewayTimeout
	case 5, grpcUnimplemented: // NOT_FOUND
		return http.StatusNotFound
	case grpcDenied:
		return http.StatusForbidden
	case grpcExhausted:
		return http.StatusTooManyRequests
	case grpcInternal, 2, 15: // UNKNOWN, DATA_LOSS
		return http.StatusInternalServerError
	case 14: // UNAVAILABLE
		return http.StatusServiceUnavailable
	case grpcUnauthenticated:
		return http.StatusUnauthorized
	}
	return http.StatusBadRequest
}
