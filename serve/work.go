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
	code int // 0: nothing was replied yet
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

// serve takes a request through the gates to its handler.
func (s *Server) serve(w *work, r *http.Request, e endpoint) {
	switch r.URL.Path {
	case "/health":
		s.feast.ServeHTTP(w, r)
		return
	case "/grpc.health.v1.Health/Check":
		s.grpcHealth(w, r)
		return
	}
	grant, ok := s.admit(w, r, e)
	if !ok {
		return
	}
	switch {
	case r.URL.Path == "/metrics":
		s.serveMetrics(w, r)
		return
	case r.Method != http.MethodPost && (e == native || e == feastGRPC):
		w.Header().Set("Allow", http.MethodPost)
		refuse(w, other, http.StatusMethodNotAllowed, "Method Not Allowed")
		return
	case e == other || r.Method != http.MethodPost:
		s.feast.ServeHTTP(w, r) // which says 404 or 405
		return
	case e == feastGRPC && !isGRPC(r):
		refuseHTTP(w)
		return
	}
	if !s.readBody(w, r, e) {
		return
	}
	deadline := s.c.Deadline
	if e == feastGRPC {
		deadline = min(deadline, grpcTimeout(r.Header.Get("Grpc-Timeout"), deadline))
	}
	if !s.gate.enter(r.Context()) {
		s.metrics.rejected[queueFull].Add(1)
		w.Header().Set("Retry-After", "1")
		refuse(w, e, http.StatusTooManyRequests, "the server has more to do than it can")
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
	switch e {
	case feastGRPC:
		s.serveGRPC(w, r)
	case native:
		s.serveNative(w, r)
	default:
		s.feast.ServeHTTP(w, r)
	}
}

// admit checks the token. Without tokens everybody is let in, with a nil grant.
func (s *Server) admit(w *work, r *http.Request, e endpoint) (*Grant, bool) {
	if s.c.Tokens == nil {
		return nil, true
	}
	if g := s.c.Tokens.bearer(r.Header.Get("Authorization")); g != nil {
		return g, true
	}
	s.metrics.rejected[noToken].Add(1)
	w.Header().Set("WWW-Authenticate", "Bearer")
	refuse(w, e, http.StatusUnauthorized, "a valid token is needed")
	return nil, false
}

// readBody reads the body whole, before a slot is taken.
func (s *Server) readBody(w *work, r *http.Request, e endpoint) bool {
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
		s.fail(w, e, diag.New("Q609", "the body has more than %d bytes", limit))
	case errors.Is(err, tooMany):
		s.metrics.rejected[bodiesFull].Add(1)
		w.Header().Set("Retry-After", "1")
		refuse(w, e, http.StatusTooManyRequests, "the server has more to read than it can")
	default:
		s.fail(w, e, diag.New("Q614", "the body ended early").Because(err))
	}
	return false
}

// fail replies with what Feast's clients understand.
func (s *Server) fail(w *work, e endpoint, err error) {
	f := s.feast.FaultOf(err)
	if e == feastGRPC {
		grpcReply(w, f.GRPC, f.Message, nil)
		return
	}
	replyJSON(w, f.HTTP, f.Body)
}

// refuse replies with a status of HTTP, or with the one of gRPC that is nearest.
func refuse(w *work, e endpoint, code int, why string) {
	if e == feastGRPC {
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
func (s *Server) serveMetrics(w *work, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", http.MethodGet)
		refuse(w, other, http.StatusMethodNotAllowed, "Method Not Allowed")
		return
	}
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
