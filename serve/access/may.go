package access

import (
	"context"
	"errors"
	"fmt"
	"time"

	"quern/serve/lookup"
)

// ErrForbidden: the caller may not do this. It is a 403.
var ErrForbidden = errors.New("not permitted")

// BusyError says that the caller may have this later. It is a 429.
type BusyError struct {
	After time.Duration // from now on
	Why   string
}

// Error is error's.
func (e *BusyError) Error() string { return e.Why }

// callerOf returns what the caller of a context is granted: nothing where it names nobody.
func callerOf(ctx context.Context) *Grant {
	if g := Of(ctx); g != nil {
		return g
	}
	return &Grant{}
}

// MayRead fails with ErrForbidden unless the caller may read every feature that q asks for.
func MayRead(ctx context.Context, q *lookup.Query) error {
	g := callerOf(ctx)
	for i := range q.Parts {
		view := q.Parts[i].View
		if grants(g.Read, view.Name, "") {
			continue
		}
		for _, f := range q.Parts[i].From {
			if !grants(g.Read, view.Name, view.Fields[f].Name) {
				return fmt.Errorf("%w: the caller may not read %s:%s", ErrForbidden, view.Name, view.Fields[f].Name)
			}
		}
	}
	return nil
}

// MayWrite fails with ErrForbidden unless the caller may push rows to a view. It looks at no
// more than the view's name.
func MayWrite(ctx context.Context, v *lookup.View) error {
	if grants(callerOf(ctx).Write, v.Name, "") {
		return nil
	}
	return fmt.Errorf("%w: the caller may not write to %s", ErrForbidden, v.Name)
}

// MayTransform fails with ErrForbidden unless the caller may transform with a model, whole.
func MayTransform(ctx context.Context, model string) error {
	if grants(callerOf(ctx).Transform, model, "") {
		return nil
	}
	return fmt.Errorf("%w: the caller may not transform with %s", ErrForbidden, model)
}

// Charge takes keys, of a look-up, a push or a transform, from what the caller may have a
// second, and fails with a *BusyError if there are none. It is called where the keys of a
// request are used, once they are known. Where the context names nobody there is no limit.
func Charge(ctx context.Context, keys int) error {
	g := Of(ctx)
	if g == nil {
		return nil
	}
	if wait := g.keys.take(keys); wait > 0 {
		return &BusyError{After: wait, Why: "the caller asks for more keys than it may"}
	}
	return nil
}
