package serve

import (
	"net/http"
	"time"

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
		if !w.s.replies.Take(w.peer, len(b)) {
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
		return 0, errTooMany
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

// leave gives the slot back, if there is one.
func (w *work) leave() {
	if w.slot {
		w.slot = false
		w.s.gate.Leave(time.Since(w.entered))
	}
}

// free gives back what the request holds until it is replied.
func (w *work) free() {
	w.leave()
	if w.body.held > 0 {
		w.s.bodies.Give(w.peer, w.body.held)
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
		w.s.replies.Give(w.peer, w.sent)
		w.sent = 0
	}
}
