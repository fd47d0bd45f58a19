package serve

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"quern/features/diag"
)

// work is the way of one request through the server, and the ResponseWriter of its
// handler: with the first byte of the reply the work is over, whatever the client's speed,
// so the slot and the body are given back.
type work struct {
	http.ResponseWriter
	s    *Server
	body body
	slot bool
	grpc bool // replies are those of gRPC
	code int  // 0: nothing was replied yet
}

// WriteHeader is http.ResponseWriter's.
func (w *work) WriteHeader(code int) {
	w.free()
	w.code = code
	w.ResponseWriter.WriteHeader(code)
}

// Write is http.ResponseWriter's.
func (w *work) Write(b []byte) (int, error) {
	if w.code == 0 {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(b)
}

// free gives back what the request holds.
func (w *work) free() {
	if w.slot {
		w.slot = false
		w.s.metrics.running.Add(-1)
		w.s.gate.leave()
	}
	if w.body.held > 0 {
		w.s.bodies.give(w.body.held)
		w.body.held = 0
		const kept = 1 << 20
		if cap(w.body.bytes) > kept {
			w.body.bytes = nil
		}
	}
}

// serve takes a request through the gates to the answer of its route.
func (s *Server) serve(w *work, r *http.Request, to *route) {
	grant, ok := s.admit(w, r, to)
	if !ok || !s.fits(w, r, to) {
		return
	}
	if to.light {
		to.answer(w, r)
		return
	}
	if !s.readBody(w, r) {
		return
	}
	deadline := s.c.Deadline
	if to.grpc {
		deadline = min(deadline, grpcTimeout(r.Header.Get("Grpc-Timeout"), deadline))
	}
	if !s.gate.enter(r.Context()) {
		s.metrics.rejected[queueFull].Add(1)
		w.Header().Set("Retry-After", "1")
		refuse(w, http.StatusTooManyRequests, "the server has more to do than it can")
		return
	}
	w.slot = true
	s.metrics.running.Add(1)
	ctx, cancel := context.WithTimeout(r.Context(), deadline)
	defer cancel()
	if grant != nil {
		ctx = context.WithValue(ctx, grantKey{}, grant)
	}
	r = r.WithContext(ctx)
	r.Body, r.ContentLength = &w.body, int64(len(w.body.bytes))
	to.answer(w, r)
}

// fits refuses what is no call of the route: another path, verb or protocol.
func (s *Server) fits(w *work, r *http.Request, to *route) bool {
	switch {
	case to.answer == nil:
		w.grpc = isGRPC(r)
		refuse(w, http.StatusNotFound, "Not Found")
	case r.Method != to.verb && !(r.Method == http.MethodHead && to.verb == http.MethodGet):
		w.grpc = false
		w.Header().Set("Allow", to.verb)
		refuse(w, http.StatusMethodNotAllowed, "Method Not Allowed")
	case to.grpc && !isGRPC(r):
		w.grpc = false
		refuse(w, http.StatusUnsupportedMediaType, "this is a gRPC method: call it with application/grpc over HTTP/2")
	default:
		return true
	}
	return false
}

// admit checks the token. Without tokens everybody is let in, with a nil grant.
func (s *Server) admit(w *work, r *http.Request, to *route) (*Grant, bool) {
	if s.c.Tokens == nil || to.open {
		return nil, true
	}
	if g := s.c.Tokens.bearer(r.Header.Get("Authorization")); g != nil {
		return g, true
	}
	s.metrics.rejected[noToken].Add(1)
	w.Header().Set("WWW-Authenticate", "Bearer")
	refuse(w, http.StatusUnauthorized, "a valid token is needed")
	return nil, false
}

// readBody reads the body whole, before a slot is taken.
func (s *Server) readBody(w *work, r *http.Request) bool {
	limit := s.c.Limits.Body
	err := error(tooLarge)
	if r.ContentLength <= int64(limit) {
		err = w.body.read(r.Body, limit, &s.bodies)
	}
	switch {
	case err == nil:
		return true
	case errors.Is(err, tooLarge):
		s.metrics.rejected[bodyTooLarge].Add(1)
		s.fail(w, diag.New("Q609", "the body has more than %d bytes", limit))
	case errors.Is(err, tooMany):
		s.metrics.rejected[bodiesFull].Add(1)
		w.Header().Set("Retry-After", "1")
		refuse(w, http.StatusTooManyRequests, "the server has more to read than it can")
	default:
		s.fail(w, diag.New("Q614", "the body ended early").Because(err))
	}
	return false
}

// fail replies with what Feast's clients understand.
func (s *Server) fail(w *work, err error) {
	f := s.feast.FaultOf(err)
	if w.grpc {
		grpcReply(w, f.GRPC, f.Message, nil)
		return
	}
	replyJSON(w, f.HTTP, f.Body)
}

// refuse replies with a status of HTTP, or with the one of gRPC that is nearest.
func refuse(w *work, code int, why string) {
	if w.grpc {
		grpcReply(w, grpcCode(code), why, nil)
		return
	}
	detail, _ := json.Marshal(map[string]string{"detail": why})
	replyJSON(w, code, detail)
}

func replyJSON(w *work, code int, body []byte) {
	h := w.Header()
	h["Content-Type"] = []string{"application/json"}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(code)
	w.Write(body) // an error here is a client that went away
}

// serveMetrics answers /metrics.
func (s *Server) serveMetrics(w *work, _ *http.Request) {
	g := s.c.Generations.pin()
	defer g.Release()
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	s.metrics.write(w, g, s.c.Generations.Reloads.Load(), s.c.Generations.Failures.Load())
}

// grpcTimeout reads gRPC's header: up to 8 digits and a unit. What is none is otherwise.
func grpcTimeout(text string, otherwise time.Duration) time.Duration {
	if len(text) < 2 || len(text) > 9 {
		return otherwise
	}
	n, err := strconv.ParseUint(text[:len(text)-1], 10, 32)
	unit, ok := map[byte]time.Duration{'H': time.Hour, 'M': time.Minute, 'S': time.Second,
		'm': time.Millisecond, 'u': time.Microsecond, 'n': time.Nanosecond}[text[len(text)-1]]
	if err != nil || !ok || time.Duration(n) > otherwise/unit {
		return otherwise
	}
	return time.Duration(n) * unit
}
