package stat

import (
	"encoding/binary"

	"quern/features/column"
)

// blockLen is how many keys are looked up together: enough for their cache misses
// to overlap, and few enough for all of their cache lines to stay in the first level.
const blockLen = 128

// block is keys on their way into a table. It lives on the stack of an Observe, so
// that statistics of thousands of columns do not each keep one.
type block struct {
	n       int
	ids     [blockLen]uint32 // where the keys come from: slots, rows or local ids
	times   [blockLen]uint64 // how often each counts
	keys    [blockLen]packed
	tags    [blockLen]uint32
	places  [blockLen]uint32 // where the table may have them: see table.touch
	held    [blockLen]uint64 // what their entries hold: see table.place
	nulls   bool             // some keys may be null
	long    [blockLen][]byte // the bytes of long keys
	longs   [blockLen]uint8  // which keys are long
	nlong   int
	touched uint64 // keeps reads alive that are made for the cache
}

// add takes a key as bytes, which must last until the block is placed.
func (b *block) add(key packed, long []byte, times uint64) {
	b.keys[b.n], b.times[b.n] = key, times
	if key.w1 == newLong {
		b.setLong(b.n, long)
	}
	b.nulls = b.nulls || key.null()
	b.n++
}

func (b *block) setLong(i int, key []byte) {
	b.long[i] = key
	b.longs[b.nlong] = uint8(i)
	b.nlong++
}

func (b *block) reset() { b.n, b.nlong, b.nulls = 0, 0, false }

func (b *block) full() bool { return b.n == blockLen }

// rows takes rows that count, from row on and before end, until b is full, and
// returns the next. weights nil: once each.
func (b *block) rows(row, end int, weights []uint64) int {
	if weights == nil {
		end = min(end, row+blockLen)
		for ; row < end; row++ {
			b.ids[b.n], b.times[b.n] = uint32(row), 1
			b.n++
		}
		return row
	}
	for ; row < end && !b.full(); row++ {
		b.ids[b.n], b.times[b.n] = uint32(row), weights[row]
		if weights[row] > 0 {
			b.n++
		}
	}
	return row
}

// load packs the values of v in the slots ids.
func (b *block) load(v *column.Vector) {
	switch v.Type.Kind() {
	case column.Bools:
		for i, slot := range b.ids[:b.n] {
			var w uint64
			if v.Bools[slot] {
				w = 1 << 56
			}
			b.keys[i] = packed{w, 1}
		}
	case column.Ints:
		for i, slot := range b.ids[:b.n] {
			b.keys[i] = packInt(v.Int64s[slot])
		}
	case column.Floats:
		for i, slot := range b.ids[:b.n] {
			b.keys[i] = packed{floatPart(v.Float64s[slot]), fullWord}
		}
	default:
		b.loadText(&v.Text)
	}
	if b.nulls = v.Valid != nil; !b.nulls {
		return
	}
	for i, slot := range b.ids[:b.n] {
		if v.Null(int(slot)) {
			b.keys[i] = packed{0, nullWord}
		}
	}
}

// packInt packs the key of an integer or temporal value.
func packInt(x int64) packed { return packed{uint64(x) ^ 1<<63, fullWord} }

// loadText packs strings. Those that are not the last of all are read in whole
// words, and what does not belong to them is masked.
func (b *block) loadText(t *column.Text) {
	offsets, bytes := t.Offsets, t.Bytes
	for i, slot := range b.ids[:b.n] {
		from, to := int(offsets[slot]), int(offsets[slot+1])
		n := uint(to - from)
		if n <= maxInline && from+16 <= len(bytes) {
			text := bytes[from : from+16]
			w0, w1 := binary.BigEndian.Uint64(text), binary.BigEndian.Uint64(text[8:])
			w0 &= ^uint64(0) << (64 - 8*min(n, 8))
			w1 &= ^uint64(0) << (128 - 8*max(n, 8))
			b.keys[i] = packed{w0, w1 | uint64(n)}
			continue
		}
		b.keys[i] = pack(bytes[from:to])
		if n > maxInline {
			b.setLong(i, bytes[from:to:to])
		}
	}
}

// loadKeys packs the tuples ids of k: local ids if local, else rows.
func (b *block) loadKeys(k *keyer, local bool) {
	var ends [blockLen]int
	k.key = k.key[:0]
	for i, id := range b.ids[:b.n] {
		if local {
			k.appendLocal(id)
		} else {
			k.appendRow(int(id))
		}
		ends[i] = len(k.key)
	}
	from := 0
	for i, to := range ends[:b.n] {
		key := k.key[from:to:to]
		from = to
		if b.keys[i] = pack(key); len(key) > maxInline {
			b.setLong(i, key)
		}
	}
}
