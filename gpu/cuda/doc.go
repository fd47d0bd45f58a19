// Package cuda is the door to NVIDIA's driver: devices, device memory, page-locked
// host memory, streams, kernels. It knows nothing of quern's data.
//
// # One binary for every machine
//
// The driver is reached through gorgonia.org/cu, which is linked against libcuda and
// initialises the driver before main starts: on a machine without a driver, such a
// program would not even print its usage. So this package defines the driver's calls
// itself (shim.c): each is a jump through a slot. When the first device is asked for,
// and not before, the shim looks for libcuda.so.1 and fills the slots; until then, and
// if there is none, every slot leads to a function that says so. QUERN_GPU=0 keeps it
// from looking. The header that cu is compiled with is ours too (include), so that
// building needs a C compiler and no CUDA toolkit.
//
// That build is made with the tag cuda, on Linux, with cgo (make cuda). Every other
// build has the same API, whose Open returns *Unavailable.
//
// # Who runs what
//
// A Device has two goroutines, each locked to a thread of its own, which has the
// device's context. The first enqueues: whatever calls the driver runs there, one
// after the other. The second waits for marks, so that a caller who waits keeps
// nobody else from enqueueing. Devices are safe for concurrent use; a Queue is not,
// and lives as long as the Do that made it.
//
// The context is the device's primary one, which libraries in the same process share.
// Work goes to explicit streams; the default stream cannot be expressed.
//
// # Errors
//
// A call that failed is an *Error. After an error that the driver does not recover
// from (errors.Is ErrLost, ErrECC or ErrLaunch) the device is dead: all later calls
// return that same error, at once. Misuse, such as a copy past the end of a buffer or
// a mark that is waited for twice, panics.
package cuda
