package serve

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"quern/serve/access"
	"quern/serve/feast"
	"quern/serve/registry"
	"quern/serve/transform"
)

// sample is a request to a route that reads, writes or transforms column a1 of view a, or
// that of the model m, and what the server says to those who may.
type sample struct {
	path string // of a tree of calls
	body []byte
	want int  // status of HTTP, or of gRPC
	list bool // of what the caller may use: who may use nothing of it gets an empty one
}

// answered is what a call is that is let in, whatever its answer.
const answered = -1

// samples has one for each route; TestAccess fails for a route that has none.
func samples() map[string]sample {
	text := func(s string) sample { return sample{body: []byte(s), want: 200} }
	in := func(path, s string) sample { return sample{path: path, body: []byte(s), want: 200} }
	const frame = `"df":{"id":[1],"a0":[1],"a1":[1],"event_timestamp":["2026-01-01T00:00:00Z"]}}`
	all := map[string]sample{
		"/health":                text(""),
		"/metrics":               text(""),
		"/openapi.json":          text(""),
		"/get-online-features":   text(`{"features":["a:a1"],"entities":{"id":[1]}}`),
		"/write-to-online-store": text(`{"feature_view_name":"a",` + frame),
		"/push":                  text(`{"push_source_name":"stream",` + frame),
		"/v1/lookup":             text(`{"features":["a:a1"],"rows":[{"id":1}]}`),
		"/v1/push/":              in("/v1/push/a", `{"rows":[{"id":1,"a0":1,"a1":1,"event_timestamp":"2026-01-01T00:00:00Z"}]}`),
		"/v1/transform/":         in("/v1/transform/m", `{"rows":[{"distance":1.5,"late":true}]}`),
		"/v1/models":             {want: 200, list: true},

		"/grpc.health.v1.Health/Check":                      {},
		"/feast.serving.ServingService/GetOnlineFeatures":   {body: onlineRequest("a:a1")},
		"/feast.serving.ServingService/GetFeastServingInfo": {},
		"/GrpcFeatureServer/GetOnlineFeatures":              {body: onlineRequest("a:a1")},
		"/GrpcFeatureServer/Push":                           {body: feastPush(2, "stream")},
		"/GrpcFeatureServer/WriteToOnlineStore":             {body: feastPush(2, "a")},
		"/quern.v1.Features/Lookup":                         {body: packedRequest("a:a1")},
	}
	for _, name := range registry.Methods() {
		all[registry.Path+name] = sample{want: answered}
	}
	return all
}

func bytesField(n protowire.Number, b []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, n, protowire.BytesType), b)
}

// feastPush is a PushRequest or a WriteToOnlineStoreRequest of Feast's, for what the nth
// field names.
func feastPush(n protowire.Number, name string) []byte {
	message := bytesField(n, []byte(name))
	for _, v := range [][2]string{{"id", "1"}, {"a0", "1"}, {"a1", "1"}, {"event_timestamp", "2026-01-01T00:00:00Z"}} {
		message = append(message, bytesField(1, append(bytesField(1, []byte(v[0])), bytesField(2, []byte(v[1]))...))...)
	}
	return message
}

// packedRequest is a LookupRequest of quern.v1 for a feature of the key 1.
func packedRequest(feature string) []byte {
	key := append(bytesField(1, []byte("id")), bytesField(2, binary.LittleEndian.AppendUint64(nil, 1))...)
	return append(bytesField(1, []byte(feature)), bytesField(5, key)...)
}

// caller is somebody who makes every call.
type caller struct {
	name    string
	headers []string
	cert    *tls.Certificate

	cut     bool           // by TLS
	unknown int            // the status that says so
	rights  []access.Right // to what the samples are about
	others  []access.Right // to other things only
}

// may says what the caller of a route gets: a status, or 0 if it may make the call.
func (c *caller) may(needs access.Right, list bool) int {
	switch {
	case needs == access.None:
		return 0
	case c.unknown != 0:
		return c.unknown
	case needs == access.Known:
		return 0
	}
	if slices.Contains(c.rights, needs) || list && slices.Contains(c.others, needs) {
		return 0
	}
	return http.StatusForbidden
}

// gateway is a server with TLS, and those who call it.
type gateway struct {
	*rig
	roots *x509.CertPool
	all   []caller
}

const someKnown = `{
	"roles": {
		"all": {"read":["a"],"write":["a"],"transform":["m"],"metrics":true},
		"reader": {"read":["a:a1"]}, "writer": {"write":["a"]}, "maker": {"transform":["m"]},
		"other view": {"read":["b","aa","A"],"write":["b","aa*"],"transform":["n","mm"]},
		"other column": {"read":["a:a0","a:a11","b:a1"],"transform":["m:x0"]},
		"nothing": {}},
	"tokens": [
		{"token":"token-of-all-012345678901","roles":["nothing","all"]},
		{"token":"token-of-reader-012345678","roles":["reader"]},
		{"token":"token-of-writer-012345678","roles":["writer"]},
		{"token":"token-of-maker-0123456789","roles":["maker"]},
		{"token":"token-of-watcher-01234567","metrics":true},
		{"token":"token-of-everything-01234","read":["*"],"write":["*"],"transform":["*"],"metrics":true},
		{"token":"token-of-other-view-01234","roles":["other view"]},
		{"token":"token-of-other-column-012","roles":["other column"]},
		{"token":"token-of-nothing-01234567","roles":["nothing"]}],
	"certificates": [
		{"uri":"spiffe://example.org/all","roles":["all"]},
		{"uri":"spiffe://example.org/nothing"},
		{"uri":"spiffe://example.org/other","roles":["other view"]},
		{"dns":"All.example.org","roles":["all"]}]}`

// newGateway starts the server and finds everybody a certificate.
func newGateway(t testing.TB) *gateway {
	dir := t.TempDir()
	ours, theirs := newAuthority(t), newAuthority(t)
	files := ours.server(t, dir)
	files.Optional = true
	certificates, err := access.ReadCertificates(files)
	check(t, err)
	tokens := filepath.Join(dir, "tokens.json")
	check(t, os.WriteFile(tokens, []byte(someKnown), 0o600))
	g := &gateway{roots: x509.NewCertPool()}
	g.roots.AppendCertsFromPEM(ours.pem)
	g.rig = twoViews(t, func(c *Config) {
		c.TLS, c.Writer = certificates.TLS(), discard{}
		c.Limits = feast.Limits{Body: maxBody, Rows: maxRows, Features: maxFeatures, Cells: maxCells}
		c.Models = map[string]*transform.Transformer{"m": fares(t)}
		c.Tokens, err = access.ReadTokens(tokens)
		check(t, err)
	}).start(t)
	g.url = "https" + g.url[4:]
	bearer := func(token string) []string { return []string{"Authorization", "Bearer " + token} }
	some, every := []access.Right{access.Read, access.Write, access.Transform}, []access.Right{access.Read, access.Write, access.Transform, access.Metrics}
	g.all = []caller{
		{name: "no token", unknown: 401},
		{name: "wrong token", headers: bearer("token-of-nobody-012345678"), unknown: 401},
		{name: "empty token", headers: bearer(""), unknown: 401},
		{name: "digest as token", headers: bearer("sha256:" + fmt.Sprintf("%064d", 0)), unknown: 401},
		{name: "wrong scheme", headers: []string{"Authorization", "Basic token-of-all-012345678901"}, unknown: 401},
		{name: "expired certificate", cert: ours.client(t, expired(), "spiffe://example.org/all"), cut: true},
		{name: "certificate of another authority", cert: theirs.client(t, hourly(), "spiffe://example.org/all"), cut: true},
		{name: "certificate of nobody", cert: ours.client(t, hourly(), "spiffe://example.org/al"), unknown: 403},
		{name: "certificate of another domain", cert: ours.client(t, hourly(), "spiffe://example.com/all"), unknown: 403},
		{name: "certificate with a wrong token", cert: ours.client(t, hourly(), "spiffe://example.org/all"), headers: bearer("token-of-nobody-012345678"), unknown: 401},
		{name: "certificate without a role", cert: ours.client(t, hourly(), "spiffe://example.org/nothing")},
		{name: "certificate for another view", cert: ours.client(t, hourly(), "spiffe://example.org/other"), others: some},
		{name: "token without a role", headers: bearer("token-of-nothing-01234567")},
		{name: "another view", headers: bearer("token-of-other-view-01234"), others: some},
		{name: "another column", headers: bearer("token-of-other-column-012"), others: []access.Right{access.Read, access.Transform}},
		{name: "reader", headers: bearer("token-of-reader-012345678"), rights: []access.Right{access.Read}},
		{name: "writer", headers: bearer("token-of-writer-012345678"), rights: []access.Right{access.Write}},
		{name: "maker", headers: bearer("token-of-maker-0123456789"), rights: []access.Right{access.Transform}},
		{name: "watcher", headers: bearer("token-of-watcher-01234567"), rights: []access.Right{access.Metrics}},
		{name: "all", headers: bearer("token-of-all-012345678901"), rights: every},
		{name: "everything", headers: bearer("token-of-everything-01234"), rights: every},
		{name: "certificate of all", cert: ours.client(t, hourly(), "spiffe://example.org/all"), rights: every},
		{name: "certificate by its host", cert: ours.client(t, hourly(), "all.example.org"), rights: every},
		{name: "certificate of two", cert: ours.client(t, hourly(), "all.example.org", "spiffe://example.org/nothing"), unknown: 403},
	}
	return g
}

// client returns a client of HTTP/1.1 or HTTP/2 that shows a certificate.
func (g *gateway) client(c *caller, version int) *http.Client {
	p := &http.Protocols{}
	p.SetHTTP1(version == 1)
	p.SetHTTP2(version == 2)
	settings := &tls.Config{RootCAs: g.roots}
	if c.cert != nil { // shown also to a server that asks for others
		settings.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return c.cert, nil }
	}
	return &http.Client{Transport: &http.Transport{Protocols: p, TLSClientConfig: settings}}
}

// ask makes a call, and returns its status: of gRPC for such a call.
func (g *gateway) ask(t testing.TB, client *http.Client, to *route, s sample, headers []string) (status int, text string, err error) {
	status, _, text, err = g.askAll(t, client, to, s, headers)
	return status, text, err
}

// askAll is ask, with the header of the reply.
func (g *gateway) askAll(t testing.TB, client *http.Client, to *route, s sample, headers []string) (status int, header http.Header, text string, err error) {
	path, body := to.path, s.body
	if s.path != "" {
		path = s.path
	}
	if to.grpc {
		body = append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(body))), body...)
	}
	r, err := http.NewRequest(to.verb, g.url+path, bytes.NewReader(body))
	check(t, err)
	if to.grpc {
		r.Header.Set("Content-Type", "application/grpc")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	reply, err := client.Do(r)
	if err != nil {
		return 0, nil, "", err
	}
	defer reply.Body.Close()
	said, err := io.ReadAll(reply.Body)
	if !to.grpc {
		return reply.StatusCode, reply.Header, string(said), err
	}
	code := reply.Header.Get("Grpc-Status") + reply.Trailer.Get("Grpc-Status")
	status, err = strconv.Atoi(code)
	if err != nil {
		return 0, nil, "", fmt.Errorf("%s, grpc-status %q", reply.Status, code)
	}
	return status, reply.Header, reply.Header.Get("Grpc-Message"), nil
}

// TestAccess makes every call as everybody: what a caller is not granted is denied, with the
// right code. The calls are those of the table of routes.
func TestAccess(t *testing.T) {
	g := newGateway(t)
	routes, all := g.server.routes(), samples()
	cells := 0
	for i := range g.all {
		c := &g.all[i]
		for version := 1; version <= 2; version++ {
			client := g.client(c, version)
			for _, to := range routes {
				s, there := all[to.path]
				if !there {
					t.Fatalf("%s has no sample: say in samples() how it is called, so that its access is tested", to.path)
				}
				if to.grpc && version == 1 {
					continue
				}
				cells++
				want := c.may(to.needs, s.list)
				switch {
				case want == 0:
					want = s.want
				case to.grpc:
					want = int(grpcCode(want))
				}
				got, text, err := g.ask(t, client, to, s, c.headers)
				if c.cut {
					if err == nil {
						t.Errorf("%s, %s: %d, not cut by TLS", c.name, to.path, got)
					}
					continue
				}
				if want == answered && err == nil && got < 7 {
					want = got
				}
				if s.list && !slices.Contains(c.rights, to.needs) && strings.Contains(text, `"m"`) {
					t.Errorf("%s, %s shows %s", c.name, to.path, text)
				}
				if err != nil || got != want {
					t.Errorf("%s, HTTP/%d, %s: %d %s %v, want %d", c.name, version, to.path, got, text, err, want)
				}
			}
			client.CloseIdleConnections()
		}
	}
	if cells < 300 {
		t.Errorf("only %d cells", cells)
	}
	t.Logf("%d cells", cells)
}

// TestRoutesSayWhatTheyNeed: a route without a right, or of an unknown one, is a bug that is
// found when the server is made.
func TestRoutesSayWhatTheyNeed(t *testing.T) {
	for needs, good := range map[access.Right]bool{0: false, access.None: true, access.Metrics: true, access.Metrics + 1: false} {
		func() {
			defer func() {
				if caught := recover(); (caught == nil) != good {
					t.Errorf("right %d: %v", needs, caught)
				}
			}()
			newRouter([]*route{{path: "/x", needs: needs, label: "other"}}, &metrics{})
		}()
	}
}
