package rpc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"

	"quern/shard/core"
	"quern/shard/proto"
	"quern/shard/record"
	"quern/shard/rpc/identity"
)

// Job is a job that a server serves: a coordinator and what it drives. Its methods are
// called from many goroutines.
type Job interface {
	// ID returns which job it is.
	ID() record.Job
	// Call hands a request to the coordinator and waits for its reply, or for ctx.
	Call(ctx context.Context, r core.Request) (core.Reply, error)
	// Decode reads the statistics of a partial, whose next piece next returns, io.EOF at
	// its end. Pieces may be kept. Wrong bytes are an error.
	Decode(ctx context.Context, next func() ([]byte, error)) (core.Statistic, error)
	// Progress returns how far the job is, at once.
	Progress() core.Progress
	// Cancel makes the coordinator end soon.
	Cancel(reason string)
}

// ServerOptions say how a server serves. The zero value serves this machine only.
type ServerOptions struct {
	TLS          *identity.Files // nil: no TLS, callers of this machine only, who show tokens
	Build        string          // of this program; callers that say another one are refused; "": any
	PartialBytes int64           // that submitted partials take at most, as sent; 0: 256 MiB
	PartialLife  time.Duration   // how long a partial is kept without a proposal; 0: 5 min
	Patience     time.Duration   // of WaitFitted; 0: 30 s
	Watch        time.Duration   // of Progress and health's Watch; 0: 10 min
	Upload       time.Duration   // that bringing a partial may take; 0: 2 min
	Connections  int             // at the same time; 0: 20,000
	PerSecond    float64         // calls a second that a caller (a principal on a host) may make; 0: 100
	Burst        float64         // calls that it may make at once; 0: 4 times PerSecond
}

// withDefaults replaces zeros.
func (o ServerOptions) withDefaults() ServerOptions {
	set(&o.PartialBytes, 256<<20)
	set(&o.PartialLife, 5*time.Minute)
	set(&o.Patience, 30*time.Second)
	set(&o.Watch, 10*time.Minute)
	set(&o.Upload, 2*time.Minute)
	set(&o.Connections, 20_000)
	set(&o.PerSecond, 100)
	set(&o.Burst, 4*o.PerSecond)
	return o
}

func set[T comparable](p *T, value T) {
	var zero T
	if *p == zero {
		*p = value
	}
}

// Server serves jobs.
type Server struct {
	proto.UnimplementedCoordinatorServer
	o        ServerOptions
	grpc     *grpc.Server
	health   *health.Server
	gate     gate
	debts    debts
	partials partials
	panics   atomic.Uint64
	draining context.Context
	drain    context.CancelFunc

	mu   sync.Mutex
	jobs map[record.Job]*served
}

// served is a job and until when.
type served struct {
	Job
	gone   context.Context // is done when the job is not served any more
	remove context.CancelFunc
}

// Sizes of messages, and what a stream may have on its way that nobody has read yet.
const (
	maxReceive = 4 << 20
	maxSend    = 16 << 20
	window     = 256 << 10
	streams    = 256 // per connection
)

// NewServer returns a server without jobs. It fails if files of TLS cannot be used.
func NewServer(o ServerOptions) (*Server, error) {
	s := &Server{o: o.withDefaults(), jobs: map[record.Job]*served{}}
	s.draining, s.drain = context.WithCancel(context.Background())
	s.partials = partials{budget: s.o.PartialBytes, count: 1 << 16, life: s.o.PartialLife, kept: map[partialKey]*partial{}}
	s.gate = gate{table: s.o.rules(), secure: o.TLS != nil, receiving: newSlots(64, 16),
		rates: rates{perSecond: s.o.PerSecond, burst: s.o.Burst, buckets: map[string]*bucket{}},
		// A caller may be many processes: those of a host that share a certificate.
		room: [classes]slots{brief: newSlots(4096, 1024), waiting: newSlots(1<<16, 4096),
			bringing: newSlots(32, 4), watching: newSlots(64, 8)}}
	s.debts = debts{most: 20_000, until: map[int64]int{}}
	options := s.settings()
	if o.TLS != nil {
		config, err := o.TLS.Server()
		if err != nil {
			return nil, fmt.Errorf("TLS of the coordinator: %w", err)
		}
		options = append(options, grpc.Creds(credentials.NewTLS(config)))
	}
	s.grpc = grpc.NewServer(options...)
	s.health = health.NewServer()
	proto.RegisterCoordinatorServer(s.grpc, s)
	healthpb.RegisterHealthServer(s.grpc, s.health)
	s.health.SetServingStatus(proto.Coordinator_ServiceDesc.ServiceName, healthpb.HealthCheckResponse_NOT_SERVING)
	return s, covered(s.gate.table, s.grpc.GetServiceInfo())
}

func newSlots(all, each int) slots { return slots{all: all, each: each, by: map[string]int{}} }

// settings are gRPC's, all of them on purpose: its defaults trust callers.
func (s *Server) settings() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.MaxRecvMsgSize(maxReceive),
		grpc.MaxSendMsgSize(maxSend),
		grpc.MaxConcurrentStreams(streams),
		grpc.MaxHeaderListSize(8 << 10),
		grpc.ConnectionTimeout(10 * time.Second),
		grpc.InitialWindowSize(window), // fixed: a window that grows is memory that callers choose
		grpc.InitialConnWindowSize(4 * window),
		grpc.ReadBufferSize(4 << 10),  // per connection, and connections mostly wait
		grpc.WriteBufferSize(4 << 10), // likewise
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: 30 * time.Second, Timeout: 10 * time.Second,
			MaxConnectionIdle: 5 * time.Minute, MaxConnectionAge: 30 * time.Minute, MaxConnectionAgeGrace: 30 * time.Second}),
		// Workers compute for minutes between calls, and must find out meanwhile that
		// the coordinator's machine is gone.
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
		grpc.InTapHandle(s.enter),
		grpc.UnaryInterceptor(s.unary),
		grpc.StreamInterceptor(s.stream),
	}
}

// Grant lets whoever shows a secret call as a principal; a second time it changes whom.
// Secrets count only without TLS. They are 16 bytes at least, or it panics.
func (s *Server) Grant(secret string, p identity.Principal) {
	if len(secret) < 16 {
		panic("quern: bug: a token that can be guessed")
	}
	s.gate.grant(secret, p)
}

// Revoke makes a secret worthless from the next call on.
func (s *Server) Revoke(secret string) { s.gate.revoke(secret) }

// Add serves a job from now on, in place of one with the same identity.
func (s *Server) Add(j Job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.jobs[j.ID()]; old != nil {
		old.remove()
	}
	gone, remove := context.WithCancel(s.draining)
	s.jobs[j.ID()] = &served{j, gone, remove}
	s.health.SetServingStatus(proto.Coordinator_ServiceDesc.ServiceName, healthpb.HealthCheckResponse_SERVING)
}

// Remove serves a job no longer: calls that wait for it end.
func (s *Server) Remove(id record.Job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if j := s.jobs[id]; j != nil {
		j.remove()
		delete(s.jobs, id)
		s.partials.drop(id, maxPhase)
	}
	if len(s.jobs) == 0 {
		s.health.SetServingStatus(proto.Coordinator_ServiceDesc.ServiceName, healthpb.HealthCheckResponse_NOT_SERVING)
	}
}

// Listen opens an address (default 127.0.0.1, any port) for Serve. Without TLS it must
// be of this machine: ErrInsecure.
func (s *Server) Listen(address string) (net.Listener, error) {
	if address == "" {
		address = "127.0.0.1:0"
	}
	if err := s.safe(address); err != nil {
		return nil, err
	}
	return net.Listen("tcp", address)
}

// Serve serves until Stop. It closes the listener. Like Listen it refuses one that
// other machines can reach without TLS.
func (s *Server) Serve(l net.Listener) error {
	if err := s.safe(l.Addr().String()); err != nil && l.Addr().Network() == "tcp" {
		return errors.Join(err, l.Close())
	}
	err := s.grpc.Serve(bounded(l, s.o.Connections))
	if errors.Is(err, grpc.ErrServerStopped) {
		return nil
	}
	return err
}

// Stop takes no more calls, ends those that wait, and returns when the others are
// answered, or cuts them off when ctx ends.
func (s *Server) Stop(ctx context.Context) {
	s.health.Shutdown()
	s.drain()
	ended := context.AfterFunc(ctx, s.grpc.Stop)
	s.grpc.GracefulStop()
	ended()
	s.partials.close()
}

// Panics returns how many calls ended in a panic, which is our fault.
func (s *Server) Panics() uint64 { return s.panics.Load() }
