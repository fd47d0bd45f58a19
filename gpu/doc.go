// Package gpu is the CUDA back end: package features/backend on a device, with the bits
// of the reference back end that it is handed.
//
// # Who computes what
//
// A program is cut in two (cut.go). The device computes per row: instructions over
// numbers, times and bools, in one launch of an interpreter (gpu/code, gpu/kernels). The
// reference computes what costs per slot of a dictionary and not per row, strings, and
// what sees lists whole; what it leaves goes up as codes and slots. Nothing is lost where
// both compute a register: the bits are equal.
//
// Statistics over rows are reduced by kernels to something small (gpu/reduce), which the
// statistic then learns: exact integers, counts of codes, values with counts.
//
// # How it runs
//
// A batch goes through the device in slices, as long as a slot has room for (slice.go).
// A slot has page-locked memory, memory of the device, and a stream. What a slice needs
// goes up in one copy and comes down in one; while it is under way, the session fills the
// next slot, and other sessions theirs. The channel of free slots is the back-pressure.
// All of this memory is taken when the device is opened.
//
// # What goes wrong
//
// A fault of an instruction, a column that does not fit, a device that fails: the
// reference computes the slice, so that the answer is the same and an error is the one
// that a user knows from the CPU. A device that failed for good is not asked again
// (Options.Notice says so). Only if what came down is impossible, the run fails: nothing
// that such a device computed is to be trusted.
//
// Statistics whose counters take more than a slot (huge dictionaries, very many columns)
// are observed by the reference from the second batch on; the others stay on the device.
//
// # How it is tested
//
// With the tag cuda the tests run on the driver of gpu/fake, which carries out the
// committed PTX on the CPU and can be told to fail (gpu/fake/control), or on a real
// device if QUERN_REQUIRE_GPU is 1.
package gpu
