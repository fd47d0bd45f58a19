package text

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"math/bits"

	"quern/features/column"
)

// maxSlots is the most entries that a dictionary may have.
const maxSlots = 64 << 10

// dictionary numbers texts by first appearance. Its hash has a seed of its own for
// every reader, so that no file can be made to collide; the numbers do not depend
// on it.
type dictionary struct {
	seed  maphash.Seed
	short [2]uint64        // the seed for texts of at most eight bytes
	cells []dictionaryCell // a power of two of them, at most half in use
	texts column.Text
}

// dictionaryCell is a place in the hash table. slot is the number plus one; 0: free.
// head holds up to eight bytes of the text, and tag the length of one that is no
// longer than that; else it is a part of the hash, with its top bit set.
type dictionaryCell struct {
	head uint64
	tag  uint32
	slot int32
}

// newSeed returns a seed for dictionaries.
func newSeed() maphash.Seed { return maphash.MakeSeed() }

// reset empties the dictionary and sets its seed.
func (d *dictionary) reset(seed maphash.Seed) {
	if d.cells == nil {
		d.cells = make([]dictionaryCell, 64)
	}
	if d.seed != seed {
		d.seed = seed
		d.short = [2]uint64{maphash.String(seed, "head"), maphash.String(seed, "length")}
	}
	clear(d.cells)
	d.texts.Reset()
}

// longText marks the tags of texts of more than eight bytes.
const longText = 1 << 31

// hash returns what a cell of s holds, and where to look for it first.
func (d *dictionary) hash(s []byte) (c dictionaryCell, at uint64) {
	n := len(s)
	switch {
	case n > 8:
		at = maphash.Bytes(d.seed, s)
		return dictionaryCell{head: binary.LittleEndian.Uint64(s), tag: uint32(at>>32) | longText}, at
	case n == 8:
		c.head = binary.LittleEndian.Uint64(s)
	case n >= 4:
		c.head = uint64(binary.LittleEndian.Uint32(s)) | uint64(binary.LittleEndian.Uint32(s[n-4:]))<<32
	case n > 0:
		c.head = uint64(s[0]) | uint64(s[n/2])<<8 | uint64(s[n-1])<<16
	}
	c.tag = uint32(n)
	high, low := bits.Mul64(c.head^d.short[0], uint64(n)^d.short[1])
	return c, high ^ low
}

// find returns the number of s, or -1 and the cell and place for it.
func (d *dictionary) find(s []byte) (slot int32, c dictionaryCell, at uint64) {
	c, at = d.hash(s)
	mask := uint64(len(d.cells) - 1)
	for i := at & mask; ; i = (i + 1) & mask {
		have := &d.cells[i]
		if have.slot == 0 {
			return -1, c, at
		}
		if have.head == c.head && have.tag == c.tag && (c.tag < longText || bytes.Equal(d.texts.At(int(have.slot-1)), s)) {
			return have.slot - 1, c, at
		}
	}
}

// add numbers s, for which find returned a cell and place.
func (d *dictionary) add(s []byte, c dictionaryCell, at uint64) int32 {
	d.texts.Append(s)
	n := d.texts.Len()
	if 2*n > len(d.cells) {
		d.grow()
		return int32(n - 1)
	}
	c.slot = int32(n)
	d.place(c, at)
	return int32(n - 1)
}

// place puts a cell into the first free place.
func (d *dictionary) place(c dictionaryCell, at uint64) {
	mask := uint64(len(d.cells) - 1)
	at &= mask
	for d.cells[at].slot != 0 {
		at = (at + 1) & mask
	}
	d.cells[at] = c
}

// grow makes the table larger and places all texts again.
func (d *dictionary) grow() {
	d.cells = make([]dictionaryCell, 4*len(d.cells))
	for i := range d.texts.Len() {
		c, at := d.hash(d.texts.At(i))
		c.slot = int32(i + 1)
		d.place(c, at)
	}
}
