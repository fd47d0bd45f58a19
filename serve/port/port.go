package port

import (
	"context"
	"net"
)

// Listener listens on a port where others may, too. It is made by Listen.
type Listener struct {
	net.Listener
	place *place
}

// Listen listens at an address, HOST:PORT, over TCP, with those of this user who listen there
// already, and takes all new connections from now on.
func Listen(address string) (*Listener, error) {
	how := net.ListenConfig{Control: shared}
	how.SetMultipathTCP(false) // whose sockets cannot be steered
	l, err := how.Listen(context.Background(), "tcp", address)
	if err != nil {
		return nil, err
	}
	p, err := join(l)
	if err != nil {
		l.Close()
		return nil, err
	}
	return &Listener{l, p}, nil
}

// Leave gives new connections back to those who were there before, if there are any and nobody
// who came later has taken them. Those that wait to be accepted here still do: take them, and
// then Close.
func (l *Listener) Leave() error { return l.place.leave() }
