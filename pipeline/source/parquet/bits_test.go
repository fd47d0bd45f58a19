package parquet

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"quern/features/column"
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

func TestIndexes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 10))
	for width := range 32 {
		for _, n := range []int{0, 1, 2, 7, 8, 9, 31, 33, 63, 65, 257, 1025} {
			values := make([]int32, n)
			for i := range values {
				if values[i] = int32(r.Uint32() & (1<<width - 1)); i > 0 && r.IntN(3) > 0 {
					values[i] = values[i-1]
				}
			}
			got := make([]int32, n)
			err := readIndexes(append([]byte{byte(width)}, encodeRuns(r, values, width)...), got, 1<<width)
			if err != nil || !slices.Equal(got, values) {
				t.Fatalf("%d indexes of %d bits: %v, got %v, want %v", n, width, err, got, values)
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

func TestSpread(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 12))
	for n := range 130 {
		start, null := r.IntN(70), int32(-1)
		valid := column.NewBitmap(start + n)
		values, indexes, want := make([]int32, n), make([]int32, n), make([]int32, n)
		ends, wantEnds, before := make([]uint32, n), make([]uint32, n), uint32(5)
		present, end := 0, before
		for i := range n {
			want[i] = null
			if r.IntN(3) > 0 {
				valid.Set(start + i)
				want[i], end = int32(present), end+uint32(i)
				values[present], indexes[present], ends[present] = int32(present), int32(present), end
				present++
			}
			wantEnds[i] = end
		}
		spread(values, valid, start, present)
		spreadIndexes(indexes, valid, start, present, null)
		spreadOffsets(ends, valid, start, present, before)
		for i := range n {
			if valid.Get(start+i) && values[i] != want[i] || indexes[i] != want[i] || ends[i] != wantEnds[i] {
				t.Fatalf("%d rows from %d, row %d: %d, %d, %d instead of %d, %d", n, start, i, values[i], indexes[i], ends[i], want[i], wantEnds[i])
			}
		}
	}
}
