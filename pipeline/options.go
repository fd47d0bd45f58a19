package pipeline

import (
	"math/rand/v2"
	"runtime"

	"quern/features/backend"
	"quern/features/stat"
	"quern/pipeline/model"
	"quern/pipeline/source"
	"quern/pipeline/store"
)

// Options say how to run, never what comes out: results have the same bytes for
// all of them (Quarantine apart, which decides what goes in). The zero value, with a
// Backend, works.
type Options struct {
	Backend backend.Backend
	// Places are the stores that sources and outputs may name by URI; nil: the local disk
	// only.
	Places store.Places
	// Workers is how many chunks are worked on at the same time; 0: one per CPU.
	Workers int
	// Memory is the budget in bytes for chunks in flight and statistics; past it
	// statistics spill to SpillDir and fewer workers start. 0: no bound.
	Memory int64
	// SpillDir is where statistics spill; "": the system's temporary folder.
	SpillDir string
	// Quarantine: leave damaged files out, and say so, instead of failing.
	Quarantine bool
	// Overwrite allows finished outputs to be replaced.
	Overwrite bool
	// Fitted is given the model by Fit and Run: after it is clear that the outputs may
	// be written. Run writes parts of them meanwhile, and finishes none before Fitted
	// has returned, so that finished outputs never lack their model. nil: nobody.
	Fitted func(*model.Model) error
	// Progress is told how far a phase is; nil: nobody.
	Progress *Progress
	// Notice is told sentences for the user; nil: nobody.
	Notice func(string)
}

// workers returns how many workers are asked for.
func (o *Options) workers() int {
	if o.Workers > 0 {
		return o.Workers
	}
	return runtime.GOMAXPROCS(0)
}

// expansion is how many bytes a worker may hold per uncompressed byte of a chunk:
// the decoded columns, their filtered copies, and what is computed from them.
const expansion = 4

// workersFor returns how many workers may work on so many tasks, each of which takes
// a share of one of the chunks, within half of the memory budget; at least one.
func (o *Options) workersFor(chunks []source.Chunk, tasks int, share float64) int {
	n := max(1, min(o.workers(), tasks))
	if o.Memory <= 0 {
		return n
	}
	largest := int64(1)
	for _, c := range chunks {
		largest = max(largest, c.Memory, c.Bytes)
	}
	return int(max(1, min(int64(n), o.Memory/2/max(1, int64(float64(largest*expansion)*share)))))
}

// resources returns what each of n statistics may use: together a quarter of the
// budget.
func (o *Options) resources(n int) stat.Resources {
	bytes := o.Memory / 4 / int64(max(1, n))
	if o.Memory > 0 {
		bytes = max(bytes, leastStatistic)
	}
	return stat.Resources{Bytes: bytes, Dir: o.SpillDir, Seed: rand.Uint64() | 1}
}

// Decoder returns a function that reads what Partial.AppendBinary wrote, piece by piece
// (see stat.NewPieces), for whoever merges the partials of many processes. Statistics get of the budget what is usual for
// some dozens of them, and the seed in common that makes large ones merge fast.
func (o *Options) Decoder() func(next func() ([]byte, error)) (*Partial, error) {
	const usual = 64
	res := o.resources(usual)
	return func(next func() ([]byte, error)) (*Partial, error) { return ReadPartial(stat.NewPieces(next), res) }
}

// leastStatistic is what a statistic gets however small the budget is: with less it
// would spill at every other value.
const leastStatistic = 64 << 10

func (o *Options) notice(text string) {
	if o.Notice != nil {
		o.Notice(text)
	}
}
