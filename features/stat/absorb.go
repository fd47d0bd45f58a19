package stat

import "math/bits"

// Tables with the same seed have a key's slot in the same part. So large ones are
// merged part by part, by several workers: nobody else touches the slots of a part, or
// an entry that they lead to.

// absorbs reports whether absorb may merge o into t: both are large, and there is memory
// for both.
func (t *table) absorbs(o *table) bool {
	if t.seed != o.seed || t.seed == 0 || t.n+o.n > maxLen || min(t.n, o.n) < manyEntries {
		return false
	}
	return len(t.slots) == 1<<partBits && len(o.slots) == 1<<partBits && (t.budget == 0 || t.bytes()+2*o.bytes() <= t.budget)
}

// absorb adds what the entries of o hold, which are counts. o is not changed, and may be
// used on: of its bytes t keeps those that are final, the long keys.
func (t *table) absorb(o *table) {
	const parts = 1 << partBits
	workers := workersFor(o.n)
	chunk := t.chunks.adopt(&o.chunks)
	var news [parts][]uint64 // slots of o whose keys are not in t
	beside(workers, parts, func(_, part int) { news[part] = t.absorbKnown(o, part) })
	var from [parts]int
	n := t.n
	for part, s := range news {
		from[part] = n
		n += len(s)
	}
	for len(t.segs)<<segBits < n {
		t.segs = append(t.segs, make([]entry, segLen))
	}
	var grown [parts]int64
	beside(workers, parts, func(_, part int) {
		grown[part] = t.absorbNew(o, part, news[part], from[part], chunk)
	})
	for _, size := range grown {
		t.size += size
	}
	if n > t.n {
		t.n, t.order = n, unordered
	}
}

// absorbKnown adds what o holds of the keys of a part that t has, and returns the slots
// of the others. The entries of a block of them are read before they are looked at: the
// reads do not depend on each other, so their cache misses overlap.
func (t *table) absorbKnown(o *table, part int) (news []uint64) {
	var block [blockLen]uint64
	n := 0
	for _, s := range o.slots[part] {
		if block[n] = s; s != 0 {
			n++
		}
		if n == blockLen {
			news = t.absorbBlock(o, part, block[:n], news)
			n = 0
		}
	}
	return t.absorbBlock(o, part, block[:n], news)
}

func (t *table) absorbBlock(o *table, part int, block, news []uint64) []uint64 {
	slots := t.slots[part]
	mask := uint32(len(slots) - 1)
	var theirs [blockLen]entry
	var places [blockLen]uint32
	for i, s := range block {
		theirs[i] = *o.at(uint32(s) - 1)
		places[i] = max(1, uint32(slots[uint32(s>>32)&mask])) - 1
	}
	for i := range block {
		places[i] = uint32(t.at(places[i]).w0) // keeps the read alive
	}
	for i, s := range block {
		e := &theirs[i]
		if e.held == 0 {
			continue // it was subtracted
		}
		if mine := t.lookup(slots, uint32(s>>32), e, &o.chunks); mine != nil {
			mine.held += e.held
		} else {
			news = append(news, s)
		}
	}
	return news
}

// lookup returns the entry with the key of e, whose long bytes are in long, or nil.
func (t *table) lookup(slots []uint64, tag uint32, e *entry, long *arena) *entry {
	mask := uint32(len(slots) - 1)
	for at := tag & mask; slots[at] != 0; at = (at + 1) & mask {
		if s := slots[at]; uint32(s>>32) == tag {
			mine := t.at(uint32(s) - 1)
			if mine.w0 == e.w0 && (mine.w1 == e.w1 && !e.long() || mine.long() && e.long() && t.chunks.equal(mine.w1, long.get(e.w1))) {
				return mine
			}
		}
	}
	return nil
}

// absorbNew adds entries of o to a part of t, at the places from from on, and returns
// by how much the slots have grown. The chunks of o are those of t from chunk on.
func (t *table) absorbNew(o *table, part int, news []uint64, from int, chunk uint64) (grown int64) {
	old := t.slots[part]
	t.used[part] += uint32(len(news))
	if full(int(t.used[part]), len(old)) {
		wider := make([]uint64, slotsFor(int(t.used[part])))
		for _, s := range old {
			if s != 0 {
				put(wider, s)
			}
		}
		t.slots[part], grown = wider, 8*int64(len(wider)-len(old))
	}
	slots := t.slots[part]
	for i, s := range news {
		place := uint32(from + i)
		e := t.at(place)
		if *e = *o.at(uint32(s) - 1); e.long() {
			e.w1 += chunk << 40
		}
		put(slots, s>>32<<32|uint64(place+1))
	}
	return grown
}

// full reports whether so many keys are too many for so many slots.
func full(keys, slots int) bool { return 4*keys > 3*slots }

// slotsFor returns how many slots so many keys get.
func slotsFor(keys int) int { return max(minSlots, 1<<bits.Len(uint(keys+keys/3))) }
