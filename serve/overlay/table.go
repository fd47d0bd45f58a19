package overlay

import (
	"bytes"
	"sync/atomic"

	"quern/serve/row"
)

// table is a hash table from keys to their newest rows, in parts that grow apart from each
// other. One goroutine at a time writes; any number read, without locks.
type table struct {
	layout *row.Layout
	parts  [1 << partBits]part
	rows   atomic.Int64
	bytes  atomic.Int64 // of rows, and about what the table needs for them
}

const (
	partBits  = 6
	firstSize = 16  // slots of a part
	perRow    = 128 // bytes of an entry, its slots, and what allocation rounds up
)

// part is one part of the table. A reader sees the slots as they were, or as they are.
type part struct {
	slots atomic.Pointer[slots]
	rows  int // of the writer
}

// slots are found by linear probing from the low bits of Hi on; at least a third is empty.
// There are a power of two of them.
type slots []atomic.Pointer[entry]

// entry is a row and the hash of its key. It does not change.
type entry struct {
	hash row.Hash
	row  row.Row
}

func newTable(l *row.Layout) *table {
	t := &table{layout: l}
	for i := range t.parts {
		t.parts[i].slots.Store(newSlots(firstSize))
	}
	return t
}

func newSlots(n int) *slots {
	s := make(slots, n)
	return &s
}

// part returns the part of a hash. The table uses bits of Lo for parts and of Hi for slots.
func (t *table) part(h row.Hash) *part { return &t.parts[h.Lo>>(64-partBits)] }

// cost is what a row takes of the budget.
func cost(r row.Row) int64 { return int64(len(r.Fixed)+len(r.Heap)) + perRow }

// find returns the slot of a key, or the empty one where it would be.
func (s slots) find(l *row.Layout, h row.Hash, key []byte) *atomic.Pointer[entry] {
	mask := uint64(len(s) - 1)
	for at := h.Hi & mask; ; at = (at + 1) & mask {
		e := s[at].Load()
		if e == nil || e.hash == h && bytes.Equal(l.Key(e.row), key) {
			return &s[at]
		}
	}
}

// put adds a row, unless the key has a greater one.
func (t *table) put(e *entry) {
	p := t.part(e.hash)
	slot := p.slots.Load().find(t.layout, e.hash, t.layout.Key(e.row))
	old := slot.Load()
	if old != nil {
		if t.layout.Compare(e.row, old.row) > 0 {
			t.bytes.Add(cost(e.row) - cost(old.row))
			slot.Store(e)
		}
		return
	}
	slot.Store(e)
	t.bytes.Add(cost(e.row))
	t.rows.Add(1)
	if p.rows++; 3*p.rows > 2*len(*p.slots.Load()) {
		p.rebuild(2*len(*p.slots.Load()), func(*entry) bool { return true })
	}
}

// rebuild makes new slots of the entries that stay. No two of them have the same key.
func (p *part) rebuild(n int, stays func(*entry) bool) {
	fresh, old := newSlots(n), *p.slots.Load()
	mask := uint64(n - 1)
	p.rows = 0
	for i := range old {
		e := old[i].Load()
		if e == nil || !stays(e) {
			continue
		}
		at := e.hash.Hi & mask
		for (*fresh)[at].Load() != nil {
			at = (at + 1) & mask
		}
		(*fresh)[at].Store(e)
		p.rows++
	}
	p.slots.Store(fresh)
}

// trim forgets the rows up to a sequence.
func (t *table) trim(seq uint64) {
	for i := range t.parts {
		p := &t.parts[i]
		stay := 0
		gone, bytes := int64(0), int64(0)
		stays := func(e *entry) bool { return t.layout.Seq(e.row) > seq }
		old := *p.slots.Load()
		for k := range old {
			if e := old[k].Load(); e != nil && stays(e) {
				stay++
			} else if e != nil {
				gone++
				bytes += cost(e.row)
			}
		}
		if gone == 0 {
			continue
		}
		n := firstSize
		for 3*stay > 2*n {
			n *= 2
		}
		p.rebuild(n, stays)
		t.rows.Add(-gone)
		t.bytes.Add(-bytes)
	}
}

// batch is how many keys go through the passes of a look-up together.
const batch = 128

// lookup puts the rows of keys where they are greater than what is there.
func (t *table) lookup(keys *row.Keys, hashes []row.Hash, rows []row.Row) {
	for from := 0; from < len(hashes); from += batch {
		var homes [batch]*entry // what is at the first slot: for the cache misses to overlap
		to := min(len(hashes), from+batch)
		for i := from; i < to; i++ {
			s := *t.part(hashes[i]).slots.Load()
			homes[i-from] = s[hashes[i].Hi&uint64(len(s)-1)].Load()
		}
		for i := from; i < to; i++ {
			if homes[i-from] != nil {
				t.take(homes[i-from], hashes[i], keys.Key(i), &rows[i])
			}
		}
	}
}

// take puts the row of a key, whose home slot is not empty, to r, if it is greater.
func (t *table) take(e *entry, h row.Hash, key []byte, r *row.Row) {
	if e.hash != h || !bytes.Equal(t.layout.Key(e.row), key) {
		s := *t.part(h).slots.Load()
		if e = s.find(t.layout, h, key).Load(); e == nil {
			return
		}
	}
	if r.Missing() || t.layout.Compare(e.row, *r) > 0 {
		*r = e.row
	}
}
