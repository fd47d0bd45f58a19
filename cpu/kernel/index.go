package kernel

import (
	"encoding/binary"
	"math/bits"

	"github.com/zeebo/xxh3"

	"quern/internal/memory"
)

// index finds numbers by hashes: open addressing with linear probing, at most half
// full. A slot is one word, so that a probe is one cache line: the upper half of the
// hash, with the size of the key in its last bits, beside the number plus one; an
// empty slot is 0. Where a key lies is seen by nobody, so the hash may change freely.
type index struct {
	slots []uint64
	mask  uint64
	keep  uint64 // which bits of hashes are used; tests make all keys collide
}

// newIndex returns an index with room for n numbers.
func newIndex(n int) index {
	size := 1 << bits.Len(uint(2*n))
	return index{slots: memory.Zeros(size), mask: uint64(size - 1), keep: ^uint64(0)}
}

// batch is how many keys are hashed before the first of them is looked for: the
// processor then waits for the memory of many at once.
const batch = 64

// sizeBits is how many bits of a tag tell the size of a key; sizes from large on are
// one to it.
const (
	sizeBits = 5
	large    = 17
)

// Probe is scratch for the search of a batch of keys: hashes, and sizes up to large. Keys of at
// most 8 bytes are the word low, with zeros behind them; those of at most 16 are
// their first 8 bytes and their last 8.
type Probe struct {
	hash, low, high [batch]uint64
	size            [batch]uint8
	slot            [batch]uint64 // the first one that a key may lie in
	at              [batch]uint64 // where that is
	start           [batch]uint32 // where the key of that slot starts, in a table of long keys
	touched         byte          // keeps reads alive that are made for the cache
}

// mix spreads the bits of a key: the halves of a 128-bit product, folded.
func mix(key uint64) uint64 {
	high, low := bits.Mul64(key^0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93)
	return high ^ low
}

// hashWords hashes keys of one word each, at most a batch.
func hashWords[T int64 | uint64](p *Probe, keys []T) {
	for i, key := range keys[:min(len(keys), batch)] {
		p.low[i], p.size[i], p.hash[i] = uint64(key), 8, mix(uint64(key)^8<<59)
	}
}

// texts hashes n strings from string from on. Those whose bit of present is clear
// have no bounds to trust and are taken as empty.
func (p *Probe) texts(keys *Views, from, n int, present uint64) {
	data := keys.Bytes
	start, end := keys.Start[from:from+n], keys.End[from:from+n]
	for i := range start {
		lo, hi := start[i], end[i]
		if present>>(i&63)&1 == 0 {
			lo, hi = 0, 0
		}
		size := hi - lo
		switch {
		case size <= 8:
			low := short(data, lo, size)
			p.low[i], p.high[i], p.size[i] = low, 0, uint8(size)
			p.hash[i] = mix(low ^ uint64(size)<<59)
		case size < large:
			key := data[lo:hi]
			low, high := binary.LittleEndian.Uint64(key), binary.LittleEndian.Uint64(key[len(key)-8:])
			p.low[i], p.high[i], p.size[i] = low, high, uint8(size)
			p.hash[i] = mix(bits.RotateLeft64(mix(low^uint64(size)<<59), 23) ^ high)
		default:
			p.low[i], p.high[i], p.size[i] = 0, 0, large
			p.hash[i] = xxh3.Hash(data[lo:hi])
		}
	}
}

// short returns the size bytes from lo on as one little-endian word; size is at most 8.
func short(data []byte, lo, size uint32) uint64 {
	if rest := data[lo:]; len(rest) >= 8 {
		return binary.LittleEndian.Uint64(rest) & (^uint64(0) >> (64 - 8*size))
	}
	word := uint64(0)
	for i, b := range data[lo : lo+size] {
		word |= uint64(b) << (8 * i & 63)
	}
	return word
}

// tag returns what marks the slot of a key of a batch.
func (x *index) tag(p *Probe, i int) uint32 {
	return uint32(p.hash[i]&x.keep>>32)&^(1<<sizeBits-1) | uint32(p.size[i])
}

// open looks into the first slots of n keys.
func (x *index) open(p *Probe, n int) {
	slots, mask := x.slots, x.mask&x.keep
	for i, h := range p.hash[:n] {
		p.slot[i] = slots[h&mask]
	}
}

// next walks from a place and its slot to the first slot with a tag, or an empty one.
func (x *index) next(at, slot uint64, tag uint32) (place, found uint64) {
	for slot != 0 && uint32(slot>>32) != tag {
		at++
		slot = x.slots[at&x.mask]
	}
	return at, slot
}

// insert gives key i of a batch, which is not in the index yet, a number.
func (x *index) insert(p *Probe, i int, number int32) {
	at := p.hash[i] & x.mask & x.keep
	for x.slots[at] != 0 {
		at = (at + 1) & x.mask
	}
	x.slots[at] = uint64(x.tag(p, i))<<32 | uint64(number+1)
}

// find1 computes the numbers of n keys, or -1, where no key of the table is longer
// than 8 bytes: number k's word is low[k].
func (x *index) find1(dst []int32, p *Probe, low []uint64) {
	x.open(p, len(dst))
	for i := range dst {
		tag, at, slot := x.tag(p, i), p.hash[i]&x.keep, p.slot[i]
		for slot != 0 && (uint32(slot>>32) != tag || low[uint32(slot)-1] != p.low[i]) {
			at++
			slot = x.slots[at&x.mask]
		}
		dst[i] = int32(uint32(slot)) - 1
	}
}

// find2 is find1 for up to 16 bytes: number k has two words, from 2*k on.
func (x *index) find2(dst []int32, p *Probe, words []uint64) {
	x.open(p, len(dst))
	for i := range dst {
		tag, at, slot := x.tag(p, i), p.hash[i]&x.keep, p.slot[i]
		for slot != 0 {
			if k := 2 * uint64(uint32(slot)-1); uint32(slot>>32) == tag && words[k] == p.low[i] && words[k+1] == p.high[i] {
				break
			}
			at++
			slot = x.slots[at&x.mask]
		}
		dst[i] = int32(uint32(slot)) - 1
	}
}
