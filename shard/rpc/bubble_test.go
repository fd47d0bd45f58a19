package rpc

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"quern/shard/core"
)

// The tests here run real gRPC in virtual time: hours pass in milliseconds, and always
// the same way.

// cable is a network of one listener at a time. Cut, what is sent goes nowhere, and
// nobody is told.
type cable struct {
	mu     sync.Mutex
	l      *bufconn.Listener
	broken bool
	dials  int

	orphans []net.Conn
}

func (n *cable) plug(l *bufconn.Listener) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.l, n.broken = l, false
}

func (n *cable) cut() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.broken = true
}

func (n *cable) isCut() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.broken
}

func (n *cable) dial(ctx context.Context, _ string) (net.Conn, error) {
	n.mu.Lock()
	n.dials++
	l, broken := n.l, n.broken
	n.mu.Unlock()
	if l == nil {
		return nil, errors.New("connection refused")
	}
	if broken {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	c, err := l.DialContext(ctx)
	if err != nil {
		return nil, err
	}
	return &wire{Conn: c, n: n, closed: make(chan struct{})}, nil
}

// hangUp ends what a cut cable has kept from its ends.
func (n *cable) hangUp() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.orphans {
		c.Close()
	}
}

// wire is a connection through a cable.
type wire struct {
	net.Conn
	n      *cable
	once   sync.Once
	closed chan struct{}
}

func (w *wire) Write(b []byte) (int, error) {
	if w.n.isCut() {
		return len(b), nil
	}
	return w.Conn.Write(b)
}

func (w *wire) Read(b []byte) (int, error) {
	for {
		n, err := w.Conn.Read(b)
		if !w.n.isCut() {
			return n, err
		}
		if err != nil { // the other end's, which nobody can see
			<-w.closed
			return 0, net.ErrClosed
		}
	}
}

func (w *wire) Close() error {
	w.once.Do(func() { close(w.closed) })
	if !w.n.isCut() {
		return w.Conn.Close()
	}
	w.n.mu.Lock()
	defer w.n.mu.Unlock()
	w.n.orphans = append(w.n.orphans, w.Conn) // the other end does not learn of it
	return w.Conn.SetReadDeadline(time.Unix(1, 0))
}

// within checks how long something took in virtual time.
func within(t *testing.T, what string, start time.Time, least, most time.Duration) {
	t.Helper()
	if took := time.Since(start); took < least || took > most {
		t.Errorf("%s took %v, want %v to %v", what, took, least, most)
	}
}

func TestWaitsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := learning(1)
		s, l := serve(t, ServerOptions{}, j)
		c := dial(t, l, ClientOptions{Job: j.id})
		start := time.Now()
		reply, err := c.Ask(t.Context(), core.Request{Kind: core.WaitFitted}, nil)
		if err != nil || reply.Verdict != core.Direct {
			t.Errorf("a phase that is not closed: %+v (%v)", reply, err)
		}
		within(t, "a wait", start, 30*time.Second, 31*time.Second)

		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second) // the caller's is sooner
		defer cancel()
		start = time.Now()
		_, err = c.Ask(ctx, core.Request{Kind: core.WaitFitted}, nil)
		wantError(t, err, codes.DeadlineExceeded, "", "")
		within(t, "a wait with a deadline", start, 3*time.Second, 4*time.Second)

		j.set(func(j *toy) {
			j.ask = func(context.Context, core.Request) (core.Reply, error) {
				time.Sleep(7 * time.Second)
				return core.Reply{Verdict: core.Ready, Fitted: []byte("learnt")}, nil
			}
		})
		start = time.Now()
		reply, err = c.Ask(t.Context(), core.Request{Kind: core.WaitFitted}, nil)
		if err != nil || reply.Verdict != core.Ready || string(reply.Fitted) != "learnt" {
			t.Errorf("a phase that was closed meanwhile: %+v (%v)", reply, err)
		}
		within(t, "a wait that is answered", start, 7*time.Second, 8*time.Second)

		time.Sleep(time.Second)
		if n := s.gate.room[waiting].taken() + s.gate.receiving.taken(); n != 0 {
			t.Errorf("%d slots are taken by nobody", n)
		}
	})
}

// TestCoordinatorThatNeverAnswers has a coordinator that hangs: the server cuts off what
// it takes, the client does not even wait for that.
func TestCoordinatorThatNeverAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := learning(1)
		j.ask = func(ctx context.Context, _ core.Request) (core.Reply, error) {
			<-ctx.Done()
			return core.Reply{}, ctx.Err()
		}
		_, l := serve(t, ServerOptions{}, j)
		r := proposal(j.id, 0, 3, []byte("stat"))
		for _, timeout := range []time.Duration{0, time.Hour} {
			want := 20 * time.Second
			if timeout > 0 {
				want = 30 * time.Second // the server's
			}
			c := dial(t, l, ClientOptions{Job: j.id, Timeout: timeout})
			start := time.Now()
			_, err := c.Ask(t.Context(), r, nil)
			wantError(t, err, codes.DeadlineExceeded, "", "")
			within(t, "a proposal", start, want, want+time.Second)
		}
	})
}

// TestStoppedCoordinatorIsLeftAlone: after a request that waited in vain others do not
// wait, for a while; then the coordinator is asked again.
func TestStoppedCoordinatorIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := learning(1)
		j.ask = func(ctx context.Context, _ core.Request) (core.Reply, error) {
			<-ctx.Done()
			return core.Reply{}, ctx.Err()
		}
		_, l := serve(t, ServerOptions{}, j)
		c, r := dial(t, l, ClientOptions{Job: j.id}), proposal(j.id, 0, 3, []byte("stat"))
		for range 2 {
			ctx, cancel := context.WithTimeout(t.Context(), longWait)
			start := time.Now()
			_, err := c.Ask(ctx, r, nil)
			wantError(t, err, codes.DeadlineExceeded, "", "")
			within(t, "the first request", start, longWait, longWait+time.Second)
			for range 9 {
				start = time.Now()
				if _, err := c.Ask(t.Context(), r, nil); !errors.Is(err, ErrAway) {
					t.Errorf("%v, want %v", err, ErrAway)
				}
				within(t, "another one", start, 0, 0)
				time.Sleep(time.Second)
			}
			time.Sleep(time.Second)
			cancel()
		}
		j.set(func(j *toy) { j.ask = nil })
		if _, err := c.Ask(t.Context(), r, nil); err != nil {
			t.Errorf("a coordinator that goes on: %v", err)
		}
	})
}

// TestMuteListener accepts connections and says nothing: there is no connection then.
func TestMuteListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bufconn.Listen(64 << 10)
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go func() { io.Copy(io.Discard, c); c.Close() }()
			}
		}()
		c := dial(t, l, ClientOptions{})
		for range 3 {
			start := time.Now()
			if _, err := c.Ask(t.Context(), core.Request{Kind: core.WaitFitted}, nil); !errors.Is(err, ErrAway) {
				t.Errorf("%v, want %v", err, ErrAway)
			}
			within(t, "an ask", start, 0, 6*time.Second)
		}
		c.Close()
		l.Close()
		synctest.Wait()
	})
}

// TestDeadPeer cuts the cable: keep-alive finds out on both sides.
func TestDeadPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := learning(1)
		s, l := serve(t, ServerOptions{Patience: time.Hour}, j)
		n := &cable{}
		n.plug(l)
		c := dial(t, l, ClientOptions{Job: j.id, Dial: n.dial, Patience: time.Hour})
		if err := c.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Minute, n.cut)
		start := time.Now()
		_, err := c.Ask(t.Context(), core.Request{Kind: core.WaitFitted}, nil)
		if status.Code(err) != codes.Unavailable {
			t.Errorf("%v, want unavailable", err)
		}
		within(t, "finding out", start, time.Minute, time.Minute+45*time.Second)
		time.Sleep(45 * time.Second)
		if left := s.gate.room[waiting].taken(); left != 0 {
			t.Errorf("the server still waits for %d callers that are gone", left)
		}
		n.hangUp()
	})
}

// TestRestart stops the coordinator for a while; the client goes on within five seconds
// of its return, and opens the job again.
func TestRestart(t *testing.T) {
	for _, away := range []time.Duration{0, 3 * time.Second, time.Minute, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			j, n := learning(1), &cable{}
			s, l := serve(t, ServerOptions{}, j)
			n.plug(l)
			c := dial(t, nil, ClientOptions{Job: j.id, Dial: n.dial})
			ask := func() error {
				_, err := c.Ask(t.Context(), proposal(j.id, 0, 3, []byte("stat")), nil)
				return err
			}
			if err := ask(); err != nil || c.Epoch() != 7 {
				t.Fatalf("epoch %d: %v", c.Epoch(), err)
			}
			stopped, cancel := context.WithCancel(t.Context())
			cancel()
			s.Stop(stopped)
			n.plug(nil)
			for start := time.Now(); time.Since(start) < away; {
				asked := time.Now()
				if err := ask(); err == nil {
					t.Fatal("nobody is there to answer")
				}
				within(t, "an ask of nobody", asked, 0, 6*time.Second)
				time.Sleep(3 * time.Second) // the longest pause of a worker
			}
			j.set(func(j *toy) { j.at.Epoch = 8 })
			_, l = serve(t, ServerOptions{}, j)
			n.plug(l)
			start := time.Now()
			for ask() != nil && time.Since(start) < time.Minute {
				time.Sleep(100 * time.Millisecond)
			}
			within(t, "coming back", start, 0, 5*time.Second)
			// A call that was on its way may have been the first on the new connection; the
			// next one opens the job.
			if err := ask(); err != nil || c.Epoch() != 8 {
				t.Errorf("epoch %d: the job was not opened again (%v)", c.Epoch(), err)
			}
			if most := int(away/time.Second)*2 + 20; n.dials > most {
				t.Errorf("%d dials in %v, want at most %d", n.dials, away, most)
			}
		})
	}
}

// TestConnectionsEnd lets connections grow old: the client notices nothing but a
// reconnection, with calls under way and without.
func TestConnectionsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := learning(1)
		_, l := serve(t, ServerOptions{}, j)
		c := dial(t, l, ClientOptions{Job: j.id})
		for start := time.Now(); time.Since(start) < 4*time.Hour; {
			if _, err := c.Ask(t.Context(), core.Request{Kind: core.WaitFitted}, nil); err != nil {
				t.Fatalf("after %v: %v", time.Since(start), err)
			}
		}
		if n := c.lives.Load(); n < 5 || n > 10 { // 30 minutes, more or less a tenth
			t.Errorf("%d connections in four hours", n)
		}
		before := c.lives.Load()
		for range 4 {
			time.Sleep(20 * time.Minute) // computing
			if _, err := c.Ask(t.Context(), proposal(j.id, 0, 3, []byte("stat")), nil); err != nil {
				t.Fatal(err)
			}
		}
		if n := c.lives.Load() - before; n < 4 || n > 6 {
			t.Errorf("%d connections for four calls, 20 minutes apart", n)
		}
	})
}

// TestStop ends waits at once and lets answers through that are under way.
func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := learning(1)
		j.ask = func(ctx context.Context, r core.Request) (core.Reply, error) {
			if r.Kind == core.Propose {
				time.Sleep(2 * time.Second)
				return core.Reply{Verdict: core.Lost}, nil
			}
			<-ctx.Done()
			return core.Reply{}, ctx.Err()
		}
		s, l := serve(t, ServerOptions{}, j)
		c := dial(t, l, ClientOptions{Job: j.id})
		o := dial(t, l, ClientOptions{Job: j.id, Token: operatorToken, Away: time.Second})
		if err := errors.Join(c.Healthy(t.Context()), o.Healthy(t.Context())); err != nil {
			t.Fatal(err)
		}
		var group sync.WaitGroup
		group.Go(func() {
			_, err := c.Ask(t.Context(), core.Request{Kind: core.WaitFitted}, nil)
			wantError(t, err, codes.Unavailable, ReasonDraining, "")
		})
		group.Go(func() {
			reply, err := c.Ask(t.Context(), proposal(j.id, 0, 3, []byte("stat")), nil)
			if err != nil || reply.Verdict != core.Lost {
				t.Errorf("a proposal under way: %+v (%v)", reply, err)
			}
		})
		group.Go(func() {
			told := 0
			if err := o.Progress(t.Context(), func(core.Progress) { told++ }); !errors.Is(err, ErrAway) || told != 1 {
				t.Errorf("progress, %d times: %v", told, err)
			}
		})
		time.Sleep(time.Second)
		start := time.Now()
		s.Stop(t.Context())
		within(t, "stopping", start, time.Second, 2*time.Second)
		group.Wait()
	})
}

// TestPartialsEnd keeps a partial for five minutes, and for its phase.
func TestPartialsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := learning(1)
		s, l := serve(t, ServerOptions{}, j)
		c := dial(t, l, ClientOptions{Job: j.id})
		submit := func(shard uint32) {
			partial := []byte("stat")
			if err := c.bring(t.Context(), proposal(j.id, 0, shard, partial), partial); err != nil {
				t.Fatal(err)
			}
		}
		want := func(what string, count int, bytes int64) {
			t.Helper()
			if n, b := s.partials.holds(); n != count || b != bytes {
				t.Errorf("%s: %d partials, %d bytes; want %d, %d", what, n, b, count, bytes)
			}
		}
		if err := c.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
		submit(1)
		time.Sleep(4 * time.Minute)
		submit(2)
		want("two", 2, 8)
		time.Sleep(2 * time.Minute)
		want("after the first one's time", 1, 4)
		j.set(func(j *toy) { j.at.Phase = 1 })
		submit(3)
		want("after the phase", 0, 0)
		j.set(func(j *toy) {
			j.at.Phase = 0
			j.ask = func(context.Context, core.Request) (core.Reply, error) { return core.Reply{Verdict: core.Ready}, nil }
		})
		submit(4)
		want("before the end of the phase", 1, 4)
		if _, err := c.Ask(t.Context(), core.Request{Kind: core.WaitFitted}, nil); err != nil {
			t.Fatal(err)
		}
		want("when somebody heard of the end", 0, 0)
	})
}
