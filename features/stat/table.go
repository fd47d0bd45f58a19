package stat

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/zeebo/xxh3"
)

// table numbers distinct keys 0, 1, 2 ... in the order in which they come. Open
// addressing with linear probing; the keys' bytes lie in one arena.
type table struct {
	slots []uint64 // hash<<32 | id+1; 0 is empty; a power of two, at most half full
	ends  []int    // key id ends here in arena, and the next begins
	arena []byte
}

// minSlots is the size of the first allocation.
const minSlots = 64

// id returns the number of key, and whether the key is new. key is copied.
func (t *table) id(key []byte) (id int, fresh bool) {
	if 2*len(t.ends) >= len(t.slots) {
		t.grow()
	}
	hash := xxh3.Hash(key) >> 32
	mask := uint64(len(t.slots) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		s := t.slots[i]
		if s == 0 {
			id = len(t.ends)
			t.slots[i] = hash<<32 | uint64(id+1)
			t.arena = append(t.arena, key...)
			t.ends = append(t.ends, len(t.arena))
			return id, true
		}
		if s>>32 == hash && bytes.Equal(t.key(int(uint32(s))-1), key) {
			return int(uint32(s)) - 1, false
		}
	}
}

// find returns the number of key, or -1.
func (t *table) find(key []byte) int {
	if len(t.slots) == 0 {
		return -1
	}
	hash := xxh3.Hash(key) >> 32
	mask := uint64(len(t.slots) - 1)
	for i := hash & mask; t.slots[i] != 0; i = (i + 1) & mask {
		s := t.slots[i]
		if s>>32 == hash && bytes.Equal(t.key(int(uint32(s))-1), key) {
			return int(uint32(s)) - 1
		}
	}
	return -1
}

// grow doubles the slots. The 32 bits of hash in a slot are enough to move it.
func (t *table) grow() {
	if len(t.ends) >= 1<<31 {
		panic("quern: more than 2^31 distinct values in memory: set a memory budget")
	}
	old := t.slots
	t.slots = make([]uint64, max(minSlots, 2*len(old)))
	mask := uint64(len(t.slots) - 1)
	for _, s := range old {
		if s == 0 {
			continue
		}
		i := s >> 32 & mask
		for t.slots[i] != 0 {
			i = (i + 1) & mask
		}
		t.slots[i] = s
	}
}

// key returns key id; its bytes belong to the table.
func (t *table) key(id int) []byte {
	from := 0
	if id > 0 {
		from = t.ends[id-1]
	}
	return t.arena[from:t.ends[id]:t.ends[id]]
}

func (t *table) len() int { return len(t.ends) }

// bytes returns how much heap the table holds.
func (t *table) bytes() int64 {
	return 8*int64(cap(t.slots)) + 8*int64(cap(t.ends)) + int64(cap(t.arena))
}

// ranked is a key's number with its leading bytes, which decide most comparisons.
type ranked struct {
	prefix uint64
	id     int
}

// ranked returns key id with its prefix: the tag's bit and the next 63 bits.
func (t *table) ranked(id int) ranked {
	key := t.key(id)
	var head [8]byte
	copy(head[:], key[1:])
	return ranked{uint64(key[0])<<63 | binary.BigEndian.Uint64(head[:])>>1, id}
}

func (t *table) compare(a, b ranked) int {
	if c := cmp.Compare(a.prefix, b.prefix); c != 0 {
		return c
	}
	return bytes.Compare(t.key(a.id), t.key(b.id))
}

// sorted returns the numbers of all keys in ascending order of the keys.
func (t *table) sorted() []ranked {
	all := make([]ranked, t.len())
	for id := range all {
		all[id] = t.ranked(id)
	}
	slices.SortFunc(all, t.compare)
	return all
}
