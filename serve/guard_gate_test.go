package serve

import (
	"context"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func hours() time.Time { return time.Now().Add(time.Hour) }

// TestGateJudges: who cannot get a slot in time is told without waiting.
func TestGateJudges(t *testing.T) {
	none := context.Background()
	for _, c := range []struct {
		name    string
		took    time.Duration
		waiting int
		queue   int
		stands  time.Duration // the queue
		until   time.Duration
		want    verdict
	}{
		{"nobody waits", 0, 0, 10, 0, time.Hour, entered},
		{"there is time", 10 * time.Second, 5, 10, 0, time.Hour, entered},
		{"the queue is full", 0, 10, 10, 0, time.Hour, full},
		{"it would take too long", 10 * time.Second, 6, 10, 0, time.Hour, full},
		{"longer than the deadline", 10 * time.Second, 5, 10, 0, 29 * time.Second, late},
		{"the queue stands", 2 * time.Second, 5, 10, time.Hour, time.Hour, full},
		{"the queue stands, and is short", time.Second, 1, 10, time.Hour, time.Hour, entered},
	} {
		g := &gate{slots: 2, queue: c.queue, patience: 30 * time.Second}
		g.enter(none, hours(), nil)
		g.enter(none, hours(), nil)
		g.took, g.empty = c.took, time.Now().Add(-c.stands)
		for range c.waiting {
			g.line.PushBack(&waiter{time.Now(), hours(), make(chan verdict, 1)})
		}
		if got := g.hopeless(time.Now(), time.Now().Add(c.until)); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		if g.busy(time.Now().Add(c.until)) != (c.want != entered) {
			t.Errorf("%s: busy says otherwise", c.name)
		}
	}
}

// TestGateDropsTheLate: a slot that comes free goes to the first for whom it is not too late.
func TestGateDropsTheLate(t *testing.T) {
	g := &gate{slots: 1, queue: 10, patience: time.Hour}
	g.enter(context.Background(), hours(), nil)
	g.empty = time.Now()
	past, now := time.Now().Add(-time.Minute), time.Now()
	line := []*waiter{{past, past, nil}, {past, past.Add(time.Second), nil}, {now, hours(), nil}, {now, hours(), nil}}
	for _, w := range line {
		w.verdict = make(chan verdict, 1)
		g.line.PushBack(w)
	}
	g.waiting.Store(int64(len(line)))
	g.leave(time.Millisecond)
	for i, want := range []verdict{late, late, entered} {
		select {
		case got := <-line[i].verdict:
			if got != want {
				t.Errorf("waiter %d: %v, want %v", i, got, want)
			}
		default:
			t.Errorf("waiter %d was told nothing", i)
		}
	}
	if g.running != 1 || g.line.Len() != 1 || g.waiting.Load() != 1 {
		t.Errorf("%d run, %d wait", g.running, g.line.Len())
	}
	// A queue that stands for longer than patience lets those go that waited for a tenth of it.
	g.empty = time.Now().Add(-2 * time.Hour)
	last := g.line.Front().Value.(*waiter)
	last.since = time.Now().Add(-10 * time.Minute)
	g.leave(time.Millisecond)
	if got := <-last.verdict; got != full || g.running != 0 || g.line.Len() != 0 {
		t.Errorf("%v, %d run", got, g.running)
	}
}

// TestGateCounts: whatever comes and goes, and gives up, never more than the slots are taken
// and at the end none is, and nobody waits.
func TestGateCounts(t *testing.T) {
	g := &gate{slots: 3, queue: 20, patience: 2 * time.Millisecond}
	var inside, most, served, shed atomic.Int64
	var wg sync.WaitGroup
	for k := range 16 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(1, uint64(k)))
			for range 400 {
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rnd.IntN(3000))*time.Microsecond)
				if g.enter(ctx, time.Now().Add(time.Duration(rnd.IntN(3000))*time.Microsecond), nil) != entered {
					shed.Add(1)
					cancel()
					continue
				}
				n := inside.Add(1)
				for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
				}
				for range rnd.IntN(2000) {
					_ = rnd.Uint64()
				}
				inside.Add(-1)
				g.leave(time.Duration(rnd.IntN(1000)) * time.Microsecond)
				served.Add(1)
				cancel()
			}
		})
	}
	wg.Wait()
	if most.Load() > 3 || g.running != 0 || g.line.Len() != 0 || g.waiting.Load() != 0 || served.Load() == 0 {
		t.Errorf("%d at once; at the end %d run, %d wait; %d served, %d shed", most.Load(), g.running, g.line.Len(), served.Load(), shed.Load())
	}
}

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
		if to.light || to.needs == rightKnown || to.path == "/v1/models" {
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
