package drive

import (
	"context"

	"quern/pipeline/store"
	"quern/shard/core"
	"quern/shard/record"
)

// Work is what needs to know what a job computes. It is safe for concurrent use. A
// *Poison error says that it can never be done, whoever tries, a *Damaged error that the
// job is broken; after any other error another try may succeed. A panic is a bug and ends the process.
type Work interface {
	// Compute does a task.
	Compute(ctx context.Context, t core.Task) (*Result, error)
	// Decode reads the bytes of a partial, whose next piece next returns, io.EOF at their
	// end. Pieces may be kept. What comes of them is of no use to anybody if their digest
	// turns out to be wrong; it may have a Close.
	Decode(ctx context.Context, next func() ([]byte, error)) (core.Statistic, error)
	// Freeze turns what a phase taught into the state that the next one needs, and says
	// what the next one is. Total stays as it is; nil: every shard failed. The same
	// arguments give the same bytes in every process.
	Freeze(ctx context.Context, phase record.Phase, total core.Statistic, failed []uint32) (state []byte, next record.Phase, err error)
	// Compose makes the manifest for readers. The same claims give the same bytes.
	Compose(ctx context.Context, phase record.Phase, claims []record.Claim) (document []byte, err error)
}

// Owner is a Work that knows whether its job still has the place where readers look for
// the document. Without one, it has.
type Owner interface {
	// Owns reports whether the document may be shown: false if it was before, and the job
	// gave the place up, or if another job has taken it. Then what readers see is not this
	// job's business any more: a task that comes late must not bring back what was replaced
	// or removed.
	Owns(ctx context.Context) (bool, error)
}

// Result is what a task made, not yet for good.
type Result struct {
	Work    core.Work      // its Files are named Task.File(i)
	Writers []store.Writer // of Files, in their order; they hold all bytes and are not committed. Whoever has the Result aborts them
	Partial []byte         // of a phase that learns: the bytes of the one file
}

// Poison is the error of work that can never be done.
type Poison struct {
	Cause string
	Note  []byte // for the claim that says so; may be nil
}

// Error returns the cause.
func (p *Poison) Error() string { return p.Cause }

// Damaged is the error of work whose job cannot go on: what its log vouches for is not
// what was written.
type Damaged struct{ Err error }

// Error returns the cause.
func (d *Damaged) Error() string { return d.Err.Error() }

// Unwrap returns the cause.
func (d *Damaged) Unwrap() error { return d.Err }

// Asker takes requests to the coordinator. An error says that nobody knows whether the
// request arrived.
type Asker interface {
	// Ask sends a request and returns the reply. Partial is what the claim of a proposal
	// names, if its phase learns; it saves the coordinator a read.
	Ask(ctx context.Context, r core.Request, partial []byte) (core.Reply, error)
}
