package program

import (
	"bytes"
	"fmt"
	"math/bits"

	"github.com/zeebo/xxh3"

	"quern/features/column"
)

// tableIndex finds the row of a key by its canonical bytes: open addressing with
// linear probing over the table's own keys, at most three quarters full.
type tableIndex struct {
	keys  *column.Vector
	slots []uint64 // hash<<32 | row+1; 0 is empty
	null  int      // row of the null key, or -1
}

// newTableIndex indexes the keys of t, or says why t is no map: a vector is not
// whole, or two keys are equal.
func newTableIndex(t *Table) (*tableIndex, error) {
	if err := checkTableVectors(t); err != nil {
		return nil, err
	}
	x := &tableIndex{keys: &t.Keys, slots: make([]uint64, 1<<bits.Len(uint(t.Keys.Len+t.Keys.Len/3))), null: -1}
	var key, other []byte
	for i := range t.Keys.Len {
		if t.Keys.Null(i) {
			if x.null >= 0 {
				return nil, fmt.Errorf("keys %d and %d are null", x.null, i)
			}
			x.null = i
			continue
		}
		canonical := keyBytes(&t.Keys, i, &key)
		hash := xxh3.Hash(canonical) >> 32
		at, row := x.probe(hash, canonical, &other)
		if row >= 0 {
			return nil, fmt.Errorf("keys %d and %d are equal", row, i)
		}
		x.slots[at] = hash<<32 | uint64(i+1)
	}
	return x, nil
}

// probe returns the row of a key, or -1 and the slot where it belongs. room is
// scratch memory.
func (x *tableIndex) probe(hash uint64, key []byte, room *[]byte) (slot uint64, row int) {
	mask := uint64(len(x.slots) - 1)
	for at := hash & mask; ; at = (at + 1) & mask {
		s := x.slots[at]
		if s == 0 {
			return at, -1
		}
		if s>>32 != hash {
			continue
		}
		row := int(uint32(s)) - 1
		if bytes.Equal(keyBytes(x.keys, row, room), key) {
			return at, row
		}
	}
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
func (x *tableIndex) find(typ column.Type, key Value) int {
	if key.Null {
		return x.null
	}
	var room []byte
	canonical := AppendCanonical(nil, typ, key)
	_, row := x.probe(xxh3.Hash(canonical)>>32, canonical, &room)
	return row
}
