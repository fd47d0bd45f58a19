package segment

import (
	"errors"
	"runtime"
	"runtime/debug"
)

// ErrFault: memory that a file is mapped to could not be read, because the disk failed or
// the file was cut.
var ErrFault = errors.New("mapped file cannot be read")

// Guard runs f, which reads rows, and returns its error. If a page of a mapped file cannot be
// read meanwhile, which would otherwise end the process (SIGBUS), it returns ErrFault. It
// counts for the goroutine that calls it. Any other panic goes on.
func Guard(f func() error) (err error) {
	old := debug.SetPanicOnFault(true)
	defer func() {
		debug.SetPanicOnFault(old)
		caught := recover()
		if caught == nil {
			return
		}
		// The panic of a fault tells the address. That of a nil pointer does not: it is a bug.
		fault, ok := caught.(interface {
			runtime.Error
			Addr() uintptr
		})
		if !ok || fault == nil {
			panic(caught)
		}
		err = ErrFault
	}()
	return f()
}
