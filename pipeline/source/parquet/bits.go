package parquet

import (
	"encoding/binary"
	"math/bits"

	"quern/features/column"
	"quern/features/diag"
)

// The format's "RLE/bit-packing hybrid" is a sequence of runs. Each starts with a
// varint h: with h odd, (h>>1) groups of eight values follow, bit-packed, least
// significant bit first; with h even, one value follows, in whole bytes, that
// stands for h>>1 values. Only the last run may hold more values than are wanted, and
// then less than eight more: a run can claim 2^63 values in ten bytes.
type runs struct {
	data  []byte
	width int // bits per value, 0 to 32
	left  int // values still wanted
}

// run is one run: either packed bytes or a repeated value.
type run struct {
	n      int // values that are wanted of it
	packed []byte
	value  uint32
}

// next returns the next run; n is at least 1.
func (r *runs) next() (run, error) {
	h, used := binary.Uvarint(r.data)
	if used <= 0 {
		return run{}, diag.New("Q205", "a run of levels or indexes is cut off: %d values are missing", r.left)
	}
	r.data = r.data[used:]
	if h&1 == 1 {
		return r.nextPacked(h >> 1)
	}
	return r.nextRepeated(h >> 1)
}

func (r *runs) nextPacked(groups uint64) (run, error) {
	if groups == 0 || groups > uint64(r.left+7)/8 {
		return run{}, diag.New("Q205", "a run of %d groups of levels or indexes is longer than the page", groups)
	}
	n := min(int(groups)*8, r.left)
	size := int(groups) * r.width
	if size > len(r.data) { // some writers leave the padding of the last group out
		if size = (n*r.width + 7) / 8; size > len(r.data) {
			return run{}, diag.New("Q205", "a run of levels or indexes is cut off")
		}
	}
	packed := r.data[:size:size]
	r.data = r.data[size:]
	r.left -= n
	if r.width == 0 {
		return run{n: n}, nil
	}
	return run{n: n, packed: packed}, nil
}

func (r *runs) nextRepeated(n uint64) (run, error) {
	if n == 0 || n > uint64(r.left+7)&^7 { // parquet-go rounds Boolean runs up to eight
		return run{}, diag.New("Q205", "a run of %d levels or indexes is longer than the page", n)
	}
	size := (r.width + 7) / 8
	if size > len(r.data) {
		return run{}, diag.New("Q205", "a run of levels or indexes is cut off")
	}
	value := uint32(0)
	for i := range size {
		value |= uint32(r.data[i]) << (8 * i)
	}
	if uint64(value)>>r.width != 0 {
		return run{}, diag.New("Q205", "a repeated level or index has more than %d bits", r.width)
	}
	r.data = r.data[size:]
	wanted := min(int(n), r.left)
	r.left -= wanted
	return run{n: wanted, value: value}, nil
}

// readIndexes decodes len(into) dictionary indexes, the first byte being their
// width, and checks that all are below entries.
func readIndexes(data []byte, into []int32, entries int) error {
	if len(into) == 0 {
		return nil
	}
	if len(data) == 0 || data[0] > 32 {
		return diag.New("Q205", "a page of dictionary indexes does not say how wide they are")
	}
	r := runs{data: data[1:], width: int(data[0]), left: len(into)}
	for r.left > 0 {
		at := len(into) - r.left
		run, err := r.next()
		if err != nil {
			return err
		}
		if run.packed != nil {
			unpack(into[at:at+run.n], run.packed, r.width)
		} else {
			fill(into[at:at+run.n], int32(run.value))
		}
	}
	return checkIndexes(into, entries)
}

func checkIndexes(indexes []int32, entries int) error {
	highest := uint32(0)
	for _, i := range indexes {
		highest = max(highest, uint32(i))
	}
	if int64(highest) >= int64(entries) {
		return diag.New("Q205", "a dictionary index is out of range: %d of %d entries", highest, entries)
	}
	return nil
}

// unpack decodes len(into) values of width bits (1 to 32) from packed, which holds
// at least as many.
func unpack(into []int32, packed []byte, width int) {
	mask := uint64(1)<<width - 1
	i := 0
	// A value lies within the 8 bytes from its first byte: 7 + 32 bits at most.
	for last := len(packed) - 8; i < len(into); i++ {
		bit := i * width
		if bit>>3 > last {
			break
		}
		into[i] = int32(binary.LittleEndian.Uint64(packed[bit>>3:]) >> (bit & 7) & mask)
	}
	for ; i < len(into); i++ {
		bit := i * width
		var tail [8]byte
		copy(tail[:], packed[bit>>3:])
		into[i] = int32(binary.LittleEndian.Uint64(tail[:]) >> (bit & 7) & mask)
	}
}

// readLevels decodes n definition levels of a flat column into bits start to
// start+n of valid, which are clear, and returns how many are set.
func readLevels(data []byte, valid column.Bitmap, start, n int) (int, error) {
	r := runs{data: data, width: 1, left: n}
	present := 0
	for r.left > 0 {
		at := start + n - r.left
		run, err := r.next()
		if err != nil {
			return 0, err
		}
		switch {
		case run.packed != nil:
			present += orBits(valid, at, run.packed, run.n)
		case run.value == 1:
			setBits(valid, at, run.n)
			present += run.n
		}
	}
	return present, nil
}

// readPackedLevels is readLevels for the old encoding BIT_PACKED: one bit per
// level, most significant first.
func readPackedLevels(data []byte, valid column.Bitmap, start, n int) (int, error) {
	if len(data) < (n+7)/8 {
		return 0, diag.New("Q205", "the levels are cut off")
	}
	present := 0
	for i := range n {
		if data[i>>3]>>(7-i&7)&1 == 1 {
			valid.Set(start + i)
			present++
		}
	}
	return present, nil
}

// setBits sets n bits of b from start.
func setBits(b column.Bitmap, start, n int) {
	for n > 0 {
		word, bit := start>>6, start&63
		take := min(64-bit, n)
		b[word] |= (^uint64(0) >> (64 - take)) << bit
		start, n = start+take, n-take
	}
}

// orBits copies n bits of packed to b from start, where b is clear, and returns
// how many of them are set.
func orBits(b column.Bitmap, start int, packed []byte, n int) int {
	set := 0
	for len(packed) > 0 && n > 0 {
		var eight [8]byte
		copied := copy(eight[:], packed)
		packed = packed[copied:]
		take := min(copied*8, n)
		x := binary.LittleEndian.Uint64(eight[:]) & (^uint64(0) >> (64 - take))
		set += bits.OnesCount64(x)
		word, bit := start>>6, start&63
		b[word] |= x << bit
		if bit+take > 64 {
			b[word+1] |= x >> (64 - bit)
		}
		start, n = start+take, n-take
	}
	return set
}
