package serve

import (
	"context"
	"encoding/binary"
	"net/http"
	"slices"
	"strings"

	"quern/serve/access"
)

// route is one call that the server answers: where, how, and who may make it. The table of
// routes is all that there is: what is not in it is a 404, and the tests of access go
// through every line.
type route struct {
	path   string       // of a call, or of a tree of them when it ends in "/"; gRPC: /SERVICE/METHOD
	verb   string       // the method of HTTP; gRPC has POST
	label  string       // what the metrics call it; calls may share one
	grpc   bool         // gRPC over HTTP/2; else HTTP
	needs  access.Right // what its caller must be granted; a route without one fails at start
	light  bool         // answered at once: no body is read and no slot is taken
	answer func(w *work, r *http.Request)

	meter *meter
}

// unary answers a method of gRPC: it appends the reply's message to out.
type unary func(ctx context.Context, message, out []byte) ([]byte, error)

// routes lists every call.
func (s *Server) routes() []*route {
	return slices.Concat(s.watchRoutes(), s.feastRoutes(), s.nativeRoutes(), s.transformRoutes(), s.featuresRoutes(), s.listenRoutes(), s.registryRoutes(), s.pushRoutes(), s.describeRoutes())
}

// watchRoutes are the calls of machines that watch.
func (s *Server) watchRoutes() []*route {
	return []*route{
		{path: "/health", verb: http.MethodGet, label: "other", needs: access.None, light: true, answer: s.serveFeast},
		{path: "/grpc.health.v1.Health/Check", verb: http.MethodPost, label: "other", grpc: true, needs: access.None, light: true, answer: s.grpcHealth},
		{path: "/metrics", verb: http.MethodGet, label: "other", needs: access.Metrics, light: true, answer: s.serveMetrics},
	}
}

// feastRoutes are Feast's calls.
func (s *Server) feastRoutes() []*route {
	post := func(path, label string, needs access.Right) *route {
		return &route{path: path, verb: http.MethodPost, label: label, needs: needs, answer: s.serveFeast}
	}
	const service = "/feast.serving.ServingService/"
	return []*route{
		post("/get-online-features", "feast_http", access.Read),
		post("/push", "feast_push", access.Write),
		post("/write-to-online-store", "feast_push", access.Write),
		s.method(service+"GetOnlineFeatures", "feast_grpc", access.Read, s.feast.GetOnlineFeatures),
		s.method(service+"GetFeastServingInfo", "feast_grpc", access.Known, func(_ context.Context, _, out []byte) ([]byte, error) {
			return s.feast.GetFeastServingInfo(out, s.c.Program), nil
		}),
	}
}

// nativeRoutes are quern's own calls.
func (s *Server) nativeRoutes() []*route {
	return []*route{{path: "/v1/lookup", verb: http.MethodPost, label: "v1_lookup", needs: access.Read, answer: s.serveNative}}
}

// method is the route of a unary method of gRPC.
func (s *Server) method(path, label string, needs access.Right, call unary) *route {
	return &route{path: path, verb: http.MethodPost, label: label, grpc: true, needs: needs,
		answer: func(w *work, r *http.Request) { s.serveUnary(w, r, call) }}
}

// serveFeast leaves a call to package feast.
func (s *Server) serveFeast(w *work, r *http.Request) { s.feast.ServeHTTP(w, r) }

// serveUnary answers unary gRPC over HTTP/2, which is a message of five bytes of head and
// its bytes both ways, and the status behind it (github.com/grpc/grpc,
// doc/PROTOCOL-HTTP2.md). Compressed messages are refused, as the protocol lets a server do.
func (s *Server) serveUnary(w *work, r *http.Request, call unary) {
	message, err := unframe(w.body.bytes)
	if err != nil {
		s.fail(w, err)
		return
	}
	if message == nil {
		grpcReply(w, grpcUnimplemented, "compressed messages are not read", nil)
		return
	}
	x := s.natives.Get().(*exchange)
	defer s.natives.Put(x)
	out, err := call(r.Context(), message, append(x.out[:0], 0, 0, 0, 0, 0))
	if cap(out) <= maxKept {
		x.out = out
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	binary.BigEndian.PutUint32(out[1:], uint32(len(out)-5))
	grpcReply(w, grpcOK, "", out)
}

// router finds the route of a path.
type router struct {
	calls map[string]*route
	trees []*route
	none  *route // of everything else: a 404
}

// newRouter gives each route its meter. Two of one path are a bug, and so is one that does
// not say what it needs: forgotten, it would be open to all.
func newRouter(all []*route, m *metrics) *router {
	r := &router{calls: map[string]*route{}, none: &route{label: "other", needs: access.Known}}
	for _, one := range all {
		if r.calls[one.path] != nil {
			panic("quern: bug: two routes of " + one.path)
		}
		if !one.needs.Valid() {
			panic("quern: bug: nobody said who may call " + one.path)
		}
		r.calls[one.path] = one
		if strings.HasSuffix(one.path, "/") {
			r.trees = append(r.trees, one)
		}
		one.meter = m.meter(one.label)
	}
	r.none.meter = m.meter(r.none.label)
	return r
}

// find returns the route of a path, or router.none.
func (r *router) find(path string) *route {
	if one := r.calls[path]; one != nil {
		return one
	}
	for _, tree := range r.trees {
		if strings.HasPrefix(path, tree.path) {
			return tree
		}
	}
	return r.none
}
