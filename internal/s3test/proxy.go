package s3test

import (
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

// Fault is what a proxy does to one request.
type Fault int

// The faults. A status code as a Fault is answered instead of the server.
const (
	Pass      Fault  = iota
	CutBefore        // the connection ends before the server sees the request
	CutAfter         // the server does it, and the connection ends without an answer
	CutHalf          // the connection ends in the middle of the answer
	Hang             // nothing happens until the client gives up
	HangAfter        // the server does it, and its answer does not arrive
	DoneBut   = 1000 // + status: the server does it, and another status is answered
)

// Request is one that a proxy has seen.
type Request struct {
	Method, Kind string // Kind: see kindOf
	Path         string
	Fault        Fault
}

// Proxy stands before a server.
type Proxy struct {
	Endpoint string
	Received atomic.Int64 // bytes of the answers to GET of objects

	mu     sync.Mutex
	decide func(kind string, r *http.Request) Fault
	seen   []Request
	ignore bool   // conditions
	folder string // of the server
}

// NewProxy starts a proxy that passes everything on.
func NewProxy(t testing.TB, s *Server) *Proxy {
	t.Helper()
	return newProxy(t, s, httptest.NewServer)
}

// NewTLSProxy starts a proxy that speaks TLS, and returns the certificate to trust (PEM).
func NewTLSProxy(t testing.TB, s *Server) (p *Proxy, certificate []byte) {
	t.Helper()
	p = newProxy(t, s, func(h http.Handler) *httptest.Server {
		server := httptest.NewUnstartedServer(h)
		server.Config.ErrorLog = log.New(io.Discard, "", 0) // of clients that do not trust it
		server.StartTLS()
		certificate = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
		return server
	})
	return p, certificate
}

func newProxy(t testing.TB, s *Server, start func(http.Handler) *httptest.Server) *Proxy {
	t.Helper()
	to, err := url.Parse(s.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{folder: s.folder}
	forward := &httputil.ReverseProxy{
		// The host stays as it is: it is part of what the client has signed.
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = to.Scheme, to.Host, r.In.Host
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { panic(http.ErrAbortHandler) },
	}
	server := start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.serve(forward, w, r) }))
	t.Cleanup(server.CloseClientConnections)
	t.Cleanup(server.Close)
	p.Endpoint = server.URL
	return p
}

// Fail makes decide choose what happens to each request; nil passes everything on. It is
// called for one request at a time.
func (p *Proxy) Fail(decide func(kind string, r *http.Request) Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.decide, p.seen = decide, nil
	p.Received.Store(0)
}

// IgnoreConditions makes the server one that does not know If-None-Match: what has the
// name of an object that is written is removed behind the server's back. (Clients sign
// the header, so it cannot just be left out.)
func (p *Proxy) IgnoreConditions() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ignore = true
}

// Seen returns the requests since the last Fail.
func (p *Proxy) Seen() []Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Request(nil), p.seen...)
}

// Count returns how many requests of a kind there were since the last Fail.
func (p *Proxy) Count(kind string) int {
	n := 0
	for _, r := range p.Seen() {
		if r.Kind == kind {
			n++
		}
	}
	return n
}

// kindOf names what a request asks for: put, begin, part, complete, abort, get, head,
// list, remove.
func kindOf(r *http.Request) string {
	q := r.URL.Query()
	switch {
	case r.Method == http.MethodPut && q.Has("partNumber"):
		return "part"
	case r.Method == http.MethodPut:
		return "put"
	case r.Method == http.MethodPost && q.Has("uploads"):
		return "begin"
	case r.Method == http.MethodPost && q.Has("uploadId"):
		return "complete"
	case r.Method == http.MethodDelete && q.Has("uploadId"):
		return "abort"
	case r.Method == http.MethodDelete:
		return "remove"
	case r.Method == http.MethodHead:
		return "head"
	case q.Get("list-type") == "2":
		return "list"
	}
	return "get"
}

// choose decides on a request and notes it.
func (p *Proxy) choose(r *http.Request) Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	kind, fault := kindOf(r), Pass
	if p.ignore && (kind == "put" || kind == "complete") {
		os.Remove(filepath.Join(p.folder, filepath.FromSlash(r.URL.Path)))
	}
	if p.decide != nil {
		fault = p.decide(kind, r)
	}
	p.seen = append(p.seen, Request{r.Method, kind, r.URL.Path, fault})
	return fault
}

// serve treats one request.
func (p *Proxy) serve(forward http.Handler, w http.ResponseWriter, r *http.Request) {
	fault := p.choose(r)
	switch {
	case fault == Pass && kindOf(r) == "get":
		forward.ServeHTTP(&counted{ResponseWriter: w, n: &p.Received}, r)
	case fault == Pass:
		forward.ServeHTTP(w, r)
	case fault == CutBefore:
		panic(http.ErrAbortHandler)
	case fault == CutAfter:
		forward.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	case fault == CutHalf:
		recorder := httptest.NewRecorder()
		forward.ServeHTTP(recorder, r)
		half(w, recorder)
	case fault == Hang:
		io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	case fault == HangAfter:
		forward.ServeHTTP(httptest.NewRecorder(), r.Clone(r.Context()))
		<-r.Context().Done()
	case fault >= DoneBut:
		forward.ServeHTTP(httptest.NewRecorder(), r)
		refuse(w, int(fault-DoneBut))
	default:
		io.Copy(io.Discard, r.Body)
		refuse(w, int(fault))
	}
}

// half sends the head and half of the body of an answer, and cuts the connection.
func half(w http.ResponseWriter, whole *httptest.ResponseRecorder) {
	for key, values := range whole.Header() {
		w.Header()[key] = values
	}
	w.Header().Set("Content-Length", fmt.Sprint(whole.Body.Len()))
	w.WriteHeader(whole.Code)
	w.Write(whole.Body.Bytes()[:whole.Body.Len()/2])
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
	panic(http.ErrAbortHandler)
}

// refuse answers an error as S3 does.
func refuse(w http.ResponseWriter, status int) {
	codes := map[int]string{403: "AccessDenied", 404: "NoSuchKey", 409: "ConditionalRequestConflict", 412: "PreconditionFailed",
		429: "SlowDown", 500: "InternalError", 501: "NotImplemented", 503: "SlowDown"}
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>planted</Message></Error>", codes[status])
}

// counted counts the bytes of an answer.
type counted struct {
	http.ResponseWriter
	n *atomic.Int64
}

// Write is io.Writer's.
func (c *counted) Write(b []byte) (int, error) {
	c.n.Add(int64(len(b))) // before anyone has them
	return c.ResponseWriter.Write(b)
}
