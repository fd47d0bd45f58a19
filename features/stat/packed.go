package stat

import (
	"encoding/binary"
	"math/bits"
)

// packed is a key in two words. Of a key of at most 15 bytes it has all of them,
// big-endian and padded with zeros, then its length:
//
//	w0  bytes 0 to 7
//	w1  bytes 8 to 14, then a byte: the length
//
// so that such keys are ordered like (w0, w1). Of a longer key, w0 has the leading
// bytes, and w1 its place in the arena, then 0xff. Null is w0 = 0 and w1 = nullWord.
//
// The bytes are those of the key (see key.go) without the tag where the key is a
// single value.
type packed struct{ w0, w1 uint64 }

const (
	maxInline = 15
	nullWord  = 0xfe // w1 of null
	fullWord  = 8    // w1 of a key of 8 bytes
	isLong    = 0xff // the last byte of w1 of a long key

	newLong = ^uint64(0) // w1 of a long key that has no place yet
)

func (p packed) null() bool { return p.w1 == nullWord }
func (p packed) long() bool { return p.w1&isLong == isLong }

// pack packs a key. A long one has no place yet.
func pack(key []byte) packed {
	n := len(key)
	switch {
	case n > maxInline:
		return packed{binary.BigEndian.Uint64(key), newLong}
	case n >= 8:
		tail := binary.BigEndian.Uint64(key[n-8:])
		return packed{binary.BigEndian.Uint64(key), tail<<(128-8*n) | uint64(n)}
	}
	var w uint64
	for _, c := range key {
		w = w<<8 | uint64(c)
	}
	return packed{w << (64 - 8*n), uint64(n)}
}

// appendTo appends the bytes of a key that is not null.
func (p packed) appendTo(b []byte, long *arena) []byte {
	if p.long() {
		return append(b, long.get(p.w1)...)
	}
	b = binary.BigEndian.AppendUint64(b, p.w0)
	b = binary.BigEndian.AppendUint64(b, p.w1)
	return b[:len(b)-16+int(p.w1&0xff)]
}

// size returns how many bytes a key has that is not null.
func (p packed) size(long *arena) int {
	if p.long() {
		return len(long.get(p.w1))
	}
	return int(p.w1 & 0xff)
}

// Odd constants with half of their bits set. The last byte of mixA is no length.
const (
	mixA = 0x9e3779b97f4a7cb5
	mixB = 0xd1b54a32d192ed03
)

// hash returns the tag of a key that is not long. It is in no saved byte.
func (p packed) hash(seed uint64) uint32 {
	hi, lo := bits.Mul64(p.w0^seed, p.w1^mixA)
	return uint32((hi ^ lo + p.w1*mixB) >> 32)
}

// hashBytes returns the tag of a long key.
func hashBytes(key []byte, seed uint64) uint32 {
	h := seed
	rest := key
	for ; len(rest) > 16; rest = rest[16:] {
		hi, lo := bits.Mul64(binary.LittleEndian.Uint64(rest)^mixA, binary.LittleEndian.Uint64(rest[8:])^h)
		h = hi ^ lo
	}
	rest = key[len(key)-16:]
	hi, lo := bits.Mul64(binary.LittleEndian.Uint64(rest)^h, binary.LittleEndian.Uint64(rest[8:])^seed^mixB)
	hi, lo = bits.Mul64(hi^lo, mixA^uint64(len(key))<<32)
	return uint32((hi ^ lo) >> 32)
}

// tag returns the tag of any key.
func (p packed) tag(seed uint64, long *arena) uint32 {
	if p.long() {
		return hashBytes(long.get(p.w1), seed)
	}
	return p.hash(seed)
}
