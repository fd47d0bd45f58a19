package serve

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"quern/features/diag"
	"quern/serve/feast"
	"quern/serve/peers"
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
	seen seen

	refused bool // the metrics know why
	began   time.Time
	entered time.Time   // when it got its slot
	conn    *peers.Conn // nil without a port
	peer    *peers.Peer // whose connection it is; nil without a port
	plain   bool        // HTTP/1 without TLS
	waits   bool        // the code has still to be sent
	sent    int         // bytes of the budget of replies
}

// start takes work up for a request.
func (w *work) start(s *Server, out http.ResponseWriter, r *http.Request, grpc bool) {
	w.ResponseWriter, w.s, w.grpc, w.began = out, s, grpc, time.Now()
	w.code, w.slot, w.refused, w.waits, w.sent = 0, false, false, false, 0
	w.conn = peers.Of(r.Context())
	w.peer = w.conn.Peer()
	w.plain = r.ProtoMajor == 1 && r.TLS == nil
	w.conn.Begins(min(max(0, r.ContentLength), int64(s.c.Limits.Body)))
}

// WriteHeader is http.ResponseWriter's. The code is sent with the first byte, or by end.
func (w *work) WriteHeader(code int) {
	if code == http.StatusTooManyRequests {
		w.overRate()
	}
	w.free()
	if w.code == 0 {
		w.code, w.waits = code, true
	}
}

// overRate counts a refusal that the gates did not count: its caller is over its rate.
func (w *work) overRate() {
	if !w.refused {
		w.refused = true
		w.s.metrics.rejected[overRate].Add(1)
	}
}

// Write is http.ResponseWriter's. A client that reads slowly keeps the reply here, so all
// replies together have a budget; one that has no place in it is not sent.
func (w *work) Write(b []byte) (int, error) {
	if w.code == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if len(b) > freeReply {
		if !w.s.replies.take(w.peer, len(b)) {
			return w.noPlace(b)
		}
		w.sent += len(b)
	}
	w.send()
	if w.plain {
		return w.conn.Reply(w.ResponseWriter, b)
	}
	return w.ResponseWriter.Write(b)
}

// gone reports whether the client of a request that waited went away. Who is not plain has
// a context that says so.
func (w *work) gone() bool { return w.plain && w.conn.Gone() }

// freeReply is a reply that counts for nothing: what the connection has for it anyway.
const freeReply = peers.Buffered

// noPlace refuses instead of replying, if there is time for that.
func (w *work) noPlace(b []byte) (int, error) {
	if !w.waits {
		return 0, tooMany
	}
	w.s.metrics.rejected[bodiesFull].Add(1)
	clear(w.Header())
	w.code = 0
	refuseFor(w, time.Second, "clients take their replies too slowly for more of them")
	w.send()
	return len(b), nil
}

// send sends the code that waits.
func (w *work) send() {
	if w.waits {
		w.waits = false
		w.ResponseWriter.WriteHeader(w.code)
	}
}

// free gives back what the request holds until it is replied.
func (w *work) free() {
	if w.slot {
		w.slot = false
		w.s.metrics.running.Add(-1)
		w.s.gate.leave(time.Since(w.entered))
	}
	if w.body.held > 0 {
		w.s.bodies.give(w.peer, w.body.held)
		w.body.held = 0
		const kept = 1 << 20
		if cap(w.body.bytes) > kept {
			w.body.bytes = nil
		}
	}
}

// vain reports whether a request was taken back, or made no sense.
func (w *work) vain(r *http.Request) bool {
	switch w.code {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return true
	}
	return r.Context().Err() != nil
}

// end ends the reply and gives back all the rest.
func (w *work) end() {
	w.free()
	w.send()
	if w.sent > 0 {
		w.s.replies.give(w.peer, w.sent)
		w.sent = 0
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
	if s.replies.spent(w.peer) { // then why work on one more
		s.metrics.rejected[bodiesFull].Add(1)
		refuseFor(w, time.Second, "the client takes its replies too slowly for more of them")
		return
	}
	if s.gate.busy(w.began.Add(s.c.Deadline)) { // then why read the body
		s.turnAway(w, full)
		return
	}
	if !s.readBody(w, r) {
		return
	}
	until := time.Now().Add(s.c.Deadline)
	if to.grpc { // whose deadline is of the whole call
		if asked := w.began.Add(grpcTimeout(r.Header.Get("Grpc-Timeout"), s.c.Deadline)); asked.Before(until) {
			until = asked
		}
	}
	if v := s.gate.enter(r.Context(), until, w.gone); v != entered {
		s.turnAway(w, v)
		return
	}
	w.entered = time.Now()
	w.slot = true
	s.metrics.running.Add(1)
	ctx, cancel := context.WithDeadline(context.WithValue(r.Context(), workKey{}, w), until)
	defer cancel()
	if grant != nil {
		ctx = context.WithValue(ctx, grantKey{}, grant)
	}
	r = r.WithContext(ctx)
	r.Body, r.ContentLength = &w.body, int64(len(w.body.bytes))
	to.answer(w, r)
}

// turnAway refuses a request that got no slot.
func (s *Server) turnAway(w *work, why verdict) {
	s.metrics.rejected[queueFull].Add(1)
	if why == late && w.grpc {
		s.fail(w, context.DeadlineExceeded)
		return
	}
	refuseFor(w, time.Second, "the server has more to do than it can")
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

// statusGone is nginx's status for a client that went away: only metrics see it.
const statusGone = 499

// readBody reads the body whole, before a slot is taken.
func (s *Server) readBody(w *work, r *http.Request) bool {
	limit := s.c.Limits.Body
	err := error(tooLarge)
	if r.ContentLength <= int64(limit) {
		from := io.Reader(r.Body)
		if r.ContentLength < 0 {
			from = w.conn.Body(from)
		}
		err = w.body.read(from, limit, &s.bodies, w.peer)
	}
	switch {
	case err == nil:
		return true
	case r.Context().Err() != nil: // nobody is there to be told
		refuse(w, statusGone, "the client went away")
	case errors.Is(err, tooLarge):
		s.metrics.rejected[bodyTooLarge].Add(1)
		w.conn.Pardon()
		s.fail(w, diag.New("Q609", "the body has more than %d bytes", limit))
	case errors.Is(err, tooMany):
		s.metrics.rejected[bodiesFull].Add(1)
		refuseFor(w, time.Second, "the server has more to read than it can")
	default:
		s.fail(w, diag.New("Q614", "the body ended early").Because(err))
	}
	return false
}

// fail replies with what Feast's clients understand.
func (s *Server) fail(w *work, err error) {
	f := s.feast.FaultOf(err)
	if f.After > 0 {
		w.overRate()
		sayWhen(w, f.After)
	}
	if w.grpc {
		grpcReply(w, f.GRPC, f.Message, nil)
		return
	}
	feast.SetCode(w.Header(), err)
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
	s.writeMetrics(w, g)
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
