// Package code writes programs in the form that the interpreter on a device reads
// (gpu/kernels/program.cu): which instructions it knows, which registers hold what and
// when, and the constants that go with them. It is plain Go and knows no driver.
//
// # What a device program is
//
// A program (package features/program) over rows whose inputs, registers and results are
// numbers, times and bools. Types of lists stand for their elements: the rows of such a
// program are elements. Supports says which instructions there are; strings, and what
// sees lists whole, are not among them.
//
// # How it runs
//
// A thread computes a row at a time: 16 registers of 64 bits in shared memory, a bit for
// each that says whether it is null. Inputs are loaded when they are needed and dropped
// when a register is wanted; results are stored where they are made. What does not fit
// is spilled to scratch memory, one place per thread and not per row.
//
// Steps of one instruction may be several of the device: a part of a Timestamp is its day
// in the zone, then a part of the day; a Dot is a chain of products and sums.
//
// # Faults
//
// The device does not explain faults. It sets bits of the fault word: FaultValue where an
// instruction faults, FaultRange where a table made for the device ends before the
// reference's rules do (time zones after the year 2500), FaultCode where a column's code
// has no slot. The results are garbage then, and the batch is computed again by the
// reference. Rows at which an instruction's argument is null do not fault.
//
// # NaN and null
//
// Registers hold any NaN; what is stored has the canonical one. Values stored under nulls
// are zero.
package code
