package text

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"math/bits"

	"quern/features/column"
)

// maxSlots is the most entries that a dictionary may have. With the slot of the nulls,
// numbers fit into 16 bits.
const maxSlots = 64<<10 - 1

// crowded reports whether a dictionary of so many texts does not pay any more at a
// row: past a few thousand entries it must save half of the work.
func crowded(texts, row int) bool {
	return texts == maxSlots || texts >= 2048 && texts > row/2
}

// dictionary numbers texts by first appearance. Its hash has a seed of its own for
// every reader, so that no file can be made to collide; the numbers do not depend
// on it.
type dictionary struct {
	seed  maphash.Seed
	short [2]uint64        // the seed for texts of at most 16 bytes
	cells []dictionaryCell // a power of two of them, at most half in use
	texts column.Text
	last  int32 // the number of the long text that was looked for last; -1: none
}

// dictionaryCell is a place in the hash table. slot is the number plus one; 0: free.
// The other fields tell texts of at most 16 bytes apart; of longer ones, low is the
// hash.
type dictionaryCell struct {
	low, high uint64 // the first and the last eight bytes, which may overlap
	size      uint32
	slot      int32
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
		d.short = [2]uint64{maphash.String(seed, "low"), maphash.String(seed, "high")}
	}
	clear(d.cells)
	d.texts.Reset()
	d.last = -1
}

// maxShort is the size of the longest texts that cells hold whole.
const maxShort = 16

// hash returns what a cell of s holds, and where to look for it first.
func (d *dictionary) hash(s []byte) (c dictionaryCell, at uint64) {
	n := len(s)
	c.size = uint32(n)
	switch {
	case n > maxShort:
		c.low, c.high = maphash.Bytes(d.seed, s), binary.LittleEndian.Uint64(s[n-8:])
		return c, c.low
	case n > 8:
		c.low, c.high = binary.LittleEndian.Uint64(s), binary.LittleEndian.Uint64(s[n-8:])
	default:
		c.low = front(s)
	}
	high, low := bits.Mul64(c.low^d.short[0], c.high^d.short[1])
	return c, high ^ low
}

// front returns the at most eight bytes of s as a number, with zeros behind them. Where
// the memory of s goes on behind its end, as that of a cell mostly does, that is one
// load.
func front(s []byte) uint64 {
	if cap(s) >= 8 {
		return binary.LittleEndian.Uint64(s[:8]) & (1<<(8*uint(len(s))) - 1)
	}
	var x uint64
	for i, c := range s {
		x |= uint64(c) << (8 * uint(i))
	}
	return x
}

// isLast reports whether s is the long text that was looked for last: times, for one,
// often come several times in a row.
func (d *dictionary) isLast(s []byte) bool {
	return d.last >= 0 && bytes.Equal(d.texts.At(int(d.last)), s)
}

// find returns the number of s, or -1 and the cell and place for it.
func (d *dictionary) find(s []byte) (slot int32, c dictionaryCell, at uint64) {
	c, at = d.hash(s)
	mask := uint64(len(d.cells) - 1)
	for i := at & mask; ; i = (i + 1) & mask {
		have := &d.cells[i]
		if have.low == c.low && have.high == c.high && have.size == c.size && have.slot != 0 &&
			(c.size <= maxShort || bytes.Equal(d.texts.At(int(have.slot-1)), s)) {
			if c.size > maxShort {
				d.last = have.slot - 1
			}
			return have.slot - 1, c, at
		}
		if have.slot == 0 {
			return -1, c, at
		}
	}
}

// add numbers s, for which find returned a cell and place.
func (d *dictionary) add(s []byte, c dictionaryCell, at uint64) int32 {
	d.texts.Append(s)
	n := d.texts.Len()
	if len(s) > maxShort {
		d.last = int32(n - 1)
	}
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
