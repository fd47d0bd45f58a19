package serve

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"quern/features/diag"
	"quern/serve/feast"
	"quern/serve/lookup"
)

// Tokens are the static bearer tokens that a server accepts, and what each may do.
type Tokens struct {
	grants map[[sha256.Size]byte]*Grant
}

// Grant is what the bearer of a token may do. What is not granted is denied. A pattern is
// a VIEW, VIEW:FEATURE for one of its features, or * for everything.
type Grant struct {
	Name  string   `json:"name"`  // for people; never sent
	Token string   `json:"token"` // the token, or sha256: and the digest of it in hex
	Read  []string `json:"read"`  // patterns that may be looked up
	Write []string `json:"write"` // views that rows may be pushed to
}

// shortestToken is how many bytes a token has at least: 128 bits in base64.
const shortestToken = 22

// ReadTokens reads a file of tokens: {"tokens": [{"name": ..., "token": ..., "read": [...],
// "write": [...]}]}. A file that others than its owner may read is refused, with Q501, as
// is one that says something else.
func ReadTokens(path string) (*Tokens, error) {
	refuse := func(format string, args ...any) *diag.Error {
		return diag.New("Q501", "tokens file "+path+": "+format, args...)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, refuse("it cannot be read").Because(err)
	}
	if mode := info.Mode(); !mode.IsRegular() || mode.Perm()&0o077 != 0 {
		return nil, refuse("others than its owner may use it (mode %v)", mode).WithHint("chmod 600 %s", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, refuse("it cannot be read").Because(err)
	}
	t, err := parseTokens(text)
	if err != nil {
		return nil, refuse("%v", err)
	}
	return t, nil
}

func parseTokens(text []byte) (*Tokens, error) {
	var file struct{ Tokens []*Grant }
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&file); err != nil {
		return nil, err
	}
	if d.More() {
		return nil, fmt.Errorf("something follows the object")
	}
	t := &Tokens{grants: map[[sha256.Size]byte]*Grant{}}
	for i, g := range file.Tokens {
		if g == nil {
			return nil, fmt.Errorf("token %d is null", i)
		}
		digest, err := digestOf(g.Token)
		if err != nil {
			return nil, fmt.Errorf("token %d (%q): %w", i, g.Name, err)
		}
		if t.grants[digest] != nil {
			return nil, fmt.Errorf("token %d (%q) is there twice", i, g.Name)
		}
		g.Token = ""
		t.grants[digest] = g
	}
	if len(t.grants) == 0 {
		return nil, fmt.Errorf("it has no tokens")
	}
	return t, nil
}

func digestOf(token string) (digest [sha256.Size]byte, err error) {
	if text, ok := strings.CutPrefix(token, "sha256:"); ok {
		b, err := hex.DecodeString(text)
		if err != nil || len(b) != len(digest) {
			return digest, fmt.Errorf("no SHA-256 in hex follows sha256")
		}
		return [sha256.Size]byte(b), nil
	}
	if len(token) < shortestToken {
		return digest, fmt.Errorf("the token has less than %d characters", shortestToken)
	}
	return sha256.Sum256([]byte(token)), nil
}

// bearer returns what the value of an Authorization header grants, or nil. Tokens are found
// by their digest, so the time that it takes tells nothing of them.
func (t *Tokens) bearer(header string) *Grant {
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return nil
	}
	return t.grants[sha256.Sum256([]byte(strings.TrimSpace(token)))]
}

// grantKey is the key of a context's *Grant.
type grantKey struct{}

// mayRead is feast.Options.MayRead: every feature that is asked for must be granted.
func mayRead(ctx context.Context, q *lookup.Query) error {
	g, _ := ctx.Value(grantKey{}).(*Grant)
	for i := range q.Parts {
		view := q.Parts[i].View
		if g != nil && (slices.Contains(g.Read, "*") || slices.Contains(g.Read, view.Name)) {
			continue
		}
		for _, f := range q.Parts[i].From {
			if g == nil || !slices.Contains(g.Read, view.Name+":"+view.Fields[f].Name) {
				return fmt.Errorf("%w: the token may not read %s:%s", feast.ErrForbidden, view.Name, view.Fields[f].Name)
			}
		}
	}
	return nil
}

// mayWrite is feast.Options.MayWrite.
func mayWrite(ctx context.Context, v *lookup.View) error {
	g, _ := ctx.Value(grantKey{}).(*Grant)
	if g != nil && (slices.Contains(g.Write, "*") || slices.Contains(g.Write, v.Name)) {
		return nil
	}
	return fmt.Errorf("%w: the token may not write to %s", feast.ErrForbidden, v.Name)
}
