package feast

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"quern/features/diag"
	"quern/serve/lookup"
)

// Service answers Feast's calls. It is safe for concurrent use.
type Service struct {
	server  lookup.Server
	writer  lookup.Writer // nil: pushes are refused
	options Options
	project string
	now     func() time.Time
	pool    sync.Pool          // of *exchange
	faults  map[diag.Code]bool // codes that are no client's mistake; whoever makes mistakes must cost little
}

// New returns a service that looks up in server and pushes to writer, which may be
// nil.
func New(server lookup.Server, writer lookup.Writer, o Options) *Service {
	o.Limits = o.Limits.WithDefaults()
	s := &Service{server: server, writer: writer, options: o, project: cmp.Or(o.Project, "default"), now: o.Now}
	if s.now == nil {
		s.now = time.Now
	}
	s.faults = map[diag.Code]bool{}
	for _, e := range diag.Catalogue() {
		s.faults[e.Code] = e.Class != diag.Usage
	}
	s.pool.New = func() any { return &exchange{limits: o.Limits, json: jsonEncoder{short: o.ShortFloats}} }
	return s
}

// exchange is the memory of one request, which the next one uses again.
type exchange struct {
	limits   Limits
	request  request
	cacheKey []byte
	name     []byte
	lookup   lookup.Keys
	block    lookup.Block
	rows     []lookup.Rows
	reader   jsonWire
	json     jsonEncoder
	proto    protoEncoder
	in, out  []byte
}

// maxKept is the largest buffer that is kept for the next request.
const maxKept = 4 << 20

func (s *Service) borrow() *exchange { return s.pool.Get().(*exchange) }

func (s *Service) giveBack(x *exchange) {
	x.request.reset() // its spans would keep bodies alive
	if cap(x.in) > maxKept || cap(x.out) > maxKept {
		return
	}
	s.pool.Put(x)
}

// ServeHTTP answers POST /get-online-features, /push, /write-to-online-store and
// GET /health.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	method := http.MethodPost
	var call func(context.Context, *exchange) error
	headers := func(*exchange) {}
	switch r.URL.Path {
	case "/get-online-features":
		call = s.lookupJSON
		if s.options.Headers != nil {
			headers = func(x *exchange) { s.options.Headers(&x.block, w.Header()) }
		}
	case "/push":
		call = s.pushJSON
	case "/write-to-online-store":
		call = s.writeJSON
	case "/health":
		method = http.MethodGet
	default:
		reply(w, http.StatusNotFound, []byte(`{"detail":"Not Found"}`))
		return
	}
	if r.Method != method {
		w.Header().Set("Allow", method)
		reply(w, http.StatusMethodNotAllowed, []byte(`{"detail":"Method Not Allowed"}`))
		return
	}
	if call == nil {
		s.health(w)
		return
	}
	x := s.borrow()
	defer s.giveBack(x)
	err := x.read(r)
	if err == nil {
		err = call(r.Context(), x)
	}
	if err != nil {
		f := s.FaultOf(err)
		if f.After > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int((f.After+time.Second-1)/time.Second)))
		}
		SetCode(w.Header(), err)
		reply(w, f.HTTP, f.Body)
		return
	}
	headers(x)
	reply(w, http.StatusOK, x.out)
}

// health answers 200 or 503, without a body.
func (s *Service) health(w http.ResponseWriter) {
	if s.options.Healthy != nil && s.options.Healthy() != nil {
		reply(w, http.StatusServiceUnavailable, nil)
		return
	}
	reply(w, http.StatusOK, nil)
}

func reply(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	if len(body) > 0 {
		h["Content-Type"] = []string{"application/json"}
	}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	w.Write(body) // an error here is a client that went away
}

// read reads the body into x.in.
func (x *exchange) read(r *http.Request) error {
	limit := x.limits.Body
	tooLarge := func() error { return diag.New("Q609", "the body has more than %d bytes", limit) }
	if r.ContentLength > int64(limit) {
		return tooLarge()
	}
	if enc := r.Header.Get("Content-Encoding"); enc != "" && enc != "identity" {
		return diag.New("Q614", "bodies in content encoding %q are not read", lookup.Clip(enc))
	}
	x.in = x.in[:0]
	if n := int(r.ContentLength); n >= cap(x.in) {
		x.in = make([]byte, 0, min(n, 64<<10)+1) // a length that is only announced costs little
	}
	for {
		if len(x.in) == cap(x.in) {
			x.in = append(x.in, 0)[:len(x.in)]
		}
		n, err := r.Body.Read(x.in[len(x.in):cap(x.in)])
		x.in = x.in[:len(x.in)+n]
		switch {
		case len(x.in) > limit:
			return tooLarge()
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			var large *http.MaxBytesError
			if errors.As(err, &large) {
				return tooLarge()
			}
			return diag.New("Q614", "the body ended early").Because(err)
		}
	}
}

// lookupJSON answers /get-online-features.
func (s *Service) lookupJSON(ctx context.Context, x *exchange) error {
	if err := x.request.readLookup(x.in); err != nil {
		return err
	}
	if err := s.answer(ctx, x, &x.reader); err != nil {
		return err
	}
	x.out = x.json.reply(x.out[:0], &x.lookup, &x.block, x.request.metadata)
	return nil
}

// answer looks up what x.request asks for.
func (s *Service) answer(ctx context.Context, x *exchange, w wire) error {
	c := s.server.Pin()
	defer c.Release()
	q, err := x.query(c, w)
	if err != nil {
		return err
	}
	if s.options.MayRead != nil {
		if err := s.options.MayRead(ctx, q); err != nil {
			return err
		}
	}
	if err := x.keys(q, w); err != nil {
		return err
	}
	if err := c.Lookup(ctx, q, &x.lookup, &x.block); err != nil {
		return err
	}
	x.block.Expire(s.now().UnixMicro(), s.options.Rules)
	if s.options.Served != nil {
		s.options.Served(ctx, &x.lookup, &x.block)
	}
	return nil
}
