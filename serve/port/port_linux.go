package port

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// place is a socket's place among those that listen on one port.
type place struct {
	conn   syscall.RawConn
	before []string // the sockets that were there first, by inode
}

// shared lets a socket listen where others do.
func shared(_, _ string, c syscall.RawConn) error {
	return control(c, func(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) })
}

// control does something with a socket.
func control(c syscall.RawConn, do func(fd int) error) (err error) {
	if outer := c.Control(func(fd uintptr) { err = do(int(fd)) }); outer != nil {
		return outer
	}
	return err
}

// join makes a socket that listens the one that new connections come to.
func join(l net.Listener) (*place, error) {
	conn, err := l.(*net.TCPListener).SyscallConn()
	if err != nil {
		return nil, err
	}
	p := &place{conn: conn}
	if p.before, err = p.others(); err != nil {
		return nil, err
	}
	return p, p.steer(len(p.before))
}

// leave gives new connections back, if nobody who came later has taken them.
func (p *place) leave() error {
	others, err := p.others()
	if err != nil || len(others) == 0 {
		return err
	}
	for _, inode := range others {
		if !slices.Contains(p.before, inode) {
			return nil
		}
	}
	return p.steer(0)
}

// steer sends new connections to the nth socket of the port, counted in the order in which
// they began to listen: by a program of one instruction. Where there is no nth, as after
// one has closed, the kernel chooses.
func (p *place) steer(nth int) error {
	program := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: uint32(nth)}}
	return control(p.conn, func(fd int) error {
		return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_CBPF,
			&unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
	})
}

// others lists the other sockets that listen on the port (proc_pid_net(5)).
func (p *place) others() (inodes []string, err error) {
	var info unix.Stat_t
	if err := control(p.conn, func(fd int) error { return unix.Fstat(fd, &info) }); err != nil {
		return nil, err
	}
	own := fmt.Sprint(info.Ino)
	for _, path := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		f, err := os.Open(path)
		if err != nil {
			continue // without IPv6 there is no tcp6; without both own is not found
		}
		listening, err := listeners(f)
		f.Close()
		if err != nil {
			return nil, err
		}
		for _, inodes := range listening {
			if i := slices.Index(inodes, own); i >= 0 {
				return slices.Delete(inodes, i, i+1), nil
			}
		}
	}
	return nil, errors.New("the socket is not in /proc/self/net/tcp")
}

// listeners reads the sockets that listen, by address, from the kernel's table.
func listeners(f *os.File) (map[string][]string, error) {
	const address, state, inode, listen = 1, 3, 9, "0A"
	found := map[string][]string{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if c := strings.Fields(lines.Text()); len(c) > inode && c[state] == listen {
			found[c[address]] = append(found[c[address]], c[inode])
		}
	}
	return found, lines.Err()
}
