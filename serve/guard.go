package serve

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"quern/serve/feast"
	"quern/serve/lookup"
)

// right is what the caller of a route must be granted. Which views, models and features is
// the handler's to check, once it knows what is asked for; a caller who is granted nothing
// of the kind does not get that far.
type right int

// The rights. The zero value is none of them, so that a route without one is found at start.
const (
	rightNone      right = 1 + iota // everybody may, also without a token
	rightKnown                      // everybody whom the server knows
	rightRead                       // who may look up something
	rightWrite                      // who may push to something
	rightTransform                  // who may transform with some model
	rightMetrics                    // who may read the metrics

	lastRight = rightMetrics
)

// Grant is what somebody may do. What is not granted is denied. The patterns are those of a
// tokens file.
type Grant struct {
	Name      string   // for people and logs; never sent
	Read      []string // what may be looked up
	Write     []string // views that rows may be pushed to
	Transform []string // models that may transform rows
	Metrics   bool     // may read /metrics

	requests, keys *bucket // nil: no limit
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

// granted reports whether patterns grant a feature of a view or model; without a feature,
// all of it, which VIEW:* does, and nothing else that names features.
func granted(patterns []string, name, feature string) bool {
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

// has reports whether g is granted something of a right.
func (g *Grant) has(r right) bool {
	switch r {
	case rightRead:
		return len(g.Read) > 0
	case rightWrite:
		return len(g.Write) > 0
	case rightTransform:
		return len(g.Transform) > 0
	case rightMetrics:
		return g.Metrics
	}
	return true
}

// grantKey is the key of a context's *Grant.
type grantKey struct{}

// nobody is granted nothing. It is who asks where a context names nobody.
func grantOf(ctx context.Context) *Grant {
	if g, _ := ctx.Value(grantKey{}).(*Grant); g != nil {
		return g
	}
	return &Grant{}
}

// mayRead is feast.Options.MayRead: every feature that is asked for must be granted.
func mayRead(ctx context.Context, q *lookup.Query) error {
	g := grantOf(ctx)
	for i := range q.Parts {
		view := q.Parts[i].View
		if granted(g.Read, view.Name, "") {
			continue
		}
		for _, f := range q.Parts[i].From {
			if !granted(g.Read, view.Name, view.Fields[f].Name) {
				return fmt.Errorf("%w: the caller may not read %s:%s", feast.ErrForbidden, view.Name, view.Fields[f].Name)
			}
		}
	}
	return nil
}

// mayWrite is feast.Options.MayWrite.
func mayWrite(ctx context.Context, v *lookup.View) error {
	if granted(grantOf(ctx).Write, v.Name, "") {
		return nil
	}
	return fmt.Errorf("%w: the caller may not write to %s", feast.ErrForbidden, v.Name)
}

// mayTransform is the rule of on-request transforms: the model must be granted, or each
// feature that is asked for; none means all of them.
func mayTransform(ctx context.Context, model string, features ...string) error {
	g := grantOf(ctx)
	if granted(g.Transform, model, "") {
		return nil
	}
	for _, f := range features {
		if !granted(g.Transform, model, f) {
			return fmt.Errorf("%w: the caller may not transform with %s:%s", feast.ErrForbidden, model, f)
		}
	}
	if len(features) == 0 {
		return fmt.Errorf("%w: the caller may not transform with %s", feast.ErrForbidden, model)
	}
	return nil
}

// admit finds out who sent a request, and whether it may make such calls, now. Without
// tokens everybody is let in, with a nil grant.
func (s *Server) admit(w *work, r *http.Request, to *route) (*Grant, bool) {
	if s.c.Tokens == nil || to.needs == rightNone {
		return nil, true
	}
	g, status, why := s.c.Tokens.whose(r)
	if g == nil {
		s.metrics.rejected[noToken].Add(1)
		if status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", "Bearer")
		}
		refuse(w, status, why)
		return nil, false
	}
	if wait := g.requests.take(1); wait > 0 {
		s.metrics.rejected[overRate].Add(1)
		refuseFor(w, wait, "the caller makes more requests than it may")
		return nil, false
	}
	if !g.has(to.needs) {
		s.metrics.rejected[noRight].Add(1)
		s.fail(w, fmt.Errorf("%w: the caller may not make this call", feast.ErrForbidden))
		return nil, false
	}
	return g, true
}

// charge takes keys, of a look-up, a push or a transform, from what the caller may have a
// second. Beyond that it fails with a *feast.BusyError. It is called where the keys of a
// request are used, once they are known: by generation.Lookup, chargedWriter and transforms.
func charge(ctx context.Context, keys int) error {
	g, _ := ctx.Value(grantKey{}).(*Grant)
	if g == nil {
		return nil
	}
	if wait := g.keys.take(keys); wait > 0 {
		return &feast.BusyError{After: wait, Why: "the caller asks for more keys than it may"}
	}
	return nil
}

// sayWhen tells a client when to try again: in whole seconds, as HTTP has it, and in
// milliseconds, as gRPC's retries have it (grpc/proposal, A6).
func sayWhen(w *work, after time.Duration) {
	h := w.Header()
	h.Set("Retry-After", strconv.Itoa(int((after+time.Second-1)/time.Second)))
	if w.grpc {
		h.Set("Grpc-Retry-Pushback-Ms", strconv.Itoa(int((after+time.Millisecond-1)/time.Millisecond)))
	}
}

// refuseFor refuses a request that may come again.
func refuseFor(w *work, after time.Duration, why string) {
	w.refused = true
	sayWhen(w, after)
	refuse(w, http.StatusTooManyRequests, why)
}
