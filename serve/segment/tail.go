package segment

import (
	"encoding/binary"
	"errors"
	"math/bits"

	"quern/serve/row"
)

// ErrCorrupt: the bytes are no segment that Builder.Write wrote.
var ErrCorrupt = errors.New("corrupt segment")

const (
	magic       = "quernseg"
	endMagic    = "quernend"
	version     = 1
	headerSize  = 64
	trailerSize = 64
	align       = 64
	blockSize   = 64 << 10
	maxName     = 1 << 12
	maxProbe    = 4096 // slots that a look-up may visit: chance gives about 100 for 10^9 rows
	wideRows    = 40   // bits of a row in a slot, where 32 are too few
)

// section is a run of the body.
type section struct{ at, size uint64 }

// tail is what stands behind the body, in this order:
//
//	rows, capacity, slots uint64; probe, row bits uint32; seed uint64;
//	least and greatest event time int64 (row.NoTime: there is none);
//	position and size uint64 of rows, heap and slots; shard, shards uint32;
//	digest of the model, 32 bytes;
//	length uint32 and bytes of the view's name, the version's name, the schema;
//	nulls uint64 for each field;
//	CRC-32C uint32 of each block of the body
type tail struct {
	rows, capacity, slots uint64
	probe, rowBits        uint32
	seed                  uint64
	minEvent, maxEvent    int64
	at                    [3]section // rows, heap, slots
	shard, shards         uint32
	model                 [32]byte
	view, version         string
	schema                row.Schema
	nulls                 []int64
	sums                  []uint32
}

// home returns the slot at which the search for a hash begins.
func home(hi, capacity uint64) uint64 {
	h, _ := bits.Mul64(hi, capacity)
	return h
}

// tagOf returns the part of a slot that comes from the hash, in its place.
func tagOf(lo uint64, rowBits uint32) uint64 { return lo << rowBits }

func (t *tail) append(b []byte) []byte {
	le := binary.LittleEndian
	for _, v := range []uint64{t.rows, t.capacity, t.slots, uint64(t.probe) | uint64(t.rowBits)<<32, t.seed, uint64(t.minEvent), uint64(t.maxEvent)} {
		b = le.AppendUint64(b, v)
	}
	for _, s := range t.at {
		b = le.AppendUint64(le.AppendUint64(b, s.at), s.size)
	}
	b = le.AppendUint32(le.AppendUint32(b, t.shard), t.shards)
	b = append(b, t.model[:]...)
	for _, s := range []string{t.view, t.version, string(t.schema.AppendBinary(nil))} {
		b = append(le.AppendUint32(b, uint32(len(s))), s...)
	}
	for _, n := range t.nulls {
		b = le.AppendUint64(b, uint64(n))
	}
	for _, sum := range t.sums {
		b = le.AppendUint32(b, sum)
	}
	return b
}

// reader reads numbers off a tail. After the end everything is zero and short is set.
type reader struct {
	b     []byte
	short bool
}

func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.short, r.b = true, nil
		return nil
	}
	got := r.b[:n]
	r.b = r.b[n:]
	return got
}

func (r *reader) u64() uint64 {
	if b := r.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (r *reader) u32() uint32 {
	if b := r.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

// parseTail reads a tail behind a body of a given length, and checks everything that
// look-ups rely on.
func parseTail(b []byte, body uint64) (*tail, error) {
	r, t := &reader{b: b}, &tail{}
	t.rows, t.capacity, t.slots = r.u64(), r.u64(), r.u64()
	t.probe, t.rowBits = r.u32(), r.u32()
	t.seed, t.minEvent, t.maxEvent = r.u64(), int64(r.u64()), int64(r.u64())
	for i := range t.at {
		t.at[i] = section{r.u64(), r.u64()}
	}
	t.shard, t.shards = r.u32(), r.u32()
	copy(t.model[:], r.take(32))
	t.view, t.version = string(r.take(uint64(r.u32()))), string(r.take(uint64(r.u32())))
	var err error
	if t.schema, err = row.ParseSchema(r.take(uint64(r.u32()))); err != nil || r.short {
		return nil, ErrCorrupt
	}
	layout, err := row.NewLayout(t.schema)
	if err != nil {
		return nil, ErrCorrupt
	}
	t.nulls = make([]int64, len(t.schema.Fields))
	for f := range t.nulls {
		t.nulls[f] = int64(r.u64())
	}
	blocks := (body + blockSize - 1) / blockSize
	if r.short || uint64(len(r.b)) != 4*blocks {
		return nil, ErrCorrupt
	}
	for range blocks {
		t.sums = append(t.sums, r.u32())
	}
	return t, t.check(uint64(layout.Stride()), body)
}

// check says whether the numbers of t agree with each other and with the body.
func (t *tail) check(stride, body uint64) error {
	rows, heap, slots := t.at[0], t.at[1], t.at[2]
	last := uint64(headerSize)
	for _, s := range t.at {
		if s.at < last || s.at > body || s.size > body-s.at || s.at%align != 0 {
			return ErrCorrupt
		}
		last = s.at + s.size
	}
	switch {
	case last != body, t.rows > rows.size/stride, t.rows*stride != rows.size, t.slots != slots.size/8, slots.size%8 != 0,
		heap.size > 0 && t.rows == 0:
		return ErrCorrupt
	case t.rowBits != 32 && t.rowBits != wideRows, t.rows >= 1<<t.rowBits-1:
		return ErrCorrupt
	case t.rows > t.capacity, t.capacity > t.slots, t.probe > maxProbe, t.rows > 0 && t.probe == 0:
		return ErrCorrupt
	case t.shards == 0, t.shard >= t.shards, len(t.view) > maxName, len(t.version) > maxName:
		return ErrCorrupt
	}
	return nil
}
