package serve

import (
	"bytes"
	"context"
	"encoding/binary"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"quern/serve/feast"
	"quern/serve/transform"
)

// fuzzed is a server that is asked without a network.
func fuzzed(t testing.TB) *rig {
	r := twoViews(t, func(c *Config) {
		c.Writer, c.Limits = discard{}, feast.Limits{Body: 64 << 10, Rows: 100, Features: 100, Cells: 1000}
		c.Models = map[string]*transform.Transformer{"m": fares(t)}
	})
	t.Cleanup(r.generations.Close)
	return r
}

// poke sends a body to a route and says what is wrong with the answer: a client's mistake is
// a 4xx, and never a panic.
func (r *rig) poke(to *route, path string, body []byte, headers ...string) (problem string) {
	if path == "" {
		path = to.path
	}
	q := httptest.NewRequest(to.verb, path, bytes.NewReader(body))
	if to.grpc {
		q.ProtoMajor = 2
		q.Header.Set("Content-Type", "application/grpc")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		q.Header.Set(headers[i], headers[i+1])
	}
	before, w := r.server.metrics.panics.Load(), httptest.NewRecorder()
	r.server.ServeHTTP(w, q)
	code, _ := strconv.Atoi(w.Header().Get("Grpc-Status") + w.Result().Trailer.Get("Grpc-Status"))
	const internal, unknown, unavailable, lost = 13, 2, 14, 15
	switch {
	case r.server.metrics.panics.Load() != before:
		return "it panicked"
	case w.Code >= 500, code == internal, code == unknown, code == unavailable, code == lost:
		return strconv.Itoa(w.Code) + " grpc-status " + strconv.Itoa(code) + " " + w.Body.String() + w.Header().Get("Grpc-Message")
	}
	return ""
}

// kinds are content types that calls answer or are asked in.
func kinds() []string {
	return []string{"", "application/json", "application/x-quern-tensor", "application/vnd.apache.arrow.stream", "application/grpc"}
}

// FuzzRoutes sends any body to any route, plain and as a message of gRPC.
func FuzzRoutes(f *testing.F) {
	r := fuzzed(f)
	_, err := r.generations.Reload(context.Background())
	check(f, err)
	routes, all := r.server.routes(), samples()
	for i, to := range routes {
		for k := range kinds() {
			f.Add(uint8(i), uint8(k), all[to.path].body)
		}
		if to.grpc {
			f.Add(uint8(i), uint8(0), feastRequest(2, 3))
			f.Add(uint8(i), uint8(0), packedMany(2, 3))
		}
	}
	f.Fuzz(func(t *testing.T, i, kind uint8, body []byte) {
		to := routes[int(i)%len(routes)]
		path := all[to.path].path
		k := kinds()[int(kind)%len(kinds())]
		headers := []string{"Accept", k}
		if !to.grpc {
			headers = append(headers, "Content-Type", k)
		}
		if p := r.poke(to, path, body, headers...); p != "" {
			t.Errorf("%s, %s, %q: %s", to.path, k, body, p)
		}
		if !to.grpc {
			return
		}
		framed := append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(body))), body...)
		if p := r.poke(to, path, framed, "Grpc-Timeout", "1S"); p != "" {
			t.Errorf("%s, message %x: %s", to.path, body, p)
		}
	})
}

// TestSpoiled sends every sample to every route with each byte spoiled or left out, and cut.
func TestSpoiled(t *testing.T) {
	r := fuzzed(t)
	_, err := r.generations.Reload(context.Background())
	check(t, err)
	all, tried := samples(), 0
	for _, to := range r.server.routes() {
		for from, s := range all {
			if to.grpc != strings.Contains(from, ".") && !strings.HasPrefix(from, "/Grpc") || len(s.body) == 0 && from != to.path {
				continue
			}
			for at := range len(s.body) + 1 {
				for _, body := range [][]byte{s.body[:at], spoiled(s.body, at, 0xff), spoiled(s.body, at, 0), spoiled(s.body, at, '"'), spoiled(s.body, at, '[')} {
					if to.grpc {
						body = append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(body))), body...)
					}
					tried++
					if p := r.poke(to, all[to.path].path, body); p != "" {
						t.Fatalf("%s %q: %s", to.path, body, p)
					}
				}
			}
		}
	}
	t.Logf("%d bodies", tried)
	for _, path := range []string{"/v1/push/", "/v1/push/none", "/v1/transform/", "/v1/transform/none", "/v1/transform/a@1", "/v1/transform/%00", "/v1/push/a/b", "/nothing", "//", "/v1/../v1/lookup"} {
		if p := r.poke(&route{verb: http.MethodPost}, path, []byte("{}")); p != "" {
			t.Errorf("%s: %s", path, p)
		}
	}
}

// spoiled is a body with one byte changed.
func spoiled(body []byte, at int, with byte) []byte {
	b := bytes.Clone(body)
	if at < len(b) {
		b[at] = with
	}
	return b
}
