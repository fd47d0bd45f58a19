package parquet

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"
)

// unframed decodes a frame, and checks that the decoder takes it for one of size bytes.
func unframed(t rapid.TB, frame []byte, size int) []byte {
	t.Helper()
	var head zstd.Header
	if err := head.Decode(frame); err != nil || !head.HasFCS || head.FrameContentSize != uint64(size) || !head.SingleSegment {
		t.Fatalf("head %+v, %v", head, err)
	}
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	out, err := d.DecodeAll(frame, nil)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestStoredFrames(t *testing.T) {
	for _, n := range []int{0, 1, 255, 256, maxBlock - 1, maxBlock, maxBlock + 1, 3*maxBlock + 5} {
		src := make([]byte, n)
		rand.NewChaCha8([32]byte{byte(n)}).Read(src)
		if got := unframed(t, appendStored(nil, src), n); !bytes.Equal(got, src) {
			t.Errorf("%d bytes come back as %d others", n, len(got))
		}
	}
}

func checkAscending(t rapid.TB, keys []uint64) int {
	t.Helper()
	var want []byte
	for _, key := range keys {
		want = binary.LittleEndian.AppendUint64(want, key)
	}
	frame := appendAscending([]byte("before"), keys)
	if !bytes.Equal(frame[:6], []byte("before")) {
		t.Fatal("what was there is overwritten")
	}
	if got := unframed(t, frame[6:], len(want)); !bytes.Equal(got, want) {
		t.Fatalf("%d keys come back as %d other bytes", len(keys), len(got))
	}
	return len(frame) - 6
}

// ascend returns n keys from low on whose differences are 1 to most.
func ascend(r *rand.Rand, low int64, n int, most int64) []uint64 {
	keys := make([]uint64, n)
	for i := range keys {
		keys[i] = uint64(low)
		low += 1 + r.Int64N(most)
	}
	return keys
}

func TestAscendingFrames(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	for _, c := range []struct {
		low  int64
		n    int
		most int64
		size int // at most
	}{
		{0, 64, 1, 120},
		{0, 65536, 1, 73000},       // every block is dense
		{0, 40000, 2, 48000},       // a byte each, and heads
		{1 << 40, 40000, 9, 81000}, // two bytes each
		{-300000, 40000, 16, 81000},
		{math.MinInt64, 1000, 1 << 50, 11100}, // nothing is shared
		{254, 300, 1, 480},
		{65530, 100, 1, 250},
		{0, 2*maxBlock/8 + 3, 3, 90000},
	} {
		if size := checkAscending(t, ascend(r, c.low, c.n, c.most)); size > c.size {
			t.Errorf("%d keys from %d with steps of up to %d take %d bytes, want at most %d", c.n, c.low, c.most, size, c.size)
		}
	}
}

// Dense and sparse stretches follow each other in every way, at every border.
func TestAscendingFramesOfAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var keys []uint64
		at := rapid.Int64Range(-1<<40, 1<<40).Draw(t, "low")
		for range rapid.IntRange(1, 12).Draw(t, "stretches") {
			step := rapid.SampledFrom([]int64{1, 1, 2, 100, 300, 70000, 1 << 33}).Draw(t, "step")
			for range rapid.IntRange(1, 600).Draw(t, "n") {
				keys = append(keys, uint64(at))
				at += step
			}
		}
		checkAscending(t, keys)
	})
}

// Whatever the keys are, the frame says them.
func TestAscendingFramesOfKeysThatDoNot(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 5))
	keys := ascend(r, 0, 5000, 40)
	slices.Reverse(keys)
	checkAscending(t, keys)
	r.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	checkAscending(t, keys)
	for i := range keys {
		keys[i] = 7
	}
	checkAscending(t, keys)
}
