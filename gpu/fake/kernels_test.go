package fake_test

import (
	"bytes"
	_ "embed"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"quern/gpu/fake"
)

//go:embed testdata/kernels.ptx
var kernelsPTX []byte

// kernels starts a host that has the kernels of testdata as module 0.
func kernels(t *testing.T, settings string) *host {
	t.Helper()
	h := start(t, build(t, map[string][]byte{"kernels": kernelsPTX}, fake.Undefined), settings)
	h.module(0, kernelsPTX)
	return h
}

func le64(v ...uint64) (b []byte) {
	for _, x := range v {
		b = binary.LittleEndian.AppendUint64(b, x)
	}
	return b
}

func le32(v ...uint32) (b []byte) {
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, x)
	}
	return b
}

// TestKernels runs each kernel under several seeds, twice each, and holds the
// result against plain Go.
func TestKernels(t *testing.T) {
	for seed := range 4 {
		h := kernels(t, fmt.Sprintf("seed=%d,replay=100,replay_skip=fake_insert,uninit=1", seed))
		r := rand.New(rand.NewPCG(7, uint64(seed)))
		testSum(h, r)
		testWarp(h, r)
		testHistogram(h, r)
		testInsert(h, r)
		testTables(h)
		h.device(20, le32(0))
		h.device(21, make([]byte, 4*64))
		h.ok("launch 0 0 fake_turns 1 64 0 d20 d21")
		if got := h.fetch(21, 4*64); binary.LittleEndian.Uint32(got[4*63:]) != 64 || binary.LittleEndian.Uint32(h.fetch(20, 4)) != 64 {
			t.Errorf("turns: %x", got)
		}
		if r := h.report(); r.Counts["fault"] != 0 || r.Counts["misuse"] != 0 || r.Counts["replay"] != 6 || r.Counts["replay_skipped"] != 1 {
			t.Errorf("seed %d:\n%s", seed, r.text)
		}
	}
}

func testSum(h *host, r *rand.Rand) {
	for i, n := range []int{1000, 1} {
		var x []uint64
		var sum uint64
		for range n {
			x = append(x, r.Uint64())
			sum += x[len(x)-1]
		}
		h.device(2*i, le64(x...))
		h.device(2*i+1, le64(5))
		h.ok("launch 0 0 fake_sum 3 256 0 d%d d%d %d", 2*i, 2*i+1, n)
		if got := h.fetch(2*i+1, 8); !bytes.Equal(got, le64(sum+5)) {
			h.t.Errorf("sum of %d: %x, want %x", n, got, sum+5)
		}
	}
}

func testWarp(h *host, r *rand.Rand) {
	x := make([]uint32, 128)
	for i := range x {
		x[i] = uint32(r.IntN(256))
	}
	var want []uint32
	odd, seven, small := uint32(0), uint32(0), uint32(1)
	for _, v := range x[:64] { // both blocks must have the same counts: see below
		odd += v & 1
	}
	copy(x[64:], x[:64])
	for _, v := range x {
		seven |= uint32(truth(v == 7))
		small &= uint32(truth(v < 255))
	}
	for i, v := range x {
		want = append(want, warp(x[i&^31:i&^31+32], i&31, v)...)
		want = append(want, 1, odd+1000*seven+2000*small)
	}
	h.device(4, le32(x...))
	h.device(5, make([]byte, 4*len(want)))
	h.ok("launch 0 0 fake_warp 2 64 0 d4 d5")
	if got := h.fetch(5, 4*len(want)); !bytes.Equal(got, le32(want...)) {
		for i, w := range want {
			if g := binary.LittleEndian.Uint32(got[4*i:]); g != w {
				h.t.Errorf("warp: thread %d, result %d: %x, want %x", i/12, i%12, g, w)
			}
		}
	}
}

// warp returns results 0 to 9 of fake_warp for one lane.
func warp(x []uint32, lane int, v uint32) []uint32 {
	var o [10]uint32
	all := true
	o[6] = 1
	for j, u := range x {
		bit := uint32(1) << j
		o[0] += u
		if j <= lane {
			o[1] += u
		}
		o[2] |= u & 1 << j
		o[3] |= uint32(truth(u > 200))
		all = all && u < 100
		if u&7 == v&7 {
			o[4] |= bit
		}
		o[6] &= uint32(truth(u&0x80 == v&0x80))
		if u&1 == v&1 && (v&1 == 1 && u&2 != 0 || v&1 == 0 && u&4 != 0) {
			o[9] |= bit
		}
	}
	o[3] += 2 * uint32(truth(all))
	o[5] = -o[6]
	o[7] = x[lane&^7|int(v&7)]
	o[8] = v
	if lane&15+3 < 16 {
		o[8] = x[lane+3]
	}
	return o[:]
}

func testHistogram(h *host, r *rand.Rand) {
	x, want := make([]byte, 5000), make([]uint32, 256)
	for i := range x {
		x[i] = byte(r.IntN(200))
		want[x[i]]++
	}
	h.device(6, x)
	h.device(7, make([]byte, 1024))
	h.ok("launch 0 0 fake_histogram 2 256 0 d6 d7 %d", len(x))
	if got := h.fetch(7, 1024); !bytes.Equal(got, le32(want...)) {
		h.t.Errorf("histogram: %x", got)
	}
}

func testInsert(h *host, r *rand.Rand) {
	const slots = 512
	x, want := make([]uint64, 3000), map[uint64]uint64{}
	for i := range x {
		x[i] = uint64(r.IntN(400))
		want[x[i]]++
	}
	h.device(8, le64(x...))
	h.device(9, bytes.Repeat([]byte{0xff}, 8*slots))
	h.device(10, make([]byte, 8*slots))
	h.ok("launch 0 0 fake_insert 3 256 0 d8 d9 d10 %d %d", len(x), slots-1)
	keys, counts := h.fetch(9, 8*slots), h.fetch(10, 8*slots)
	for i := range slots {
		k := binary.LittleEndian.Uint64(keys[8*i:])
		if k == 1<<64-1 {
			continue
		}
		if c := binary.LittleEndian.Uint64(counts[8*i:]); c != want[k] {
			h.t.Errorf("insert: key %d has %d, want %d", k, c, want[k])
		}
		delete(want, k)
	}
	if len(want) != 0 {
		h.t.Errorf("insert: keys are missing: %v", want)
	}
}

func testTables(h *host) {
	const n = 64
	h.device(11, make([]byte, 8*n))
	h.device(12, make([]byte, 4*n+4))
	h.ok("launch 0 0 fake_tables 1 %d %d d11 d12", n, 8*n)
	table, primes := []float64{0.5, -1.25, 3, 1e300}, []uint32{2, 3, 5, 7, 11}
	var y []uint64
	var z []uint32
	for t := range n {
		y, z = append(y, b64(table[(n-1-t)&3])), append(z, primes[t%5])
	}
	if got := h.fetch(11, 8*n); !bytes.Equal(got, le64(y...)) {
		h.t.Errorf("constant table: %x", got)
	}
	if got := h.fetch(12, 4*n+4); !bytes.Equal(got, le32(append(z, 42)...)) {
		h.t.Errorf("global table: %x", got)
	}
}

// plant returns the kernels with one change that must be in the text.
func plant(t *testing.T, from, to string) []byte {
	t.Helper()
	if !strings.Contains(string(kernelsPTX), from) {
		t.Fatalf("the kernels have no %q", from)
	}
	return []byte(strings.Replace(string(kernelsPTX), from, to, 1))
}

// TestSeedsDiffer: another seed is another order, the same seed the same one.
func TestSeedsDiffer(t *testing.T) {
	order := func(seed int) string {
		h := kernels(t, fmt.Sprintf("seed=%d", seed))
		h.device(0, le64(1, 2, 3, 4, 5, 6, 7, 8, 9, 10))
		h.device(1, bytes.Repeat([]byte{0xff}, 8*16))
		h.device(2, make([]byte, 8*16))
		h.ok("launch 0 0 fake_insert 1 32 0 d0 d1 d2 10 15")
		return string(h.fetch(1, 8*16))
	}
	seen := map[string]bool{}
	for seed := range 8 {
		seen[order(seed)] = true
	}
	if len(seen) < 2 {
		t.Error("eight seeds give one order")
	}
	if first, again := order(3), order(3); first != again {
		t.Error("one seed gives two orders")
	}
}
