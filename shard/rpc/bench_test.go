package rpc

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"quern/shard/core"
	"quern/shard/rpc/identity"
)

// loopback serves a toy over TCP on this machine, with or without TLS, and returns
// clients of it.
func loopback(b testing.TB, secure bool, clients int, o ServerOptions) (*toy, []*Client) {
	j := learning(1)
	var worker *identity.Files
	o.PerSecond = 1e9
	if secure {
		p := newPKI(b)
		files := p.server()
		o.TLS = &files
		mine := p.named("quern://worker/" + j.id.String() + "/*")
		worker = &mine
	}
	s, err := NewServer(o)
	if err != nil {
		b.Fatal(err)
	}
	s.Add(j)
	l, err := s.Listen("")
	if err != nil {
		b.Fatal(err)
	}
	go s.Serve(l)
	var all []*Client
	for i := range clients {
		token := fmt.Sprintf("the token of worker %d", i)
		s.Grant(token, identity.Principal{ID: token, Role: identity.Worker, Job: j.id, Shards: identity.AllShards()})
		c, err := NewClient(ClientOptions{Address: l.Addr().String(), Job: j.id, TLS: worker, Token: token, Patience: time.Hour, Away: time.Minute})
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, c)
	}
	b.Cleanup(func() {
		for _, c := range all {
			c.Close()
		}
		s.Stop(context.Background())
	})
	return j, all
}

// memory is the heap and the stacks that are in use, in bytes.
func memory() uint64 {
	used := heap()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return used + m.StackInuse
}

// BenchmarkPropose is one shard's way through the coordinator's service: a partial of a
// size, and its claim; 0: only the claim.
func BenchmarkPropose(b *testing.B) {
	for _, secure := range []bool{false, true} {
		for _, size := range []int{0, 10 << 10, 1 << 20} {
			b.Run(fmt.Sprintf("tls=%v/partial=%dKiB", secure, size>>10), func(b *testing.B) {
				j, clients := loopback(b, secure, 1, ServerOptions{})
				partial := append([]byte("statistic"), make([]byte, max(size, 9)-9)...)
				r := proposal(j.id, 0, 3, partial)
				if size == 0 {
					partial = nil
				}
				honest(b, clients[0], j.id)
				b.SetBytes(int64(size))
				for b.Loop() {
					if _, err := clients[0].Ask(context.Background(), r, partial); err != nil {
						b.Fatal(err)
					}
					j.set(func(j *toy) { j.seen = nil })
				}
			})
		}
	}
}

// TestThousandWait measures a coordinator that a thousand workers wait for, each with a
// connection of its own, both ends in this process.
func TestThousandWait(t *testing.T) {
	const workers = 1000
	j, clients := loopback(t, false, workers, ServerOptions{})
	before, routines := memory(), runtime.NumGoroutine()
	ready := make(chan struct{})
	var group sync.WaitGroup
	j.set(func(j *toy) {
		j.ask = func(context.Context, core.Request) (core.Reply, error) {
			<-ready
			return core.Reply{Verdict: core.Ready, Fitted: make([]byte, 1000)}, nil
		}
	})
	start := time.Now()
	for _, c := range clients {
		group.Go(func() {
			if reply, err := c.Ask(context.Background(), core.Request{Kind: core.WaitFitted}, nil); err != nil || reply.Verdict != core.Ready {
				t.Errorf("%+v (%v)", reply, err)
			}
		})
	}
	for len(j.requests()) < workers && time.Since(start) < time.Minute {
		time.Sleep(10 * time.Millisecond)
	}
	came := time.Since(start)
	perWorker, each := (memory()-before)/workers, (runtime.NumGoroutine()-routines)/workers
	start = time.Now()
	close(ready)
	group.Wait()
	t.Logf("%d workers came in %v, waited with %d KiB and %d goroutines each (both ends), and were told in %v",
		workers, came, perWorker>>10, each, time.Since(start))
	if perWorker > 300<<10 {
		t.Errorf("a worker that waits costs %d KiB", perWorker>>10)
	}
}
