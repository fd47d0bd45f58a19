// Package ptx reads the PTX that our kernels are compiled to, checks it, and
// translates it to C, so that what users run on a GPU is what is tested on
// machines without one.
//
//	Parse      text -> Module, or an *Error with a line
//	Check      what must not be in a kernel: fused or un-rounded arithmetic,
//	           float atomics, stack, calls, instructions that C does not know
//	Module.C   one C function for each entry, for the runtime in gpu/fake
//
// The subset is what NVRTC 12.4 emits for compute_75: kernels without calls,
// static shared memory, constant tables. Meaning follows the PTX manual; an
// instruction, modifier or operand that is not known is an error, never a
// guess.
//
// # From PTX to C
//
// An entry becomes a resumable function step(q, thread). Registers are local
// variables. Where a thread must wait for others (barriers, warp instructions)
// or may be interrupted (atomics, backward branches), it saves the registers
// that are live there, writes down what it waits for, and returns; called again,
// it jumps back behind that place. The order in which the threads of a block
// run is thus the choice of the runtime, which draws it from a seed.
//
// The generated C has no undefined behaviour: arithmetic is unsigned, shifts
// are clamped as PTX says, conversions saturate, memory goes through checked
// accessors. A NaN that arithmetic makes takes the bits that the runtime chose,
// because PTX does not define them: a kernel must not depend on them.
package ptx
