package segment

import (
	"bytes"
	"encoding/binary"

	"quern/serve/row"
)

// batch is how many keys go through the passes of a look-up together: enough for their
// cache misses to overlap, few enough for what was touched to stay in the caches.
const batch = 128

// Lookup finds the rows of keys: rows[i], where it is missing, becomes the row of key i, and
// stays missing if there is none. Rows that are not missing are left as they are, so that
// an overlay or another shard may be asked before. Keys of other shards are not found.
//
// It allocates nothing once keys has its hashes. ErrCorrupt means that the file is damaged;
// then the rows are of no use.
func (s *Segment) Lookup(keys *row.Keys, rows []row.Row) error {
	n := keys.Len()
	if len(rows) != n {
		panic("quern: bug: look-up of other numbers of keys and rows")
	}
	hashes := keys.Hashes(s.tail.seed)
	if s.tail.rows == 0 {
		return nil
	}
	for from := 0; from < n; from += batch {
		to := min(n, from+batch)
		if err := s.lookup(keys, hashes, rows, from, to); err != nil {
			return err
		}
	}
	return nil
}

// lookup finds at most batch keys.
func (s *Segment) lookup(keys *row.Keys, hashes []row.Hash, rows []row.Row, from, to int) error {
	var candidates [batch]uint64 // row + 1 of the first slot with the right tag
	s.touchSlots(hashes[from:to])
	for i := from; i < to; i++ {
		if rows[i].Missing() && s.mine(hashes[i]) {
			candidates[i-from] = s.firstTag(hashes[i])
		}
	}
	found := candidates[:to-from]
	if err := s.touchRows(found); err != nil {
		return err
	}
	for i, c := range found {
		if c == 0 {
			continue
		}
		r, err := s.at(c - 1)
		if err != nil {
			return err
		}
		if key := keys.Key(from + i); !bytes.Equal(s.layout.Key(r), key) {
			if r, err = s.find(hashes[from+i], key); err != nil {
				return err
			}
		}
		rows[from+i] = r
	}
	return nil
}

// mine reports whether a key belongs to this shard.
func (s *Segment) mine(h row.Hash) bool {
	return s.tail.shards == 1 || h.Shard(int(s.tail.shards)) == int(s.tail.shard)
}

// firstTag returns what the first slot with the tag of h holds: the row + 1, or 0.
func (s *Segment) firstTag(h row.Hash) uint64 {
	bits := s.tail.rowBits
	at, tag, low := home(h.Hi, s.tail.capacity), tagOf(h.Lo, bits)>>bits, uint64(1)<<bits-1
	slots := s.slots[8*at:]
	for range s.tail.probe {
		if len(slots) < 8 {
			return 0
		}
		slot := binary.LittleEndian.Uint64(slots)
		if slot == 0 || slot>>bits == tag {
			return slot & low
		}
		slots = slots[8:]
	}
	return 0
}

// find looks a key up by comparing it with each row that has its tag: the slow way, for
// keys whose first tag is another key's.
func (s *Segment) find(h row.Hash, key []byte) (row.Row, error) {
	bits := s.tail.rowBits
	at, tag, low := home(h.Hi, s.tail.capacity), tagOf(h.Lo, bits)>>bits, uint64(1)<<bits-1
	for end := min(at+uint64(s.tail.probe), s.tail.slots); at < end; at++ {
		slot := binary.LittleEndian.Uint64(s.slots[8*at:])
		if slot == 0 {
			break
		}
		if slot>>bits != tag {
			continue
		}
		if slot&low == 0 || slot&low > s.tail.rows {
			return row.Row{}, ErrCorrupt
		}
		r, err := s.at(slot&low - 1)
		if err != nil {
			return row.Row{}, err
		}
		if bytes.Equal(s.layout.Key(r), key) {
			return r, nil
		}
	}
	return row.Row{}, nil
}

// touchSlots loads the home slot of each hash. The loads do not depend on each other, so
// their cache misses overlap; not being inlined, they are not optimised away.
//
//go:noinline
func (s *Segment) touchSlots(hashes []row.Hash) (sum uint64) {
	capacity, slots := s.tail.capacity, s.slots
	for i := range hashes {
		sum ^= binary.LittleEndian.Uint64(slots[8*home(hashes[i].Hi, capacity):])
	}
	return sum
}

// reach is how much of a row and of its heap is loaded ahead: four cache lines. What is
// behind them comes with the processor's own looking ahead.
const reach = 4 * 64

// touchRows loads a byte of each cache line of the rows, up to reach, and then of their
// heaps. A row that is not there is ErrCorrupt.
func (s *Segment) touchRows(found []uint64) error {
	for _, c := range found {
		if c > s.tail.rows {
			return ErrCorrupt
		}
	}
	s.touchFixed(found)
	if s.layout.HasHeap() {
		return s.touchHeaps(found)
	}
	return nil
}

//go:noinline
func (s *Segment) touchFixed(found []uint64) (sum byte) {
	end := min(s.stride, reach)
	for _, c := range found {
		if c == 0 {
			continue
		}
		r := s.rows[(c-1)*s.stride:]
		for at := uint64(0); at < end; at += 64 {
			sum ^= r[at]
		}
		sum ^= r[end-1]
	}
	return sum
}

//go:noinline
func (s *Segment) touchHeaps(found []uint64) error {
	sum := byte(0)
	for _, c := range found {
		if c == 0 {
			continue
		}
		r, err := s.at(c - 1)
		if err != nil {
			return err
		}
		for at := 0; at < min(len(r.Heap), reach); at += 64 {
			sum |= r.Heap[at]
		}
	}
	s.touched(sum)
	return nil
}

// touched makes use of what was loaded, as far as the compiler can tell.
//
//go:noinline
func (s *Segment) touched(byte) {}
