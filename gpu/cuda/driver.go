package cuda

import "time"

// A driver runs what a Device asks for, on one device. There are two: the real one in
// driver_cu.go, and one in the tests. Its methods are called on the goroutines of the
// Device only. Errors of the driver are *Error.
type driver interface {
	context
	memory
	streams
	events
	modules
}

// context is the device's primary context.
type context interface {
	bind() error    // makes it current on the calling thread
	drain() error   // waits until everything that was enqueued is done
	release() error // gives it back; the driver is not used again
}

// memory is of the device, or of the host and page-locked.
type memory interface {
	alloc(bytes int) (addr uint64, err error)
	free(addr uint64) error
	allocHost(bytes int) ([]byte, error)
	freeHost(b []byte) error
	available() (bytes int64, err error)
}

// handle is an object of the driver. Only the driver that made it looks inside.
type handle any

// streams are queues of work on the device.
type streams interface {
	newStream() (handle, error)
	destroyStream(s handle) error
	upload(s handle, dst uint64, src []byte) error
	download(s handle, dst []byte, src uint64) error
	copy(s handle, dst, src uint64, bytes int) error
	fill(s handle, dst uint64, bytes int, value byte) error
	launch(s, kernel handle, name string, grid, block int, args []uint64) error
}

// events are places in streams.
type events interface {
	newEvent(timed bool) (handle, error)
	destroyEvent(e handle) error
	record(e, s handle) error
	follow(s, e handle) error // what s gets from now on waits for e
	await(e handle) error     // blocks the calling thread
	elapsed(from, to handle) (time.Duration, error)
}

// modules are programs for the device.
type modules interface {
	load(ptx []byte) (handle, error)
	unload(m handle) error
	kernel(m handle, name string) (handle, error)
}
