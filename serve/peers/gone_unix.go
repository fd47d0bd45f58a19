//go:build unix

package peers

import "syscall"

// Gone reports whether the client closed its end, or reset the connection. It looks, and
// neither waits nor takes a byte away; it may be asked while somebody else reads. Of a client
// whose machine is silent it knows nothing. Where it cannot look the client is there.
func (c *Conn) Gone() bool {
	if c == nil {
		return false
	}
	s, ok := c.Conn.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return true // it is closed here
	}
	gone := false
	err = raw.Control(func(fd uintptr) { // not Read, which would wait for who reads
		var one [1]byte
		n, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK) // sockets of Go do not block
		switch err {
		case nil:
			gone = n == 0
		case syscall.EAGAIN, syscall.EINTR:
		default:
			gone = true
		}
	})
	return gone || err != nil
}
