package live

import (
	"context"

	"quern/serve/lookup"
	"quern/serve/segment"
	"quern/serve/transform"
)

// Name names one version of a view. Names are never used again for other rows.
type Name struct{ View, Version string }

// String returns VIEW@VERSION.
func (n Name) String() string { return n.View + "@" + n.Version }

// Wanted is a version that is to be served.
type Wanted struct {
	Name
	Staged  bool // only requests that name the version get it
	Carried bool // its pushed rows are served over the live version, which lacks them
}

// Views says what is to be served, and opens it: a store of published views. Its
// methods are not called concurrently.
type Views interface {
	// Current lists the versions to serve. It is asked every few moments, so it is cheap.
	Current(ctx context.Context) ([]Wanted, error)
	// Open opens one of them. It may bring files here first.
	Open(ctx context.Context, name Name) (*Opened, error)
}

// NoViews is the Views of a server of models alone.
type NoViews struct{}

// Current is Views': there is nothing to serve.
func (NoViews) Current(context.Context) ([]Wanted, error) { return nil, nil }

// Open is Views'. It is never called.
func (NoViews) Open(context.Context, Name) (*Opened, error) {
	panic("quern: bug: a version of no view is opened")
}

// Opened is an open version of a view. Whoever opened it owns its segments.
type Opened struct {
	View     lookup.View             // its Name and Version are those that were asked for
	Segments []*segment.Segment      // one for every shard, in any order
	Services map[string][]lookup.Ref // what the view adds to feature services
	Sources  []string                // push sources that feed the view, beside the one of its name
	Pushed   int64                   // how many rows were pushed; the others were published
	Sequence uint64                  // pushed rows up to this one of the overlay are among them

	Transform *transform.Transformer // computes features of raw rows, by the view's model; nil: nobody does
}

// Close lets go of the segments.
func (o *Opened) Close() {
	for _, s := range o.Segments {
		s.Close()
	}
}
