package rpc

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/emptypb"

	"quern/shard/core"
	"quern/shard/record"
	"quern/shard/rpc/identity"
)

const frameGoAway = 7

// nextFrame returns the next frame of a connection.
func nextFrame(conn net.Conn) (kind, flags byte, payload []byte, err error) {
	head := make([]byte, 9)
	if _, err = io.ReadFull(conn, head); err != nil {
		return 0, 0, nil, err
	}
	payload = make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
	_, err = io.ReadFull(conn, payload)
	return head[3], head[4], payload, err
}

// greet connects to a server and says what a client of HTTP/2 says first.
func greet(t *testing.T, l *bufconn.Listener) net.Conn {
	t.Helper()
	conn, err := l.Dial()
	if err != nil {
		t.Fatal(err)
	}
	conn.Write(preface())
	return conn
}

// TestAnnouncedLimits: what a server promises to bear is what it tells callers first, in
// its settings. The numbers are those of HTTP/2 (RFC 9113, section 6.5.2).
func TestAnnouncedLimits(t *testing.T) {
	_, l := serve(t, ServerOptions{}, learning(1))
	conn := greet(t, l)
	defer conn.Close()
	kind, _, payload, err := nextFrame(conn)
	if err != nil || kind != frameSettings {
		t.Fatalf("the first frame is of kind %d: %v", kind, err)
	}
	got := map[uint16]uint32{}
	for ; len(payload) >= 6; payload = payload[6:] {
		got[binary.BigEndian.Uint16(payload)] = binary.BigEndian.Uint32(payload[2:])
	}
	for _, want := range []struct {
		id    uint16
		value uint32
		what  string
	}{{3, 256, "streams at the same time"}, {4, 256 << 10, "bytes on their way in a stream"}, {6, 8 << 10, "bytes of headers"}} {
		if got[want.id] != want.value {
			t.Errorf("%s: %d, want %d", want.what, got[want.id], want.value)
		}
	}
}

// TestPingsTooOften: who pings each second is told to go, who pings each eleven is not.
func TestPingsTooOften(t *testing.T) {
	for _, c := range []struct {
		every time.Duration
		gone  bool
	}{{time.Second, true}, {9 * time.Second, true}, {11 * time.Second, false}} {
		synctest.Test(t, func(t *testing.T) {
			_, l := serve(t, ServerOptions{}, learning(1))
			conn := greet(t, l)
			defer conn.Close()
			said := make(chan string, 1)
			go func() {
				defer close(said)
				for {
					kind, flags, payload, err := nextFrame(conn)
					switch {
					case err != nil:
						return
					case kind == frameGoAway:
						said <- string(payload[8:])
						return
					case (kind == frameSettings || kind == framePing) && flags&1 == 0:
						if kind == frameSettings {
							payload = nil
						}
						conn.Write(frame(kind, 1, 0, payload))
					}
				}
			}()
			for range 10 { // in less than the time after which an idle connection ends
				time.Sleep(c.every)
				conn.Write(frame(framePing, 0, 0, make([]byte, 8)))
			}
			synctest.Wait()
			select {
			case why := <-said:
				if !c.gone || !strings.Contains(why, "too_many_pings") {
					t.Errorf("a ping each %v: told to go: %q", c.every, why)
				}
			default:
				if c.gone {
					t.Errorf("a ping each %v is borne", c.every)
				}
			}
		})
	}
}

// TestClientWantsTLS13: a client does not speak to a server that knows older TLS only.
func TestClientWantsTLS13(t *testing.T) {
	p := newPKI(t)
	files, mine := p.server(), p.named("quern://worker/*/*")
	pair, err := tls.LoadX509KeyPair(files.Cert, files.Key)
	if err != nil {
		t.Fatal(err)
	}
	for version, want := range map[uint16]bool{tls.VersionTLS12: false, tls.VersionTLS13: true} {
		l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}, MaxVersion: version, NextProtos: []string{"h2"}})
		if err != nil {
			t.Fatal(err)
		}
		shaken := make(chan error, 16)
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				shaken <- conn.(*tls.Conn).HandshakeContext(t.Context())
				conn.Close()
			}
		}()
		job := record.Job{1}
		c, err := NewClient(ClientOptions{Address: l.Addr().String(), Job: job, TLS: &mine, Away: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Ask(t.Context(), core.Request{Kind: core.WaitFitted}, nil); err == nil {
			t.Error("a server that hangs up answers")
		}
		if err := <-shaken; (err == nil) != want {
			t.Errorf("TLS version %#x: %v", version, err)
		}
		c.Close()
		l.Close()
	}
}

// squatters begin calls of a method and never end them.
type squatters struct {
	t      *testing.T
	conn   *grpc.ClientConn
	method string
	server *Server
	as     identity.Principal
}

// begin begins calls of a caller, and returns how many were let in.
func (q *squatters) begin(ctx context.Context, caller, calls int) int {
	secret := fmt.Sprintf("the token of caller %d", caller)
	q.as.ID = secret
	q.server.Grant(secret, q.as)
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+secret)
	var refused, odd atomic.Int64
	for range calls {
		stream, err := q.conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, "/quern.shard.v1.Coordinator/"+q.method)
		if err != nil {
			q.t.Fatal(err)
		}
		go func() {
			err := stream.RecvMsg(&emptypb.Empty{})
			reason, _ := Reason(err)
			_, says := retryDelay(err)
			switch {
			case status.Code(err) == codes.ResourceExhausted && reason == ReasonRoom && says:
				refused.Add(1)
			case status.Code(err) != codes.Canceled:
				odd.Add(1)
			}
		}()
	}
	synctest.Wait()
	if odd.Load() > 0 {
		q.t.Errorf("%s: of caller %d %d calls ended otherwise", q.method, caller, odd.Load())
	}
	return calls - int(refused.Load())
}

// TestRoom: callers that begin calls and never end them take the room that is theirs, and
// all of them together the room that there is; when they leave, it is free again.
func TestRoom(t *testing.T) {
	for _, c := range []struct {
		method    string
		role      identity.Role
		each, all int
	}{
		{"OpenJob", identity.Worker, 16, 64}, // requests whose bodies are on their way
		{"SubmitPartial", identity.Worker, 4, 32},
		{"Progress", identity.Operator, 8, 64},
	} {
		synctest.Test(t, func(t *testing.T) {
			j := learning(1)
			s, l := serve(t, ServerOptions{PerSecond: 1e6}, j)
			conn, err := grpc.NewClient("passthrough:///127.0.0.1:1", grpc.WithTransportCredentials(insecure.NewCredentials()),
				grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return l.DialContext(ctx) }))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			q := &squatters{t, conn, c.method, s, identity.Principal{Role: c.role, Job: j.id, Shards: identity.AllShards()}}
			ctx, leave := context.WithCancel(t.Context())
			callers := c.all / c.each
			for i := range callers {
				if got := q.begin(ctx, i, c.each+3); got != c.each {
					t.Errorf("%s: caller %d has room for %d calls, want %d", c.method, i, got, c.each)
				}
			}
			if got := q.begin(ctx, callers, 3); got != 0 {
				t.Errorf("%s: one caller more has room for %d", c.method, got)
			}
			leave()
			synctest.Wait()
			ctx, leave = context.WithCancel(t.Context())
			defer leave()
			if got := q.begin(ctx, callers+1, 3); got != 3 {
				t.Errorf("%s: when all have left there is room for %d of 3", c.method, got)
			}
		})
	}
}

// TestPartialsThatNobodyNeeds: of a phase that does not learn, is not at hand, or is done,
// nothing is kept.
func TestPartialsThatNobodyNeeds(t *testing.T) {
	data := []byte("statistic")
	for name, at := range map[string]core.Progress{"does not learn": {Shards: 9}, "was before": {Phase: 1, Learns: true, Shards: 9}, "is done": {Learns: true, Shards: 9, Done: true}} {
		j := learning(1)
		j.at = at
		s, l := serve(t, ServerOptions{}, j)
		reply, err := bringAll(t.Context(), dial(t, l, ClientOptions{Job: j.id}), header(j.id, 3, len(data), sha256.Sum256(data)), chunk(data))
		if n, bytes := s.partials.holds(); err != nil || reply.GetKept() || n != 0 || bytes != 0 {
			t.Errorf("a phase that %s: %v (%v), %d partials of %d bytes are kept", name, reply, err, n, bytes)
		}
	}
}

// TestErrorsThatNobodyMeant: what was not made for callers tells them nothing.
func TestErrorsThatNobodyMeant(t *testing.T) {
	wantError(t, clean(errors.New("the secret 4711 of /etc")), codes.Unavailable, ReasonGone, "")
	wantError(t, clean(fmt.Errorf("4711: %w", context.Canceled)), codes.Canceled, "", "")
	wantError(t, clean(fmt.Errorf("4711: %w", context.DeadlineExceeded)), codes.DeadlineExceeded, "", "")
	meant := field("size", "want one byte")
	if got := clean(meant); got != meant {
		t.Errorf("%v became %v", meant, got)
	}
}

// TestBudgetHolds: not a byte more than the budget is taken, in whatever pieces it is asked for.
func TestBudgetHolds(t *testing.T) {
	for _, piece := range []int64{1, 3, 7, 10, 11} {
		p := partials{budget: 10, count: 9, kept: map[partialKey]*partial{}}
		taken := int64(0)
		for p.reserve(piece) {
			taken += piece
		}
		if taken != 10/piece*piece {
			t.Errorf("%d bytes of 10 are taken by pieces of %d", taken, piece)
		}
		p.release(taken)
		if _, used := p.holds(); used != 0 || !p.reserve(10) || p.reserve(1) {
			t.Errorf("pieces of %d, given back: %d bytes are used", piece, used)
		}
	}
}

// TestRoomOfClasses: how many calls of each kind a caller may have under way, and all
// together.
func TestRoomOfClasses(t *testing.T) {
	s, err := NewServer(ServerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.grpc.Stop()
	for c, want := range map[class][2]int{brief: {1024, 4096}, waiting: {4096, 65536}, bringing: {4, 32}, watching: {8, 64}} {
		each, all := 0, 0
		for caller := 0; ; caller++ {
			got := 0
			for s.gate.room[c].take(fmt.Sprint(caller)) != nil && got <= want[0] {
				got++
			}
			if each = max(each, got); got == 0 || got > want[0] {
				break
			}
			all += got
		}
		if each != want[0] || all != want[1] {
			t.Errorf("class %d: room for %d calls of a caller and %d in all, want %v", c, each, all, want)
		}
	}
}
