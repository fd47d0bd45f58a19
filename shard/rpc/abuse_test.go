package rpc

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"quern/shard/core"
	"quern/shard/proto"
	"quern/shard/record"
	"quern/shard/rpc/identity"
)

// header is the first message of a partial's stream.
func header(job record.Job, shard uint32, size int, digest [32]byte) *proto.SubmitPartialRequest {
	return &proto.SubmitPartialRequest{Part: &proto.SubmitPartialRequest_Header{Header: &proto.PartialHeader{
		Job: job[:], Shard: shard, Attempt: make([]byte, 16), Size: uint64(size), Sha256: digest[:]}}}
}

// chunk is another one.
func chunk(data []byte) *proto.SubmitPartialRequest {
	return &proto.SubmitPartialRequest{Part: &proto.SubmitPartialRequest_Chunk{Chunk: data}}
}

// bringAll sends messages as they are.
func bringAll(ctx context.Context, c *Client, messages ...*proto.SubmitPartialRequest) (*proto.SubmitPartialResponse, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.api.SubmitPartial(ctx, grpc.MaxCallSendMsgSize(1<<30))
	if err != nil {
		return nil, err
	}
	for _, m := range messages {
		if stream.Send(m) != nil {
			break
		}
	}
	return stream.CloseAndRecv()
}

// heap returns the bytes that are in use.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// honest checks that the server still does what it is for.
func honest(t testing.TB, c *Client, id record.Job) {
	t.Helper()
	partial := []byte("statistic of an honest worker")
	reply, err := c.Ask(context.Background(), proposal(id, 0, 7, partial), partial)
	if err != nil || reply.Verdict != core.Won {
		t.Errorf("an honest worker gets %+v (%v)", reply, err)
	}
}

func TestStreamsThatLie(t *testing.T) {
	j := learning(1)
	s, l := serve(t, ServerOptions{}, j, &toy{id: record.Job{2}})
	c := dial(t, l, ClientOptions{Job: j.id})
	data := []byte("statistic")
	sum := sha256.Sum256(data)
	bad := func(change func(h *proto.PartialHeader)) *proto.SubmitPartialRequest {
		m := header(j.id, 3, len(data), sum)
		change(m.GetHeader())
		return m
	}
	invalid, of := codes.InvalidArgument, func(m ...*proto.SubmitPartialRequest) []*proto.SubmitPartialRequest { return m }
	for _, x := range []struct {
		name          string
		send          []*proto.SubmitPartialRequest
		code          codes.Code
		reason, field string
	}{
		{"nothing", nil, invalid, ReasonSequence, "header"},
		{"an empty message", of(&proto.SubmitPartialRequest{}), invalid, ReasonSequence, "header"},
		{"a chunk first", of(chunk(data)), invalid, ReasonSequence, "header"},
		{"two headers", of(header(j.id, 3, len(data), sum), header(j.id, 3, len(data), sum)), invalid, ReasonSequence, "part"},
		{"an empty chunk", of(header(j.id, 3, len(data), sum), chunk(nil)), invalid, ReasonField, "chunk"},
		{"a large chunk", of(header(j.id, 3, 4<<20, sum), chunk(make([]byte, maxChunk+1))), invalid, ReasonField, "chunk"},
		{"a chunk that is no message", of(header(j.id, 3, 9<<20, sum), chunk(make([]byte, 5<<20))), codes.ResourceExhausted, "", ""},
		{"more than declared", of(header(j.id, 3, len(data)-1, sum), chunk(data)), invalid, ReasonSize, "chunk"},
		{"more in the end", of(header(j.id, 3, len(data), sum), chunk(data), chunk(data[:1])), invalid, ReasonSize, "chunk"},
		{"less than declared", of(header(j.id, 3, len(data)+1, sum), chunk(data)), invalid, ReasonSize, "size"},
		{"only a header", of(header(j.id, 3, len(data), sum)), invalid, ReasonSize, "size"},
		{"another digest", of(header(j.id, 3, len(data), [32]byte{1}), chunk(data)), invalid, ReasonDigest, "sha256"},
		{"no statistic", of(header(j.id, 3, 3, sha256.Sum256([]byte("not"))), chunk([]byte("not"))), invalid, ReasonStatistic, "chunk"},
		{"no size", of(bad(func(h *proto.PartialHeader) { h.Size = 0 })), invalid, ReasonField, "size"},
		{"all sizes", of(bad(func(h *proto.PartialHeader) { h.Size = 1<<64 - 1 })), invalid, ReasonField, "size"},
		{"a short digest", of(bad(func(h *proto.PartialHeader) { h.Sha256 = h.Sha256[1:] })), invalid, ReasonField, "sha256"},
		{"a short attempt", of(bad(func(h *proto.PartialHeader) { h.Attempt = nil })), invalid, ReasonField, "attempt"},
		{"a long job", of(bad(func(h *proto.PartialHeader) { h.Job = make([]byte, 17) })), invalid, ReasonField, "job"},
		{"a far phase", of(bad(func(h *proto.PartialHeader) { h.Phase = maxPhase })), invalid, ReasonField, "phase"},
		{"a far shard", of(bad(func(h *proto.PartialHeader) { h.Shard = 1 << 20 })), invalid, ReasonField, "shard"},
		{"a panic", of(header(j.id, 3, 5, sha256.Sum256([]byte("panic"))), chunk([]byte("panic"))), codes.Internal, ReasonBug, ""},
	} {
		_, err := bringAll(t.Context(), c, x.send...)
		t.Log(x.name, "-", err)
		wantError(t, err, x.code, x.reason, x.field)
	}
	if n := s.Panics(); n != 1 {
		t.Errorf("%d panics were counted, want one", n)
	}
	if n, b := s.partials.holds(); n != 0 || b != 0 {
		t.Errorf("%d partials and %d bytes are kept of lies", n, b)
	}
	honest(t, c, j.id)
}

func TestProposalsThatLie(t *testing.T) {
	j := learning(1)
	_, l := serve(t, ServerOptions{}, j)
	c := dial(t, l, ClientOptions{Job: j.id})
	good := proposal(j.id, 0, 3, []byte("stat"))
	claim, _ := record.ParseClaim(good.Claim, j.id, 0, 3)
	with := func(change func(*record.Claim)) []byte {
		x := *claim
		x.Files = slices.Clone(x.Files)
		change(&x)
		return x.Encode(j.id)
	}
	flipped := bytes.Clone(good.Claim)
	flipped[40] ^= 1
	for name, b := range map[string][]byte{
		"nothing": nil, "a part": good.Claim[:50], "a flipped bit": flipped, "zeros": make([]byte, 1<<20),
		"another shard": proposal(j.id, 0, 4, []byte("stat")).Claim, "another phase": proposal(j.id, 1, 3, []byte("stat")).Claim,
		"another job":       proposal(record.Job{9}, 0, 3, []byte("stat")).Claim,
		"too much":          make([]byte, maxClaim+1),
		"another's file":    with(func(c *record.Claim) { c.Attempt[3]++ }),
		"the file of other": with(func(c *record.Claim) { c.Files[0].Name = record.NamesOf(j.id).File(0, 4, c.Attempt, 0) }),
		"a slot":            with(func(c *record.Claim) { c.Files[0].Name = record.NamesOf(j.id).Plan() }),
		"a file twice":      with(func(c *record.Claim) { c.Files = append(c.Files, c.Files[0]) }),
	} {
		_, err := c.api.ProposeCommit(t.Context(), &proto.ProposeCommitRequest{Job: j.id[:], Shard: 3, Claim: b})
		t.Log(name, "-", err)
		wantError(t, err, codes.InvalidArgument, ReasonField, "claim")
	}
	_, err := c.api.ProposeCommit(t.Context(), &proto.ProposeCommitRequest{Job: j.id[:], Shard: 3, Claim: make([]byte, 5<<20)}, grpc.MaxCallSendMsgSize(1<<30))
	wantError(t, err, codes.ResourceExhausted, "", "")
	_, err = c.api.OpenJob(t.Context(), &proto.OpenJobRequest{Job: j.id[:], Protocol: 2})
	wantError(t, err, codes.FailedPrecondition, ReasonProtocol, "protocol")
	_, err = c.api.OpenJob(t.Context(), &proto.OpenJobRequest{Job: j.id[:], Protocol: 1, Build: string(make([]byte, 257))})
	wantError(t, err, codes.InvalidArgument, ReasonField, "build")
	o := dial(t, l, ClientOptions{Job: j.id, Token: operatorToken})
	wantError(t, o.Cancel(t.Context(), ""), codes.InvalidArgument, ReasonField, "reason")
	if err := o.Cancel(t.Context(), "enough"); err != nil || j.end != "enough" {
		t.Errorf("cancelled with %q: %v", j.end, err)
	}
	if n := len(j.requests()); n != 0 {
		t.Errorf("%d lies came to the coordinator", n)
	}
	honest(t, c, j.id)
}

func TestOtherBuilds(t *testing.T) {
	j := learning(1)
	_, l := serve(t, ServerOptions{Build: "v1.2"}, j)
	_, err := dial(t, l, ClientOptions{Job: j.id, Build: "v1.3"}).Ask(t.Context(), core.Request{Kind: core.WaitFitted}, nil)
	if reason, field := Reason(err); reason != ReasonBuild || field != "build" {
		t.Errorf("another build: %v", err)
	}
	honest(t, dial(t, l, ClientOptions{Job: j.id, Build: "v1.2"}), j.id)
}

// liar is a coordinator of another plan.
type liar struct {
	proto.UnimplementedCoordinatorServer
}

func (liar) OpenJob(context.Context, *proto.OpenJobRequest) (*proto.OpenJobResponse, error) {
	return &proto.OpenJobResponse{PlanDigest: make([]byte, 16)}, nil
}

func TestOtherPlans(t *testing.T) {
	l := bufconn.Listen(64 << 10)
	s := grpc.NewServer()
	proto.RegisterCoordinatorServer(s, liar{})
	go s.Serve(l)
	defer s.Stop()
	_, err := dial(t, l, ClientOptions{Job: record.Job{1}}).Ask(t.Context(), core.Request{Kind: core.WaitFitted}, nil)
	if err == nil || !strings.Contains(err.Error(), "another plan") {
		t.Errorf("a coordinator of another plan: %v", err)
	}
}

// TestStreamsThatNeverEnd holds all room for partials: others are told to come back,
// and it ends when the server's time for a stream does.
func TestStreamsThatNeverEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := learning(1)
		s, l := serve(t, ServerOptions{}, j)
		var group sync.WaitGroup
		start := time.Now()
		for i := range 40 {
			token := fmt.Sprintf("the token of attacker %d", i/4)
			s.Grant(token, identity.Principal{ID: token, Role: identity.Worker, Job: j.id, Shards: identity.AllShards()})
			c := dial(t, l, ClientOptions{Job: j.id, Token: token})
			group.Go(func() {
				stream, err := c.api.SubmitPartial(t.Context())
				for n := 0; err == nil; n++ {
					m := chunk([]byte("s"))
					if n == 0 {
						m = header(j.id, 3, 1<<20, [32]byte{byte(i)})
					}
					if err = stream.Send(m); err == nil {
						time.Sleep(time.Second)
					}
				}
				_, err = stream.CloseAndRecv()
				if c := status.Code(err); c != codes.DeadlineExceeded && c != codes.ResourceExhausted {
					t.Errorf("a stream without end: %v", err)
				}
			})
		}
		time.Sleep(time.Second)
		if n := s.gate.room[bringing].taken(); n != 32 {
			t.Errorf("%d streams are under way, want 32", n)
		}
		honest(t, dial(t, l, ClientOptions{Job: j.id}), j.id)
		group.Wait()
		within(t, "streams without end", start, 2*time.Minute, 3*time.Minute)
		if n, b := s.partials.holds(); n != 0 || b != 0 || s.gate.room[bringing].taken() != 0 {
			t.Errorf("%d partials, %d bytes, %d streams stay", n, b, s.gate.room[bringing].taken())
		}
	})
}

// TestBudget has many submit far more than there is room for: memory stays within the
// budget, and everyone is told what became of it.
func TestBudget(t *testing.T) {
	const size, budget, callers, each = 2 << 20, 16 << 20, 30, 8
	j := learning(1)
	s, l := serve(t, ServerOptions{PartialBytes: budget}, j)
	before := heap()
	var most, kept atomic.Uint64
	var group sync.WaitGroup
	for i := range callers {
		token := fmt.Sprintf("the token of worker %d", i)
		s.Grant(token, identity.Principal{ID: token, Role: identity.Worker, Job: j.id, Shards: identity.AllShards()})
		c := dial(t, l, ClientOptions{Job: j.id, Token: token})
		group.Go(func() {
			for n := range each {
				partial := append(fmt.Appendf(nil, "statistic %d of %d", n, i), make([]byte, size)...)[:size]
				claim, _ := record.ParseClaim(proposal(j.id, 0, uint32(i), partial).Claim, j.id, 0, uint32(i))
				reply, err := invoke(t.Context(), time.Minute, func(ctx context.Context) (*proto.SubmitPartialResponse, error) {
					return c.submit(ctx, claim, partial)
				})
				if err != nil {
					t.Errorf("worker %d: %v", i, err)
				}
				if reply.GetKept() {
					kept.Add(1)
				}
				if now := heap(); now > most.Load() {
					most.Store(now)
				}
			}
		})
	}
	group.Wait()
	n, bytes := s.partials.holds()
	if kept.Load() != uint64(n) || n == 0 || n > budget/size || bytes != int64(n)*size {
		t.Errorf("%d were told that theirs is kept; %d are, of %d bytes", kept.Load(), n, bytes)
	}
	// What callers hold, and both ends of their connections, and ours, decoded and not.
	bound := before + callers*(size+4<<20) + 3*budget
	t.Logf("%d of %d kept; the heap grew from %d to %d MiB, then %d", n, callers*each, before>>20, most.Load()>>20, heap()>>20)
	if most.Load() > bound {
		t.Errorf("want at most %d MiB", bound>>20)
	}
	c := dial(t, l, ClientOptions{Job: j.id})
	honest(t, c, j.id)
	s.Remove(j.id)
	if n, bytes := s.partials.holds(); n != 0 || bytes != 0 {
		t.Errorf("after the job, %d partials of %d bytes stay", n, bytes)
	}
	_, err := c.Ask(t.Context(), core.Request{Kind: core.WaitFitted}, nil)
	wantError(t, err, codes.NotFound, ReasonJob, "job")
}

// TestRate has one caller ask without pause: it is told when to come back, and others
// are not disturbed.
func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := learning(1)
		s, l := serve(t, ServerOptions{PerSecond: 10, Burst: 20}, j)
		s.Grant("the token of another worker", identity.Principal{ID: "x", Role: identity.Worker, Job: j.id, Shards: identity.AllShards()})
		c := dial(t, l, ClientOptions{Job: j.id})
		refused := 0
		for range 100 {
			_, err := c.api.OpenJob(t.Context(), &proto.OpenJobRequest{Job: j.id[:], Protocol: 1})
			if err == nil {
				continue
			}
			wantError(t, err, codes.ResourceExhausted, ReasonRate, "")
			if wait, ok := retryDelay(err); !ok || wait <= 0 || wait > 100*time.Millisecond {
				t.Errorf("come back in %v, %v", wait, ok)
			}
			refused++
		}
		if refused != 80 {
			t.Errorf("%d of 100 calls at once were refused, want 80", refused)
		}
		start := time.Now()
		honest(t, dial(t, l, ClientOptions{Job: j.id, Token: "the token of another worker"}), j.id)
		within(t, "another worker", start, 0, time.Millisecond)
		for range 30 { // the client waits as it is told
			honest(t, c, j.id)
		}
		within(t, "sixty calls", start, 5*time.Second, 20*time.Second)
	})
}

// TestLongHeaders: what a call says about itself is bounded too.
func TestLongHeaders(t *testing.T) {
	j := learning(1)
	_, l := serve(t, ServerOptions{}, j)
	c := dial(t, l, ClientOptions{Job: j.id})
	for _, n := range []int{1, 9 << 10, 1 << 20} {
		ctx := metadata.AppendToOutgoingContext(t.Context(), "x-long", string(bytes.Repeat([]byte("x"), n)))
		_, err := c.api.OpenJob(ctx, &proto.OpenJobRequest{Job: j.id[:], Protocol: 1})
		if (err == nil) != (n == 1) {
			t.Errorf("a header of %d bytes: %v", n, err)
		}
	}
	honest(t, c, j.id)
}

// TestDebts: refusals beyond what memory should hold say less, and deadlines free them.
func TestDebts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := debts{most: 3, until: map[int64]int{}}
		for i, want := range []bool{true, true, true, false} {
			if got := d.take(time.Now().Add(time.Duration(i+1) * 10 * time.Minute)); got != want {
				t.Errorf("debt %d: %v, want %v", i, got, want)
			}
		}
		time.Sleep(12 * time.Minute)
		if !d.take(time.Now().Add(1000*time.Hour)) || d.take(time.Now()) {
			t.Error("one debt was paid, and no other")
		}
		time.Sleep(25 * time.Hour)
		if !d.take(time.Now()) || d.total != 1 {
			t.Errorf("%d debts are left after a day", d.total)
		}
		j := learning(1)
		s, l := serve(t, ServerOptions{}, j)
		s.debts.most = 2
		c := dial(t, l, ClientOptions{Job: j.id, Token: "nobody's token, long enough"})
		for i := range 4 {
			err := c.Open(t.Context())
			if code := status.Code(err); code != codes.Unauthenticated && (i < 2 || code != codes.DeadlineExceeded && code != codes.PermissionDenied) {
				t.Errorf("refusal %d: %v", i, err)
			}
			if err == nil || i >= 2 && status.Code(err) == codes.Unauthenticated {
				t.Errorf("refusal %d: %v", i, err)
			}
		}
	})
}
