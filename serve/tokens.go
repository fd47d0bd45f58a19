package serve

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"quern/features/diag"
)

// Tokens are those whom a server knows, by bearer tokens and client certificates, and what
// each may do. They are read from a file, and can be read again while they are used.
type Tokens struct {
	file *watched[*known]
}

// known is what one version of the file says. It does not change.
type known struct {
	tokens map[[sha256.Size]byte]*Grant
	names  map[string]*Grant // of certificates: a URI, or "dns:" and a host
}

// tokensFile is the file:
//
//	{"roles": {
//	    "ranking": {"read": ["drivers", "cities:size"], "requests_per_second": 500},
//	    "watcher": {"metrics": true}},
//	 "tokens": [
//	    {"name": "trainer", "token": "sha256:2bb8...", "roles": ["ranking"], "write": ["drivers"]}],
//	 "certificates": [
//	    {"name": "ranker", "uri": "spiffe://example.org/ranker", "roles": ["ranking"]},
//	    {"name": "prometheus", "dns": "prometheus.example.org", "roles": ["watcher"]}]}
type tokensFile struct {
	Roles        map[string]*rights `json:"roles"`
	Tokens       []*identity        `json:"tokens"`
	Certificates []*identity        `json:"certificates"`
}

// rights are what a role grants, or a line of its own. A pattern is a VIEW or a MODEL,
// VIEW:FEATURE for one of its features, or ends in * for all that begin so.
type rights struct {
	Read      []string `json:"read"`      // what may be looked up
	Write     []string `json:"write"`     // views that rows may be pushed to, whole rows
	Transform []string `json:"transform"` // models that may transform rows
	Metrics   bool     `json:"metrics"`   // may read /metrics

	Requests float64 `json:"requests_per_second"` // 0: any number
	Keys     float64 `json:"keys_per_second"`     // looked up, pushed or transformed; 0: any number
}

// identity is a line: somebody, and what it is granted, by roles and besides.
type identity struct {
	Name  string   `json:"name"`  // for people; never sent
	Token string   `json:"token"` // the token, or sha256: and the digest of it in hex
	URI   string   `json:"uri"`   // the URI of a certificate, as SPIFFE has it
	DNS   string   `json:"dns"`   // or its DNS name
	Roles []string `json:"roles"`
	rights
}

// shortestToken is how many bytes a token has at least: 128 bits in base64.
const shortestToken = 22

// ReadTokens reads a file of tokens and certificates. A file that others than its owner may
// read is refused, with Q502, as is one that says something else.
func ReadTokens(path string) (*Tokens, error) {
	return newTokens(func() ([][]byte, error) {
		info, err := os.Stat(path)
		if err != nil {
			return nil, diag.New("Q502", "tokens file %s cannot be read", path).Because(err)
		}
		if mode := info.Mode(); !mode.IsRegular() || mode.Perm()&0o077 != 0 {
			return nil, diag.New("Q502", "tokens file %s: others than its owner may use it (mode %v)", path, mode).WithHint("chmod 600 %s", path)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, diag.New("Q502", "tokens file %s cannot be read", path).Because(err)
		}
		return [][]byte{text}, nil
	}, "tokens file "+path)
}

// parseTokens is ReadTokens of a text that does not change.
func parseTokens(text []byte) (*Tokens, error) {
	return newTokens(func() ([][]byte, error) { return [][]byte{text}, nil }, "tokens")
}

func newTokens(read func() ([][]byte, error), what string) (*Tokens, error) {
	t := &Tokens{}
	t.file = &watched[*known]{what: what, read: read, parse: func(texts [][]byte, old *known) (*known, error) {
		k, err := parseKnown(texts[0], old)
		if err != nil {
			return nil, diag.New("Q502", "%s: %v", what, err)
		}
		return k, nil
	}}
	_, err := t.file.Reload()
	return t, err
}

// Reload reads the file again. It reports whether who is known, or what they may do, has
// changed. If the file cannot be used, what was known before goes on; the error says why,
// once for each content.
func (t *Tokens) Reload() (changed bool, err error) { return t.file.Reload() }

// String names the file.
func (t *Tokens) String() string { return t.file.what }

// ByCertificate reports whether somebody is known by a certificate.
func (t *Tokens) ByCertificate() bool { return len(t.file.current().names) > 0 }

// parseKnown reads the file. Who was known in old keeps the state of its rate limits.
func parseKnown(text []byte, old *known) (*known, error) {
	var file tokensFile
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&file); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("something follows the object")
	}
	for name, r := range file.Roles {
		if r == nil {
			return nil, fmt.Errorf("role %q is null", name)
		}
		if err := r.check(); err != nil {
			return nil, fmt.Errorf("role %q: %w", name, err)
		}
	}
	k := &known{tokens: map[[sha256.Size]byte]*Grant{}, names: map[string]*Grant{}}
	for i, line := range file.Tokens {
		if err := k.addToken(line, &file, old); err != nil {
			return nil, fmt.Errorf("token %d%s: %w", i, line.called(), err)
		}
	}
	for i, line := range file.Certificates {
		if err := k.addCertificate(line, &file, old); err != nil {
			return nil, fmt.Errorf("certificate %d%s: %w", i, line.called(), err)
		}
	}
	if len(k.tokens)+len(k.names) == 0 {
		return nil, errors.New("it has no tokens")
	}
	return k, nil
}

func (i *identity) called() string {
	if i == nil || i.Name == "" {
		return ""
	}
	return fmt.Sprintf(" (%q)", i.Name)
}

func (k *known) addToken(line *identity, file *tokensFile, old *known) error {
	switch {
	case line == nil:
		return errors.New("it is null")
	case line.URI != "" || line.DNS != "":
		return errors.New("uri and dns are of certificates")
	}
	digest, err := digestOf(line.Token)
	if err != nil {
		return err
	}
	if k.tokens[digest] != nil {
		return errors.New("it is there twice")
	}
	var before *Grant
	if old != nil {
		before = old.tokens[digest]
	}
	k.tokens[digest], err = line.grant(file, before)
	return err
}

func (k *known) addCertificate(line *identity, file *tokensFile, old *known) error {
	switch {
	case line == nil:
		return errors.New("it is null")
	case line.Token != "":
		return errors.New("it has a token")
	case (line.URI == "") == (line.DNS == ""):
		return errors.New("it has a uri or a dns, and not both")
	}
	name := "dns:" + strings.ToLower(line.DNS)
	if line.URI != "" {
		u, err := url.Parse(line.URI)
		if err != nil || u.Scheme == "" || u.Host == "" {
			return fmt.Errorf("%q is no URI", line.URI)
		}
		name = u.String()
	} else if strings.ContainsAny(line.DNS, "*:/ ") {
		return fmt.Errorf("%q is no DNS name", line.DNS)
	}
	if k.names[name] != nil {
		return errors.New("it is there twice")
	}
	var before *Grant
	if old != nil {
		before = old.names[name]
	}
	var err error
	k.names[name], err = line.grant(file, before)
	return err
}

// digestOf returns the digest by which a token is found.
func digestOf(token string) (digest [sha256.Size]byte, err error) {
	if text, ok := strings.CutPrefix(token, "sha256:"); ok {
		b, err := hex.DecodeString(text)
		if err != nil || len(b) != len(digest) {
			return digest, errors.New("no SHA-256 in hex follows sha256")
		}
		return [sha256.Size]byte(b), nil
	}
	if len(token) < shortestToken {
		return digest, fmt.Errorf("the token has less than %d characters", shortestToken)
	}
	return sha256.Sum256([]byte(token)), nil
}

// whose returns who sent a request, or nil and why not. A token comes first: a proxy may
// have a certificate of its own and hand on the tokens of others.
func (t *Tokens) whose(r *http.Request) (g *Grant, status int, why string) {
	k := t.file.current()
	if header := r.Header["Authorization"]; len(header) > 0 {
		if len(header) == 1 {
			g = k.bearer(header[0])
		}
		if g == nil {
			return nil, http.StatusUnauthorized, "a valid token is needed"
		}
		return g, 0, ""
	}
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
		return nil, http.StatusUnauthorized, "a valid token is needed"
	}
	leaf := r.TLS.VerifiedChains[0][0]
	if time.Now().After(leaf.NotAfter) { // since the connection began
		return nil, http.StatusUnauthorized, "the certificate has expired"
	}
	if g = k.certificate(leaf); g == nil {
		return nil, http.StatusForbidden, "the certificate is of nobody who is known here"
	}
	return g, 0, ""
}

// bearer returns what the value of an Authorization header grants, or nil. Tokens are found
// by their digest, so the time that it takes tells nothing of them.
func (k *known) bearer(header string) *Grant {
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return nil
	}
	return k.tokens[sha256.Sum256([]byte(strings.TrimSpace(token)))]
}

// certificate returns what the names of a verified certificate grant, or nil. One whose
// names are two of those that are known is nobody's: it does not say who speaks.
func (k *known) certificate(leaf *x509.Certificate) *Grant {
	var found *Grant
	add := func(name string) bool {
		g := k.names[name]
		if g != nil && found != nil && g != found {
			return false
		}
		if g != nil {
			found = g
		}
		return true
	}
	for _, u := range leaf.URIs {
		if !add(u.String()) {
			return nil
		}
	}
	for _, host := range leaf.DNSNames {
		if !add("dns:" + strings.ToLower(host)) {
			return nil
		}
	}
	return found
}
