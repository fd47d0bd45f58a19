// Package fake builds a driver library, libcuda.so.1, that runs our kernels on
// the CPU: gpu/ptx translates the PTX that users run to C, and the C runtime in
// src carries it out and watches it. Whoever loads libcuda.so.1 by name, as
// gpu/cuda does, gets it when its folder is in LD_LIBRARY_PATH. It is for tests:
// slow, strict, and different in every order that is not promised.
//
// # What the library does
//
// Nothing is done when it is enqueued. When somebody waits or asks, the streams
// that can go on take turns at random. Threads and blocks of a launch run in a
// random order too, and give way to others at atomics, in loops, and at
// barriers. Registers, shared memory and fresh device memory hold garbage; the
// target of a download holds garbage until it is done; NaNs that arithmetic
// makes have random bits. Addresses of devices cannot be followed by the host
// and are never given out twice. All of it is drawn from one seed.
//
// Faults of a kernel end the launch, and the context, as on a device: access
// out of the bounds of an allocation, after free, misaligned; shared memory out
// of a variable, or raced for; division by zero; barriers and warp instructions
// that not all reach; ld.global.nc of what the launch writes; a launch that does
// not end; and, when asked, reading what nobody has written, or results that
// depend on the order (each launch runs twice). Misuse of the driver is counted
// and told: leaks, double frees, calls without a context or with another one's
// objects, copies of memory that is not page-locked or changes meanwhile, work
// on the default stream.
//
// # Settings
//
// QUERN_FAKE_GPU, or fake_control(text) in the library while it runs, takes
// "key=value,...":
//
//	seed=N             of every random choice (1)
//	devices=N          how many there are (1; at most 16)
//	memory=BYTES       of each device, with K, M, G (1G)
//	compute=90         compute capability; multiprocessors=4; driver=12040
//	fail=KIND:N:ERROR  the N-th KIND from now on fails; may be repeated.
//	                   KIND: alloc hostalloc copy fill launch event stream module
//	                   context sync query free (the call), run-copy run-fill
//	                   run-launch (when it is carried out).
//	                   ERROR: oom launch ecc lost unknown, or a number
//	nofail             forgets them
//	replay=PERCENT     of the launches that run twice and are compared (0)
//	replay_skip=A+B    kernels whose memory may show the order
//	uninit=1           reading memory that nobody has written is a fault (0)
//	races=0            does not look for races on shared memory (1)
//	pinned=0           allows async copies of any host memory (1)
//	limit=N            backward branches of one launch (16G)
//	abort=1            ends the process at the first fault or misuse (0)
//	trace=1            prints misuse when it happens (0; faults always)
//	report=PATH        file for the report; %p becomes the process number. It is
//	                   written anew at every fault, misuse, retain and release
//
// fake_report(out, size) returns the same text: "name count" lines, then
// "fault: ..." and "misuse: ..." lines; ParseReport reads it. fake_reset() sets
// the counters of what happened to zero.
package fake
