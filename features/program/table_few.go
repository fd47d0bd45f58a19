package program

import (
	"encoding/binary"

	"quern/features/column"
)

// few is where a table without an index has the keys that it was asked for, by their
// canonical bytes; -1: nowhere.
type few struct {
	rows map[string]int
	null int
}

// has reports whether all of keys were asked for already.
func (f *few) has(typ column.Type, keys []Value) bool {
	for _, k := range keys {
		if k.Null {
			continue
		}
		if _, ok := f.rows[string(AppendCanonical(nil, typ, k))]; !ok {
			return false
		}
	}
	return true
}

// rowsOf returns the rows of keys of type typ, -1 where there is none, without an index: it
// looks at every key of the table once. The programs of a model share tables, and are asked
// the same; so the answer is kept in t.facts, which it must have.
func (t *Table) rowsOf(typ column.Type, keys []Value) []int {
	t.facts.asking.Lock()
	defer t.facts.asking.Unlock()
	f := t.facts.few
	if f == nil || !f.has(typ, keys) {
		f = t.look(typ, keys)
		t.facts.few = f
	}
	rows := make([]int, len(keys))
	for i, k := range keys {
		if rows[i] = f.null; !k.Null {
			rows[i] = f.rows[string(AppendCanonical(nil, typ, k))]
		}
	}
	return rows
}

// look looks at every key of the table.
func (t *Table) look(typ column.Type, keys []Value) *few {
	f := &few{rows: map[string]int{}, null: -1}
	var sought [1 << endBitCount / 64]uint64 // samples of keys: few others get past them
	for _, k := range keys {
		if !k.Null {
			canonical := AppendCanonical(nil, typ, k)
			f.rows[string(canonical)] = -1
			at := endBits(canonical)
			sought[at/64] |= 1 << (at % 64)
		}
	}
	var room []byte
	for i := range t.Keys.Len {
		if t.Keys.Null(i) {
			f.null = i
			continue
		}
		key := keyBytes(&t.Keys, i, &room)
		if at := endBits(key); sought[at/64]>>(at%64)&1 == 0 {
			continue
		}
		if _, ok := f.rows[string(key)]; ok {
			f.rows[string(key)] = i
		}
	}
	return f
}

const endBitCount = 12

// endBits returns some bits of a key: of its size and its last bytes, which differ most.
func endBits(key []byte) uint32 {
	n := len(key)
	word := uint32(n)
	switch {
	case n >= 4:
		word += binary.LittleEndian.Uint32(key[n-4:])
	case n > 0:
		word += uint32(key[0])<<8 | uint32(key[n-1])<<16
	}
	return word * 0x9E3779B1 >> (32 - endBitCount)
}
