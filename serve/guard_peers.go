package serve

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// peers counts what the addresses that have connections here hold: connections, and bytes
// of bodies and replies. One address has at most half of everything, so it alone cannot
// keep others out.
type peers struct {
	net.Listener
	all, each int // connections, in total and of one address
	refused   *atomic.Int64

	mu   sync.Mutex
	open int
	of   map[string]*peer
	shut map[string]shut
}

// shut is when an address that abused a connection gets a new one.
type shut struct {
	since, until time.Time
}

// How long an address gets no new connection after it abused one: twice as long each time,
// so that to come again costs more than it harms; not for ever, because of others behind
// the same address.
const (
	shortestShut = time.Second
	longestShut  = 30 * time.Second
	forgotten    = 2 * time.Minute // after which an address starts anew
)

// peer is one address.
type peer struct {
	connections int          // guarded by peers.mu
	bytes       atomic.Int64 // of bodies and replies that are held for it
}

// Accept returns the next connection that is within the limits. What is beyond is closed at
// once: waiting for a place would stop those who have one.
func (p *peers) Accept() (net.Conn, error) {
	for {
		c, err := p.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if counted := p.enter(c); counted != nil {
			return counted, nil
		}
		p.refused.Add(1)
		c.Close()
	}
}

// enter counts a connection, or returns nil.
func (p *peers) enter(c net.Conn) net.Conn {
	host, _, err := net.SplitHostPort(c.RemoteAddr().String())
	if err != nil {
		host = c.RemoteAddr().String()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	one := p.of[host]
	if time.Now().Before(p.shut[host].until) {
		return nil
	}
	if p.open >= p.all || one != nil && one.connections >= p.each {
		return nil
	}
	if one == nil {
		one = &peer{}
		p.of[host] = one
	}
	p.open++
	one.connections++
	return &counted{Conn: c, in: p, peer: one, host: host}
}

// abused ends a connection, and keeps its address away for a while.
func (c *counted) abused() {
	p := c.in
	p.refused.Add(1)
	p.mu.Lock()
	p.shutOut(c.host, time.Now())
	p.mu.Unlock()
	c.Close()
}

// shutOut keeps an address away from now on. p is locked.
func (p *peers) shutOut(host string, now time.Time) {
	last, known := p.shut[host]
	if now.Before(last.until) {
		return // another connection of the same attack
	}
	long := shortestShut
	if known && now.Sub(last.until) < forgotten {
		long = min(2*last.until.Sub(last.since), longestShut)
	}
	if !known && len(p.shut) >= p.all {
		for other, s := range p.shut {
			if now.Sub(s.until) >= forgotten {
				delete(p.shut, other)
			}
		}
		if len(p.shut) >= p.all {
			return // against that many addresses it would help little
		}
	}
	p.shut[host] = shut{now, now.Add(long)}
}

func (p *peers) leave(c *counted) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open--
	if c.peer.connections--; c.peer.connections == 0 {
		delete(p.of, c.host)
	}
}

// counted is a connection that is counted until it is closed. It is closed when its client
// keeps the server busy with what are no requests: pings and settings without end, or
// requests that it takes back before they are answered, or that make no sense.
type counted struct {
	net.Conn
	in   *peers
	peer *peer
	host string
	once sync.Once

	excess         atomic.Int64 // bytes that were read beyond what requests need
	pardon         atomic.Int64 // bytes of refused bodies that were on their way, for the next request
	requests, vain atomic.Int64 // how many were made, and made in vain
}

// What a connection may send without end, and besides a request and its body: headers, and
// frames of HTTP/2 and TLS.
const (
	freeBytes       = 2*window + 2*bytesForRequest // a body that was refused may still be on its way
	slowBytes       = window + bytesForRequest     // beyond which each read waits: so much of a body may be here before its handler reads
	slowDown        = 20 * time.Millisecond
	bytesForRequest = 64 << 10
	freeVain        = 200 // requests, before half of all are too many
)

// window is how many bytes of bodies a client of HTTP/2 may send ahead.
const window = 256 << 10

// Read is net.Conn's.
func (c *counted) Read(p []byte) (int, error) {
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

// needs says that n bytes were read, or are to come, for good reason.
func (c *counted) needs(n int64) {
	if c != nil && c.excess.Add(-n) < 0 {
		c.excess.Store(0) // nothing is saved up, and what is lost between the two is little
	}
}

// needed is a body that did not say how long it is.
type needed struct {
	io.Reader
	conn *counted
}

// Read is io.Reader's.
func (b needed) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	b.conn.needs(int64(n))
	return n, err
}

// ended counts a request that was answered, or made in vain.
func (c *counted) ended(vain bool) {
	if c == nil {
		return
	}
	all := c.requests.Add(1)
	if vain && c.vain.Add(1) > freeVain && 2*c.vain.Load() > all {
		c.abused()
	}
}

// errAbuse ends a connection.
var errAbuse = errors.New("the client sends what are no requests")

// CloseWrite says that nothing more is sent. An HTTP server that refuses a body does that
// before it closes, so that its reply is not lost.
func (c *counted) CloseWrite() error {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		return tcp.CloseWrite()
	}
	return nil
}

// Close is net.Conn's.
func (c *counted) Close() error {
	c.once.Do(func() { c.in.leave(c) })
	return c.Conn.Close()
}

// peerKey is the key of a context's *counted.
type peerKey struct{}

// withPeer is http.Server.ConnContext.
func withPeer(ctx context.Context, c net.Conn) context.Context {
	if t, ok := c.(interface{ NetConn() net.Conn }); ok { // TLS
		c = t.NetConn()
	}
	if c, ok := c.(*counted); ok {
		return context.WithValue(ctx, peerKey{}, c)
	}
	return ctx
}
