package parquet

import (
	"encoding/binary"

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
	h, used := uint64(0), 1
	if len(r.data) > 0 && r.data[0] < 0x80 {
		h = uint64(r.data[0])
	} else if h, used = binary.Uvarint(r.data); used <= 0 {
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
	packed := r.data[:size] // with what follows it as padding
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
