package peers

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Conn is a connection that is counted until it is closed. It is closed when its client
// keeps the server busy with what are no requests: pings and settings without end, or
// requests that it takes back before they are answered, or that make no sense.
//
// A nil *Conn is that of a request that came over no port: its methods do nothing.
type Conn struct {
	net.Conn
	in   *Listener
	peer *Peer
	host string
	once sync.Once

	excess         atomic.Int64 // bytes that were read beyond what requests need
	pardon         atomic.Int64 // bytes of refused bodies that were on their way, for the next request
	requests, vain atomic.Int64 // how many were made, and made in vain

	watch atomic.Bool // the next read may be net/http's watch
	cork  cork
}

// Window is how many bytes of bodies a client of HTTP/2 may send ahead: more of a body that
// was refused are not on their way.
const Window = 256 << 10

// What a connection may send without end, and besides a request and its body: headers, and
// frames of HTTP/2 and TLS.
const (
	freeBytes       = 2*Window + 2*bytesForRequest // a body that was refused may still be on its way
	slowBytes       = Window + bytesForRequest     // beyond which each read waits: so much of a body may be here before its handler reads
	slowDown        = 20 * time.Millisecond
	bytesForRequest = 64 << 10
	freeVain        = 200 // requests, before half of all are too many
)

// errAbuse ends a connection.
var errAbuse = errors.New("the client sends what are no requests")

// Peer returns the address at the other end; of a nil Conn it is nil.
func (c *Conn) Peer() *Peer {
	if c == nil {
		return nil
	}
	return c.peer
}

// Read is net.Conn's.
func (c *Conn) Read(p []byte) (int, error) {
	if c.isWatch(p) {
		return 0, nil
	}
	n, err := c.Conn.Read(p)
	switch excess := c.excess.Add(int64(n)); {
	case err != nil:
	case excess > freeBytes:
		c.abused()
		err = errAbuse
	case excess > slowBytes:
		time.Sleep(slowDown)
	}
	return n, err
}

// isWatch reports whether a read is net/http's watch of the client while a handler works
// (connReader.backgroundRead), which ends when it is answered with no byte and no error.
//
// It is a read of one byte, right after the read deadline was taken away. Others of one byte
// exist, as that of a bufio.Reader whose buffer lacks one. So each time that a deadline is
// taken away answers one read only, which whoever reads must bear (io.Reader), and bufio and
// io.ReadFull do: were this wrong about net/http, now or in future, the watch would wait as it
// always did, and never spin.
func (c *Conn) isWatch(p []byte) bool {
	return cap(p) == 1 && c.watch.Swap(false)
}

// SetReadDeadline is net.Conn's.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.watch.Store(t.IsZero())
	return c.Conn.SetReadDeadline(t)
}

// SetDeadline is net.Conn's. net/http's watch never follows it.
func (c *Conn) SetDeadline(t time.Time) error {
	c.watch.Store(false)
	return c.Conn.SetDeadline(t)
}

// Begins says that a request was read, whose body has so many bytes at most; more are told
// by Body.
func (c *Conn) Begins(body int64) {
	if c != nil {
		c.needs(bytesForRequest + body + c.pardon.Swap(0))
	}
}

// needs says that n bytes were read, or are to come, for good reason.
func (c *Conn) needs(n int64) {
	if c != nil && c.excess.Add(-n) < 0 {
		c.excess.Store(0) // nothing is saved up, and what is lost between the two is little
	}
}

// Pardon says that the body of a request was refused: what was on its way is no abuse.
func (c *Conn) Pardon() {
	if c != nil {
		c.pardon.Add(Window)
	}
}

// Body returns the body of a request that did not say how long it is. What is read of it is
// what the request needs.
func (c *Conn) Body(from io.Reader) io.Reader { return needed{from, c} }

// needed is a body that did not say how long it is.
type needed struct {
	io.Reader
	conn *Conn
}

// Read is io.Reader's.
func (b needed) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	b.conn.needs(int64(n))
	return n, err
}

// Ended counts a request that was answered, or made in vain.
func (c *Conn) Ended(vain bool) {
	if c == nil {
		return
	}
	all := c.requests.Add(1)
	if vain && c.vain.Add(1) > freeVain && 2*c.vain.Load() > all {
		c.abused()
	}
}

// abused ends a connection, and keeps its address away for a while.
func (c *Conn) abused() {
	l := c.in
	l.refused.Add(1)
	l.mu.Lock()
	l.shutOut(c.host, time.Now())
	l.mu.Unlock()
	c.Close()
}

// CloseWrite says that nothing more is sent. An HTTP server that refuses a body does that
// before it closes, so that its reply is not lost.
func (c *Conn) CloseWrite() error {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		return tcp.CloseWrite()
	}
	return nil
}

// Close is net.Conn's.
func (c *Conn) Close() error {
	c.once.Do(func() { c.in.leave(c) })
	return c.Conn.Close()
}

// connKey is the key of a context's *Conn.
type connKey struct{}

// WithConn returns a context from which Of returns the Conn below c. It is
// http.Server.ConnContext.
func WithConn(ctx context.Context, c net.Conn) context.Context {
	if t, ok := c.(interface{ NetConn() net.Conn }); ok { // TLS
		c = t.NetConn()
	}
	if c, ok := c.(*Conn); ok {
		return context.WithValue(ctx, connKey{}, c)
	}
	return ctx
}

// Of returns the connection that a request came by, or nil.
func Of(ctx context.Context) *Conn {
	c, _ := ctx.Value(connKey{}).(*Conn)
	return c
}
