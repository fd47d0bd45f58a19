package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"

	"quern/shard/core"
	"quern/shard/proto"
	"quern/shard/record"
	"quern/shard/rpc/identity"
)

// ClientOptions say whom a client speaks to, and as whom.
type ClientOptions struct {
	Address  string // host:port of the coordinator
	Job      record.Job
	Build    string          // of this program, which the coordinator compares with its own; "": not said
	TLS      *identity.Files // nil: the coordinator is on this machine
	Host     string          // that the coordinator's certificate names; "": the one of Address
	Token    string          // without TLS: what the coordinator knows the caller by
	Away     time.Duration   // how long a call waits for a connection; 0: 5 s
	Timeout  time.Duration   // for the answer to a call that has nothing to wait for; 0: 20 s
	Patience time.Duration   // for the answer to WaitFitted; 0: 45 s, more than a server's
	// Dial opens connections; nil: TCP.
	Dial func(ctx context.Context, address string) (net.Conn, error)
}

// ErrAway is what errors wrap when the coordinator could not be reached.
var ErrAway = errors.New("the coordinator cannot be reached")

// Client asks a coordinator about one job. It is safe for concurrent use. It connects
// when it is first used, and again after every loss.
type Client struct {
	o     ClientOptions
	conn  *grpc.ClientConn
	api   proto.CoordinatorClient
	lives atomic.Uint64 // connections so far

	mu     sync.Mutex
	opened uint64 // the life in which the job was opened; 0: none
	epoch  uint64
	silent time.Time // until when nothing is asked
}

// NewClient returns a client. It does not connect yet.
func NewClient(o ClientOptions) (*Client, error) {
	set(&o.Away, 5*time.Second)
	set(&o.Timeout, 20*time.Second)
	set(&o.Patience, 45*time.Second)
	host, _, err := net.SplitHostPort(o.Address)
	if err != nil {
		return nil, fmt.Errorf("address of the coordinator: %w", err)
	}
	set(&o.Host, host)
	c := &Client{o: o}
	options, err := c.settings()
	if err != nil {
		return nil, err
	}
	// Not gRPC's resolver, which does not look a name up again for half a minute: a new
	// coordinator may have another address.
	c.conn, err = grpc.NewClient("passthrough:///"+o.Address, options...)
	if err != nil {
		return nil, err
	}
	c.api = proto.NewCoordinatorClient(c.conn)
	return c, nil
}

// settings are gRPC's.
func (c *Client) settings() ([]grpc.DialOption, error) {
	const chunkBuffer = 32 << 10
	options := []grpc.DialOption{
		grpc.WithNoProxy(),
		grpc.WithDisableServiceConfig(),
		grpc.WithStatsHandler(&lives{&c.lives}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxSend), grpc.MaxCallSendMsgSize(maxReceive)),
		grpc.WithMaxHeaderListSize(8 << 10),
		grpc.WithReadBufferSize(chunkBuffer), grpc.WithWriteBufferSize(chunkBuffer),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 30 * time.Second, Timeout: 10 * time.Second, PermitWithoutStream: true}),
		grpc.WithConnectParams(grpc.ConnectParams{MinConnectTimeout: 3 * time.Second,
			Backoff: backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second}}),
	}
	if c.o.Dial != nil {
		options = append(options, grpc.WithContextDialer(c.o.Dial))
	}
	if c.o.TLS != nil {
		config, err := c.o.TLS.Client(c.o.Host)
		if err != nil {
			return nil, fmt.Errorf("TLS of the worker: %w", err)
		}
		return append(options, grpc.WithTransportCredentials(credentials.NewTLS(config))), nil
	}
	if !local(c.o.Address) {
		return nil, fmt.Errorf("coordinator at %s: %w: give the worker a certificate, a key and an authority", c.o.Address, ErrInsecure)
	}
	return append(options, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithPerRPCCredentials(secret(c.o.Token))), nil
}

// secret is a token as gRPC sends it.
type secret string

// GetRequestMetadata implements credentials.PerRPCCredentials.
func (s secret) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": bearerPrefix + string(s)}, nil
}

// RequireTransportSecurity implements credentials.PerRPCCredentials: tokens never leave
// the machine.
func (s secret) RequireTransportSecurity() bool { return false }

// lives counts connections.
type lives struct{ count *atomic.Uint64 }

// TagRPC implements stats.Handler.
func (l *lives) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

// HandleRPC implements stats.Handler.
func (l *lives) HandleRPC(context.Context, stats.RPCStats) {}

// TagConn implements stats.Handler.
func (l *lives) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

// HandleConn implements stats.Handler.
func (l *lives) HandleConn(_ context.Context, s stats.ConnStats) {
	if _, ok := s.(*stats.ConnBegin); ok {
		l.count.Add(1)
	}
}

// Close ends the client and what it has under way.
func (c *Client) Close() error { return c.conn.Close() }

// Epoch returns the epoch that the coordinator said last; 0: it did not say.
func (c *Client) Epoch() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.epoch
}

// connect waits until there is a connection, but not for long.
func (c *Client) connect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.o.Away)
	defer cancel()
	for {
		state := c.conn.GetState()
		switch state {
		case connectivity.Ready:
			return nil
		case connectivity.Shutdown:
			return fmt.Errorf("%w: the client is closed", ErrAway)
		case connectivity.Idle:
			c.conn.Connect()
		}
		if !c.conn.WaitForStateChange(ctx, state) {
			return fmt.Errorf("%w at %s", ErrAway, c.o.Address)
		}
	}
}

// Open makes sure that the coordinator is there and drives the job. Ask does it by
// itself, once per connection; a call that gRPC moves to a new connection on its way is
// not held up for it, because every call names its job.
func (c *Client) Open(ctx context.Context) error {
	if err := c.connect(ctx); err != nil {
		return err
	}
	life := c.lives.Load()
	c.mu.Lock()
	known := c.opened == life
	c.mu.Unlock()
	if known {
		return nil
	}
	reply, err := invoke(ctx, c.o.Timeout, func(ctx context.Context) (*proto.OpenJobResponse, error) {
		return c.api.OpenJob(ctx, &proto.OpenJobRequest{Job: c.o.Job[:], Protocol: protocol, Build: c.o.Build})
	})
	if err != nil {
		return fmt.Errorf("open job %v: %w", c.o.Job, err)
	}
	if string(reply.GetPlanDigest()) != string(c.o.Job[:]) {
		return fmt.Errorf("open job %v: the coordinator drives another plan", c.o.Job)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.opened, c.epoch = life, reply.GetEpoch()
	return nil
}

// invoke makes a call, and makes it again when the server says when, until the time is
// up.
func invoke[T any](ctx context.Context, timeout time.Duration, call func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for {
		reply, err := call(ctx)
		wait, again := retryDelay(err)
		if !again || status.Code(err) != codes.ResourceExhausted {
			return reply, err
		}
		wait = min(max(wait, 10*time.Millisecond), time.Minute)
		pause := time.NewTimer(wait + rand.N(wait)) // not all at the same time
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return reply, err
		}
	}
}

// Progress calls f with what the coordinator tells, until the job is done (nil), ctx
// ends, or the coordinator is away for long. For operators.
func (c *Client) Progress(ctx context.Context, f func(core.Progress)) error {
	for {
		if err := c.Open(ctx); err != nil {
			return err
		}
		stream, err := c.api.Progress(ctx, &proto.ProgressRequest{Job: c.o.Job[:]})
		for err == nil {
			var p *proto.ProgressResponse
			if p, err = stream.Recv(); err == nil {
				f(fromProgress(p))
				if p.GetDone() {
					return nil
				}
			}
		}
		// The server's patience ended, or its connection did: once more.
		if !errors.Is(err, io.EOF) && status.Code(err) != codes.Unavailable && status.Code(err) != codes.DeadlineExceeded {
			return err
		}
		select {
		case <-time.After(watchPause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// watchPause is how long who watches waits before it asks again.
const watchPause = 250 * time.Millisecond

// Cancel stops the job's coordinator. For operators.
func (c *Client) Cancel(ctx context.Context, reason string) error {
	if err := c.Open(ctx); err != nil {
		return err
	}
	_, err := invoke(ctx, c.o.Timeout, func(ctx context.Context) (*proto.CancelResponse, error) {
		return c.api.Cancel(ctx, &proto.CancelRequest{Job: c.o.Job[:], Reason: reason})
	})
	return err
}

// Healthy fails unless the coordinator says that it serves.
func (c *Client) Healthy(ctx context.Context) error {
	if err := c.connect(ctx); err != nil {
		return err
	}
	reply, err := invoke(ctx, c.o.Timeout, func(ctx context.Context) (*healthpb.HealthCheckResponse, error) {
		return healthpb.NewHealthClient(c.conn).Check(ctx, &healthpb.HealthCheckRequest{Service: proto.Coordinator_ServiceDesc.ServiceName})
	})
	if err == nil && reply.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		err = errors.New("the coordinator does not serve")
	}
	return err
}
