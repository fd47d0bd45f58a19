//go:build linux && cuda && cgo

package cuda

// #cgo CFLAGS: -I${SRCDIR}/include
// #cgo LDFLAGS: -Wl,--as-needed -L${SRCDIR}/lib -ldl
// #include "shim.h"
import "C"

import (
	"errors"
	"reflect"
	"runtime"
	"time"
	"unsafe"

	"gorgonia.org/cu"
)

// cuDriver is the driver, through package cu.
type cuDriver struct {
	device  cu.Device
	context cu.CUContext
}

// openDriver retains the primary context of a device that probe has seen.
func openDriver(ordinal int) (driver, error) {
	device, err := cu.GetDevice(ordinal)
	if err != nil {
		return nil, failure("cuDeviceGet", err)
	}
	// Only a wish: a library that came first has decided already, and events say themselves how to be waited for.
	_ = device.SetPrimaryCtxFlags(cu.SchedBlockingSync)
	context, err := device.RetainPrimaryCtx()
	if err != nil {
		return nil, failure("cuDevicePrimaryCtxRetain", err)
	}
	return &cuDriver{device, context}, nil
}

func (d *cuDriver) bind() error  { return failure("cuCtxSetCurrent", cu.SetCurrentContext(d.context)) }
func (d *cuDriver) drain() error { return failure("cuCtxSynchronize", cu.Synchronize()) }
func (d *cuDriver) release() error {
	return failure("cuDevicePrimaryCtxRelease", d.device.ReleasePrimaryCtx())
}

func (d *cuDriver) alloc(bytes int) (uint64, error) {
	p, err := cu.MemAlloc(int64(bytes))
	return uint64(p), failure("cuMemAlloc", err)
}

func (d *cuDriver) free(addr uint64) error {
	return failure("cuMemFree", cu.MemFree(cu.DevicePtr(addr)))
}

func (d *cuDriver) available() (int64, error) {
	free, _, err := cu.MemInfo()
	return free, failure("cuMemGetInfo", err)
}

// allocHost returns C memory that every context may copy from. cu has no call for it.
func (d *cuDriver) allocHost(bytes int) ([]byte, error) {
	var p unsafe.Pointer
	if code := C.cuMemHostAlloc(&p, C.size_t(bytes), C.CU_MEMHOSTALLOC_PORTABLE); code != C.CUDA_SUCCESS {
		return nil, refusal("cuMemHostAlloc", int(code))
	}
	return unsafe.Slice((*byte)(p), bytes), nil
}

func (d *cuDriver) freeHost(b []byte) error {
	return failure("cuMemFreeHost", cu.MemFreeHost(unsafe.Pointer(unsafe.SliceData(b))))
}

func (d *cuDriver) newStream() (handle, error) {
	s, err := cu.MakeStream(cu.NonBlocking)
	return s, failure("cuStreamCreate", err)
}

func (d *cuDriver) destroyStream(s handle) error {
	stream := s.(cu.Stream)
	return failure("cuStreamDestroy", stream.Destroy())
}

func (d *cuDriver) upload(s handle, dst uint64, src []byte) error {
	return failure("cuMemcpyHtoDAsync", cu.MemcpyHtoDAsync(cu.DevicePtr(dst), unsafe.Pointer(unsafe.SliceData(src)), int64(len(src)), s.(cu.Stream)))
}

func (d *cuDriver) download(s handle, dst []byte, src uint64) error {
	return failure("cuMemcpyDtoHAsync", cu.MemcpyDtoHAsync(unsafe.Pointer(unsafe.SliceData(dst)), cu.DevicePtr(src), int64(len(dst)), s.(cu.Stream)))
}

func (d *cuDriver) copy(s handle, dst, src uint64, bytes int) error {
	return failure("cuMemcpyDtoDAsync", cu.MemcpyDtoDAsync(cu.DevicePtr(dst), cu.DevicePtr(src), int64(bytes), s.(cu.Stream)))
}

func (d *cuDriver) fill(s handle, dst uint64, bytes int, value byte) error {
	return failure("cuMemsetD8Async", cu.MemsetD8Async(cu.DevicePtr(dst), value, int64(bytes), s.(cu.Stream)))
}

// launch passes pointers to the arguments: cu reads eight bytes from each.
func (d *cuDriver) launch(s, kernel handle, name string, grid, block int, args []uint64) error {
	pointers := make([]unsafe.Pointer, len(args))
	for i := range args {
		pointers[i] = unsafe.Pointer(&args[i])
	}
	return failure("cuLaunchKernel "+name, kernel.(cu.Function).Launch(grid, 1, 1, block, 1, 1, 0, s.(cu.Stream), pointers))
}

// newEvent makes events that let the waiting thread sleep.
func (d *cuDriver) newEvent(timed bool) (handle, error) {
	flags := cu.BlockingSyncEvent
	if !timed {
		flags |= cu.DisableTiming
	}
	e, err := cu.MakeEvent(flags)
	return e, failure("cuEventCreate", err)
}

func (d *cuDriver) destroyEvent(e handle) error {
	event := e.(cu.Event)
	return failure("cuEventDestroy", cu.DestroyEvent(&event))
}

func (d *cuDriver) record(e, s handle) error {
	return failure("cuEventRecord", e.(cu.Event).Record(s.(cu.Stream)))
}

func (d *cuDriver) follow(s, e handle) error {
	return failure("cuStreamWaitEvent", s.(cu.Stream).Wait(e.(cu.Event), 0))
}

func (d *cuDriver) await(e handle) error {
	return failure("cuEventSynchronize", e.(cu.Event).Synchronize())
}

func (d *cuDriver) elapsed(from, to handle) (time.Duration, error) {
	ms, err := from.(cu.Event).Elapsed(to.(cu.Event))
	return time.Duration(ms * float64(time.Millisecond)), failure("cuEventElapsedTime", err)
}

// load asks again for the compiler's log if the module is refused.
func (d *cuDriver) load(ptx []byte) (handle, error) {
	m, err := cu.LoadData(string(ptx))
	if err == nil {
		return m, nil
	}
	e := failure("cuModuleLoadData", err).(*Error)
	log := cu.JITErrorLogBuffer{Buffer: make([]byte, 4096)}
	var pin runtime.Pinner // cu hands the address over as a number
	defer pin.Unpin()
	pin.Pin(&log.Buffer[0])
	if again, err := cu.LoadDataEx(string(ptx), &log); err == nil {
		_ = again.Unload()
	}
	e.Detail = text(log.Buffer)
	return nil, e
}

func (d *cuDriver) unload(m handle) error { return failure("cuModuleUnload", m.(cu.Module).Unload()) }

func (d *cuDriver) kernel(m handle, name string) (handle, error) {
	f, err := m.(cu.Module).Function(name)
	return f, failure("cuModuleGetFunction "+name, err)
}

// failure is an error of cu as an *Error, or nil. cu keeps the type of its errors to itself, but it is a number.
func failure(call string, err error) error {
	if err == nil {
		return nil
	}
	for inner := err; inner != nil; inner = errors.Unwrap(inner) {
		if v := reflect.ValueOf(inner); v.CanInt() {
			return refusal(call, int(v.Int()))
		}
	}
	return &Error{Call: call, Code: unknown, Name: err.Error()}
}

// refusal is an error of the driver.
func refusal(call string, code int) *Error {
	return &Error{Call: call, Code: code, Name: codeName(code)}
}
