package cuda

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestFaults: every call fails in every way; nothing hangs, and nothing is left.
func TestFaults(t *testing.T) {
	for _, call := range []string{
		"bind", "alloc", "allocHost", "newStream", "upload", "download", "newEvent", "record", "await", "drain", "free",
		"freeHost", "destroyStream", "destroyEvent", "release",
	} {
		for _, code := range []int{1, 2, 214, 700, 719, 999} {
			for at := 1; at <= 3; at++ {
				f := newFake()
				f.fail[call], f.failAt[call] = code, at
				err := session(f)
				happened := f.calls[call] >= at
				if happened && !isCode(err, code) && !(call == "release" && errorIsDead(err)) {
					t.Errorf("%s fails with %d at call %d: %v", call, code, at, err)
				}
				if !happened && err != nil {
					t.Errorf("%s does not fail: %v", call, err)
				}
				if !f.ended {
					t.Errorf("%s fails with %d at call %d: the context was not given back", call, code, at)
				}
				if class(code) == nil || class(code) == ErrOutOfMemory {
					for kind, n := range f.objects {
						if n != 0 && !strings.Contains(call, "free") && !strings.Contains(call, "destroy") {
							t.Errorf("%s fails with %d at call %d: %d of %s are left", call, code, at, n, kind)
						}
					}
				}
			}
		}
	}
}

// errorIsDead reports whether err is of a device that died.
func errorIsDead(err error) bool {
	return errors.Is(err, ErrLost) || errors.Is(err, ErrECC) || errors.Is(err, ErrLaunch)
}

// isCode reports whether err is, or has within it, an error of the driver with that code.
func isCode(err error, code int) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == code
}

// session does some work and returns every error of it.
func session(f *fakeDriver) error {
	d, err := newDevice(f, Info{})
	if err != nil {
		return err
	}
	work := func() error {
		s, err := d.NewStream()
		if err != nil {
			return err
		}
		b, err := d.Alloc(100)
		if err != nil {
			return errors.Join(err, s.Close())
		}
		p, err := d.AllocHost(100)
		if err != nil {
			return errors.Join(err, d.Free(b), s.Close())
		}
		w := &bench{d: d, s: s, b: b, in: p, out: p}
		for range 3 {
			var m Mark
			if m, err = w.there(); err == nil {
				err = d.Wait(m)
			}
			if err != nil {
				break
			}
		}
		return errors.Join(err, d.Free(b), p.Free(), s.Close())
	}
	err = work()
	return errors.Join(err, d.Close())
}

func TestADeadDeviceStaysDead(t *testing.T) {
	for code, want := range map[int]error{214: ErrECC, 719: ErrLaunch, 700: ErrLaunch, 999: ErrLost, 46: ErrLost} {
		d, f := faked(t)
		w := newBench(t, d, 10)
		k := Kernel{device: d, name: "quern_test_store", h: "quern_test_store"}
		f.fail["kernel"] = code
		var m, other Mark
		check(t, d.Do(func(q *Queue) error {
			q.Launch(w.s, k, 1, 1, w.b.Addr, 0, 0) // it fails when it runs
			m = q.Record(w.s)
			other = q.Record(w.s)
			return nil
		}))
		first := d.Wait(m)
		if !errors.Is(first, want) {
			t.Fatalf("code %d: %v", code, first)
		}
		before := f.calls["await"]
		if err := d.Wait(other); err != first {
			t.Errorf("another wait: %v", err)
		}
		ran := false
		if err := d.Do(func(*Queue) error { ran = true; return nil }); err != first || ran {
			t.Errorf("another Do: %v, it ran: %v", err, ran)
		}
		if _, err := d.Alloc(1); err != first {
			t.Errorf("Alloc: %v", err)
		}
		check(t, errors.Join(w.free(), d.Close()))
		if f.calls["await"] != before || f.calls["free"] != 0 || !f.ended {
			t.Errorf("a dead device was asked again: %v", f.calls)
		}
	}
}

// TestAFailedDoLeavesNothingInFlight: neither copies from memory that the caller will use again, nor marks.
func TestAFailedDoLeavesNothingInFlight(t *testing.T) {
	d, f := faked(t)
	w := newBench(t, d, 1)
	w.in.Bytes()[0] = 1
	mine := errors.New("mine")
	if err := d.Do(func(q *Queue) error {
		q.Upload(w.s, w.b, 0, w.in, 0, 1)
		q.Record(w.s)
		return mine
	}); err != mine {
		t.Fatal(err)
	}
	w.in.Bytes()[0] = 2
	check(t, d.Do(func(q *Queue) error { q.Download(w.s, w.out, 0, w.b, 0, 1); return nil }))
	f.fail["fill"] = 1
	var void Mark
	err := d.Do(func(q *Queue) error {
		void = q.Record(w.s)
		q.Fill(w.s, w.b, 0, 1, 9)
		q.Download(w.s, w.in, 0, w.b, 0, 1)
		if m := q.Record(w.s); m != (Mark{}) {
			t.Error("a mark after an error")
		}
		return nil
	})
	if !isCode(err, 1) || errors.Is(err, ErrLaunch) || w.out.Bytes()[0] != 1 || w.in.Bytes()[0] != 2 {
		t.Errorf("%v, bytes %d and %d", err, w.out.Bytes()[0], w.in.Bytes()[0])
	}
	if text := panics(func() { _ = d.Wait(void) }); !strings.Contains(text, "bug") {
		t.Error("a void mark was waited for")
	}
	check(t, errors.Join(w.free(), d.Close()))
}

// TestWaitingKeepsNobodyFromEnqueueing: while one goroutine waits, others go on.
func TestWaitingKeepsNobodyFromEnqueueing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // in which time passes only when all wait
		d, f := faked(t)
		w := newBench(t, d, 10)
		f.slow = time.Hour
		m, err := w.there()
		check(t, err)
		waited := make(chan error)
		go func() { waited <- d.Wait(m) }()
		synctest.Wait()
		started := time.Now()
		for range 10 {
			check(t, d.Do(func(q *Queue) error { q.Fill(w.s, w.b, 0, 1, 1); return nil }))
		}
		if took := time.Since(started); took != 0 {
			t.Errorf("ten Do took %v while another goroutine waited", took)
		}
		check(t, <-waited)
		check(t, errors.Join(w.free(), d.Close()))
	})
}

// TestTheOldestMarkIsServedFirst: of those who wait, in whatever order they came.
func TestTheOldestMarkIsServedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, f := faked(t)
		f.slow = time.Minute
		w := newBench(t, d, 10)
		marks := make([]Mark, 4)
		for i := range marks {
			var err error
			marks[i], err = w.there()
			check(t, err)
		}
		order := make(chan int)
		for _, i := range []int{3, 1, 2, 0} {
			go func() {
				if err := d.Wait(marks[i]); err != nil {
					t.Error(err)
				}
				order <- i
			}()
			synctest.Wait()
		}
		for _, want := range []int{3, 0, 1, 2} { // 3 came first, when nobody else was there
			if got := <-order; got != want {
				t.Errorf("mark %d was served, not %d", got, want)
			}
		}
		check(t, errors.Join(w.free(), d.Close()))
	})
}

// TestEventsAreUsedAgain: a long run makes no more events than it has marks at a time.
func TestEventsAreUsedAgain(t *testing.T) {
	d, f := faked(t)
	w := newBench(t, d, 10)
	for range 100 {
		m, err := w.there()
		check(t, err)
		check(t, d.Do(func(q *Queue) error { q.Follow(w.s, w.s); return nil }))
		check(t, d.Wait(m))
	}
	if f.calls["newEvent"] > 2 {
		t.Errorf("%d events were made", f.calls["newEvent"])
	}
	check(t, errors.Join(w.free(), d.Close()))
}

func TestMarksAreCountedOnClose(t *testing.T) {
	d, _ := faked(t)
	w := newBench(t, d, 10)
	if _, err := w.there(); err != nil {
		t.Fatal(err)
	}
	check(t, w.free())
	if err := d.Close(); err == nil || !strings.Contains(err.Error(), "1 that nobody waited for") {
		t.Errorf("%v", err)
	}
}

// TestCloseFreesWhatIsLeft: the device is as it was, whatever others forgot.
func TestCloseFreesWhatIsLeft(t *testing.T) {
	d, f := faked(t)
	w := newBench(t, d, 10)
	_, err := w.there()
	check(t, err)
	_, err = d.Load(nil)
	check(t, err)
	if err := d.Close(); err == nil {
		t.Error("no complaint")
	}
	for kind, n := range f.objects {
		if n != 0 {
			t.Errorf("%d of %s are left", n, kind)
		}
	}
}
