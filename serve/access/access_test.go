package access

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"quern/serve/lookup"
)

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern, name, feature string
		want                   bool
	}{
		{"a", "a", "", true}, {"a", "a", "x", true}, {"a", "aa", "", false}, {"a", "A", "", false}, {"a", "", "", false},
		{"*", "a", "", true}, {"*", "a", "x", true}, {"a*", "a", "", true}, {"a*", "ab", "x", true}, {"a*", "b", "", false},
		{"a:x", "a", "x", true}, {"a:x", "a", "", false}, {"a:x", "a", "xx", false}, {"a:x", "b", "x", false},
		{"a:*", "a", "", true}, {"a:x*", "a", "xy", true}, {"a:x*", "a", "", false}, {"a:x*", "a", "yx", false}, {"*:x", "b", "x", true},
	} {
		if got := grants([]string{"z", c.pattern}, c.name, c.feature); got != c.want {
			t.Errorf("%q grants %q:%q: %v", c.pattern, c.name, c.feature, got)
		}
	}
	if grants(nil, "a", "x") {
		t.Error("nothing grants something")
	}
}

// TestTokensFile: what is understood, and what is refused.
func TestTokensFile(t *testing.T) {
	const token = `"token":"0123456789012345678901"`
	good := `{"tokens":[{` + token + `,"read":["*"]}]}`
	for i, c := range []struct {
		text string
		mode os.FileMode
		want string
	}{
		{good, 0o600, ""},
		{good, 0o400, ""},
		{good, 0o640, "others than its owner"},
		{good, 0o604, "others than its owner"},
		{`{"tokens":[{"token":"short"}]}`, 0o600, "less than 22"},
		{`{"tokens":[{"token":"sha256:00"}]}`, 0o600, "SHA-256"},
		{`{"tokens":[null]}`, 0o600, "null"},
		{`{"tokens":[]}`, 0o600, "no tokens"},
		{`{"token":[]}`, 0o600, "unknown field"},
		{good + good, 0o600, "follows"},
		{good + `]`, 0o600, "follows"},
		{strings.Replace(good, "]}]", `]},{`+token+`}]`, 1), 0o600, "twice"},
		{`{"tokens":[{` + token + `,"roles":["x"]}]}`, 0o600, "no role"},
		{`{"roles":{"x":null},"tokens":[{` + token + `}]}`, 0o600, "null"},
		{`{"roles":{"x":{"roles":["y"]}},"tokens":[{` + token + `}]}`, 0o600, "unknown field"},
		{`{"roles":{"x":{"read":["a:b:c"]}},"tokens":[{` + token + `}]}`, 0o600, "pattern"},
		{`{"tokens":[{` + token + `,"read":["a**"]}]}`, 0o600, "pattern"},
		{`{"tokens":[{` + token + `,"read":[""]}]}`, 0o600, "pattern"},
		{`{"tokens":[{` + token + `,"read":["a:"]}]}`, 0o600, "pattern"},
		{`{"tokens":[{` + token + `,"write":["a:b"]}]}`, 0o600, "column"},
		{`{"tokens":[{` + token + `,"requests_per_second":-1}]}`, 0o600, "rate"},
		{`{"tokens":[{` + token + `,"keys_per_second":1e300}]}`, 0o600, "rate"},
		{`{"tokens":[{` + token + `,"uri":"spiffe://x/y"}]}`, 0o600, "certificates"},
		{`{"certificates":[{"uri":"spiffe://x/y"},{"dns":"x"}]}`, 0o600, ""},
		{`{"certificates":[{"uri":"spiffe://x/y","dns":"x"}]}`, 0o600, "not both"},
		{`{"certificates":[{}]}`, 0o600, "not both"},
		{`{"certificates":[{"uri":"x"}]}`, 0o600, "no URI"},
		{`{"certificates":[{"dns":"*.x"}]}`, 0o600, "no DNS name"},
		{`{"certificates":[{"dns":"x"},{"dns":"X"}]}`, 0o600, "twice"},
		{`{"certificates":[{"dns":"x",` + token + `}]}`, 0o600, "has a token"},
	} {
		path := t.TempDir() + "/" + strconv.Itoa(i)
		check(t, os.WriteFile(path, []byte(c.text), 0o600))
		check(t, os.Chmod(path, c.mode))
		_, err := ReadTokens(path)
		if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "Q502")) {
			t.Errorf("%s, %v: %v, want %q", c.text, c.mode, err, c.want)
		}
	}
}

// read reads a file of tokens that says text.
func read(t *testing.T, text string) *Tokens {
	t.Helper()
	path := t.TempDir() + "/tokens"
	check(t, os.WriteFile(path, []byte(text), 0o600))
	tokens, err := ReadTokens(path)
	check(t, err)
	return tokens
}

// shown is a verified certificate with names: URIs, and hosts.
func shown(until time.Time, names ...string) *tls.ConnectionState {
	leaf := &x509.Certificate{NotAfter: until}
	for _, name := range names {
		if u, err := url.Parse(name); err == nil && u.Host != "" {
			leaf.URIs = append(leaf.URIs, u)
		} else {
			leaf.DNSNames = append(leaf.DNSNames, name)
		}
	}
	return &tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{leaf}}}
}

// TestWhose: a token goes before a certificate, and neither is taken for more than it says.
func TestWhose(t *testing.T) {
	const token, other = "0123456789012345678901", "abcdefghijabcdefghijab"
	tokens := read(t, `{
		"tokens":[{"name":"token","token":"`+token+`"},
			{"name":"digest","token":"sha256:0dfd9ee3ba3bce942d9b54bbb0919f1f781cc62aa50af164045a2f4bae5e02c0"}],
		"certificates":[{"name":"uri","uri":"spiffe://x/y"},{"name":"host","dns":"H.example"}]}`)
	later, none := time.Now().Add(time.Hour), (*tls.ConnectionState)(nil)
	for i, c := range []struct {
		headers []string
		cert    *tls.ConnectionState
		want    string
		err     error
	}{
		{nil, none, "", ErrNoToken},
		{[]string{"Bearer " + token}, none, "token", nil},
		{[]string{"bearer  " + token + " "}, none, "token", nil},
		{[]string{"Bearer " + other}, none, "digest", nil},
		{[]string{"Bearer " + token[1:]}, none, "", ErrNoToken},
		{[]string{"Bearer sha256:0dfd9ee3ba3bce942d9b54bbb0919f1f781cc62aa50af164045a2f4bae5e02c0"}, none, "", ErrNoToken},
		{[]string{"Basic " + token}, none, "", ErrNoToken},
		{[]string{token}, none, "", ErrNoToken},
		{[]string{""}, shown(later, "spiffe://x/y"), "", ErrNoToken},
		{[]string{"Bearer " + token, "Bearer " + other}, shown(later, "spiffe://x/y"), "", ErrNoToken},
		{[]string{"Bearer " + token}, shown(later, "spiffe://x/y"), "token", nil},
		{nil, &tls.ConnectionState{PeerCertificates: shown(later, "spiffe://x/y").VerifiedChains[0]}, "", ErrNoToken},
		{nil, shown(later, "spiffe://x/y"), "uri", nil},
		{nil, shown(later, "spiffe://x/y", "spiffe://x/y", "unknown.example"), "uri", nil},
		{nil, shown(later, "h.EXAMPLE"), "host", nil},
		{nil, shown(later, "h.example", "spiffe://x/y"), "", ErrStranger},
		{nil, shown(later, "spiffe://x/z"), "", ErrStranger},
		{nil, shown(later), "", ErrStranger},
		{nil, shown(time.Now().Add(-time.Second), "spiffe://x/y"), "", ErrExpired},
	} {
		r := &http.Request{Header: http.Header{}, TLS: c.cert}
		if c.headers != nil {
			r.Header["Authorization"] = c.headers
		}
		switch g, err := tokens.Whose(r); {
		case !errors.Is(err, c.err) || (g == nil) != (err != nil):
			t.Errorf("case %d: %v, %v, want %v", i, g, err, c.err)
		case g != nil && g.Name != c.want:
			t.Errorf("case %d: %s, want %s", i, g.Name, c.want)
		}
	}
	if !tokens.ByCertificate() || read(t, `{"tokens":[{"token":"`+token+`"}]}`).ByCertificate() {
		t.Error("who is known by a certificate?")
	}
}

// TestRights: a right is something granted of its kind, by a line or by a role.
func TestRights(t *testing.T) {
	all := []Right{Read, Write, Transform, Metrics}
	for i, g := range []*Grant{{Read: []string{"a"}}, {Write: []string{"a"}}, {Transform: []string{"a"}}, {Metrics: true}} {
		for k, r := range all {
			if g.Has(r) != (i == k) {
				t.Errorf("%+v has right %d: %v", g, r, g.Has(r))
			}
		}
		if !g.Has(None) || !g.Has(Known) {
			t.Errorf("%+v is refused what everybody may", g)
		}
	}
	for r, good := range map[Right]bool{-1: false, 0: false, None: true, Metrics: true, Metrics + 1: false} {
		if r.Valid() != good {
			t.Errorf("right %d: %v", r, r.Valid())
		}
	}
}

// TestMay: what a caller may is what its patterns and its roles' grant; nobody may anything.
func TestMay(t *testing.T) {
	const token = "0123456789012345678901"
	tokens := read(t, `{"roles":{"r":{"read":["roads:speed"],"transform":["m*"]}},
		"tokens":[{"token":"`+token+`","roles":["r"],"read":["cities"],"write":["cities"],"transform":["x:y"]}]}`)
	g, err := tokens.Whose(&http.Request{Header: http.Header{"Authorization": {"Bearer " + token}}})
	check(t, err)
	somebody, nobody := With(context.Background(), g), context.Background()
	fields := []lookup.Field{{Name: "speed"}, {Name: "length"}}
	cities, roads := &lookup.View{Name: "cities", Fields: fields}, &lookup.View{Name: "roads", Fields: fields}
	for i, c := range []struct {
		may  func(ctx context.Context) error
		want string
	}{
		{asks(cities, 0, 1), ""},
		{asks(roads, 0), ""},
		{asks(roads, 0, 1), "not permitted: the caller may not read roads:length"},
		{func(ctx context.Context) error { return MayWrite(ctx, cities) }, ""},
		{func(ctx context.Context) error { return MayWrite(ctx, roads) }, "not permitted: the caller may not write to roads"},
		{func(ctx context.Context) error { return MayTransform(ctx, "model") }, ""},
		{func(ctx context.Context) error { return MayTransform(ctx, "x") }, "not permitted: the caller may not transform with x"},
	} {
		err := c.may(somebody)
		if (err == nil) != (c.want == "") || err != nil && (err.Error() != c.want || !errors.Is(err, ErrForbidden)) {
			t.Errorf("case %d: %v, want %q", i, err, c.want)
		}
		if err := c.may(nobody); !errors.Is(err, ErrForbidden) {
			t.Errorf("case %d: nobody may: %v", i, err)
		}
	}
}

// asks looks up fields of a view.
func asks(v *lookup.View, fields ...int) func(context.Context) error {
	q := &lookup.Query{Parts: []lookup.Part{{View: v, From: fields}}}
	return func(ctx context.Context) error { return MayRead(ctx, q) }
}

// TestRatesOfRoles: of several rates the lowest holds, of requests and of keys.
func TestRatesOfRoles(t *testing.T) {
	const token = "0123456789012345678901"
	tokens := read(t, `{"roles":{"fast":{"requests_per_second":1e6,"keys_per_second":0.1},"slow":{"requests_per_second":0.1}},
		"tokens":[{"token":"`+token+`","roles":["slow","fast"],"keys_per_second":5}]}`)
	g, err := tokens.Whose(&http.Request{Header: http.Header{"Authorization": {"Bearer " + token}}})
	check(t, err)
	if wait := g.TakeRequest(); wait != 0 {
		t.Errorf("the first request waits for %v", wait)
	}
	if wait := g.TakeRequest(); wait < 9*time.Second || wait > 10*time.Second {
		t.Errorf("the second request waits for %v", wait)
	}
	ctx := With(context.Background(), g)
	check(t, Charge(ctx, 10))
	var busy *BusyError
	if err := Charge(ctx, 1); !errors.As(err, &busy) || busy.After < 99*time.Second || busy.After > 100*time.Second {
		t.Errorf("the second keys: %v", err)
	}
	check(t, Charge(context.Background(), 1<<40))
	check(t, Charge(With(ctx, &Grant{}), 1<<40))
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
