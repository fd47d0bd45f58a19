package peers

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// reads counts the reads of connections: of all sizes, of one byte, and those that wait.
type reads struct {
	all, single, waiting atomic.Int64
}

// watched counts the reads of what it accepts.
type watched struct {
	net.Listener
	*reads
}

func (l watched) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return watchedConn{c, l.reads}, nil
}

type watchedConn struct {
	net.Conn
	*reads
}

func (c watchedConn) Read(p []byte) (int, error) {
	c.all.Add(1)
	if cap(p) == 1 {
		c.single.Add(1)
	}
	c.waiting.Add(1)
	defer c.waiting.Add(-1)
	return c.Conn.Read(p)
}

// withWatched is WithConn of what a watchedConn is around.
func withWatched(ctx context.Context, c net.Conn) context.Context {
	if w, ok := c.(watchedConn); ok {
		c = w.Conn
	}
	return WithConn(ctx, c)
}

// TestTheWatchEnds: net/http asks for its watch once a request, is answered at once, and asks
// no more; no read waits while a handler works. Should another net/http ask again and again,
// or in another way, this fails.
func TestTheWatchEnds(t *testing.T) {
	asked, below := &reads{}, &reads{} // of the Conn by net/http, and of the connection by the Conn
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	working, goOn := make(chan struct{}), make(chan struct{})
	s := &http.Server{ConnContext: withWatched, IdleTimeout: time.Minute, ReadTimeout: time.Minute,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if r.URL.Path == "/slow" {
				working <- struct{}{}
				<-goOn
			}
			fmt.Fprint(w, len(body), err, r.Context().Err(), Of(r.Context()) != nil)
		})}
	go s.Serve(watched{New(watched{inner, below}, 10, new(atomic.Int64)), asked})
	defer s.Close()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	ask := func(path string, n int) {
		reply, err := client.Post("http://"+inner.Addr().String()+path, "", strings.NewReader(strings.Repeat("x", n)))
		check(t, err)
		text, _ := io.ReadAll(reply.Body)
		reply.Body.Close()
		if want := fmt.Sprint(n, nil, nil, true); string(text) != want {
			t.Errorf("%s: %s, want %s", path, text, want)
		}
	}
	const requests = 300
	for i := range requests {
		ask("/", i%3*700)
	}
	for i := 0; asked.single.Load() < requests && i < 1000; i++ { // a watch may begin after its reply
		time.Sleep(time.Millisecond)
	}
	if n := asked.single.Load(); n != requests {
		t.Errorf("net/http asked %d times for one byte in %d requests", n, requests)
	}
	if n := asked.all.Load(); n > 4*requests {
		t.Errorf("%d reads in %d requests", n, requests)
	}
	for range 3 {
		var all sync.WaitGroup
		all.Go(func() { ask("/slow", 10) })
		<-working
		before := asked.all.Load()
		for i := 0; below.waiting.Load() > 0 && i < 100; i++ {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(20 * time.Millisecond)
		if n, again := below.waiting.Load(), asked.all.Load()-before; n != 0 || again > 1 {
			t.Errorf("while a handler works %d reads wait, and %d are made", n, again)
		}
		goOn <- struct{}{}
		all.Wait()
	}
}

// TestPipelined: requests that come together, in any pieces, are answered in their order.
func TestPipelined(t *testing.T) {
	address := served(t, plain, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.URL.Path == "/1" {
			time.Sleep(5 * time.Millisecond)
		}
		fmt.Fprint(w, r.URL.Path, len(body))
	})
	var all strings.Builder
	for i := range 5 {
		fmt.Fprintf(&all, "POST /%d HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", i, 100*i, strings.Repeat("y", 100*i))
	}
	text := all.String()
	for piece := 1; piece < len(text); piece += 1 + piece/2 {
		c, err := net.Dial("tcp", address)
		check(t, err)
		go func() {
			for at := 0; at < len(text); at += piece {
				io.WriteString(c, text[at:min(at+piece, len(text))])
			}
		}()
		from := bufio.NewReader(c)
		for i := range 5 {
			reply, err := http.ReadResponse(from, nil)
			check(t, err)
			if got, _ := io.ReadAll(reply.Body); string(got) != fmt.Sprintf("/%d%d", i, 100*i) {
				t.Errorf("pieces of %d, reply %d: %s", piece, i, got)
			}
		}
		c.Close()
	}
}

// TestLastByteOfABuffer: a bufio.Reader whose buffer lacks one byte asks as the watch does, and
// gets what it needs.
func TestLastByteOfABuffer(t *testing.T) {
	address := served(t, plain, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, len(r.URL.Path)) })
	const path = 6000
	line := "GET /" + strings.Repeat("p", path-1) + " HTTP/1.1\r\n"
	for first := 4090; first <= 4100; first++ {
		c, err := net.Dial("tcp", address)
		check(t, err)
		from := bufio.NewReader(c)
		for range 2 { // the second after a watch
			io.WriteString(c, line[:first])
			time.Sleep(10 * time.Millisecond)
			io.WriteString(c, line[first:]+"Host: x\r\n\r\n")
			reply, err := http.ReadResponse(from, nil)
			check(t, err)
			if got, _ := io.ReadAll(reply.Body); string(got) != fmt.Sprint(path) {
				t.Errorf("after %d bytes: %d %s", first, reply.StatusCode, got)
			}
		}
		c.Close()
	}
}

// bytewise sends one byte at a time.
type bytewise struct{ net.Conn }

func (c bytewise) Write(p []byte) (int, error) {
	for i := range p {
		if _, err := c.Conn.Write(p[i : i+1]); err != nil {
			return i, err
		}
		time.Sleep(20 * time.Microsecond)
	}
	return len(p), nil
}

// TestBytewise: HTTP/2, which never has a read deadline, reads heads of frames to their last
// byte; and HTTP/1.
func TestBytewise(t *testing.T) {
	address := served(t, plain, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		fmt.Fprint(w, r.Proto, len(body), err)
	})
	for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
		p := &http.Protocols{}
		p.SetHTTP1(proto == "HTTP/1.1")
		p.SetUnencryptedHTTP2(proto == "HTTP/2.0")
		client := &http.Client{Transport: &http.Transport{Protocols: p, DialContext: func(ctx context.Context, network, to string) (net.Conn, error) {
			c, err := (&net.Dialer{}).DialContext(ctx, network, to)
			return bytewise{c}, err
		}}}
		for range 20 {
			reply, err := client.Post("http://"+address, "", strings.NewReader("1234567"))
			check(t, err)
			text, _ := io.ReadAll(reply.Body)
			reply.Body.Close()
			if want := fmt.Sprint(proto, 7, nil); string(text) != want {
				t.Errorf("%s, want %s", text, want)
			}
		}
		client.CloseIdleConnections()
	}
}

// TestOneAnswerForADeadline: a read of one byte is answered with none once for each read
// deadline that is taken away, and otherwise waits for its byte.
func TestOneAnswerForADeadline(t *testing.T) {
	c, client := pair(t)
	var one [1]byte
	read := func(name string, into []byte, want int) {
		t.Helper()
		if want > 0 {
			client.Write([]byte("z"))
		}
		if n, err := c.Read(into); n != want || err != nil {
			t.Errorf("%s: %d %v", name, n, err)
		}
	}
	read("at first", one[:], 1)
	c.SetReadDeadline(time.Time{})
	read("room for more", make([]byte, 1, 2), 1)
	read("the watch", one[:], 0)
	read("another", one[:], 1)
	c.SetReadDeadline(time.Time{})
	c.SetReadDeadline(time.Now().Add(time.Minute))
	read("a new deadline", one[:], 1)
	c.SetReadDeadline(time.Time{})
	c.SetDeadline(time.Time{})
	read("for a new owner", one[:], 1)
	c.SetReadDeadline(time.Unix(1, 0))
	if n, err := c.Read(one[:]); n != 0 || err == nil {
		t.Errorf("a deadline that passed: %d %v", n, err)
	}
}
