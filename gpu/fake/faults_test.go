package fake_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"quern/gpu/fake"
)

// run is what a planted fault is found with: buffers and a launch.
type run struct {
	name     string
	from, to string // change of the PTX; "": none
	settings string
	launch   string // with buffers 0 to 3 of 2048 bytes, zeros
	code     int    // that the driver answers
	want     string // within the report
}

const launchSum = "fake_sum 2 256 0 d0 d1 256"

func runs() []run {
	return []run{
		{"as it is", "", "", "", launchSum, 0, ""},
		{"no barrier", "bar.sync \t0;", "", "races=1", launchSum, 719, "race on shared memory"},
		{"one place for all", "add.s64 \t%rd5, %rd14, %rd13;", "add.s64 %rd5, %rd14, 0; cvt.u64.u32 %rd25, %r2;", "", launchSum, 719, "has written (line"},
		{"no barrier, races unseen", "bar.sync \t0;", "", "races=0,replay=100,seed=2", launchSum, 719, "run again in another order"},
		{"barrier that some pass by", "bar.sync \t0;", "@%p1 bar.sync 0;", "races=0", "fake_sum 1 256 0 d0 d1 128", 719, "barrier divergence"},
		{"barrier after others have ended", "bar.sync \t0;", "@%p1 ret; bar.sync 0;", "", "fake_sum 1 256 0 d0 d1 128", 719, "barrier divergence"},
		{"out of bounds", "", "", "", "fake_sum 1 256 0 d0 d1 257", 700, "read of 8 bytes"},
		{"out of bounds by far", "", "", "", "fake_sum 1 256 0 4096 d1 256", 700, "no allocation is near"},
		{"misaligned", "", "", "", "fake_sum 1 256 0 d0+4 d1 16", 716, "misaligned read of 8 bytes"},
		{"atomic out of bounds", "", "", "", "fake_sum 1 256 0 d0 d1+2048 16", 700, "write of 8 bytes"},
		{"shared out of bounds", "[_ZZ8fake_sumE1s];", "[_ZZ8fake_sumE1s+2048];", "", launchSum, 700, "out of the bounds of any variable"},
		{"shared misaligned", "[_ZZ8fake_sumE1s];", "[_ZZ8fake_sumE1s+4];", "", launchSum, 716, "misaligned access of 8 bytes to shared"},
		{"lane that does not come", "shfl.sync.bfly.b32 \t%r16|%p1", "mov.u32 %r16, %tid.x; setp.ne.u32 %p1, %r16, 3; @%p1 shfl.sync.bfly.b32 %r16|%p1", "", "fake_warp 1 32 0 d0 d1", 719, "threads wait for each other"},
		{"lane out of its mask", "vote.sync.ballot.b32 \t%r47, %p16, %r15;", "vote.sync.ballot.b32 \t%r47, %p16, 1;", "", "fake_warp 1 32 0 d0 d1", 719, "is not in its own mask"},
		{"half a warp", "", "", "", "fake_warp 1 16 0 d0 d1", 719, "does not exist"},
		{"shuffle from a lane out of the mask", "shfl.sync.bfly.b32 \t%r16|%p1, %r1, %r14, %r13, %r15;",
			"and.b32 %r16, %r1, 0; shfl.sync.down.b32 %r16|%p1, %r1, 1, 31, 0x7fffffff;", "", "fake_warp 1 31 0 d0 d1", 719, "which is not in the mask"},
		{"one value for two orders", "red.shared.add.u32 \t[%rd11], 1;", "st.shared.u32 [%rd11], %r2;", "races=0,replay=100", "fake_histogram 1 256 0 d0 d1 2048", 719, "run again in another order"},
		{"constant load of what is written", "atom.global.cas.b64", "st.global.u64 [%rd20], 3; ld.global.nc.u64 %rd6, [%rd20]; atom.global.cas.b64", "", "fake_insert 1 32 0 d0 d1 d2 1 255", 719, "ld.global.nc of memory"},
		{"no free slot", "", "", "limit=100K", "fake_insert 1 32 0 d0 d1 d2 32 0", 702, "does not end"},
		{"trap", "bar.sync \t0;", "trap; bar.sync 0;", "", launchSum, 719, "trap"},
		{"division by zero", "bar.sync \t0;", "{ .reg .b32 %o; mov.u32 %o, %ctaid.y; div.u32 %o, %o, %o; } bar.sync 0;", "", launchSum, 719, "division by zero"},
		{"too many threads", "", "", "", "fake_sum 1 512 0 d0 d1 256", 701, ""},
	}
}

// TestPlantedFaults: each fault of a kernel is found, and named.
func TestPlantedFaults(t *testing.T) {
	modules := map[string][]byte{}
	text := func(x run) []byte {
		if x.from == "" {
			return kernelsPTX
		}
		return plant(t, x.from, x.to)
	}
	for _, x := range runs() {
		modules[x.name] = text(x)
	}
	library := build(t, modules, fake.None)
	for _, x := range runs() {
		h := start(t, library, x.settings)
		h.module(0, text(x))
		for i := range 4 {
			h.device(i, make([]byte, 2048))
		}
		if strings.HasPrefix(x.launch, "fake_insert") && x.code == 702 {
			h.ok("put 1 0 %x", bytes.Repeat([]byte{1}, 8))
			h.ok("up 0 1 1 8")
		}
		code, _ := h.do("launch 0 0 %s", x.launch)
		if code == 0 {
			code, _ = h.do("ssync 0")
		}
		r := h.report()
		if code != x.code || !strings.Contains(r.text, x.want) {
			t.Errorf("%s: code %d, want %d and %q\n%s", x.name, code, x.code, x.want, strings.Join(r.Faults, "\n"))
		}
		if x.want != "" && (len(r.Faults) != 1 || !strings.Contains(r.Faults[0], "kernel fake_")) {
			t.Errorf("%s: faults %q", x.name, r.Faults)
		}
		if code >= 700 && code != 701 { // the context is dead
			h.fails(code, "launch 0 0 %s", x.launch)
			h.fails(code, "sync")
			h.fails(code, "free 0")
		}
	}
}

// TestUseAfterFree: a kernel that touches freed memory is told apart.
func TestUseAfterFree(t *testing.T) {
	h := kernels(t, "")
	h.device(0, make([]byte, 2048))
	h.device(1, make([]byte, 8))
	h.ok("free 0")
	h.ok("launch 0 0 fake_sum 1 256 0 d0 d1 256")
	h.fails(700, "ssync 0")
	if r := h.report(); !strings.Contains(r.text, "use after free") {
		t.Error(r.text)
	}
}

// TestUninitialised: fresh memory is garbage, and strict mode refuses it.
func TestUninitialised(t *testing.T) {
	for _, settings := range []string{"uninit=1", "replay=100"} {
		h := kernels(t, settings)
		h.device(1, le64(0))
		h.ok("alloc 0 2048")
		h.ok("launch 0 0 fake_sum 1 256 0 d0 d1 256")
		h.fails(719, "ssync 0")
		want := map[string]string{"uninit=1": "nobody has written", "replay=100": "run again in another order"}[settings]
		if r := h.report(); !strings.Contains(r.text, want) {
			t.Error(r.text)
		}
	}
}

// TestSomeSeedFinds: faults that need a certain order show under some seed, and
// the right kernel under none.
func TestSomeSeedFinds(t *testing.T) {
	lost := plant(t, "red.global.add.u64 \t[%rd22], %rd21;",
		"ld.volatile.global.u64 %rd13, [%rd22]; add.s64 %rd13, %rd13, %rd21; atom.global.exch.b64 %rd13, [%rd22], %rd13;")
	odd := plant(t, "ld.global.nc.u64 \t%rd", "{ .reg .b64 %o; .reg .b32 %l; mov.u32 %l, %laneid; shr.u32 %l, %l, 4; cvt.u64.u32 %o, %l; add.s64 %rd11, %rd11, %o; } ld.global.nc.u64 \t%rd")
	library := build(t, map[string][]byte{"right": kernelsPTX, "lost": lost, "odd": odd}, fake.None)
	for _, x := range []struct {
		text      []byte
		code      int
		low, high int // how many of the seeds
	}{{kernelsPTX, 0, 24, 24}, {lost, 719, 1, 24}, {odd, 716, 24, 24}} {
		found := 0
		for seed := range 24 {
			h := start(t, library, fmt.Sprintf("replay=100,seed=%d", seed))
			h.module(0, x.text)
			h.device(0, bytes.Repeat([]byte{1}, 2048))
			h.device(1, make([]byte, 8))
			h.ok("launch 0 0 fake_sum 4 64 0 d0 d1 240")
			if code, _ := h.do("ssync 0"); code == x.code {
				found++
			}
		}
		if found < x.low || found > x.high {
			t.Errorf("code %d under %d of 24 seeds", x.code, found)
		}
	}
}
