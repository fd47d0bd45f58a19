package serve

import (
	"errors"
	"io"
	"net/http"
	"time"

	"quern/features/diag"
	"quern/serve/peers"
)

// body is the body of a request, read whole before a slot is taken.
type body struct {
	bytes []byte
	held  int // bytes of the budget
	at    int
}

// The ends of read that are not the client's connection's.
var (
	errTooLarge = errors.New("the body is too large")
	errTooMany  = errors.New("the server is full of bodies")
)

// firstRead is how many bytes of a body there is room for at first.
const firstRead = 4 << 10

// read reads all of from. The memory grows with what arrives, not with what is announced.
func (b *body) read(from io.Reader, limit int, all *peers.Budget, p *peers.Peer) error {
	b.bytes, b.at, b.held = b.bytes[:0], 0, 0
	for {
		if len(b.bytes) == cap(b.bytes) {
			grown := make([]byte, len(b.bytes), max(2*cap(b.bytes), firstRead))
			copy(grown, b.bytes)
			b.bytes = grown
		}
		if more := cap(b.bytes) - b.held; more > 0 {
			if !all.Take(p, more) {
				return errTooMany
			}
			b.held += more
		}
		n, err := from.Read(b.bytes[len(b.bytes):cap(b.bytes)])
		b.bytes = b.bytes[:len(b.bytes)+n]
		switch {
		case len(b.bytes) > limit:
			return errTooLarge
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

// Read is io.Reader's.
func (b *body) Read(p []byte) (int, error) {
	n := copy(p, b.bytes[b.at:])
	if b.at += n; b.at == len(b.bytes) {
		return n, io.EOF
	}
	return n, nil
}

// Close is io.Closer's.
func (b *body) Close() error { return nil }

// statusGone is nginx's status for a client that went away: only metrics see it.
const statusGone = 499

// readBody reads the body whole, before a slot is taken.
func (s *Server) readBody(w *work, r *http.Request) bool {
	limit := s.c.Limits.Body
	err := errTooLarge
	if r.ContentLength <= int64(limit) {
		from := io.Reader(r.Body)
		if r.ContentLength < 0 {
			from = w.conn.Body(from)
		}
		err = w.body.read(from, limit, s.bodies, w.peer)
	}
	switch {
	case err == nil:
		return true
	case r.Context().Err() != nil: // nobody is there to be told
		refuse(w, statusGone, "the client went away")
	case errors.Is(err, errTooLarge):
		s.metrics.rejected[bodyTooLarge].Add(1)
		w.conn.Pardon()
		s.fail(w, diag.New("Q609", "the body has more than %d bytes", limit))
	case errors.Is(err, errTooMany):
		s.metrics.rejected[bodiesFull].Add(1)
		refuseFor(w, time.Second, "the server has more to read than it can")
	default:
		s.fail(w, diag.New("Q614", "the body ended early").Because(err))
	}
	return false
}
