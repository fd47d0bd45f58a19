package program

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
	"runtime"
	"sync"

	"github.com/zeebo/xxh3"

	"quern/features/column"
	"quern/internal/memory"
)

// KeyIndex finds the row of a key by its canonical bytes: open addressing with linear
// probing over the table's own keys, at most three quarters full. It never changes
// once made, and back ends may use it as it is: see Slots.
type KeyIndex struct {
	keys  *column.Vector
	slots []uint64 // KeyTag<<32 | row+1; 0 is empty
	null  int      // row of the null key, or -1
}

// Slots returns the slots, whose number is a power of two. That of a key is the first
// from KeyHash modulo their number on, and round the end, which has its KeyTag and whose
// row has its bytes; before an empty one, or it is not there. A slot is
// KeyTag<<32 | row+1, or 0. They belong to the index.
func (x *KeyIndex) Slots() []uint64 { return x.slots }

// LargeKey is the size from which on KeyTag takes all sizes for one.
const LargeKey = 17

const keySizeBits = 5 // of a tag

// KeyHash returns the hash of a key's canonical bytes in a KeyIndex. It is in no saved
// byte. Up to 8 bytes are hashed as one little-endian word with zeros behind them, up to
// 16 as their first 8 bytes and their last 8.
func KeyHash(key []byte) uint64 {
	n := len(key)
	switch {
	case n >= LargeKey:
		return xxh3.Hash(key)
	case n > 8:
		low, high := binary.LittleEndian.Uint64(key), binary.LittleEndian.Uint64(key[n-8:])
		return mixKey(bits.RotateLeft64(mixKey(low^uint64(n)<<59), 23) ^ high)
	}
	var low uint64
	for i, b := range key {
		low |= uint64(b) << (8 * i & 63)
	}
	return mixKey(low ^ uint64(n)<<59)
}

// mixKey spreads the bits of a word: the halves of a 128-bit product, folded.
func mixKey(word uint64) uint64 {
	high, low := bits.Mul64(word^0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93)
	return high ^ low
}

// KeyTag returns what marks the slot of a key: the upper half of its hash, with its
// size, up to LargeKey, in the last bits. Shorter keys are equal if their tags and
// words are.
func KeyTag(hash uint64, size int) uint32 {
	return uint32(hash>>32)&^(1<<keySizeBits-1) | uint32(min(size, LargeKey))
}

// slotsFor returns how many slots n keys get.
func slotsFor(n int) int { return 1 << bits.Len(uint(n+n/3)) }

// newKeyIndex indexes the keys of t, or says why t is no map: a vector is not
// whole, or two keys are equal. The slots are in room if it is large enough.
func newKeyIndex(t *Table, room []uint64) (*KeyIndex, error) {
	if err := checkTableVectors(t); err != nil {
		return nil, err
	}
	n := t.Keys.Len
	x := &KeyIndex{keys: &t.Keys, null: -1}
	if size := slotsFor(n); size <= len(room) {
		x.slots = room[:size]
		clear(x.slots)
	} else {
		x.slots = memory.Zeros(size)
	}
	if err := x.findNull(); err != nil {
		return nil, err
	}
	if workers := min(runtime.GOMAXPROCS(0), maxFillers, n/manyKeys); workers > 1 && t.Keys.Type == column.String {
		if x.fillBeside(workers) {
			return x, nil
		}
		clear(x.slots) // it met equal keys: which two depends on timing
	}
	return x, x.fill()
}

// findNull notes the row of the null key.
func (x *KeyIndex) findNull() error {
	if x.keys.Valid == nil {
		return nil
	}
	for i := range x.keys.Len {
		if !x.keys.Null(i) {
			continue
		}
		if x.null >= 0 {
			return fmt.Errorf("keys %d and %d are null", x.null, i)
		}
		x.null = i
	}
	return nil
}

// fill puts all keys into the slots.
func (x *KeyIndex) fill() error {
	var key, other []byte
	for i := range x.keys.Len {
		if i == x.null {
			continue
		}
		canonical := keyBytes(x.keys, i, &key)
		hash := KeyHash(canonical)
		tag := KeyTag(hash, len(canonical))
		at, row := x.probe(hash, tag, canonical, &other)
		if row >= 0 {
			return fmt.Errorf("keys %d and %d are equal", row, i)
		}
		x.slots[at] = uint64(tag)<<32 | uint64(i+1)
	}
	return nil
}

// probe returns the row of a key, or -1 and the slot where it belongs. room is
// scratch memory.
func (x *KeyIndex) probe(hash uint64, tag uint32, key []byte, room *[]byte) (slot uint64, row int) {
	mask := uint64(len(x.slots) - 1)
	for at := hash & mask; ; at = (at + 1) & mask {
		s := x.slots[at]
		if s == 0 {
			return at, -1
		}
		if uint32(s>>32) != tag {
			continue
		}
		row := int(uint32(s)) - 1
		if bytes.Equal(keyBytes(x.keys, row, room), key) {
			return at, row
		}
	}
}

const (
	manyKeys   = 1 << 14 // are worth a worker of their own
	maxFillers = 8       // each looks at the hashes of all keys
)

// fillBeside is fill for strings by several workers. Each has a range of slots, so that
// they never meet; a key that finds its range full to the end is put into the next one
// when all are done. It returns false if two keys are equal.
func (x *KeyIndex) fillBeside(workers int) bool {
	n := x.keys.Len
	hashes := make([]uint64, n)
	eachPart(workers, n, func(_, from, to int) {
		for i := from; i < to; i++ {
			hashes[i] = KeyHash(x.keys.Text.At(i))
		}
	})
	late, ok := make([][]int, workers), make([]bool, workers)
	eachPart(workers, len(x.slots), func(w, from, to int) { late[w], ok[w] = x.fillRange(hashes, from, to) })
	for w, rows := range late {
		for _, i := range rows {
			key := x.keys.Text.At(i)
			tag := KeyTag(hashes[i], len(key))
			at, row := x.probe(hashes[i], tag, key, nil)
			ok[w] = ok[w] && row < 0
			x.slots[at] = uint64(tag)<<32 | uint64(i+1)
		}
		if !ok[w] {
			return false
		}
	}
	return true
}

// fillRange puts the keys whose first slots are in a range there, and returns those
// that do not fit into it. ok is false when it meets a key twice.
func (x *KeyIndex) fillRange(hashes []uint64, from, to int) (late []int, ok bool) {
	mask, text := uint64(len(x.slots)-1), &x.keys.Text
	low, span := uint64(from), uint64(to-from)
	for i, hash := range hashes {
		at := hash&mask - low
		if at >= span || i == x.null {
			continue
		}
		own := x.slots[from:to]
		tag := KeyTag(hash, int(text.Offsets[i+1]-text.Offsets[i]))
		for ; at < span && own[at] != 0; at++ {
			if s := own[at]; uint32(s>>32) == tag && bytes.Equal(text.At(int(uint32(s))-1), text.At(i)) {
				return nil, false
			}
		}
		if at == span {
			late = append(late, i)
			continue
		}
		own[at] = uint64(tag)<<32 | uint64(i+1)
	}
	return late, true
}

// eachPart cuts n things into as many parts as there are workers, and calls f for each
// in a goroutine of its own.
func eachPart(workers, n int, f func(worker, from, to int)) {
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() { f(w, w*n/workers, (w+1)*n/workers) })
	}
	group.Wait()
}

// keyBytes returns the canonical bytes of a key that is not null: a string's own, any
// other's in room.
func keyBytes(keys *column.Vector, slot int, room *[]byte) []byte {
	if keys.Type == column.String {
		return keys.Text.At(slot)
	}
	*room = AppendCanonical((*room)[:0], keys.Type, ValueAt(keys, slot))
	return *room
}

// find returns the row of a key of type typ, or -1.
func (x *KeyIndex) find(typ column.Type, key Value) int {
	if key.Null {
		return x.null
	}
	var room []byte
	canonical := AppendCanonical(nil, typ, key)
	hash := KeyHash(canonical)
	_, row := x.probe(hash, KeyTag(hash, len(canonical)), canonical, &room)
	return row
}
