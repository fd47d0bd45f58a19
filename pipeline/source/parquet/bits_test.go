package parquet

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"quern/features/column"
	"quern/internal/simd"
)

// packBits packs values of width bits, least significant bit first, bit by bit.
func packBits(values []int32, width int) []byte {
	packed := make([]byte, (len(values)*width+7)/8)
	for i, v := range values {
		for b := range width {
			packed[(i*width+b)/8] |= byte(uint32(v)>>b&1) << ((i*width + b) % 8)
		}
	}
	return packed
}

// encodeRuns writes values as runs of random kinds and lengths.
func encodeRuns(r *rand.Rand, values []int32, width int) (data []byte) {
	for len(values) > 0 {
		same := 1
		for same < len(values) && values[same] == values[0] {
			same++
		}
		if same > 2 && r.IntN(2) == 0 {
			data = binary.AppendUvarint(data, uint64(same)<<1)
			for b := 0; b < width; b += 8 {
				data = append(data, byte(uint32(values[0])>>b))
			}
			values = values[same:]
			continue
		}
		groups := 1 + r.IntN((len(values)+7)/8)
		n := min(groups*8, len(values))
		packed := packBits(values[:n], width)
		if r.IntN(2) == 0 || n < len(values) { // with the padding, or without at the end
			packed = append(packed, make([]byte, groups*width-len(packed))...)
		}
		data = append(binary.AppendUvarint(data, uint64(groups)<<1|1), packed...)
		values = values[n:]
	}
	return data
}

// allKernels returns every variant of the kernels that this processor runs.
func allKernels() (all []*simd.Kernels) {
	for level := simd.Generic; level <= simd.Highest(); level++ {
		all = append(all, simd.At(level))
	}
	return all
}

func TestIndexes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 10))
	for _, k := range allKernels() {
		b := newBlock(k)
		x := &b.indexes
		for width := range 33 {
			for _, n := range []int{0, 1, 2, 7, 8, 9, 31, 33, 63, 65, 257, 1025, 2*blockRows + 3} {
				values := make([]int32, n)
				for i := range values {
					if values[i] = int32(r.Uint64() & (1<<min(width, 31) - 1)); i > 0 && r.IntN(3) > 0 {
						values[i] = values[i-1]
					}
				}
				data := append([]byte{byte(width)}, encodeRuns(r, values, width)...)
				if r.IntN(2) == 0 {
					data = slices.Clip(data) // no padding
				} else {
					data = slices.Grow(data, padding)
				}
				got, entries := make([]int32, n), 1<<width
				if r.IntN(2) == 0 && n > 0 { // so that the width does not vouch for them
					entries = int(slices.Max(values)) + 1
				}
				err := x.begin(data, n, entries)
				if err == nil {
					err = x.read(got)
				}
				if err != nil || !slices.Equal(got, values) {
					t.Fatalf("%v: %d indexes of %d bits: %v, got %v, want %v", k.Level(), n, width, err, got, values)
				}
				got = got[:0]
				for err = x.begin(data, n, entries); err == nil && len(got) < n; {
					some := min(n-len(got), r.IntN(blockRows+1))
					if err = x.fill(some); err == nil {
						got = append(got, x.dense[:some]...)
						x.drop(some)
					}
				}
				if err != nil || !slices.Equal(got, values) {
					t.Fatalf("%v: %d indexes of %d bits in parts: %v, got %v, want %v", k.Level(), n, width, err, got, values)
				}
			}
		}
	}
}

func TestIndexesOutOfRange(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 13))
	for _, k := range allKernels() {
		b := newBlock(k)
		x := &b.indexes
		for _, n := range []int{1, 8, 63, 1025} {
			for _, c := range []struct {
				width   int
				highest uint32
				entries int
				bad     bool
			}{{3, 7, 8, false}, {3, 6, 7, false}, {3, 7, 7, true}, {1, 0, 0, true}, {0, 0, 0, true}, {0, 0, 1, false},
				{32, 1 << 31, 1 << 31, true}, {32, 1<<32 - 1, 1<<31 - 1, true}, {31, 1<<31 - 1, 1 << 31, false}} {
				values := make([]int32, n)
				values[r.IntN(n)] = int32(c.highest)
				data := append([]byte{byte(c.width)}, encodeRuns(r, values, c.width)...)
				err := x.begin(data, n, c.entries)
				if err == nil {
					err = x.read(make([]int32, n))
				}
				if bad := err != nil; bad != c.bad {
					t.Errorf("%v: read %d indexes, %+v: %v", k.Level(), n, c, err)
				}
				if err = x.begin(data, n, c.entries); err == nil {
					err = x.fill(n)
				}
				if bad := err != nil; bad != c.bad {
					t.Errorf("%v: fill %d indexes, %+v: %v", k.Level(), n, c, err)
				}
			}
		}
	}
}

func TestLevels(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 11))
	for _, n := range []int{0, 1, 2, 31, 32, 33, 63, 64, 65, 127, 128, 129, 1023, 1025} {
		for start := range 67 {
			levels, want := make([]int32, n), column.NewBitmap(start+n)
			present := 0
			for i := range levels {
				if levels[i] = int32(r.IntN(2)); i > 0 && r.IntN(4) > 0 {
					levels[i] = levels[i-1]
				}
				if levels[i] == 1 {
					want.Set(start + i)
					present++
				}
			}
			got := column.NewBitmap(start + n)
			set, err := readLevels(encodeRuns(r, levels, 1), got, start, n)
			if err != nil || set != present || !slices.Equal(got, want) {
				t.Fatalf("%d levels from bit %d: %v, %d set instead of %d", n, start, err, set, present)
			}
		}
	}
}
