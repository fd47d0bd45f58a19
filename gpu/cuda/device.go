package cuda

import (
	"cmp"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
)

// Device is one GPU, opened. Its methods may be called by any goroutine, but not by
// the function that Do runs.
type Device struct {
	info   Info
	driver driver

	gate   sync.RWMutex // read-locked by every call, so that Close comes after the last
	closed bool

	work   chan func()   // for the goroutine that enqueues
	waits  chan waiting  // for the goroutine that waits
	ended  chan struct{} // closed when that one has ended
	broken atomic.Pointer[Error]
	events pool
	loans  ledger
}

// Open starts work with a device: 0 is the first one. The error is *Unavailable if the
// program, the driver or the device is not there or not new enough. The caller closes it.
func Open(ordinal int) (*Device, error) {
	info, err := Status().choose(ordinal)
	if err != nil {
		return nil, err
	}
	driver, err := openDriver(ordinal)
	if err != nil {
		return nil, err
	}
	return newDevice(driver, info)
}

// newDevice starts the goroutines of a device. It takes over the driver, and gives it back if it fails.
func newDevice(driver driver, info Info) (*Device, error) {
	d := &Device{info: info, driver: driver, work: make(chan func()), waits: make(chan waiting), ended: make(chan struct{})}
	ready := make(chan error)
	go d.enqueue(ready)
	err := <-ready
	go d.wait(ready)
	err = cmp.Or(err, <-ready)
	if err != nil {
		var e *Error
		if errors.As(err, &e) {
			d.broken.CompareAndSwap(nil, e) // a thread without the context can only release it
		}
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// enqueue is the goroutine on which the driver is called. Its thread ends with it, so
// that no other goroutine comes to run in the device's context.
func (d *Device) enqueue(ready chan<- error) {
	runtime.LockOSThread()
	ready <- d.noted(d.driver.bind())
	for f := range d.work {
		f()
	}
}

// Info describes the device.
func (d *Device) Info() Info { return d.info }

// enter begins a call. It panics if the device is closed.
func (d *Device) enter() {
	d.gate.RLock()
	if d.closed {
		d.gate.RUnlock()
		panic("quern: bug: gpu/cuda: use of a closed device")
	}
}

// call runs f on the goroutine that enqueues, unless the device is dead.
func (d *Device) call(f func() error) error {
	d.enter()
	defer d.gate.RUnlock()
	done := make(chan error, 1)
	d.work <- func() {
		if err := d.dead(); err != nil {
			done <- err
			return
		}
		done <- d.noted(f())
	}
	return <-done
}

// dead returns the error that the device died of, or nil.
func (d *Device) dead() error {
	if err := d.broken.Load(); err != nil {
		return err
	}
	return nil
}

// noted remembers the first error that the driver does not recover from, and returns err.
func (d *Device) noted(err error) error {
	var e *Error
	if errors.As(err, &e) && e.fatal() {
		d.broken.CompareAndSwap(nil, e)
	}
	return err
}

// Do runs f on the device's goroutine. f only enqueues: it must not wait, and not call
// the device. Do returns the first error of the queue, else that of f. If it fails,
// nothing is in flight any more, on any stream, or the device is dead; marks that f
// recorded are void then.
func (d *Device) Do(f func(q *Queue) error) error {
	return d.call(func() error {
		q := &Queue{device: d}
		err := f(q)
		if q.err != nil {
			err = q.err
		}
		q.device = nil // it must not outlive f
		if err != nil {
			d.void(q.marks)
			if d.noted(err); d.dead() == nil {
				d.noted(d.driver.drain())
			}
		}
		return err
	})
}

// Close frees all that is left and gives the device back, when the calls under way have
// returned; page-locked memory is gone after it. The error says what others should have
// freed, and where that was made: a bug. Closing twice does nothing.
func (d *Device) Close() error {
	d.gate.Lock()
	defer d.gate.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	close(d.waits)
	<-d.ended
	leaks := d.loans.open()
	done := make(chan error)
	d.work <- func() { done <- d.shut(leaks) }
	err := <-done
	close(d.work)
	return errors.Join(err, complaint(leaks, d.events.lent()))
}

// shut gives everything back to the driver. A dead device takes nothing back: its
// memory ends with the context.
func (d *Device) shut(leaks []loan) error {
	if d.dead() != nil {
		_ = d.driver.release()
		return nil
	}
	errs := []error{d.driver.drain()}
	for _, l := range leaks {
		errs = append(errs, l.free())
	}
	for _, e := range d.events.empty() {
		errs = append(errs, d.driver.destroyEvent(e))
	}
	errs = append(errs, d.driver.release())
	return errors.Join(errs...)
}

// bug panics for a misuse.
func bug(format string, args ...any) {
	panic("quern: bug: gpu/cuda: " + fmt.Sprintf(format, args...))
}
