package peers

import (
	"io"
	"log"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// pair returns both ends of a connection that a Listener accepted.
func pair(t testing.TB) (here *Conn, there *net.TCPConn) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	defer inner.Close()
	c, err := net.Dial("tcp", inner.Addr().String())
	check(t, err)
	a, err := New(inner, 10, new(atomic.Int64)).Accept()
	check(t, err)
	t.Cleanup(func() { a.Close(); c.Close() })
	return a.(*Conn), c.(*net.TCPConn)
}

// served serves handler through a Listener over what around returns, and returns its address.
// Each request is told to its connection.
func served(t testing.TB, around func(net.Listener) net.Listener, handler http.HandlerFunc) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	p := &http.Protocols{}
	p.SetHTTP1(true)
	p.SetUnencryptedHTTP2(true)
	s := &http.Server{Protocols: p, ErrorLog: log.New(io.Discard, "", 0), ConnContext: WithConn, ReadTimeout: 20 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		Of(r.Context()).Begins(max(0, r.ContentLength))
		handler(w, r)
	})}
	go s.Serve(New(around(l), 100, new(atomic.Int64)))
	t.Cleanup(func() { s.Close() })
	return l.Addr().String()
}

func plain(l net.Listener) net.Listener { return l }
