package cuda

import (
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"
)

// fakeDriver is a driver in Go. What is enqueued is deferred until something waits for
// it, as on a device that is as slow as it may be.
type fakeDriver struct {
	mu      sync.Mutex
	memory  map[uint64][]byte
	next    uint64
	objects map[string]int // how many of each kind live
	calls   map[string]int // how often each was called
	fail    map[string]int // code to fail with, always
	failAt  map[string]int // the first call that does, counted from 1
	slow    time.Duration  // of every wait
	streams []*fakeStream
	ended   bool
}

type fakeStream struct {
	driver *fakeDriver
	todo   []func() error
}

type fakeEvent struct{ now *fakePlace }

// fakePlace is where an event was recorded last.
type fakePlace struct {
	at     *fakeStream
	passed bool
}

func newFake() *fakeDriver {
	return &fakeDriver{memory: map[uint64][]byte{}, next: 1 << 20, objects: map[string]int{}, calls: map[string]int{}, fail: map[string]int{}, failAt: map[string]int{}}
}

// call counts a call, and returns the error that was ordered for it. f.mu is held.
func (f *fakeDriver) call(name string) error {
	if f.ended {
		panic("call of " + name + " after release")
	}
	f.calls[name]++
	if code := f.fail[name]; code != 0 && f.calls[name] >= f.failAt[name] {
		return &Error{Call: name, Code: code, Name: "FAKE"}
	}
	return nil
}

// begin is call with the lock taken: defer f.mu.Unlock().
func (f *fakeDriver) begin(name string) error {
	f.mu.Lock()
	return f.call(name)
}

// run does what a stream was told, as far as stop says.
func (s *fakeStream) run(stop func() bool) error {
	for len(s.todo) > 0 && !stop() {
		step := s.todo[0]
		s.todo = s.todo[1:]
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (f *fakeDriver) bind() error { defer f.mu.Unlock(); return f.begin("bind") }

func (f *fakeDriver) drain() error {
	defer f.mu.Unlock()
	if err := f.begin("drain"); err != nil {
		return err
	}
	return f.finish()
}

// finish runs everything that was enqueued.
func (f *fakeDriver) finish() error {
	for _, s := range f.streams {
		if err := s.run(func() bool { return false }); err != nil {
			return err
		}
	}
	return nil
}

func (f *fakeDriver) release() error {
	defer f.mu.Unlock()
	err := f.begin("release")
	f.ended = true
	return err
}

func (f *fakeDriver) alloc(bytes int) (uint64, error) {
	defer f.mu.Unlock()
	if err := f.begin("alloc"); err != nil {
		return 0, err
	}
	addr := f.next
	f.next += uint64(bytes) + granule
	f.memory[addr] = make([]byte, bytes)
	f.objects["buffer"]++
	return addr, nil
}

// free waits for the device first, as the real one does.
func (f *fakeDriver) free(addr uint64) error {
	defer f.mu.Unlock()
	if err := errors.Join(f.begin("free"), f.finish()); err != nil {
		return err
	}
	if f.memory[addr] == nil {
		panic("free of what is not there")
	}
	delete(f.memory, addr)
	f.objects["buffer"]--
	return nil
}

func (f *fakeDriver) allocHost(bytes int) ([]byte, error) {
	defer f.mu.Unlock()
	if err := f.begin("allocHost"); err != nil {
		return nil, err
	}
	f.objects["host"]++
	return make([]byte, bytes), nil
}

func (f *fakeDriver) freeHost([]byte) error {
	defer f.mu.Unlock()
	err := f.begin("freeHost")
	f.objects["host"]--
	return err
}

func (f *fakeDriver) available() (int64, error) {
	defer f.mu.Unlock()
	return 1 << 30, f.begin("available")
}

func (f *fakeDriver) newStream() (handle, error) {
	defer f.mu.Unlock()
	if err := f.begin("newStream"); err != nil {
		return nil, err
	}
	s := &fakeStream{driver: f}
	f.streams = append(f.streams, s)
	f.objects["stream"]++
	return s, nil
}

func (f *fakeDriver) destroyStream(handle) error {
	defer f.mu.Unlock()
	err := f.begin("destroyStream")
	f.objects["stream"]--
	return err
}

// at returns n bytes of the device.
func (f *fakeDriver) at(addr uint64, n int) []byte {
	for start, b := range maps.All(f.memory) {
		if addr >= start && addr+uint64(n) <= start+uint64(len(b)) {
			return b[addr-start:][:n]
		}
	}
	panic(fmt.Sprintf("no memory at %d..+%d", addr, n))
}

// later enqueues a step.
func (f *fakeDriver) later(name string, s handle, step func() error) error {
	defer f.mu.Unlock()
	if err := f.begin(name); err != nil {
		return err
	}
	s.(*fakeStream).todo = append(s.(*fakeStream).todo, step)
	return nil
}

func (f *fakeDriver) upload(s handle, dst uint64, src []byte) error {
	return f.later("upload", s, func() error { copy(f.at(dst, len(src)), src); return nil })
}

func (f *fakeDriver) download(s handle, dst []byte, src uint64) error {
	return f.later("download", s, func() error { copy(dst, f.at(src, len(dst))); return nil })
}

func (f *fakeDriver) copy(s handle, dst, src uint64, bytes int) error {
	return f.later("copy", s, func() error { copy(f.at(dst, bytes), f.at(src, bytes)); return nil })
}

func (f *fakeDriver) fill(s handle, dst uint64, bytes int, value byte) error {
	return f.later("fill", s, func() error {
		for i := range f.at(dst, bytes) {
			f.at(dst, bytes)[i] = value
		}
		return nil
	})
}

// launch knows one kernel: it stores the sum of two numbers.
func (f *fakeDriver) launch(s, _ handle, name string, _, _ int, args []uint64) error {
	args = append([]uint64{}, args...)
	return f.later("launch", s, func() error {
		if err := f.call("kernel"); err != nil {
			return err
		}
		for i := range 8 {
			f.at(args[0], 8)[i] = byte((args[1] + args[2]) >> (8 * i))
		}
		return nil
	})
}

func (f *fakeDriver) newEvent(bool) (handle, error) {
	defer f.mu.Unlock()
	if err := f.begin("newEvent"); err != nil {
		return nil, err
	}
	f.objects["event"]++
	return &fakeEvent{}, nil
}

func (f *fakeDriver) destroyEvent(handle) error {
	defer f.mu.Unlock()
	err := f.begin("destroyEvent")
	f.objects["event"]--
	return err
}

// record makes a new place: who waits for the old one is not disturbed.
func (f *fakeDriver) record(e, s handle) error {
	place := &fakePlace{at: s.(*fakeStream)}
	f.mu.Lock()
	e.(*fakeEvent).now = place
	f.mu.Unlock()
	return f.later("record", s, func() error { place.passed = true; return nil })
}

func (f *fakeDriver) follow(s, e handle) error {
	f.mu.Lock()
	place := e.(*fakeEvent).now
	f.mu.Unlock()
	return f.later("follow", s, func() error { return place.at.run(func() bool { return place.passed }) })
}

func (f *fakeDriver) await(e handle) error {
	time.Sleep(f.slow)
	defer f.mu.Unlock()
	if err := f.begin("await"); err != nil {
		return err
	}
	place := e.(*fakeEvent).now
	return place.at.run(func() bool { return place.passed })
}

func (f *fakeDriver) elapsed(handle, handle) (time.Duration, error) {
	defer f.mu.Unlock()
	return time.Millisecond, f.begin("elapsed")
}

func (f *fakeDriver) load([]byte) (handle, error) {
	defer f.mu.Unlock()
	err := f.begin("load")
	f.objects["module"]++
	return "module", err
}

func (f *fakeDriver) unload(handle) error {
	defer f.mu.Unlock()
	err := f.begin("unload")
	f.objects["module"]--
	return err
}

func (f *fakeDriver) kernel(_ handle, name string) (handle, error) {
	defer f.mu.Unlock()
	if err := f.begin("kernel"); err != nil {
		return nil, err
	}
	if name != "quern_test_store" {
		return nil, &Error{Call: "kernel", Code: 500, Name: "FAKE"}
	}
	return name, nil
}
