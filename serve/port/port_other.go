//go:build !linux

package port

import (
	"errors"
	"net"
	"syscall"
)

// place is that of a socket on a port: only Linux can steer connections.
type place struct{}

func shared(_, _ string, _ syscall.RawConn) error {
	return errors.New("only Linux can share a port between two servers")
}

func join(net.Listener) (*place, error) { return nil, errors.ErrUnsupported }

func (*place) leave() error { return nil }
