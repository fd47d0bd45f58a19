package access

import (
	"context"
	"slices"
	"strings"
	"time"
)

// Grant is what somebody may do. What is not granted is denied. The zero value is granted
// nothing, and has no limits of rate.
type Grant struct {
	Name      string   // for people and logs; never sent
	Read      []string // patterns of what may be looked up
	Write     []string // of views that rows may be pushed to
	Transform []string // of models that may transform rows
	Metrics   bool     // may read /metrics

	requests, keys *bucket // nil: no limit
}

// TakeRequest takes a request from what the caller may make a second, and returns 0; or
// nothing, and returns how long none will be there.
func (g *Grant) TakeRequest() (wait time.Duration) { return g.requests.take(1) }

// grantKey is the key of a context's *Grant.
type grantKey struct{}

// With returns a context whose caller is granted g.
func With(ctx context.Context, g *Grant) context.Context {
	return context.WithValue(ctx, grantKey{}, g)
}

// Of returns what the caller of a context is granted, or nil where it names nobody.
func Of(ctx context.Context) *Grant {
	g, _ := ctx.Value(grantKey{}).(*Grant)
	return g
}

// grants reports whether patterns grant a feature of a view or model; without a feature,
// all of it, which VIEW:* does, and nothing else that names features.
func grants(patterns []string, name, feature string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		of, only, parted := strings.Cut(p, ":")
		return matches(of, name) && (!parted || matches(only, feature))
	})
}

func matches(pattern, name string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(name, prefix)
	}
	return pattern == name
}
