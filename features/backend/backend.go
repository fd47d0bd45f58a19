// Package backend says what a back end must do: run programs over batches and
// let statistics observe their registers. cpu and gpu implement it; pipeline and
// serve are handed one.
//
// The contract is bit equality: for every program that program.Verify accepts
// and every batch, outputs and statistics equal those of the scalar meaning
// (program.Eval) on each row.
package backend

import (
	"quern/features/column"
	"quern/features/program"
	"quern/features/stat"
)

// Backend compiles programs. It is safe for concurrent use.
type Backend interface {
	// Name is "cpu" or the device's name, for reports.
	Name() string
	// Compile verifies p and prepares it: tables are built here, once.
	Compile(p *program.Program) (Executable, error)
}

// Executable is a compiled program: immutable, shared by all sessions.
type Executable interface {
	// NewSession returns an independent execution context with buffers of its
	// own. Sessions may run at the same time; that is how copies and kernels of a
	// device overlap.
	NewSession() Session
}

// Session runs batches one after the other. It is used by one goroutine at a time.
type Session interface {
	// Run evaluates the program over in, whose columns are those of
	// Program.Inputs, in order. It feeds each Observed tuple to into[Stat] (the
	// elements, where it observes lists; into is empty when the program observes
	// nothing) and returns the outputs in storage form, in the order of
	// Program.Outputs. They are valid until the next call.
	// A fault of an instruction is a *program.RowError. Run does not change in.
	Run(in column.Batch, into []stat.Statistic) (column.Batch, error)
	// Close gives buffers back. The last result is invalid after it.
	Close()
}
