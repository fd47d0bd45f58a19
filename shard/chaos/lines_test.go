//go:build linux

package chaos

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// within calls f in a network namespace. Sockets that f opens stay there.
func within(t *testing.T, space string, f func()) {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never back: the thread ends with the goroutine
		at, err := os.Open("/run/netns/" + space)
		if err == nil {
			defer at.Close()
			err = unix.Setns(int(at.Fd()), unix.CLONE_NEWNET)
		}
		if err == nil {
			f()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Skipf("no way into a network namespace: %v", err)
	}
}

// TestLines: the faults of lines do what their names say, or the schedules of
// TestPartitions would prove nothing.
func TestLines(t *testing.T) {
	begin(t)
	t.Parallel()
	n := newNetwork(t, 1<<20, 2)
	t.Logf("a slow line is one with %v", n.delay)
	within(t, n.space(-1), func() {
		l, err := net.Listen("tcp", fmt.Sprintf("0.0.0.0:%d", port))
		if err != nil {
			t.Error(err)
			return
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				c.Write(make([]byte, 32<<10))
				c.Close()
			}
		}()
	})
	for kind, fault := range n.faults() {
		if err := fault(0); err != nil {
			t.Fatal(err)
		}
		took, err := fetch(t, n, 0)
		switch {
		case kind == "slow" && (err != nil || took < 100*time.Millisecond):
			t.Errorf("a slow line: %v after %v", err, took)
		case kind != "slow" && err == nil:
			t.Errorf("%s: bytes went through", kind)
		}
		if _, err := fetch(t, n, 1); err != nil {
			t.Errorf("%s of line 0, and line 1: %v", kind, err)
		}
		n.heal(0)
		if _, err := fetch(t, n, 0); err != nil {
			t.Errorf("after %s was healed: %v", kind, err)
		}
	}
}

// fetch gets some bytes through a worker's line.
func fetch(t *testing.T, n *network, worker int) (took time.Duration, err error) {
	within(t, n.space(worker), func() {
		began := time.Now()
		var c net.Conn
		if c, err = net.DialTimeout("tcp", fmt.Sprintf("%s:%d", host(worker), port), 1500*time.Millisecond); err != nil {
			return
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(3 * time.Second))
		got, buffer := 0, make([]byte, 4096)
		for got < 32<<10 {
			var k int
			if k, err = c.Read(buffer); err != nil {
				return
			}
			got += k
		}
		took = time.Since(began)
	})
	return took, err
}
