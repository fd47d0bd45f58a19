package cuda

import (
	"errors"
	"fmt"
)

// The classes of errors that callers tell apart, by errors.Is. After the last three
// the device is dead.
var (
	ErrOutOfMemory = errors.New("out of memory")
	ErrLost        = errors.New("the device is lost")
	ErrECC         = errors.New("memory of the device is damaged")
	ErrLaunch      = errors.New("a kernel failed")
)

// Error is a call of the driver that failed. Kernels and copies run later than they
// are enqueued, so that it may be the error of an earlier call.
type Error struct {
	Call   string // the call, and what it was called for: "cuLaunchKernel quern_pack"
	Code   int    // CUresult
	Name   string // "CUDA_ERROR_OUT_OF_MEMORY"
	Detail string // what the driver's compiler said; mostly ""
}

// Error returns the call, and the driver's name and number of what went wrong.
func (e *Error) Error() string {
	text := fmt.Sprintf("%s: %s (%d)", e.Call, e.Name, e.Code)
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	return text
}

// Is reports whether target is the class of e.
func (e *Error) Is(target error) bool { return target != nil && class(e.Code) == target }

// class returns which of the classes above an error of the driver belongs to, or nil.
// What is not listed was refused and did no harm.
func class(code int) error {
	switch code {
	case 2: // OUT_OF_MEMORY
		return ErrOutOfMemory
	case 214, 220: // ECC_UNCORRECTABLE, NVLINK_UNCORRECTABLE
		return ErrECC
	case 700, 701, 702, // ILLEGAL_ADDRESS, LAUNCH_OUT_OF_RESOURCES, LAUNCH_TIMEOUT
		710, 714, 715, 716, 717, 718, 719, 721: // ASSERT, HARDWARE_STACK_ERROR ... LAUNCH_FAILED, CONTAINED
		return ErrLaunch
	case 4, 46, 100, // DEINITIALIZED, DEVICE_UNAVAILABLE, NO_DEVICE
		709, 911, 999: // CONTEXT_IS_DESTROYED, EXTERNAL_DEVICE, UNKNOWN
		return ErrLost
	}
	return nil
}

// fatal reports whether the driver does not recover from e.
func (e *Error) fatal() bool {
	c := class(e.Code)
	return c != nil && c != ErrOutOfMemory
}

// Unavailable says why there is no device to use, and what to do about it.
type Unavailable struct {
	Reason string // "no NVIDIA driver: libcuda.so.1 was not found"
	Fix    string // the next step
}

// Error returns the reason, without the fix.
func (u *Unavailable) Error() string { return "no CUDA device: " + u.Reason }
