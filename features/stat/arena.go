package stat

import (
	"encoding/binary"
	"slices"
)

// arena holds long keys: each is its length in 4 bytes, little-endian, then its
// bytes. A place is the number of its chunk times 2^32 plus the offset there.
type arena struct {
	chunks [][]byte
	last   int   // the chunk that is being filled; those behind it are empty
	held   int64 // bytes of the chunks up to last
}

const (
	minChunk = 1 << 10
	maxChunk = 1 << 18
)

// put copies key and returns its place, below 2^56.
func (a *arena) put(key []byte) uint64 {
	need := 4 + len(key)
	if len(a.chunks) == 0 || need > cap(a.chunks[a.last])-len(a.chunks[a.last]) {
		a.advance(need)
	}
	c := a.chunks[a.last]
	place := uint64(a.last)<<32 | uint64(len(c))
	c = binary.LittleEndian.AppendUint32(c, uint32(len(key)))
	a.chunks[a.last] = append(c, key...)
	return place
}

// advance makes last a chunk with room for need bytes.
func (a *arena) advance(need int) {
	next := min(a.last+1, len(a.chunks))
	if next == len(a.chunks) || need > cap(a.chunks[next]) {
		size := int(min(max(a.held/8, minChunk), maxChunk))
		a.chunks = slices.Insert(a.chunks, next, make([]byte, 0, max(size, need)))
	}
	a.last = next
	a.held += int64(cap(a.chunks[next]))
}

// adopt makes the keys of o keys of a, too, and returns how many chunks come before
// theirs. The bytes are shared: nobody changes them.
func (a *arena) adopt(o *arena) (before uint64) {
	if len(o.chunks) == 0 {
		return 0
	}
	theirs := make([][]byte, o.last+1)
	for i := range theirs {
		c := o.chunks[i]
		theirs[i] = c[:len(c):len(c)] // o may append behind it
		a.held += int64(len(c))
	}
	at := min(a.last+1, len(a.chunks))
	a.chunks = slices.Insert(a.chunks, at, theirs...)
	a.last = at + o.last
	return uint64(at)
}

// get returns the key whose place is in the upper 56 bits of w1.
func (a *arena) get(w1 uint64) []byte {
	c := a.chunks[w1>>40][uint32(w1>>8):]
	return c[4 : 4+binary.LittleEndian.Uint32(c)]
}

// first returns the first byte of what get reads.
func (a *arena) first(w1 uint64) byte { return a.chunks[w1>>40][uint32(w1>>8)] }

func (a *arena) equal(w1 uint64, key []byte) bool { return string(a.get(w1)) == string(key) }

func (a *arena) bytes() int64 { return a.held }

// empty forgets all keys and keeps the chunks; one that a huge key made goes.
func (a *arena) empty() {
	a.chunks = slices.DeleteFunc(a.chunks, func(c []byte) bool { return cap(c) > maxChunk })
	for i := range a.chunks {
		a.chunks[i] = a.chunks[i][:0]
	}
	a.last, a.held = 0, 0
	if len(a.chunks) > 0 {
		a.held = int64(cap(a.chunks[0]))
	}
}
