package serve

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestGoneInTheLine: a client that hangs up while its request waits is not worked for, and
// those behind it are, of all protocols.
func TestGoneInTheLine(t *testing.T) {
	now, inside, leave := stuck()
	r := twoViews(t, func(c *Config) { c.Now, c.Slots, c.Patience, c.Deadline = now, 1, time.Minute, time.Minute }).start(t)
	clients := []*http.Client{{Transport: &http.Transport{}}, (&gateway{}).plain()}
	codes := make(chan int)
	ask := func(client *http.Client) {
		code, _ := call(t, client, "POST", r.url+"/v1/lookup", lookA)
		codes <- code
	}
	waits := func(n int) {
		waitFor(t, "requests wait", func() bool { return r.server.gate.Waiting() == n })
	}
	go ask(clients[0])
	<-inside
	for i := range 3 {
		c, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
		check(t, err)
		fmt.Fprintf(c, "POST /v1/lookup HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(lookA), lookA)
		waits(i + 1)
		defer c.Close()
		if i < 2 {
			c.Close()
			continue
		}
		c.(*net.TCPConn).SetLinger(0) // a reset
		c.Close()
	}
	go ask(clients[0])
	waits(4)
	go ask(clients[1])
	waits(5)
	close(leave)
	for range 3 {
		if code := <-codes; code != http.StatusOK {
			t.Errorf("%d", code)
		}
	}
	if n := len(inside); n != 2 {
		t.Errorf("%d of those that waited were worked for, want 2", n)
	}
	waitFor(t, "slots come back", func() bool {
		return r.server.gate.Running() == 0
	})
	if n := r.server.metrics.rejected[queueFull].Load(); n != 3 {
		t.Errorf("%d were turned away", n)
	}
}
