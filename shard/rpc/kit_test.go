package rpc

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"quern/shard/core"
	"quern/shard/drive"
	"quern/shard/record"
	"quern/shard/rpc/identity"
)

var _ drive.Asker = (*Client)(nil)

// toy is a job that answers as a test says.
type toy struct {
	id   record.Job
	mu   sync.Mutex
	at   core.Progress
	ask  func(context.Context, core.Request) (core.Reply, error) // nil: every proposal wins, no phase ends
	seen []core.Request
	end  string
}

func (j *toy) ID() record.Job { return j.id }

func (j *toy) Call(ctx context.Context, r core.Request) (core.Reply, error) {
	j.mu.Lock()
	j.seen = append(j.seen, r)
	ask := j.ask
	j.mu.Unlock()
	switch {
	case ask != nil:
		return ask(ctx, r)
	case r.Kind == core.Propose:
		return core.Reply{Verdict: core.Won}, nil
	}
	<-ctx.Done()
	return core.Reply{}, ctx.Err()
}

// words is the statistic of toys: a text that begins with "stat".
type words string

func (words) Merge(core.Statistic) error { return nil }

// joined returns the bytes of all pieces.
func joined(next func() ([]byte, error)) (all []byte) {
	for {
		piece, err := next()
		if err != nil {
			return all
		}
		all = append(all, piece...)
	}
}

func (j *toy) Decode(_ context.Context, next func() ([]byte, error)) (core.Statistic, error) {
	partial := joined(next)
	switch {
	case strings.HasPrefix(string(partial), "panic"):
		panic("a statistic that nobody thought of")
	case !strings.HasPrefix(string(partial), "stat"):
		return nil, errors.New("the secret 4711 is no statistic")
	}
	return words(partial), nil
}

func (j *toy) Progress() core.Progress {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.at
}

func (j *toy) Cancel(reason string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.end = reason
}

func (j *toy) set(f func(*toy)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	f(j)
}

// requests returns what was asked.
func (j *toy) requests() []core.Request {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]core.Request(nil), j.seen...)
}

// learning is a toy in a phase that learns.
func learning(id byte) *toy {
	return &toy{id: record.Job{id}, at: core.Progress{Epoch: 7, Learns: true, Shards: 100}}
}

// The tokens of tests.
const (
	workerToken   = "a worker's token, long enough"
	operatorToken = "an operator's token, long enough"
)

// serve starts a server of jobs on a listener that lives in memory, without TLS, and
// grants two tokens for the first job: a worker's for shards 0-49, and an operator's.
func serve(t testing.TB, o ServerOptions, jobs ...*toy) (*Server, *bufconn.Listener) {
	s, err := NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range jobs {
		s.Add(j)
	}
	s.Grant(workerToken, identity.Principal{ID: "w", Role: identity.Worker, Job: jobs[0].id, Shards: identity.Shards{{First: 0, Last: 49}}})
	s.Grant(operatorToken, identity.Principal{ID: "o", Role: identity.Operator, Job: jobs[0].id})
	l := bufconn.Listen(256 << 10)
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		s.Stop(ctx)
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return s, l
}

// dial returns a client of a listener in memory.
func dial(t testing.TB, l *bufconn.Listener, o ClientOptions) *Client {
	if o.Dial == nil {
		o.Dial = func(ctx context.Context, _ string) (net.Conn, error) { return l.DialContext(ctx) }
	}
	o.Address = "127.0.0.1:1"
	if o.Token == "" {
		o.Token = workerToken
	}
	c, err := NewClient(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// proposal is a claim of a shard and the partial that it names.
func proposal(job record.Job, phase, shard uint32, partial []byte) core.Request {
	attempt := record.NewAttempt(int64(1000+shard), uint64(len(partial)))
	c := record.Claim{Phase: phase, Shard: shard, Attempt: attempt, Rows: 1, Files: []record.File{{
		Name: record.NamesOf(job).File(phase, shard, attempt, 0), Size: int64(len(partial)), SHA256: sha256.Sum256(partial), Rows: 1}}}
	return core.Request{Kind: core.Propose, Phase: phase, Shard: shard, Claim: c.Encode(job)}
}

// wantError checks code, reason and field of an error, and that it gives nothing away.
func wantError(t testing.TB, err error, code codes.Code, reason, field string) {
	t.Helper()
	gotReason, gotField := Reason(err)
	if status.Code(err) != code || gotReason != reason || gotField != field {
		t.Errorf("%v: code %v, reason %q, field %q; want %v, %q, %q", err, status.Code(err), gotReason, gotField, code, reason, field)
	}
	if err != nil && strings.Contains(err.Error(), "4711") {
		t.Errorf("%v gives a secret away", err)
	}
}

// stacks returns the goroutines that run code of ours or of gRPC's, tests apart.
func stacks() []string {
	buf := make([]byte, 16<<20)
	var found []string
	for g := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		ours := strings.Contains(g, "google.golang.org/grpc") || strings.Contains(g, "quern/shard/rpc")
		if ours && !strings.Contains(g, "testing.") && !strings.Contains(g, "rpc.stacks(") {
			found = append(found, g)
		}
	}
	return found
}

// leaked waits until no goroutine is left, and returns those that stay.
func leaked() []string {
	var left []string
	for range 100 {
		if left = stacks(); len(left) == 0 {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return left
}

// TestMain looks for goroutines that outlive the tests.
func TestMain(m *testing.M) {
	code := m.Run()
	if left := leaked(); code == 0 && len(left) > 0 {
		fmt.Fprintf(os.Stderr, "%d goroutines are left:\n%s\n", len(left), strings.Join(left, "\n\n"))
		code = 1
	}
	os.Exit(code)
}
