package serve

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log"
	"net"
	"net/http"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"quern/features/diag"
	"quern/serve/access"
	"quern/serve/audit"
	"quern/serve/feast"
	"quern/serve/gate"
	"quern/serve/live"
	"quern/serve/lookup"
	"quern/serve/peers"
	"quern/serve/port"
	"quern/serve/tracing"
	"quern/serve/transform"
)

// Config says what a server serves and to whom. Zero fields are the defaults.
type Config struct {
	Generations *live.Generations
	Writer      lookup.Writer  // takes pushed rows; nil: pushes are refused
	Tokens      *access.Tokens // nil: everybody may do everything
	TLS         *tls.Config    // nil: plain text, on this machine only
	Rules       lookup.Rules   // whose statuses
	ShortFloats bool           // as in feast.Options
	Limits      feast.Limits
	Now         func() time.Time // the clock for times to live; nil: time.Now
	Log         func(format string, args ...any)
	Program     string // what the server calls itself: "quern 1.2"

	Slots    int           // requests worked on at one time; 0: 2 for each CPU
	Queue    int           // requests waiting for that; 0: 64 for each slot; -1: none
	Patience time.Duration // the longest wait; 0: 250 ms
	Deadline time.Duration // of the work on one request; 0: 1 s
	Bodies   int64         // bytes of all bodies at one time; 0: 256 MiB
	Slow     time.Duration // the longest that a client may take to send or read; 0: 30 s
	Linger   time.Duration // how long Shutdown goes on taking requests, so that clients can move on

	Audit  *audit.Log      // takes down what is served; nil: nothing. Whoever opened it closes it, after Shutdown
	Tracer *tracing.Tracer // sends spans; nil: none. The same goes for it

	Replies     int64 // bytes of all replies that clients have still to read; 0: 256 MiB
	Connections int   // at one time; 0: 16,384. One address has at most half, of these and of bytes
	ReusePort   bool  // other servers of this user may listen on the port, too; the last one is asked

	Models map[string]*transform.Transformer // that compute features of raw rows and have no view, by name
}

// Server answers requests. It is an http.Handler; Serve gives it a port.
type Server struct {
	c       Config
	feast   *feast.Service
	gate    *gate.Gate
	bodies  *peers.Budget
	replies *peers.Budget
	port    *port.Listener // nil: of this server alone
	pool    sync.Pool      // of *work
	natives sync.Pool      // of *exchange
	packed  sync.Pool      // of *packedCall
	metrics metrics
	http    *http.Server
	router  *router
	drain   chan struct{} // closed when the server stops taking requests
	once    sync.Once
	started time.Time
}

// New returns a server.
func New(c Config) *Server {
	c.Slots = cmp.Or(c.Slots, 2*runtime.GOMAXPROCS(0))
	c.Queue = max(0, cmp.Or(c.Queue, 64*c.Slots))
	c.Patience = cmp.Or(c.Patience, 250*time.Millisecond)
	c.Deadline = cmp.Or(c.Deadline, time.Second)
	c.Slow = cmp.Or(c.Slow, 30*time.Second)
	c.Connections = cmp.Or(c.Connections, 16<<10)
	c.Limits = c.Limits.WithDefaults()
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = func(string, ...any) {}
	}
	s := &Server{c: c, drain: make(chan struct{}), started: time.Now()}
	s.gate = gate.New(c.Slots, c.Queue, c.Patience)
	s.bodies = peers.NewBudget(cmp.Or(c.Bodies, 256<<20))
	s.replies = peers.NewBudget(cmp.Or(c.Replies, 256<<20))
	s.metrics.views = map[string]*viewCounts{}
	s.pool.New = func() any { return &work{} }
	s.natives.New = func() any { return &exchange{} }
	s.packed.New = func() any { return &packedCall{} }
	o := feast.Options{
		Rules: c.Rules, ShortFloats: c.ShortFloats, Limits: c.Limits, Now: c.Now, Healthy: s.healthy,
		Served:  s.served,
		Headers: sayVersions,
	}
	if c.Tokens != nil {
		o.MayRead, o.MayWrite = access.MayRead, access.MayWrite
	}
	s.feast = feast.New(catalogs{s}, s.writer(), o)
	s.router = newRouter(s.routes(), &s.metrics)
	s.http = s.transport()
	return s
}

// transport returns the HTTP server: its protocols, sizes and times.
func (s *Server) transport() *http.Server {
	p := &http.Protocols{}
	p.SetHTTP1(true)
	p.SetHTTP2(true)
	p.SetUnencryptedHTTP2(s.c.TLS == nil)
	return &http.Server{
		Handler: s, TLSConfig: s.c.TLS, Protocols: p,
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: s.c.Slow, WriteTimeout: s.c.Slow + s.c.Patience + s.c.Deadline,
		IdleTimeout: 5 * time.Minute, MaxHeaderBytes: 8 << 10,
		HTTP2: &http.HTTP2Config{MaxConcurrentStreams: 256, MaxReceiveBufferPerConnection: peers.Window, MaxReceiveBufferPerStream: peers.Window,
			SendPingTimeout: 30 * time.Second, PingTimeout: 10 * time.Second, WriteByteTimeout: s.c.Slow},
		ConnContext: peers.WithConn, ErrorLog: log.New(&errorLog{log: s.c.Log}, "", 0),
	}
}

// healthy fails while there is nothing to serve, or no longer.
func (s *Server) healthy() error {
	if s.draining() {
		return errors.New("the server is going down")
	}
	g := s.pin()
	defer g.Release()
	if len(g.Views()) == 0 && len(s.c.Models) == 0 {
		return errors.New("there is no view to serve")
	}
	return nil
}

// sayVersions names in the header of a reply the versions that answered, and how old the
// latest event of each view is: Quern-Staleness is VIEW=SECONDS, separated by commas,
// without the views whose rows have no times.
func sayVersions(b *lookup.Block, h http.Header) {
	h["Quern-Versions"] = []string{versionsOf(b.Query)}
	var text []byte
	now, _ := b.Expired()
	for i := range b.Parts {
		if latest := b.Parts[i].Latest; latest != lookup.NoTime {
			if text != nil {
				text = append(text, ", "...)
			}
			text = append(append(text, b.Query.Parts[i].View.Name...), '=')
			text = strconv.AppendFloat(text, float64(now-latest)/1e6, 'f', 3, 64)
		}
	}
	if text != nil {
		h["Quern-Staleness"] = []string{string(text)}
	}
}

// versionsOf lists the versions that answered q: VIEW@VERSION, separated by commas.
func versionsOf(q *lookup.Query) string {
	names := make([]string, len(q.Parts))
	for i := range q.Parts {
		names[i] = q.Parts[i].View.Name + "@" + q.Parts[i].View.Version
	}
	return strings.Join(names, ", ")
}

// Listen opens the port at an address, HOST:PORT. Without TLS the host is this machine:
// an address that others reach is refused with Q501, and one that is taken is too.
func (s *Server) Listen(address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, diag.New("Q501", "%q is no address: write HOST:PORT, as 127.0.0.1:6566", address)
	}
	ip := net.ParseIP(host)
	if s.c.TLS == nil && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, diag.New("Q501", "%s can be reached from other machines, and without TLS everybody on the way reads along", address).
			WithHint("give a certificate (--tls-cert, --tls-key), or listen on 127.0.0.1")
	}
	l, err := s.open(address)
	if err != nil {
		return nil, diag.New("Q501", "cannot listen on %s", address).Because(err)
	}
	return l, nil
}

// open opens the port, alone or with others.
func (s *Server) open(address string) (net.Listener, error) {
	if !s.c.ReusePort {
		return net.Listen("tcp", address)
	}
	l, err := port.Listen(address)
	if err != nil {
		return nil, err
	}
	s.port = l
	return l, nil
}

// Serve answers what comes to l until Shutdown; then it returns nil.
func (s *Server) Serve(l net.Listener) (err error) {
	l = peers.New(l, s.c.Connections, &s.metrics.connections)
	if s.c.TLS != nil {
		err = s.http.ServeTLS(l, "", "")
	} else {
		err = s.http.Serve(l)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// Shutdown says that the server is not healthy, and for Config.Linger closes each connection
// with the reply to its next request; so a client that asks now and then never meets a
// connection that was closed under its request. Then it stops taking connections, answers
// the requests that are there, and returns when all are answered, or with the error of ctx,
// after which connections are cut.
func (s *Server) Shutdown(ctx context.Context) error {
	s.once.Do(func() {
		close(s.drain)
		if s.port == nil {
			return
		}
		if err := s.port.Leave(); err != nil {
			s.c.Log("connections that are new may be lost with this server: %v", err)
		}
	})
	linger := time.NewTimer(s.c.Linger)
	defer linger.Stop()
	select {
	case <-linger.C:
	case <-ctx.Done():
	}
	err := s.http.Shutdown(ctx)
	if err != nil {
		s.http.Close()
	}
	return err
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	start := time.Now()
	w := s.pool.Get().(*work)
	to := s.router.find(r.URL.Path)
	w.start(s, out, r, to.grpc)
	defer func() {
		if caught := recover(); caught != nil {
			s.recovered(w, to, caught)
		}
		w.end()
		w.conn.Ended(w.vain(r))
		s.observe(w, r, to, start)
		w.ResponseWriter = nil
		s.pool.Put(w)
	}()
	if s.draining() {
		out.Header()["Connection"] = []string{"close"} // over HTTP/2: GOAWAY
	}
	s.serve(w, r, to)
}

func (s *Server) draining() bool {
	select {
	case <-s.drain:
		return true
	default:
		return false
	}
}

// recovered tells a client that the server failed. What was replied in part is cut off.
func (s *Server) recovered(w *work, to *route, caught any) {
	s.metrics.panics.Add(1)
	s.c.Log("a request to %s failed: %v\n%s", to.label, caught, debug.Stack())
	if w.code != 0 && !w.waits {
		w.end()
		panic(http.ErrAbortHandler)
	}
	clear(w.Header())
	w.code = 0
	refuse(w, http.StatusInternalServerError, "the server failed; its log says why")
}
