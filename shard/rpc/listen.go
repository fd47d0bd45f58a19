package rpc

import (
	"fmt"
	"net"
	"sync"
)

// local reports whether an address is of this machine only: a loopback address, or
// localhost. A name can be anybody's, and no host is all of them.
func local(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// safe returns an error if callers of other machines would be let in unseen.
func (s *Server) safe(address string) error {
	if s.gate.secure || local(address) {
		return nil
	}
	return fmt.Errorf("listen on %s: %w: give the coordinator a certificate, a key and an authority (quern certs makes them), or listen on 127.0.0.1", address, ErrInsecure)
}

// bounded returns a listener that accepts a connection when fewer than most are open.
// More wait in the system's queue, which costs nothing.
func bounded(l net.Listener, most int) net.Listener {
	return &boundedListener{Listener: l, room: make(chan struct{}, most), closed: make(chan struct{})}
}

type boundedListener struct {
	net.Listener
	room   chan struct{}
	once   sync.Once
	closed chan struct{}
}

// Accept implements net.Listener.
func (l *boundedListener) Accept() (net.Conn, error) {
	select {
	case l.room <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.room
		return nil, err
	}
	return &boundedConn{Conn: c, free: sync.OnceFunc(func() { <-l.room })}, nil
}

// Close implements net.Listener.
func (l *boundedListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

type boundedConn struct {
	net.Conn
	free func()
}

// Close implements net.Conn.
func (c *boundedConn) Close() error {
	defer c.free()
	return c.Conn.Close()
}
