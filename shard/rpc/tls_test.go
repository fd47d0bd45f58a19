package rpc

import (
	"context"
	"errors"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/test/bufconn"

	"quern/shard/core"
	"quern/shard/rpc/identity"
)

// TestOnlyThisMachine: without TLS other machines are neither let in nor spoken to.
func TestOnlyThisMachine(t *testing.T) {
	s, err := NewServer(ServerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.grpc.Stop()
	for _, address := range []string{"0.0.0.0:0", ":0", "[::]:0", "10.0.0.1:0", "worker.example:0", "127.0.0.1.example:0", "nonsense"} {
		if l, err := s.Listen(address); !errors.Is(err, ErrInsecure) {
			t.Errorf("listening on %s: %v, %v", address, l, err)
		}
		if _, err := NewClient(ClientOptions{Address: address}); err == nil {
			t.Errorf("speaking to %s without TLS", address)
		}
	}
	if all, err := net.Listen("tcp", ":0"); err == nil {
		if err := s.Serve(all); !errors.Is(err, ErrInsecure) {
			t.Errorf("serving all addresses: %v", err)
		}
	}
	for _, address := range []string{"", "127.0.0.1:0", "localhost:0"} {
		l, err := s.Listen(address)
		if err != nil {
			t.Errorf("listening on %q: %v", address, err)
			continue
		}
		if !local(l.Addr().String()) {
			t.Errorf("%q is %v", address, l.Addr())
		}
		l.Close()
	}
	if _, err := NewServer(ServerOptions{TLS: &identity.Files{Cert: os.DevNull, Key: os.DevNull, CA: os.DevNull}}); err == nil {
		t.Error("a server with empty files for TLS")
	}
}

// TestOverTLS: the client of this package, with certificates, that change meanwhile.
func TestOverTLS(t *testing.T) {
	p := newPKI(t)
	files := p.server()
	j := learning(1)
	s, err := NewServer(ServerOptions{TLS: &files})
	if err != nil {
		t.Fatal(err)
	}
	s.Add(j)
	l, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(l)
	defer s.Stop(t.Context())
	mine := p.named("quern://worker/" + j.id.String() + "/0-9")
	for host, want := range map[string]bool{"": true, "localhost": true, "elsewhere.example": false} {
		c, err := NewClient(ClientOptions{Address: l.Addr().String(), Job: j.id, TLS: &mine, Host: host, Away: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		partial := []byte("statistic")
		reply, err := c.Ask(t.Context(), proposal(j.id, 0, 3, partial), partial)
		if got := err == nil && reply.Verdict == core.Won; got != want {
			t.Errorf("a coordinator at %q: %+v (%v)", host, reply, err)
		}
		c.Close()
	}
}

// TestExpiryMeanwhile: a certificate that expires is worth nothing, also on a connection
// that was opened before.
func TestExpiryMeanwhile(t *testing.T) {
	p := newPKI(t)
	files := p.server()
	synctest.Test(t, func(t *testing.T) {
		valid := identity.For(24 * time.Hour)
		ca, err := identity.NewAuthority(valid)
		if err != nil {
			t.Fatal(err)
		}
		p.ca = ca // virtual time is not the time of other tests
		files = p.save(ca.Server([]string{"127.0.0.1"}, valid))
		j := learning(1)
		_, l := serve(t, ServerOptions{TLS: &files}, j)
		mine := p.save(ca.Client(identity.Principal{Role: identity.Worker, AnyJob: true, Shards: identity.AllShards()}, identity.For(10*time.Minute)))
		c := dialTLS(t, l, ClientOptions{Job: j.id, TLS: &mine})
		for range 4 {
			honest(t, c, j.id)
			time.Sleep(150 * time.Second)
		}
		lives := c.lives.Load()
		time.Sleep(time.Minute)
		_, err = c.Ask(t.Context(), core.Request{Kind: core.WaitFitted}, nil)
		wantError(t, err, codes.Unauthenticated, ReasonIdentity, "")
		if c.lives.Load() != lives {
			t.Error("the connection was another one")
		}
		again := p.save(ca.Client(identity.Principal{Role: identity.Worker, AnyJob: true, Shards: identity.AllShards()}, identity.For(time.Hour)))
		honest(t, dialTLS(t, l, ClientOptions{Job: j.id, TLS: &again}), j.id)
	})
}

// dialTLS returns a client of a listener in memory, with its certificate.
func dialTLS(t *testing.T, l *bufconn.Listener, o ClientOptions) *Client {
	o.Address = "127.0.0.1:1"
	o.Dial = func(ctx context.Context, _ string) (net.Conn, error) { return l.DialContext(ctx) }
	c, err := NewClient(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}
