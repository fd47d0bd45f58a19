package feast

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"quern/serve/lookup"
)

// Options are the choices of a Service. The zero value is a strict server with the
// default limits.
type Options struct {
	Rules   lookup.Rules // whose statuses; strict by default
	Project string       // the Feast project that error messages name; "" is "default"
	// ShortFloats prints a float32 with the digits that tell it from other float32s
	// (0.1), where Feast prints the same number as a float64 (0.10000000149011612). A
	// client that reads the short form as a double has another number than training had.
	ShortFloats bool
	Limits      Limits
	Now         func() time.Time // the clock for times to live; nil is time.Now
	Healthy     func() error     // what /health asks; nil is always healthy

	// MayRead and MayWrite decide whether the caller, whom the context knows, may have
	// the answer to a query or push rows of a view. Their error is what the caller is
	// told: access.ErrForbidden, or one that wraps it. nil lets everybody.
	MayRead  func(context.Context, *lookup.Query) error
	MayWrite func(context.Context, *lookup.View) error
	// Served sees every answered look-up before it is written, for metrics and logs.
	// What it is given is used again: it must not keep it.
	Served func(context.Context, *lookup.Keys, *lookup.Block)
	// Headers adds headers to the HTTP reply to a look-up, such as the views' versions.
	Headers func(*lookup.Block, http.Header)
}

// Limits bound one request. A zero is the default.
type Limits struct {
	Body     int // bytes of a body, 16 MiB
	Rows     int // keys of a look-up, or pushed rows, 100,000
	Features int // features of a look-up, 10,000
	Cells    int // rows times features, 2,000,000
}

// WithDefaults returns l with the default for each zero.
func (l Limits) WithDefaults() Limits {
	return Limits{
		Body: cmp.Or(l.Body, 16<<20), Rows: cmp.Or(l.Rows, 100_000),
		Features: cmp.Or(l.Features, 10_000), Cells: cmp.Or(l.Cells, 2_000_000),
	}
}
