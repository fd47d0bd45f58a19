package port

import (
	"net"
	"testing"
	"time"
)

// listen listens where an earlier one does, or on a port of its own.
func listen(t *testing.T, before *Listener) *Listener {
	t.Helper()
	address := "127.0.0.1:0"
	if before != nil {
		address = before.Addr().String()
	}
	l, err := Listen(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// takes checks that all new connections come to one listener.
func takes(t *testing.T, l *Listener) {
	t.Helper()
	for range 20 {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		l.Listener.(*net.TCPListener).SetDeadline(time.Now().Add(5 * time.Second))
		accepted, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if accepted.RemoteAddr().String() != c.LocalAddr().String() {
			t.Error("another connection was accepted")
		}
		c.Close()
		accepted.Close()
	}
}

func leave(t *testing.T, l *Listener) {
	t.Helper()
	if err := l.Leave(); err != nil {
		t.Fatal(err)
	}
}

// TestTheLastTakesAll: who comes last gets all new connections, before and after an older one
// has left and closed.
func TestTheLastTakesAll(t *testing.T) {
	one := listen(t, nil)
	takes(t, one)
	two := listen(t, one)
	takes(t, two)
	leave(t, one) // takes nothing from who came later
	takes(t, two)
	one.Close()
	takes(t, two)
	three := listen(t, two)
	takes(t, three)
}

// TestGivesBack: who leaves before those that were there first gives connections back to them,
// and who leaves last needs nobody.
func TestGivesBack(t *testing.T) {
	one := listen(t, nil)
	two := listen(t, one)
	takes(t, two)
	leave(t, two)
	takes(t, one)
	two.Close()
	takes(t, one)
	leave(t, one)
	takes(t, one)
}

// TestTaken: a port that somebody does not share is refused.
func TestTaken(t *testing.T) {
	alone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer alone.Close()
	if l, err := Listen(alone.Addr().String()); err == nil {
		l.Close()
		t.Error("a port of one server was shared")
	}
}
