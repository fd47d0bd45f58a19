// Package background makes long work give way to what somebody waits for.
//
// Go runs as many goroutines at once as there are processors (GOMAXPROCS), and takes a turn
// back after 10 ms at the earliest. So work of a second takes one processor, of two perhaps,
// from requests that need less than a millisecond. Work of a context of this package works
// for a fraction of a millisecond and rests for longer, so that a request which comes
// meanwhile waits for no more than that.
//
// A thread of low priority in the system would be no help but harm: it keeps its turn in Go
// while it waits for a processor, so the fewer there are, the longer the others go without.
package background

import (
	"context"
	"io"
	"time"
)

const (
	turn  = 250 * time.Microsecond // how long is worked at a time
	share = 2                      // so many times as long is rested
	most  = 2 * time.Millisecond   // but no longer: the turn may have been spent waiting for a disk
)

type key struct{}

// With returns a context for work that nobody waits for.
func With(ctx context.Context) context.Context { return context.WithValue(ctx, key{}, true) }

// Is reports whether the work of a context is one that nobody waits for.
func Is(ctx context.Context) bool { return ctx.Value(key{}) != nil }

// Pace is that of one piece of work, in one goroutine.
type Pace struct {
	ctx   context.Context
	rests bool
	since time.Time // the turn's begin
}

// Of returns the pace of a context's work, which begins now.
func Of(ctx context.Context) *Pace { return &Pace{ctx, Is(ctx), time.Now()} }

// Rest is called every few microseconds of work, in which nothing is held that others need.
// It returns the error of the context. It does not rest unless the context is of With.
func (p *Pace) Rest() error {
	if p.rests {
		if worked := time.Since(p.since); worked >= turn {
			time.Sleep(min(share*worked, most))
			p.since = time.Now()
		}
	}
	return p.ctx.Err()
}

// Reader returns a reader of from that rests after what is read, with what is done with it.
// It fails when the context ends.
func Reader(ctx context.Context, from io.Reader) io.Reader { return &reader{Of(ctx), from} }

type reader struct {
	pace *Pace
	from io.Reader
}

// Read is io.Reader's.
func (r *reader) Read(into []byte) (int, error) {
	if err := r.pace.Rest(); err != nil {
		return 0, err
	}
	return r.from.Read(into)
}
