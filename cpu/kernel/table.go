package kernel

import "math/bits"

// mix spreads the bits of a key: the halves of a 128-bit product, folded. Where it
// puts a key is seen by nobody, so it may change freely.
func mix(key uint64) uint64 {
	high, low := bits.Mul64(key^0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93)
	return high ^ low
}

// room returns the number of slots of an open-addressing table for n keys: a power
// of two, at most half full.
func room(n int) int { return 1 << bits.Len(uint(2*n)) }

// Table finds the number of a 64-bit key: small ranges by a direct array, all
// others by open addressing with linear probing. It never changes once made.
type Table struct {
	low    uint64  // direct: the smallest key
	direct []int32 // direct: number of key low+i, or -1

	keys  []uint64
	slots []int32 // number of the key in this slot, or -1
	mask  uint64
}

// NewTable makes the table of distinct keys: key i has the number numbers[i].
func NewTable(keys []uint64, numbers []int32) *Table {
	t := &Table{}
	low, high := uint64(1<<63), uint64(1<<63)
	for i, k := range keys {
		k ^= 1 << 63 // in the order of int64
		if i == 0 {
			low, high = k, k
		}
		low, high = min(low, k), max(high, k)
	}
	if span := high - low; span < uint64(4*len(keys)+64) {
		t.low, t.direct = low^1<<63, absent(int(span)+1)
		for i, k := range keys {
			t.direct[k-t.low] = numbers[i]
		}
		return t
	}
	t.slots, t.keys = absent(room(len(keys))), make([]uint64, room(len(keys)))
	t.mask = uint64(len(t.slots) - 1)
	for i, k := range keys {
		at := mix(k) & t.mask
		for t.slots[at] >= 0 {
			at = (at + 1) & t.mask
		}
		t.slots[at], t.keys[at] = numbers[i], k
	}
	return t
}

// absent returns n slots that hold no number.
func absent(n int) []int32 {
	slots := make([]int32, n)
	for i := range slots {
		slots[i] = -1
	}
	return slots
}

// Find returns the number of key, or -1.
func (t *Table) Find(key uint64) int32 {
	if t.direct != nil {
		if i := key - t.low; i < uint64(len(t.direct)) {
			return t.direct[i]
		}
		return -1
	}
	for at := mix(key) & t.mask; ; at = (at + 1) & t.mask {
		if t.slots[at] < 0 || t.keys[at] == key {
			return t.slots[at]
		}
	}
}

// FindInts computes the number of each key, or -1.
func FindInts(dst []int32, keys []int64, t *Table) {
	keys = keys[:len(dst)]
	if t.direct != nil {
		direct, low := t.direct, t.low
		for i := range dst {
			n := int32(-1)
			if k := uint64(keys[i]) - low; k < uint64(len(direct)) {
				n = direct[k]
			}
			dst[i] = n
		}
		return
	}
	for i := range dst {
		dst[i] = t.Find(uint64(keys[i]))
	}
}

// StringTable finds the number of a byte string. Each slot holds 32 bits of the
// hash beside the number, so that most probes end without a look at the bytes.
type StringTable struct {
	tags    []uint32
	slots   []int32
	mask    uint64
	bytes   []byte
	offsets []uint32
	hash    func([]byte) uint64
}

// NewStringTable numbers distinct strings by their position; those that are not
// present are left out. It keeps bytes and offsets (one more than there are
// strings).
func NewStringTable(bytes []byte, offsets []uint32, present []uint64, hash func([]byte) uint64) *StringTable {
	count := max(0, len(offsets)-1)
	size := room(count)
	t := &StringTable{
		tags: make([]uint32, size), slots: absent(size), mask: uint64(size - 1),
		bytes: bytes, offsets: offsets, hash: hash,
	}
	for i := range count {
		if present != nil && present[i>>6]>>(i&63)&1 == 0 {
			continue
		}
		h := hash(bytes[offsets[i]:offsets[i+1]])
		at := h & t.mask
		for t.slots[at] >= 0 {
			at = (at + 1) & t.mask
		}
		t.slots[at], t.tags[at] = int32(i), uint32(h>>32)
	}
	return t
}

// Find returns the number of key, or -1.
func (t *StringTable) Find(key []byte) int32 {
	h := t.hash(key)
	tag := uint32(h >> 32)
	for at := h & t.mask; ; at = (at + 1) & t.mask {
		n := t.slots[at]
		if n < 0 || t.tags[at] == tag && string(t.bytes[t.offsets[n]:t.offsets[n+1]]) == string(key) {
			return n
		}
	}
}

// FindStrings computes the number of each string, or -1; of those that are null
// it computes -1.
func FindStrings(dst []int32, keys *Views, valid []uint64, t *StringTable) {
	for i := range dst {
		dst[i] = -1
		if valid == nil || valid[i>>6]>>(i&63)&1 != 0 {
			dst[i] = t.Find(keys.At(i))
		}
	}
}

// PutNulls sets the number of null slots.
func PutNulls(numbers []int32, valid []uint64, number int32) {
	if valid == nil {
		return
	}
	for i := range numbers {
		if valid[i>>6]>>(i&63)&1 == 0 {
			numbers[i] = number
		}
	}
}

// Values computes the value of each number and the bits of those that are there:
// values[number] and set, or garbage and clear for -1. values is not empty.
func Values[T Number](dst []T, found []uint64, values []T, numbers []int32) {
	numbers = numbers[:len(dst)]
	for w := range found[:Words(len(dst))] {
		from, to := w<<6, min(w<<6+64, len(dst))
		word := uint64(0)
		for i := from; i < to; i++ {
			n := numbers[i]
			known := uint64(^n) >> 31 & 1 // 0 for -1
			word |= known << (i & 63)
			dst[i] = values[uint32(n)&uint32(-int32(known))]
		}
		found[w] = word
	}
}
