package serve

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"quern/serve/access"
	"quern/serve/gate"
)

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
	if s.replies.Spent(w.peer) { // then why work on one more
		s.metrics.rejected[bodiesFull].Add(1)
		refuseFor(w, time.Second, "the client takes its replies too slowly for more of them")
		return
	}
	if s.gate.Busy(w.began.Add(s.c.Deadline)) { // then why read the body
		s.turnAway(w, gate.ErrFull)
		return
	}
	if !s.readBody(w, r) {
		return
	}
	until := s.deadline(w, r, to)
	if err := s.gate.Enter(r.Context(), until, w.gone); err != nil {
		s.turnAway(w, err)
		return
	}
	w.entered = time.Now()
	w.slot = true
	ctx, cancel := context.WithDeadline(context.WithValue(r.Context(), workKey{}, w), until)
	defer cancel()
	if grant != nil {
		ctx = access.With(ctx, grant)
	}
	r = r.WithContext(ctx)
	r.Body, r.ContentLength = &w.body, int64(len(w.body.bytes))
	to.answer(w, r)
}

// deadline returns until when a request may be worked on from now on. A gRPC call can ask for
// less, and counts from its beginning.
func (s *Server) deadline(w *work, r *http.Request, to *route) time.Time {
	until := time.Now().Add(s.c.Deadline)
	if to.grpc {
		if asked := w.began.Add(grpcTimeout(r.Header.Get("Grpc-Timeout"), s.c.Deadline)); asked.Before(until) {
			until = asked
		}
	}
	return until
}

// admit finds out who sent a request, and whether it may make such calls, now. Without
// tokens everybody is let in, with a nil grant.
func (s *Server) admit(w *work, r *http.Request, to *route) (*access.Grant, bool) {
	if s.c.Tokens == nil || to.needs == access.None {
		return nil, true
	}
	g, err := s.c.Tokens.Whose(r)
	if err != nil {
		s.metrics.rejected[noToken].Add(1)
		status := http.StatusForbidden
		if !errors.Is(err, access.ErrStranger) { // who may show something else
			status = http.StatusUnauthorized
			w.Header().Set("WWW-Authenticate", "Bearer")
		}
		refuse(w, status, err.Error())
		return nil, false
	}
	if wait := g.TakeRequest(); wait > 0 {
		s.metrics.rejected[overRate].Add(1)
		refuseFor(w, wait, "the caller makes more requests than it may")
		return nil, false
	}
	if !g.Has(to.needs) {
		s.metrics.rejected[noRight].Add(1)
		s.fail(w, fmt.Errorf("%w: the caller may not make this call", access.ErrForbidden))
		return nil, false
	}
	return g, true
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

// turnAway refuses a request that got no slot.
func (s *Server) turnAway(w *work, why error) {
	s.metrics.rejected[queueFull].Add(1)
	if errors.Is(why, gate.ErrLate) && w.grpc {
		s.fail(w, context.DeadlineExceeded)
		return
	}
	refuseFor(w, time.Second, "the server has more to do than it can")
}
