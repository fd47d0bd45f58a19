package fake_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"quern/gpu/fake"
)

// TestNothingHappensAtOnce: work waits until somebody waits for it, and the
// target of a download is garbage until then.
func TestNothingHappensAtOnce(t *testing.T) {
	h := kernels(t, "")
	h.device(0, bytes.Repeat([]byte{7}, 64))
	h.ok("event 0")
	h.ok("down 0 0 0 64")
	h.ok("record 0 0")
	if got := h.ok("get 0 0 4"); got != "dbdbdbdb" {
		t.Errorf("before: %s", got)
	}
	h.ok("esync 0")
	if got := h.ok("get 0 0 4"); got != "07070707" {
		t.Errorf("after: %s", got)
	}
	for range 100 { // asking makes progress, too
		h.ok("fill 0 0 9 64")
		h.ok("record 0 0")
		for n := 0; ; n++ {
			code, _ := h.do("equery 0")
			if code == 0 {
				break
			}
			if code != 600 || n > 1000 {
				t.Fatal("no progress", code)
			}
		}
	}
}

// TestStreamsInterleave: two streams without an event between them meet in both
// orders; with one they never do.
func TestStreamsInterleave(t *testing.T) {
	outcome := func(seed int, wait bool) byte {
		h := kernels(t, "seed="+strconv.Itoa(seed))
		h.ok("stream 1")
		h.ok("event 0")
		h.device(0, make([]byte, 16))
		h.ok("fill 0 0 1 16")
		h.ok("record 0 0")
		if wait {
			h.ok("wait 1 0")
		}
		h.ok("fill 1 0 2 16")
		h.ok("sync")
		return h.fetch(0, 16)[0]
	}
	seen := map[byte]bool{}
	for seed := range 12 {
		seen[outcome(seed, false)] = true
		if got := outcome(seed, true); got != 2 {
			t.Errorf("seed %d: the event was passed over: %d", seed, got)
		}
	}
	if len(seen) != 2 {
		t.Error("one order only:", seen)
	}
}

// TestMisuse: each misuse of the driver is told. Commands run on a host with
// buffer 0 on both sides; the last must answer code.
func TestMisuse(t *testing.T) {
	library := build(t, map[string][]byte{"kernels": kernelsPTX}, fake.None)
	for _, x := range []struct {
		commands string
		code     int
		want     string
	}{
		{"free 0; free 0", 1, "double free"},
		{"hfree 0; hfree 0", 1, "no live page-locked memory"},
		{"malloc 1 64; up 0 0 1 64", 1, "not page-locked"},
		{"malloc 1 64; down 0 1 0 64", 1, "not page-locked"},
		{"up 0 0 0 65", 1, "no live memory of the device"},
		{"down 0 0 0 65", 1, "no live memory of the device"},
		{"free 0; fill 0 0 1 4", 1, "no live memory of the device"},
		{"up 0 0 0 64; put 0 3 ff; ssync 0", 0, "was changed before it was done"},
		{"sdestroy 0; up 0 0 0 64", 400, "stream that does not live"},
		{"event 0; edestroy 0; record 0 0", 400, "event that does not live"},
		{"current -1; fill 0 0 0 4", 201, "without a current context"},
		{"retain 1; current 1; fill 0 0 0 4", 400, "of another device"},
		{"retain 1; current 1; free 0", 1, "memory of device 0 on device 1"},
		{"launch -1 0 fake_sum 1 32 0 d0 d0 0", 400, "default stream"},
		{"release 0", 0, "leak: 64 bytes of device memory"},
		{"free 0; sdestroy 0; release 0", 0, "leak: 64 bytes of page-locked memory"},
		{"free 0; hfree 0; release 0", 0, "leak: a stream"},
		{"free 0; hfree 0; sdestroy 0; event 0; release 0", 0, "leak: an event"},
		{"release 0; release 0", 201, "not retained"},
		{"unload 0; launch 0 0 fake_sum 1 32 0 d0 d0 0", 400, ""},
		{"stub", 801, ""},
		{"alloc 1 2000000000", 2, ""},
	} {
		h := start(t, library, "devices=2")
		h.module(0, kernelsPTX)
		h.device(0, make([]byte, 64))
		code := 0
		for _, c := range strings.Split(x.commands, "; ") {
			code, _ = h.do("%s", c)
		}
		if r := h.report(); code != x.code || !strings.Contains(strings.Join(r.Misuse, "\n"), x.want) || (x.want == "") != (len(r.Misuse) == 0) {
			t.Errorf("%s: code %d, want %d and %q: %q", x.commands, code, x.code, x.want, r.Misuse)
		}
	}
}

// TestCleanEnd: who gives everything back leaves nothing, and the report file
// says so.
func TestCleanEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "report")
	h := kernels(t, "report="+path)
	h.device(0, make([]byte, 64))
	for _, c := range []string{"event 0", "record 0 0", "free 0", "hfree 0", "edestroy 0", "sdestroy 0", "unload 0", "release 0"} {
		h.ok("%s", c)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r := fake.ParseReport(string(text))
	for _, name := range []string{"live", "live_host", "live_stream", "live_event", "live_module", "leak", "misuse", "fault"} {
		if n, ok := r.Counts[name]; !ok || n != 0 {
			t.Errorf("%s is %d", name, n)
		}
	}
	if r.Counts["alloc"] != 1 || r.Counts["free"] != 1 {
		t.Errorf("counts: %v", r.Counts)
	}
}

// TestInjection: the call that was named fails with the error that was named,
// and what kills a device keeps it dead.
func TestInjection(t *testing.T) {
	library := build(t, map[string][]byte{"kernels": kernelsPTX}, fake.None)
	for _, x := range []struct {
		fail, commands string
		codes          []int
	}{
		{"alloc:2:oom", "alloc 1 8; alloc 2 8; alloc 3 8", []int{0, 2, 0}},
		{"hostalloc:1:oom", "halloc 1 8; halloc 1 8", []int{2, 0}},
		{"launch:1:launch", "launch 0 0 fake_sum 1 32 0 d0 d0 0; alloc 1 8; ssync 0", []int{719, 719, 719}},
		{"run-launch:1:ecc", "launch 0 0 fake_sum 1 32 0 d0 d0 0; alloc 1 8; ssync 0; alloc 2 8", []int{0, 0, 214, 214}},
		{"run-copy:2:lost", "up 0 0 0 64; up 0 0 0 64; ssync 0; free 0", []int{0, 0, 46, 46}},
		{"launch:1:lost", "launch 0 0 fake_sum 1 32 0 d0 d0 0; alloc 1 8", []int{46, 46}},
		{"sync:1:999", "ssync 0; ssync 0", []int{999, 999}},
		{"stream:1:oom", "stream 1; stream 1", []int{2, 0}},
		{"event:1:1", "event 1; event 1", []int{1, 0}},
		{"free:1:launch", "free 0; alloc 1 8", []int{719, 719}},
	} {
		h := start(t, library, "")
		h.module(0, kernelsPTX)
		h.device(0, make([]byte, 64))
		h.ok("control fail=%s", x.fail)
		var codes []int
		for _, c := range strings.Split(x.commands, "; ") {
			code, _ := h.do("%s", c)
			codes = append(codes, code)
		}
		if !slices.Equal(codes, x.codes) {
			t.Errorf("%s: %s: codes %v, want %v", x.fail, x.commands, codes, x.codes)
		}
		if h.report().Counts["injected"] != 1 {
			t.Errorf("%s: not injected once", x.fail)
		}
	}
}

// TestALostDeviceCanBeGivenBack: frees on a dead context answer its error, but
// do free; after the release a new context works.
func TestALostDeviceCanBeGivenBack(t *testing.T) {
	h := kernels(t, "fail=run-fill:1:lost")
	h.device(0, make([]byte, 64))
	h.ok("fill 0 0 1 64")
	h.fails(46, "sync")
	for _, c := range []string{"free 0", "hfree 0", "sdestroy 0", "unload 0"} {
		h.fails(46, "%s", c)
	}
	h.ok("release 0")
	if r := h.report(); r.Counts["leak"] != 0 || r.Counts["misuse"] != 0 {
		t.Error(r.text)
	}
	h.ok("retain 0")
	h.ok("current 0")
	h.ok("stream 0")
	h.device(0, bytes.Repeat([]byte{3}, 16))
	if got := h.fetch(0, 16); got[5] != 3 {
		t.Error(got)
	}
}

// TestUnknownModule: text that was not translated is refused.
func TestUnknownModule(t *testing.T) {
	h := kernels(t, "")
	path := filepath.Join(t.TempDir(), "x.ptx")
	if err := os.WriteFile(path, append(kernelsPTX, ' '), 0o666); err != nil {
		t.Fatal(err)
	}
	h.fails(218, "load 1 %s", path)
}

// TestBuild: equal input is one library, made once; processes and goroutines may
// build at the same time; bad PTX is an error that names it.
func TestBuild(t *testing.T) {
	dir := t.TempDir()
	o := fake.Options{PTX: map[string][]byte{"a": kernelsPTX}}
	var wait sync.WaitGroup
	got := make([]string, 3)
	for i := range got {
		wait.Go(func() {
			library, err := fake.Build(dir, o)
			if err != nil {
				t.Error(err)
			}
			got[i] = library
		})
	}
	wait.Wait()
	if got[0] == "" || got[0] != got[1] || got[1] != got[2] {
		t.Error(got)
	}
	before, _ := os.Stat(got[0])
	again, err := fake.Build(dir, o)
	after, _ := os.Stat(got[0])
	if err != nil || again != got[0] || !before.ModTime().Equal(after.ModTime()) {
		t.Error("built twice", err)
	}
	bad := bytes.Replace(kernelsPTX, []byte("add.s64"), []byte("fly.s64"), 1)
	if _, err := fake.Build(dir, fake.Options{PTX: map[string][]byte{"b": bad}}); err == nil || !strings.Contains(err.Error(), "b: ptx line") {
		t.Error(err)
	}
	if _, err := fake.Build(dir, fake.Options{Compiler: "no-such-compiler"}); !strings.Contains(fmt.Sprint(err), fake.ErrNoCompiler.Error()) {
		t.Error(err)
	}
}
