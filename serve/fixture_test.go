package serve

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"quern/serve/live"
	"quern/serve/live/livetest"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// rig is a server over a shelf.
type rig struct {
	*livetest.Shelf
	generations *live.Generations
	server      *Server
	url         string
	log         *strings.Builder
	logged      sync.Mutex
}

func newRig(t testing.TB, s *livetest.Shelf, change func(*Config)) *rig {
	r := &rig{Shelf: s, log: &strings.Builder{}}
	log := func(format string, args ...any) {
		r.logged.Lock()
		defer r.logged.Unlock()
		fmt.Fprintf(r.log, format+"\n", args...)
	}
	r.generations = live.NewGenerations(s, log)
	c := Config{Generations: r.generations, Now: livetest.Clock, Log: log, Program: "quern test"}
	if change != nil {
		change(&c)
	}
	r.server = New(c)
	return r
}

// start serves on a free port until the test ends.
func (r *rig) start(t testing.TB) *rig {
	l, err := r.server.Listen("127.0.0.1:0")
	check(t, err)
	r.url = "http://" + l.Addr().String()
	done := make(chan error, 1)
	go func() { done <- r.server.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		r.server.Shutdown(ctx)
		if err := <-done; err != nil {
			t.Error(err)
		}
		r.generations.Close()
		if n := r.Held(); n != 0 {
			t.Errorf("%d segments are still held at the end", n)
		}
	})
	return r
}

// call sends a request and returns the status and the body.
func call(t testing.TB, c *http.Client, method, url, body string, headers ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	check(t, err)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	reply, err := c.Do(r)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err != nil {
		t.Error(err)
	}
	return reply.StatusCode, string(text)
}

// direct sends a request to a handler without a network.
func direct(h http.Handler, method, path, body string) (int, string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
	return w.Code, w.Body.String()
}

// waitFor looks again and again whether something is done, for at most 20 s.
func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for start := time.Now(); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Since(start) > 20*time.Second {
			buf := make([]byte, 1<<20)
			t.Fatalf("%s: not within 20 s\n%s", what, buf[:runtime.Stack(buf, true)])
		}
	}
}
