package cuda

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"
)

// storePTX holds the kernel of these tests: *(int64*)a = b + c.
const storePTX = `.version 7.0
.target sm_75
.address_size 64
.visible .entry quern_test_store(.param .u64 p0, .param .u64 p1, .param .u64 p2)
{
	.reg .b64 %rd<6>;
	ld.param.u64 %rd1, [p0];
	ld.param.u64 %rd2, [p1];
	ld.param.u64 %rd3, [p2];
	cvta.to.global.u64 %rd4, %rd1;
	add.s64 %rd5, %rd2, %rd3;
	st.global.u64 [%rd4], %rd5;
	ret;
}
`

// must fails the test if err is not nil, and returns x.
func must[T any](t testing.TB, x T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// check fails the test if err is not nil.
func check(t testing.TB, err error) {
	t.Helper()
	must(t, 0, err)
}

// panics returns what f panics with.
func panics(f func()) (text string) {
	defer func() { text = fmt.Sprint(recover()) }()
	f()
	return ""
}

// closes closes the device at the end, which must find nothing that is left.
func closes(t *testing.T, d *Device) *Device {
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// faked is a device over a fake driver.
func faked(t testing.TB) (*Device, *fakeDriver) {
	t.Helper()
	f := newFake()
	d, err := newDevice(f, Info{Name: "fake"})
	return must(t, d, err), f
}

// bench is what most tests work with: one stream, one buffer, pinned memory in and out.
type bench struct {
	d       *Device
	s       *Stream
	b       Buffer
	in, out *Pinned
}

func newBench(t testing.TB, d *Device, bytes int) *bench {
	t.Helper()
	w := &bench{d: d}
	var err error
	w.s, err = d.NewStream()
	check(t, err)
	w.b, err = d.Alloc(bytes)
	check(t, err)
	w.in, err = d.AllocHost(bytes)
	check(t, err)
	w.out, err = d.AllocHost(bytes)
	check(t, err)
	return w
}

func (w *bench) free() error {
	return errors.Join(w.d.Free(w.b), w.in.Free(), w.out.Free(), w.s.Close())
}

// there copies everything to the device and back, and returns a mark for that.
func (w *bench) there() (m Mark, err error) {
	err = w.d.Do(func(q *Queue) error {
		q.Upload(w.s, w.b, 0, w.in, 0, w.b.Size)
		q.Download(w.s, w.out, 0, w.b, 0, w.b.Size)
		m = q.Record(w.s)
		return nil
	})
	return m, err
}

func TestCopiesFillsAndKernels(t *testing.T) {
	d := closes(t, opened(t))
	const n = 1000
	w := newBench(t, d, n)
	defer func() { check(t, w.free()) }()
	other, err := d.Alloc(n)
	check(t, err)
	m, err := d.Load([]byte(storePTX))
	check(t, err)
	k, err := m.Kernel("quern_test_store")
	check(t, err)
	for i := range w.in.Bytes() {
		w.in.Bytes()[i] = byte(i)
	}
	var done Mark
	check(t, d.Do(func(q *Queue) error {
		q.Fill(w.s, w.b, 0, n, 0xEE)
		q.Upload(w.s, w.b, 100, w.in, 50, 200)
		q.Upload(w.s, w.b, 0, w.in, 0, 0)
		q.Fill(w.s, w.b, 150, 10, 7)
		q.Launch(w.s, k, 1, 1, w.b.Addr+504, 1<<63, 41)
		q.Copy(w.s, other, 0, w.b, 0, n)
		q.Download(w.s, w.out, 8, other, 8, n-8)
		done = q.Record(w.s)
		return nil
	}))
	check(t, d.Wait(done))
	want := bytes.Repeat([]byte{0xEE}, n)
	for i := range 200 {
		want[100+i] = byte(50 + i)
	}
	copy(want[150:], bytes.Repeat([]byte{7}, 10))
	binary.LittleEndian.PutUint64(want[504:], 1<<63+41)
	if got := w.out.Bytes(); !bytes.Equal(got[8:], want[8:]) {
		t.Errorf("got %x\nwant %x", got[8:], want[8:])
	}
	if free, err := d.Available(); err != nil || free <= 0 {
		t.Errorf("%d bytes available: %v", free, err)
	}
	check(t, m.Unload())
	check(t, d.Free(other))
}

func TestKernelsThatAreNotThere(t *testing.T) {
	d := closes(t, opened(t))
	m, err := d.Load([]byte(storePTX))
	check(t, err)
	if _, err := m.Kernel("quern_none"); err == nil || errors.Is(err, ErrLaunch) {
		t.Errorf("a kernel that is not there: %v", err)
	}
	check(t, m.Unload())
}

// TestManyGoroutines: sessions that share a device do not disturb each other.
func TestManyGoroutines(t *testing.T) {
	d := closes(t, opened(t))
	var all sync.WaitGroup
	for seed := range uint64(8) {
		w := newBench(t, d, 5000)
		all.Go(func() {
			random := rand.New(rand.NewPCG(seed, 1))
			for range 30 {
				for i := range w.in.Bytes() {
					w.in.Bytes()[i] = byte(random.Uint32())
				}
				m, err := w.there()
				if err == nil {
					err = d.Wait(m)
				}
				if err != nil || !bytes.Equal(w.in.Bytes(), w.out.Bytes()) {
					t.Errorf("session %d: wrong bytes, or %v", seed, err)
				}
			}
			if err := w.free(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// TestStreamsFollow: a second stream that follows sees what the first one wrote.
func TestStreamsFollow(t *testing.T) {
	d := closes(t, opened(t))
	w := newBench(t, d, 1<<20)
	down, err := d.NewStream()
	check(t, err)
	for round := range 20 {
		for i := range w.in.Bytes() {
			w.in.Bytes()[i] = byte(i + round)
		}
		var done Mark
		check(t, d.Do(func(q *Queue) error {
			q.Upload(w.s, w.b, 0, w.in, 0, 1<<20)
			q.Follow(down, w.s)
			q.Fill(w.s, w.b, 0, 0, 1)
			q.Download(down, w.out, 0, w.b, 0, 1<<20)
			q.Follow(w.s, down)
			done = q.Record(down)
			return nil
		}))
		check(t, d.Wait(done))
		if !bytes.Equal(w.in.Bytes(), w.out.Bytes()) {
			t.Fatalf("round %d: other bytes came back", round)
		}
	}
	check(t, errors.Join(w.free(), down.Close()))
}

func TestElapsed(t *testing.T) {
	d := closes(t, opened(t))
	w := newBench(t, d, 1<<20)
	var from, to Mark
	check(t, d.Do(func(q *Queue) error {
		from = q.Time(w.s)
		q.Upload(w.s, w.b, 0, w.in, 0, 1<<20)
		to = q.Time(w.s)
		return nil
	}))
	if took, err := d.Elapsed(from, to); err != nil || took < 0 || took > time.Minute {
		t.Errorf("%v, %v", took, err)
	}
	check(t, w.free())
}

// TestBuffersAreWhole: addresses are multiples of 256, and no two buffers share a block of as many bytes.
func TestBuffersAreWhole(t *testing.T) {
	d := closes(t, opened(t))
	taken := map[uint64]bool{}
	for _, n := range []int{0, 1, 255, 256, 257, 1 << 16} {
		b, err := d.Alloc(n)
		check(t, err)
		if b.Addr%granule != 0 || b.Size != n {
			t.Errorf("Alloc(%d): %+v", n, b)
		}
		for a := b.Addr; a < b.Addr+uint64(max(n, 1)); a += granule {
			if taken[a] {
				t.Errorf("%d is taken twice", a)
			}
			taken[a] = true
		}
		defer func() { check(t, d.Free(b)) }()
	}
}

func TestMisusePanics(t *testing.T) {
	d := closes(t, opened(t))
	w := newBench(t, d, 100)
	m, err := w.there()
	check(t, err)
	check(t, d.Wait(m))
	again, err := w.there() // on the event that m had
	check(t, err)
	stranger, _ := faked(t)
	s, err := stranger.NewStream()
	check(t, err)
	var kept *Queue
	check(t, d.Do(func(q *Queue) error { kept = q; return nil }))
	// What panics inside of Do would end the process: these queues are made by hand.
	q := &Queue{device: d}
	for name, f := range map[string]func(){
		"wait twice":      func() { _ = d.Wait(m) },
		"no mark":         func() { _ = d.Wait(Mark{}) },
		"negative":        func() { _, _ = d.Alloc(-1) },
		"past the end":    func() { q.Upload(w.s, w.b, 1, w.in, 0, 100) },
		"past the source": func() { q.Download(w.s, w.out, 0, w.b, 50, 51) },
		"before":          func() { q.Fill(w.s, w.b, -1, 1, 0) },
		"slice":           func() { w.b.At(100, 1) },
		"other device":    func() { q.Fill(s, w.b, 0, 1, 0) },
		"no blocks":       func() { q.Launch(w.s, Kernel{device: d}, 0, 1) },
		"no kernel":       func() { q.Launch(w.s, Kernel{}, 1, 1) },
		"kept queue":      func() { kept.Fill(w.s, w.b, 0, 1, 0) },
		"free twice":      func() { _ = d.Free(Buffer{w.b.Addr + 8, 1}) },
	} {
		if text := panics(f); !strings.Contains(text, "quern: bug: gpu/cuda") {
			t.Errorf("%s: %q", name, text)
		}
	}
	check(t, errors.Join(d.Wait(again), w.free(), s.Close(), stranger.Close()))
	if text := panics(func() { _, _ = stranger.NewStream() }); !strings.Contains(text, "closed device") {
		t.Errorf("closed: %q", text)
	}
}

func TestCloseNamesLeaks(t *testing.T) {
	d := opened(t)
	w := newBench(t, d, 100)
	check(t, errors.Join(w.in.Free(), w.s.Close()))
	err := d.Close()
	for _, want := range []string{"quern: bug", "before 2 of", "device buffer of 256 bytes", "page-locked memory of 100 bytes", "device_test.go:"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: does not say %q", err, want)
		}
	}
	check(t, d.Close())
}

// BenchmarkDo is what a batch pays for going through the device's goroutines.
func BenchmarkDo(b *testing.B) {
	d := opened(b)
	w := newBench(b, d, 4096)
	for b.Loop() {
		m, err := w.there()
		if err == nil {
			err = d.Wait(m)
		}
		check(b, err)
	}
	check(b, errors.Join(w.free(), d.Close()))
}
