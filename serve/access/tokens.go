package access

import (
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"net/http"
	"os"
	"strings"
	"time"

	"quern/features/diag"
)

// Why it is not known who sent a request. The first two are a 401, the last is a 403: such a
// caller has said who it is. The client may be told each as it is.
var (
	ErrNoToken  = errors.New("a valid token is needed")
	ErrExpired  = errors.New("the certificate has expired")
	ErrStranger = errors.New("the certificate is of nobody who is known here")
)

// Tokens are those whom a server knows, by bearer tokens and client certificates, and what
// each may do. They are read from a file, and can be read again while they are used.
type Tokens struct {
	file *watched[*roster]
}

// roster is what one version of the file says. It does not change.
type roster struct {
	tokens map[[sha256.Size]byte]*Grant
	names  map[string]*Grant // of certificates: a URI, or "dns:" and a host
}

// ReadTokens reads a file of tokens and certificates. A file that others than its owner may
// read is refused, with Q502, as is one that says something else.
func ReadTokens(path string) (*Tokens, error) {
	what := "tokens file " + path
	t := &Tokens{&watched[*roster]{what: what}}
	t.file.read = func() ([][]byte, error) {
		text, err := readPrivate(path)
		return [][]byte{text}, err
	}
	t.file.parse = func(texts [][]byte, old *roster) (*roster, error) {
		k, err := parseRoster(texts[0], old)
		if err != nil {
			return nil, diag.New("Q502", "%s: %v", what, err)
		}
		return k, nil
	}
	_, err := t.file.Reload()
	return t, err
}

// readPrivate reads a file that nobody but its owner may use.
func readPrivate(path string) ([]byte, error) {
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
	return text, nil
}

// Reload reads the file again. It reports whether who is known, or what they may do, has
// changed. If the file cannot be used, what was known before goes on; the error says why,
// once for each content.
func (t *Tokens) Reload() (changed bool, err error) { return t.file.Reload() }

// String names the file.
func (t *Tokens) String() string { return t.file.what }

// ByCertificate reports whether somebody is known by a certificate.
func (t *Tokens) ByCertificate() bool { return len(t.file.current().names) > 0 }

// Whose returns what the sender of a request is granted, or ErrNoToken, ErrExpired or
// ErrStranger. A token comes first: a proxy may have a certificate of its own and hand on the
// tokens of others.
func (t *Tokens) Whose(r *http.Request) (*Grant, error) {
	k := t.file.current()
	if header := r.Header["Authorization"]; len(header) > 0 {
		if len(header) == 1 {
			if g := k.bearer(header[0]); g != nil {
				return g, nil
			}
		}
		return nil, ErrNoToken
	}
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
		return nil, ErrNoToken
	}
	leaf := r.TLS.VerifiedChains[0][0]
	if time.Now().After(leaf.NotAfter) { // since the connection began
		return nil, ErrExpired
	}
	if g := k.certificate(leaf); g != nil {
		return g, nil
	}
	return nil, ErrStranger
}

// bearer returns what the value of an Authorization header grants, or nil. Tokens are found
// by their digest, so the time that it takes tells nothing of them.
func (k *roster) bearer(header string) *Grant {
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return nil
	}
	return k.tokens[sha256.Sum256([]byte(strings.TrimSpace(token)))]
}

// certificate returns what the names of a verified certificate grant, or nil. One whose
// names are two of those that are known is nobody's: it does not say who speaks.
func (k *roster) certificate(leaf *x509.Certificate) *Grant {
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
