package serve

import (
	"fmt"
	"net/http"
	"os"
	"strconv"
	"testing"

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
