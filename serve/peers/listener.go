package peers

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Listener counts what the addresses that have connections here hold. It is made by New.
type Listener struct {
	net.Listener
	all, each int // connections, in total and of one address
	refused   *atomic.Int64

	mu   sync.Mutex
	open int
	of   map[string]*Peer
	shut map[string]shut
}

// New returns a listener of the connections that come to l: at most all at one time, and half
// of them, but at least one, of one address. refused counts those that were closed because of
// that, or of abuse.
func New(l net.Listener, all int, refused *atomic.Int64) *Listener {
	return &Listener{Listener: l, all: all, each: max(1, all/2), refused: refused, of: map[string]*Peer{}, shut: map[string]shut{}}
}

// Peer is one address that has connections.
type Peer struct {
	connections int          // guarded by Listener.mu
	bytes       atomic.Int64 // of bodies and replies, of all budgets
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

// Accept returns the next connection that is within the limits, a *Conn. What is beyond is
// closed at once.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if counted := l.enter(c); counted != nil {
			return counted, nil
		}
		l.refused.Add(1)
		c.Close()
	}
}

// enter counts a connection, or returns nil.
func (l *Listener) enter(c net.Conn) *Conn {
	host, _, err := net.SplitHostPort(c.RemoteAddr().String())
	if err != nil {
		host = c.RemoteAddr().String()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	one := l.of[host]
	if time.Now().Before(l.shut[host].until) {
		return nil
	}
	if l.open >= l.all || one != nil && one.connections >= l.each {
		return nil
	}
	if one == nil {
		one = &Peer{}
		l.of[host] = one
	}
	l.open++
	one.connections++
	return &Conn{Conn: c, in: l, peer: one, host: host}
}

// leave counts a connection that is closed.
func (l *Listener) leave(c *Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	if c.peer.connections--; c.peer.connections == 0 {
		delete(l.of, c.host)
	}
}

// shutOut keeps an address away from now on. l is locked.
func (l *Listener) shutOut(host string, now time.Time) {
	last, known := l.shut[host]
	if now.Before(last.until) {
		return // another connection of the same attack
	}
	long := shortestShut
	if known && now.Sub(last.until) < forgotten {
		long = min(2*last.until.Sub(last.since), longestShut)
	}
	if !known && len(l.shut) >= l.all {
		for other, s := range l.shut {
			if now.Sub(s.until) >= forgotten {
				delete(l.shut, other)
			}
		}
		if len(l.shut) >= l.all {
			return // against that many addresses it would help little
		}
	}
	l.shut[host] = shut{now, now.Add(long)}
}
