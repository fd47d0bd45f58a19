package peers

import (
	"net"
	"net/http"
)

// Buffered is the longest write that is held: as much as the buffer of net/http's connections
// has. A reply that is no longer leaves it as one write anyway.
const Buffered = 4 << 10

// cork holds the first write of a reply until the next. It belongs to the goroutine that
// writes: of HTTP/1 in plain text that is the one of the handler.
type cork struct {
	in    bool // the next write is held
	n     int  // bytes that are held
	bytes []byte
	both  [2][]byte // what net.Buffers sends, and takes apart
	out   net.Buffers
}

// Reply is w.Write(b), for a reply of HTTP/1 in plain text to a request that came by c. When b
// is all of the reply's body, and its Content-Length is set, all leaves as one write, however
// long it is. When Reply returns nothing is held, even if w.Write fails or panics.
//
// It is not for HTTP/2 and TLS, where other goroutines write to the connection, too.
func (c *Conn) Reply(w http.ResponseWriter, b []byte) (n int, err error) {
	if c == nil || len(b) <= Buffered {
		return w.Write(b)
	}
	c.cork.in = true
	defer func() {
		if held := c.uncork(); err == nil {
			err = held
		}
	}()
	n, err = w.Write(b)
	if err == nil && len(b) < 2*Buffered { // the rest is in the buffer, and would be a write of its own
		if f, ok := w.(interface{ FlushError() error }); ok {
			err = f.FlushError()
		}
	}
	return n, err
}

// uncork sends what is held still, because no other write came. When that fails the
// connection is closed: net/http, who wrote it, does not know.
func (c *Conn) uncork() error {
	c.cork.in = false
	if c.cork.n == 0 {
		return nil
	}
	_, err := c.send(nil)
	if err != nil {
		c.Close()
	}
	return err
}

// Write is net.Conn's. Within Reply a short write may be held: then its error is that of the
// write that sends it.
func (c *Conn) Write(p []byte) (int, error) {
	k := &c.cork
	switch {
	case k.n > 0:
		return c.send(p)
	case k.in && len(p) <= Buffered:
		k.in = false // one write of a reply is held, not each
		if k.bytes == nil {
			k.bytes = make([]byte, Buffered)
		}
		k.n = copy(k.bytes, p) // p is net/http's buffer, which it fills again
		return len(p), nil
	case k.in:
		k.in = false
	}
	return c.Conn.Write(p)
}

// send sends what is held, and p behind it, and returns how many bytes of p were sent.
func (c *Conn) send(p []byte) (int, error) {
	k := &c.cork
	held := k.n
	k.n = 0
	k.both = [2][]byte{k.bytes[:held], p}
	k.out = k.both[:]
	n, err := k.out.WriteTo(c.Conn) // of a TCP connection that is one writev
	k.both, k.out = [2][]byte{}, nil
	return max(0, int(n)-held), err
}
