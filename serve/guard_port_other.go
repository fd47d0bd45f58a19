//go:build !linux

package serve

import (
	"errors"
	"net"
	"syscall"
)

// port is a port that several processes listen on: only Linux can steer connections.
type port struct{}

func shared(_, _ string, _ syscall.RawConn) error {
	return errors.New("only Linux can share a port between two servers")
}

func join(net.Listener) (*port, error) { return nil, errors.ErrUnsupported }

func (*port) leave() error { return nil }
