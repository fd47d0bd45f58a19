package serve

import (
	"context"
	"net/http"
	"testing"
	"time"

	"quern/serve/access"
)

// TestDeadlineInTheQueue: what nobody waits for any longer is not worked on, in any call.
func TestDeadlineInTheQueue(t *testing.T) {
	now, inside, leave := stuck()
	r := twoViews(t, func(c *Config) { c.Now, c.Slots, c.Patience, c.Deadline = now, 1, time.Minute, time.Minute }).start(t)
	first := make(chan int)
	go func() {
		code, _ := call(t, http.DefaultClient, "POST", r.url+"/v1/lookup", lookA)
		first <- code
	}()
	<-inside
	g := &gateway{rig: r}
	client := g.plain()
	defer client.CloseIdleConnections()
	for _, to := range r.server.routes() {
		if !to.grpc || to.light {
			continue
		}
		got, text, err := g.ask(t, client, to, samples()[to.path], []string{"Grpc-Timeout", "20m"})
		if err != nil || got != 4 {
			t.Errorf("%s: %d %s %v", to.path, got, text, err)
		}
	}
	close(leave)
	if code := <-first; code != 200 {
		t.Errorf("%d", code)
	}
	if n := len(inside); n != 0 {
		t.Errorf("%d were worked on", n)
	}
}

// plain is a client of HTTP/2 in plain text.
func (g *gateway) plain() *http.Client {
	p := &http.Protocols{}
	p.SetUnencryptedHTTP2(true)
	return &http.Client{Transport: &http.Transport{Protocols: p}}
}

// TestDeadlineOfWork: no call works on when its time is over.
func TestDeadlineOfWork(t *testing.T) {
	r := fuzzed(t)
	r.server.c.Deadline = time.Nanosecond
	r.start(t)
	_, err := r.generations.Reload(context.Background())
	check(t, err)
	g := &gateway{rig: r}
	client := g.plain()
	defer client.CloseIdleConnections()
	for _, to := range r.server.routes() {
		if to.light || to.needs == access.Known || to.path == "/v1/models" {
			continue
		}
		want := http.StatusGatewayTimeout
		if to.grpc {
			want = 4
		}
		if got, text, err := g.ask(t, client, to, samples()[to.path], nil); err != nil || got != want {
			t.Errorf("%s: %d %.200s %v, want %d", to.path, got, text, err, want)
		}
	}
}
