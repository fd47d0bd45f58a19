//go:build unix

package peers

import (
	"net"
	"testing"
	"time"
)

// TestGone: whether a client is there is seen without taking from what it sent, and without
// waiting, whoever else reads.
func TestGone(t *testing.T) {
	for _, c := range []struct {
		name string
		does func(here *Conn, client *net.TCPConn)
		want bool
	}{
		{"is silent", func(*Conn, *net.TCPConn) {}, false},
		{"sent something", func(_ *Conn, c *net.TCPConn) { c.Write([]byte("x")) }, false},
		{"closed", func(_ *Conn, c *net.TCPConn) { c.Close() }, true},
		{"sends no more", func(_ *Conn, c *net.TCPConn) { c.CloseWrite() }, true},
		{"reset", func(_ *Conn, c *net.TCPConn) { c.SetLinger(0); c.Close() }, true},
		{"sent, then closed", func(_ *Conn, c *net.TCPConn) { c.Write([]byte("x")); c.Close() }, false}, // a request that was pipelined
		{"was closed here", func(here *Conn, _ *net.TCPConn) { here.Close() }, true},
		{"is read", func(here *Conn, _ *net.TCPConn) { go here.Read(make([]byte, 9)) }, false},
	} {
		here, client := pair(t)
		c.does(here, client)
		time.Sleep(5 * time.Millisecond)
		start := time.Now()
		for range 3 {
			if got := here.Gone(); got != c.want {
				t.Errorf("a client that %s: %v", c.name, got)
			}
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("a client that %s: it waited %v", c.name, took)
		}
	}
	here, client := pair(t)
	client.Write([]byte("xy"))
	time.Sleep(5 * time.Millisecond)
	here.Gone()
	if n, err := here.Read(make([]byte, 9)); n != 2 || err != nil {
		t.Errorf("after a look: %d %v", n, err)
	}
	var none *Conn
	if none.Gone() {
		t.Error("without a port")
	}
}
