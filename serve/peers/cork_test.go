package peers

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// some returns n bytes that differ.
func some(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('a' + i*i%23)
	}
	return b
}

// narrow takes so many bytes, then fails.
type narrow struct {
	net.Conn
	left   int
	got    []byte
	writes int
	closed bool
}

var errNarrow = errors.New("no more")

func (c *narrow) Close() error { c.closed = true; return nil }

func (c *narrow) Write(p []byte) (int, error) {
	c.writes++
	n := min(len(p), c.left)
	c.left -= n
	c.got = append(c.got, p[:n]...)
	if n < len(p) {
		return n, errNarrow
	}
	return n, nil
}

// TestWritesWhileCorked: writes arrive in order and whole, the first is held when it is short,
// and each caller is told what became of its own bytes, wherever the connection breaks.
func TestWritesWhileCorked(t *testing.T) {
	for _, sizes := range [][]int{{}, {0}, {1}, {Buffered}, {Buffered + 1}, {Buffered, 1}, {1, 20_000}, {Buffered, 5000, 7},
		{Buffered + 1, 100, 100}, {100, Buffered, 100, 9000}, {0, 0, 10}, {10, 0, 10}} {
		total := 0
		for _, n := range sizes {
			total += n
		}
		for _, left := range []int{0, 1, 99, 100, 101, Buffered - 1, Buffered, Buffered + 1, 9000, max(0, total-1), total} {
			inner := &narrow{left: left}
			c := &Conn{Conn: inner, in: New(nil, 1, nil), peer: &Peer{}}
			c.cork.in = true
			all, reported, failed := some(total), 0, false
			for i, at := 0, 0; i < len(sizes) && !failed; i++ {
				p := bytes.Clone(all[at : at+sizes[i]])
				n, err := c.Write(p)
				clear(p) // its owner goes on
				held := i == 0 && sizes[0] <= Buffered
				if held && (n != len(p) || err != nil || inner.writes > 0) {
					t.Fatalf("%v: the first write is not held: %d %v", sizes, n, err)
				}
				failed, at, reported = err != nil, at+len(p), reported+n
				if !held && reported != max(len(inner.got), at-len(p)) {
					t.Fatalf("%v, %d fit: write %d says %d; %d were said of %d sent", sizes, left, i, n, reported, len(inner.got))
				}
			}
			err := c.uncork()
			if failed = failed || err != nil; failed != (left < total) {
				t.Fatalf("%v, %d fit: failed: %v", sizes, left, failed)
			}
			if inner.closed != (err != nil) {
				t.Fatalf("%v, %d fit: %v, closed: %v", sizes, left, err, inner.closed)
			}
			if !bytes.Equal(inner.got, all[:min(left, total)]) {
				t.Fatalf("%v, %d fit: other bytes were sent", sizes, left)
			}
		}
	}
}

// TestHeldGoesOut: what is held is not seen before the next write, and then is at once;
// writes of a reply after the second are not held.
func TestHeldGoesOut(t *testing.T) {
	c, client := pair(t)
	buf := make([]byte, 1<<16)
	arrives := func(want string) {
		t.Helper()
		client.SetReadDeadline(time.Now().Add(5 * time.Second))
		_, err := io.ReadFull(client, buf[:len(want)])
		check(t, err)
		if got := string(buf[:len(want)]); got != want {
			t.Fatalf("%.50q, want %.50q", got, want)
		}
	}
	for range 2 {
		c.cork.in = true
		c.Write([]byte("head"))
		client.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		if n, err := client.Read(buf); err == nil {
			t.Fatalf("%d bytes came before the second write", n)
		}
		c.Write([]byte("body"))
		arrives("headbody")
		c.Write([]byte("tail"))
		arrives("tail")
	}
	c.cork.in = true
	c.Write([]byte("alone"))
	check(t, c.uncork())
	arrives("alone")
	go io.Copy(io.Discard, client)
	head, body := some(Buffered), some(10_000)
	if n := testing.AllocsPerRun(100, func() { c.cork.in = true; c.Write(head); c.Write(body); c.uncork() }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestSlowReaderOfHeld: a writev that times out in the middle says how much of it was sent.
func TestSlowReaderOfHeld(t *testing.T) {
	c, client := pair(t)
	body := some(64 << 20)
	c.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
	c.cork.in = true
	c.Write([]byte("head"))
	n, err := c.Write(body)
	if e, ok := err.(net.Error); !ok || !e.Timeout() {
		t.Fatalf("%d %v", n, err)
	}
	c.Close()
	got, err := io.ReadAll(client)
	check(t, err)
	if string(got) != "head"+string(body[:n]) {
		t.Errorf("%d bytes came; %d were said of %d", len(got), n, len(body))
	}
}

// TestReplies: whatever a handler does, its client sees the bytes that it would see without
// Reply, and the next request is answered.
func TestReplies(t *testing.T) {
	type write func([]byte) (int, error)
	long := map[string]func(w http.ResponseWriter, write write, n int){
		"a length": func(w http.ResponseWriter, write write, n int) {
			w.Header().Set("Content-Length", strconv.Itoa(n))
			write(some(n))
		},
		"chunks":    func(w http.ResponseWriter, write write, n int) { write(some(n)) },
		"two parts": func(w http.ResponseWriter, write write, n int) { write(some(n / 2)); write(some(n - n/2)) },
		"flushed":   func(w http.ResponseWriter, write write, n int) { w.(http.Flusher).Flush(); write(some(n)) },
		"too long": func(w http.ResponseWriter, write write, n int) {
			w.Header().Set("Content-Length", strconv.Itoa(n/2))
			write(some(n))
		},
		"too short": func(w http.ResponseWriter, write write, n int) {
			w.Header().Set("Content-Length", strconv.Itoa(n+1))
			write(some(n))
		},
		"no body":   func(w http.ResponseWriter, write write, n int) { w.WriteHeader(http.StatusNoContent); write(some(n)) },
		"a panic":   func(w http.ResponseWriter, write write, n int) { write(some(n)); panic(http.ErrAbortHandler) },
		"the close": func(w http.ResponseWriter, write write, n int) { w.Header().Set("Connection", "close"); write(some(n)) },
		"a hijack": func(w http.ResponseWriter, write write, n int) {
			write(some(n))
			if c, buf, err := w.(http.Hijacker).Hijack(); err == nil {
				buf.WriteString("hijacked")
				buf.Flush()
				write(some(n))
				c.Close()
			}
		},
	}
	address := served(t, plain, func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Date"] = nil
		write := write(w.Write)
		if c := Of(r.Context()); r.Header.Get("Reply") != "" {
			write = func(b []byte) (int, error) {
				defer func() {
					if c.cork.n != 0 || c.cork.in {
						t.Errorf("%d bytes are held", c.cork.n)
					}
				}()
				return c.Reply(w, b)
			}
		}
		n, _ := strconv.Atoi(r.Header.Get("N"))
		long[r.Header.Get("How")](w, write, n)
	})
	for how := range long {
		for _, n := range []int{0, 1, 3900, 4095, 4096, 4097, 8000, 8191, 8192, 8193, 20_000, 1 << 20} {
			for _, method := range []string{"GET", "HEAD"} {
				name := fmt.Sprintf("%s %s of %d", method, how, n)
				if got, want := talk(t, address, method, how, n, "Reply: 1\r\n"), talk(t, address, method, how, n, ""); got != want {
					t.Errorf("%s: %d bytes, want %d: %.80q, want %.80q", name, len(got), len(want), got, want)
				} else if want == "" && !strings.Contains(how, "panic") {
					t.Errorf("%s: nothing came", name)
				}
			}
		}
	}
}

// talk makes a request, and another one that is the last, and returns all that comes.
func talk(t *testing.T, address, method, how string, n int, more string) string {
	c, err := net.Dial("tcp", address)
	check(t, err)
	defer c.Close()
	head := fmt.Sprintf("%s / HTTP/1.1\r\nHost: x\r\nHow: %s\r\nN: %d\r\n%s", method, how, n, more)
	fmt.Fprintf(c, "%s\r\n%sConnection: close\r\n\r\n", head, head)
	c.SetReadDeadline(time.Now().Add(10 * time.Second))
	all, _ := io.ReadAll(c)
	return string(all)
}

// breaking writes half of a reply to a connection, and then does what no ResponseWriter should.
type breaking struct {
	http.ResponseWriter
	c    *Conn
	how  any   // a panic
	fail error // or this
}

func (w breaking) Write(b []byte) (int, error) {
	n, err := w.c.Write(b[:Buffered])
	if w.how != nil {
		panic(w.how)
	}
	return n, errors.Join(err, w.fail)
}

// TestReplyThatBreaks: what is held goes out when the writer of a reply fails or panics, and
// if it cannot go out, that is the error of Reply.
func TestReplyThatBreaks(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		name  string
		how   any
		fail  error
		left  int
		error error
	}{
		{"a panic", "help", nil, 1 << 20, nil},
		{"an error", nil, broken, 1 << 20, broken},
		{"an error of what is held", nil, nil, 100, errNarrow},
		{"both", nil, broken, 100, broken},
		{"a panic, and an error of what is held", "help", nil, 100, nil},
	} {
		inner := &narrow{left: c.left}
		conn := &Conn{Conn: inner, in: New(nil, 1, nil), peer: &Peer{}}
		var err error
		func() {
			defer func() {
				if caught := recover(); caught != c.how {
					t.Errorf("%s: %v", c.name, caught)
				}
			}()
			_, err = conn.Reply(breaking{nil, conn, c.how, c.fail}, some(3*Buffered))
		}()
		if !errors.Is(err, c.error) || err != nil && c.error == nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if sent := min(c.left, Buffered); len(inner.got) != sent || conn.cork.n != 0 || conn.cork.in || inner.closed != (c.left < Buffered) {
			t.Errorf("%s: %d bytes were sent, want %d; %d are held; closed: %v", c.name, len(inner.got), sent, conn.cork.n, inner.closed)
		}
	}
}
