// Package identity is who speaks to a coordinator and how that is proved: principals,
// the certificates that name them, an authority that issues such certificates, and TLS
// settings that follow the files they are kept in.
//
// A certificate names its principal by one URI:
//
//	quern://ROLE/JOB/SHARDS      quern://worker/6f1c…/0-99      quern://operator/*/*
//
// ROLE is worker or operator; JOB the identity of a job in hexadecimal, or * for any;
// SHARDS ranges like 0-99 or 7,20-29, or * for all. A certificate without such a URI,
// or with two, names nobody.
package identity

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"quern/shard/record"
)

// Role is what a principal may do.
type Role string

// The roles.
const (
	Worker   Role = "worker"   // settles shards of a job
	Operator Role = "operator" // looks at jobs and cancels them
)

// ErrIdentity is what every name that cannot be read as one wraps.
var ErrIdentity = errors.New("not an identity of quern")

// scheme is how the URI of a principal begins.
const scheme = "quern://"

// Range is the shards First to Last, both included.
type Range struct{ First, Last uint32 }

// Shards is a set of shards. The zero value is empty.
type Shards []Range

// AllShards returns the set of all shards.
func AllShards() Shards { return Shards{{0, math.MaxUint32}} }

// maxRanges bounds the ranges of a set, which is searched at every call.
const maxRanges = 64

// ParseShards reads what String writes.
func ParseShards(text string) (Shards, error) {
	if text == "*" {
		return AllShards(), nil
	}
	var s Shards
	for part := range strings.SplitSeq(text, ",") {
		first, last, between := strings.Cut(part, "-")
		if !between {
			last = first
		}
		a, errA := strconv.ParseUint(first, 10, 32)
		b, errB := strconv.ParseUint(last, 10, 32)
		if errA != nil || errB != nil || a > b || len(s) == maxRanges {
			return nil, fmt.Errorf("%w: shards %.80q are not ranges like 0-99, or *", ErrIdentity, text)
		}
		s = append(s, Range{uint32(a), uint32(b)})
	}
	return s, nil
}

// Contains reports whether a shard is in the set.
func (s Shards) Contains(shard uint32) bool {
	for _, r := range s {
		if r.First <= shard && shard <= r.Last {
			return true
		}
	}
	return false
}

// String writes the set as in a URI; the empty set has no text.
func (s Shards) String() string {
	parts := make([]string, len(s))
	for i, r := range s {
		switch {
		case r == Range{0, math.MaxUint32}:
			return "*"
		case r.First == r.Last:
			parts[i] = strconv.FormatUint(uint64(r.First), 10)
		default:
			parts[i] = fmt.Sprintf("%d-%d", r.First, r.Last)
		}
	}
	return strings.Join(parts, ",")
}

// Principal is somebody who may speak to a coordinator.
type Principal struct {
	ID     string // tells principals apart, for limits and logs; no secret
	Role   Role
	Job    record.Job
	AnyJob bool // Job means nothing
	Shards Shards
}

// Serves reports whether the principal may speak of a job.
func (p *Principal) Serves(job record.Job) bool { return p.AnyJob || p.Job == job }

// URI returns the principal as certificates name it.
func (p *Principal) URI() string {
	job := "*"
	if !p.AnyJob {
		job = p.Job.String()
	}
	return scheme + string(p.Role) + "/" + job + "/" + p.Shards.String()
}

// ParseURI reads what URI writes; the ID is the text.
func ParseURI(text string) (Principal, error) {
	wrong := func(what string) (Principal, error) {
		return Principal{}, fmt.Errorf("%w: %.120q: %s", ErrIdentity, text, what)
	}
	rest, ok := strings.CutPrefix(text, scheme)
	parts := strings.Split(rest, "/")
	if !ok || len(parts) != 3 {
		return wrong("want quern://ROLE/JOB/SHARDS")
	}
	p := Principal{ID: text, Role: Role(parts[0]), AnyJob: parts[1] == "*"}
	if p.Role != Worker && p.Role != Operator {
		return wrong("the role is neither worker nor operator")
	}
	if !p.AnyJob {
		job, err := hex.DecodeString(parts[1])
		if err != nil || len(job) != len(p.Job) || hex.EncodeToString(job) != parts[1] {
			return wrong("the job is not 32 hexadecimal digits, or *")
		}
		p.Job = record.Job(job)
	}
	var err error
	p.Shards, err = ParseShards(parts[2])
	return p, err
}

// FromCertificate returns the principal that a verified certificate names. Its ID is
// the digest of the certificate's key.
func FromCertificate(leaf *x509.Certificate) (Principal, error) {
	var found []string
	for _, u := range leaf.URIs {
		// url.URL would write * and , its own way: take the text apart as it was.
		if u.Scheme == "quern" {
			text := scheme + u.Host + u.Path
			if u.User != nil || u.ForceQuery || u.RawQuery != "" || u.Fragment != "" {
				text = "" // more than a name
			}
			found = append(found, text)
		}
	}
	if len(found) != 1 {
		return Principal{}, fmt.Errorf("%w: the certificate has %d names quern://ROLE/JOB/SHARDS, want one", ErrIdentity, len(found))
	}
	p, err := ParseURI(found[0])
	key := sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
	p.ID = "key " + hex.EncodeToString(key[:8])
	return p, err
}
