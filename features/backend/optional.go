package backend

import (
	"time"

	"quern/features/program"
)

// Wholesaler is a back end that may want programs whole: a device, to which a call is
// dear and a row cheap. A back end that is none gets what a source stores apart component
// by component, and plain columns in slices that stay in a core's cache. The bytes are the
// same either way.
type Wholesaler interface {
	Backend
	// Wholesale reports whether programs are to be compiled as they are, and whole chunks
	// are to be their batches.
	Wholesale() bool
}

// Wholesale asks b, if it is a Wholesaler; no other back end wants programs whole.
func Wholesale(b Backend) bool {
	w, ok := b.(Wholesaler)
	return ok && w.Wholesale()
}

// Chooser is a back end that leaves the work to others, and picks one for each pass over
// a source.
type Chooser interface {
	Backend
	// Choose returns the back end for a pass that runs p over so many rows in all (-1:
	// nobody knows yet). It is never a Chooser.
	Choose(p *program.Program, rows int64) Backend
}

// Choose asks b, if it is a Chooser; any other back end does the work itself.
func Choose(b Backend, p *program.Program, rows int64) Backend {
	if c, ok := b.(Chooser); ok {
		return c.Choose(p, rows)
	}
	return b
}

// The stages of a batch on a device, as Staged names them.
const (
	StageHost     = "host"     // what the reference back end computed
	StageFill     = "fill"     // copying columns into page-locked memory
	StageUpload   = "upload"   // host to device
	StageKernel   = "kernel"   // on the device
	StageDownload = "download" // device to host
	StageFinish   = "finish"   // making statistics and columns of what came down
)

// Staged is a Session that knows where its time went, for reports.
type Staged interface {
	Session
	// Stages returns the time of each stage, summed over the runs so far. Stages overlap:
	// together they may be longer than the runs.
	Stages() map[string]time.Duration
}

// Resident is a Session that can compute what is on the device already, for reports.
type Resident interface {
	Session
	// Again computes the device's share of the last batch once more, from what the last
	// Run left on the device, and leaves the results there. It returns how long that
	// took; ok is false where the batch is not on the device as a whole. Statistics learn
	// nothing.
	Again() (took time.Duration, ok bool, err error)
}
