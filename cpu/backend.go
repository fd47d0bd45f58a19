package cpu

import (
	"sync"

	"quern/cpu/kernel"
	"quern/features/backend"
	"quern/features/program"
)

// Options tune the back end. The zero value is right for everyone.
type Options struct {
	// Block is how many slots an instruction computes before the next one runs,
	// rounded up to a multiple of 64; 0 means 2048. Results never depend on it.
	Block int
}

// Backend compiles programs for the processor. It is safe for concurrent use.
type Backend struct {
	block  int
	set    *kernel.Set
	shelf  *shelf
	stocks *sync.Pool // of stocks that no session has
}

// New returns a back end with default options.
func New() *Backend { return NewWith(Options{}) }

// NewWith returns a back end with the given options.
func NewWith(o Options) *Backend { return newBackend(o, kernel.Best()) }

func newBackend(o Options, set *kernel.Set) *Backend {
	if o.Block <= 0 {
		o.Block = 2048
	}
	block := (o.Block + 63) &^ 63
	return &Backend{
		block: block, set: set, shelf: &shelf{places: map[any]*shelved{}},
		stocks: &sync.Pool{New: func() any { return &stock{call: newCall(block)} }},
	}
}

// Name returns "cpu".
func (b *Backend) Name() string { return "cpu" }

// Compile verifies p and prepares it: kernels are chosen, tables and patterns
// built, constants evaluated. p must not change afterwards. The error is Verify's.
func (b *Backend) Compile(p *program.Program) (backend.Executable, error) {
	if err := program.Verify(p); err != nil {
		return nil, err
	}
	return newExecutable(p, b), nil
}
