package serve

import (
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"quern/serve/access"
)

// TestTokensReload: a new file holds from the next request on, a damaged one is refused and
// the old one goes on, and rates go on where they were.
func TestTokensReload(t *testing.T) {
	path := t.TempDir() + "/tokens"
	file := func(read string, rate int) string {
		return fmt.Sprintf(`{"tokens":[{"token":%q,"read":[%q],"requests_per_second":%d}]}`, readerToken, read, rate)
	}
	write := func(text string, mode os.FileMode) {
		check(t, os.WriteFile(path, []byte(text), 0o600))
		check(t, os.Chmod(path, mode))
	}
	write(file("a", 1e9), 0o600)
	tokens, err := access.ReadTokens(path)
	check(t, err)
	r := twoViews(t, func(c *Config) { c.Tokens = tokens }).start(t)
	ask := func(want int) {
		t.Helper()
		if code, text := call(t, http.DefaultClient, "POST", r.url+"/v1/lookup", lookA, "Authorization", "Bearer "+readerToken); code != want {
			t.Errorf("%d %s, want %d", code, text, want)
		}
	}
	reload := func(changed, fails bool) {
		t.Helper()
		if did, err := tokens.Reload(); did != changed || (err != nil) != fails {
			t.Errorf("changed %v, %v", did, err)
		}
	}
	ask(200)
	write(file("b", 1e9), 0o600)
	ask(200)
	reload(true, false)
	ask(403)
	reload(false, false)
	for _, bad := range []string{"", "{", `{"tokens":[]}`, file("a", 1)[:20], file("a", 1) + "x"} {
		write(bad, 0o600)
		reload(false, true)
		reload(false, false) // it was said once
		ask(403)
	}
	write(file("a", 1e9), 0o644)
	reload(false, true)
	reload(false, false)
	ask(403)
	check(t, os.Chmod(path, 0o600))
	reload(true, false)
	ask(200)
	check(t, os.Remove(path))
	reload(false, true)
	ask(200)
	write(file("a", 1), 0o600) // a second's worth is one
	reload(true, false)
	ask(200)
	for range 3 {
		ask(429)
	}
	write(file("*", 1), 0o600)
	reload(true, false)
	ask(429)
}

// TestRates: requests and keys over the rate are told when to come again, in every call that
// uses keys, and other callers are not touched.
func TestRates(t *testing.T) {
	g := newGateway(t)
	const slow, other = "token-that-is-slow-012345", "token-that-is-not-0123456"
	for _, to := range g.server.routes() {
		if to.needs != access.Read && to.needs != access.Write && to.needs != access.Transform || to.path == "/v1/models" {
			continue
		}
		for _, limit := range []string{"requests_per_second", "keys_per_second"} {
			g.server.c.Tokens = tokensOf(t, fmt.Sprintf(`{"roles":{"r":{"read":["*"],"write":["*"],"transform":["*"]}},
				"tokens":[{"token":%q,"roles":["r"],%q:0.01},{"token":%q,"roles":["r"]}]}`, slow, limit, other))
			s, client := samples()[to.path], g.client(&caller{}, 2)
			busy := 429
			if to.grpc {
				busy = grpcExhausted
			}
			for i, want := range []int{s.want, busy, busy, s.want} {
				token := []string{slow, slow, slow, other}[i]
				got, header, _, err := g.askAll(t, client, to, s, []string{"Authorization", "Bearer " + token})
				if err != nil || got != want {
					t.Errorf("%s, %s: %d %v, want %d", to.path, limit, got, err, want)
				}
				wait, _ := strconv.Atoi(header.Get("Retry-After"))
				if want == busy && (wait < 90 || wait > 201) {
					t.Errorf("%s, %s: comes again after %q", to.path, limit, header.Get("Retry-After"))
				}
				if pushback, _ := strconv.Atoi(header.Get("Grpc-Retry-Pushback-Ms")); to.grpc && want == busy && (pushback < 90_000 || pushback > 200_001) {
					t.Errorf("%s, %s: pushback %q", to.path, limit, header.Get("Grpc-Retry-Pushback-Ms"))
				}
			}
			client.CloseIdleConnections()
		}
	}
	if n := g.server.metrics.rejected[overRate].Load(); n == 0 || n%4 != 0 {
		t.Errorf("%d were counted", n)
	}
}

// TestLimitsHold: features, rows and the product of them are bounded in every call that has
// them, as the server says, and so is a body.
func TestLimitsHold(t *testing.T) {
	g := newGateway(t)
	client := g.client(&caller{}, 2)
	defer client.CloseIdleConnections()
	tried := map[string]bool{}
	for _, c := range tooMuch() {
		to := g.server.router.find(c.path)
		tried[to.path] = true
		want := 413
		if to.grpc {
			want = grpcExhausted
		}
		got, text, err := g.ask(t, client, to, sample{path: c.path, body: c.body}, []string{"Authorization", "Bearer token-of-everything-01234"})
		if err != nil || got != want {
			t.Errorf("%s, %s: %d %.300s %v, want %d", c.path, c.what, got, text, err, want)
		}
	}
	for _, to := range g.server.routes() {
		if (to.needs == access.Read || to.needs == access.Write || to.needs == access.Transform) && !to.light && !tried[to.path] && to.path != "/v1/models" {
			t.Errorf("%s: nobody tried to ask it for too much: say how in tooMuch()", to.path)
		}
	}
}

// large is a request that is too large.
type large struct {
	path, what string
	body       []byte
}

// tooMuch has requests that are over the limits of newGateway.
func tooMuch() (all []large) {
	many := func(n int, one, between string) string { return strings.Repeat(one+between, n-1) + one }
	add := func(path, what, body string) { all = append(all, large{path, what, []byte(body)}) }
	const rows = maxRows + 1
	ids, objects := many(rows, "1", ","), many(rows, `{"id":1}`, ",")
	names := many(maxFeatures+1, `"a:a0"`, ",")
	add("/get-online-features", "rows", `{"features":["a:a0"],"entities":{"id":[`+ids+`]}}`)
	add("/get-online-features", "features", `{"features":[`+names+`],"entities":{"id":[1]}}`)
	add("/get-online-features", "cells", `{"features":["a:a0","a:a1"],"entities":{"id":[`+many(maxCells/2+1, "1", ",")+`]}}`)
	add("/v1/lookup", "rows", `{"features":["a:a0"],"rows":[`+objects+`]}`)
	add("/v1/lookup", "features", `{"features":[`+names+`],"rows":[{"id":1}]}`)
	add("/v1/lookup", "cells", `{"view":"a","rows":[`+many(maxCells/2+1, `{"id":1}`, ",")+`]}`)
	column := func(name, one string) string { return `"` + name + `":[` + many(rows, one, ",") + `]` }
	frame := `"df":{` + column("id", "1") + `,` + column("a0", "1") + `,` + column("a1", "1") + `,` + column("event_timestamp", `"2026-01-01T00:00:00Z"`) + `}}`
	add("/write-to-online-store", "rows", `{"feature_view_name":"a",`+frame)
	add("/push", "rows", `{"push_source_name":"stream",`+frame)
	add("/v1/push/a", "rows", `{"rows":[`+many(rows, `{"id":1,"a0":1,"a1":1,"event_timestamp":"2026-01-01T00:00:00Z"}`, ",")+`]}`)
	add("/v1/transform/m", "rows", `{"rows":[`+many(rows, `{"distance":1,"late":true}`, ",")+`]}`)
	for _, path := range []string{"/feast.serving.ServingService/GetOnlineFeatures", "/GrpcFeatureServer/GetOnlineFeatures"} {
		all = append(all, large{path, "rows", feastRequest(1, rows)}, large{path, "features", feastRequest(maxFeatures+1, 1)}, large{path, "cells", feastRequest(2, maxCells/2+1)})
	}
	all = append(all, large{"/quern.v1.Features/Lookup", "rows", packedMany(1, rows)}, large{"/quern.v1.Features/Lookup", "features", packedMany(maxFeatures+1, 1)},
		large{"/quern.v1.Features/Lookup", "cells", packedMany(2, maxCells/2+1)})
	for _, c := range []string{"/get-online-features", "/write-to-online-store", "/push", "/v1/lookup", "/v1/push/a", "/v1/transform/m",
		"/feast.serving.ServingService/GetOnlineFeatures", "/GrpcFeatureServer/GetOnlineFeatures", "/GrpcFeatureServer/Push", "/GrpcFeatureServer/WriteToOnlineStore", "/quern.v1.Features/Lookup"} {
		add(c, "bytes", strings.Repeat(" ", maxBody+1))
	}
	return all
}

// The limits of newGateway.
const (
	maxRows, maxFeatures, maxCells = 100, 10, 150
	maxBody                        = 16 << 10
)

// feastRequest is a GetOnlineFeaturesRequest for n features of some keys.
func feastRequest(features, rows int) []byte {
	var list, values []byte
	for i := range features {
		list = append(list, bytesField(1, fmt.Appendf(nil, "a:a%d", i))...)
	}
	for range rows {
		values = append(values, bytesField(1, protowire.AppendVarint(protowire.AppendTag(nil, 4, protowire.VarintType), 1))...)
	}
	return append(bytesField(2, list), bytesField(3, append(bytesField(1, []byte("id")), bytesField(2, values)...))...)
}

// packedMany is a LookupRequest of quern.v1 for n features of some keys.
func packedMany(features, rows int) (message []byte) {
	for i := range features {
		message = append(message, bytesField(1, fmt.Appendf(nil, "a:a%d", i))...)
	}
	return append(message, bytesField(5, append(bytesField(1, []byte("id")), bytesField(2, make([]byte, 8*rows))...))...)
}
