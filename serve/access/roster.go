package access

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/url"
	"strings"
)

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

// parseRoster reads the file. Who was known in old keeps the state of its rate limits.
func parseRoster(text []byte, old *roster) (*roster, error) {
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
	if old == nil {
		old = &roster{}
	}
	k := &roster{tokens: map[[sha256.Size]byte]*Grant{}, names: map[string]*Grant{}}
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

func (k *roster) addToken(line *identity, file *tokensFile, old *roster) error {
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
	k.tokens[digest], err = line.grant(file, old.tokens[digest])
	return err
}

func (k *roster) addCertificate(line *identity, file *tokensFile, old *roster) error {
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
	g, err := line.grant(file, old.names[name])
	k.names[name] = g
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

// grant gathers what a line and its roles grant. Of several rates the lowest holds.
func (i *identity) grant(file *tokensFile, before *Grant) (*Grant, error) {
	if err := i.check(); err != nil {
		return nil, err
	}
	g := &Grant{Name: i.Name}
	requests, keys := math.Inf(1), math.Inf(1)
	all := []*rights{&i.rights}
	for _, name := range i.Roles {
		role := file.Roles[name]
		if role == nil {
			return nil, fmt.Errorf("there is no role %q", name)
		}
		all = append(all, role)
	}
	for _, r := range all {
		g.Read, g.Write = append(g.Read, r.Read...), append(g.Write, r.Write...)
		g.Transform, g.Metrics = append(g.Transform, r.Transform...), g.Metrics || r.Metrics
		if r.Requests > 0 {
			requests = min(requests, r.Requests)
		}
		if r.Keys > 0 {
			keys = min(keys, r.Keys)
		}
	}
	if before == nil {
		before = &Grant{}
	}
	g.requests, g.keys = before.requests.at(requests), before.keys.at(keys)
	return g, nil
}

// check says what is wrong with rights.
func (r *rights) check() error {
	for _, list := range [][]string{r.Read, r.Write, r.Transform} {
		for _, p := range list {
			name, feature, parted := strings.Cut(p, ":")
			if !goodPattern(name) || parted && !goodPattern(feature) {
				return fmt.Errorf("pattern %q is not a NAME or NAME:FEATURE, each with * at its end or without", p)
			}
		}
	}
	for _, p := range r.Write {
		if strings.Contains(p, ":") {
			return fmt.Errorf("pattern %q grants a column, but rows are pushed whole: grant the view", p)
		}
	}
	for _, rate := range []float64{r.Requests, r.Keys} {
		if rate != 0 && !(rate >= slowestRate && rate <= fastestRate) {
			return fmt.Errorf("a rate is %v to %v per second, or 0 for no limit", slowestRate, fastestRate)
		}
	}
	return nil
}

func goodPattern(p string) bool {
	return p != "" && !strings.Contains(strings.TrimSuffix(p, "*"), "*") && !strings.Contains(p, ":")
}
