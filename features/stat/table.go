package stat

import (
	"math/rand/v2"

	"quern/internal/memory"
)

// table is a set of distinct keys, each with a number that the statistic gives a
// meaning. A key is a byte string, or null; see packed for how it is held.
//
// Slots find entries: open addressing with linear probing, apart for each value of
// the tag's leading bits once the table is large, so that growing copies a small
// part at a time. Entries lie in segments, in the order in which they came until
// something sorts them; slots are then made anew when they are next needed.
type table struct {
	index
	seed   uint64    // of the hash: keys that collide cannot be prepared; 0: not yet chosen
	segs   [][]entry // all but the first have segLen entries
	n      int       // how many entries there are
	chunks arena     // keys that do not fit into their entries
	order  order     // of the entries
	budget int64     // in bytes; 0: none. Whoever fills the table sees to it
	single bool      // keys are single values: their bytes are without a tag
	dense  bool      // a new entry holds its place, not 0
	// expected is how many entries there will be, or more, if that is known before the
	// first one comes.
	expected int
}

// index is the slots of a table.
type index struct {
	shift uint8      // tag>>shift is the part of a slot; 32: there is one part
	slots [][]uint64 // per part, tag<<32 | place+1; 0 is empty; powers of two
	used  []uint32   // per part, how many slots are taken
	size  int64      // bytes of slots
}

// entry is a key with what the statistic holds of it: a count, or the number of
// its groups.
type entry struct {
	packed
	held uint64
}

// order says in which order the entries are.
type order uint8

const (
	unordered order = iota
	byKey           // ascending
	byCount         // see sorter.ranked
)

const (
	segBits    = 12
	segLen     = 1 << segBits
	minSegLen  = 16
	minSlots   = 32
	partBits   = 6       // of the tag, in a large table
	maxOnePart = 1 << 14 // slots
	fewKeys    = 1 << 13 // are near: there is no need to touch them first
	entryBytes = 24
	maxLen     = 1<<32 - 2
)

// at returns the entry at a place.
func (t *table) at(place uint32) *entry { return &t.segs[place>>segBits][place&(segLen-1)] }

// appendKey appends the key of e as bytes.
func (t *table) appendKey(b []byte, e *entry) []byte {
	if t.single {
		if e.null() {
			return append(b, tagNull)
		}
		b = append(b, tagValue)
	}
	return e.appendTo(b, &t.chunks)
}

// pack packs a key as bytes; long is what a block needs of it if it is long.
func (t *table) pack(key []byte) (p packed, long []byte) {
	if t.single {
		if key[0] == tagNull {
			return packed{0, nullWord}, nil
		}
		key = key[1:]
	}
	return pack(key), key
}

// packed returns the key of e, for another table. The bytes are t's.
func (t *table) packed(e *entry) (p packed, long []byte) {
	if e.long() {
		return packed{e.w0, newLong}, t.chunks.get(e.w1)
	}
	return e.packed, nil
}

// open makes slots, if there are none, for the entries.
func (t *table) open() {
	if t.slots != nil {
		return
	}
	if t.seed == 0 {
		t.seed = rand.Uint64() | 1
	}
	if len(t.segs) == 0 {
		t.segs = append(t.segs, make([]entry, minSegLen))
	}
	t.shift = 32
	want := max(t.n, t.expected)
	if want > maxOnePart/2 {
		t.shift = 32 - partBits
	}
	parts := 1 << (32 - t.shift)
	each := slotsFor(want / parts)
	t.size = 0
	t.slots, t.used = make([][]uint64, parts), make([]uint32, parts)
	for p := range t.slots {
		t.slots[p] = t.newSlots(each)
	}
	for place := range uint32(t.n) {
		tag := t.at(place).tag(t.seed, &t.chunks)
		t.take(uint64(tag)<<32 | uint64(place+1))
	}
}

func (t *table) newSlots(n int) []uint64 {
	t.size += 8 * int64(n)
	return memory.Zeros(n)
}

// take fills a free slot with s, and grows its part when it becomes too full.
func (t *table) take(s uint64) {
	part := s >> 32 >> (t.shift & 63)
	put(t.slots[part], s)
	t.used[part]++
	if full(int(t.used[part]), len(t.slots[part])) {
		t.grow(part)
	}
}

// put stores s in the first free slot of its chain.
func put(slots []uint64, s uint64) {
	mask := uint64(len(slots) - 1)
	at := s >> 32 & mask
	for slots[at] != 0 {
		at = (at + 1) & mask
	}
	slots[at] = s
}

// grow doubles a part, or splits the only part when it is large. The tags in the
// slots are enough to move them.
func (t *table) grow(part uint64) {
	old := t.slots[part]
	if t.shift == 32 && len(old) >= maxOnePart {
		t.split(old)
		return
	}
	wider := t.newSlots(2 * len(old))
	for _, s := range old {
		if s != 0 {
			put(wider, s)
		}
	}
	t.size -= 8 * int64(len(old))
	t.slots[part] = wider
}

func (t *table) split(old []uint64) {
	t.shift = 32 - partBits
	t.slots, t.used = make([][]uint64, 1<<partBits), make([]uint32, 1<<partBits)
	for p := range t.slots {
		t.slots[p] = t.newSlots(2 * len(old) >> partBits)
	}
	t.size -= 8 * int64(len(old))
	for _, s := range old {
		if s != 0 {
			t.take(s)
		}
	}
}

// place finds the keys of b, or adds them. It adds their times to what the entries
// hold, or, in a table whose entries hold their numbers, puts these into b.held.
func (t *table) place(b *block) {
	t.open()
	keys, tags := b.keys[:b.n], b.tags[:b.n]
	seed := t.seed
	for i := range keys {
		tags[i] = keys[i].hash(seed)
	}
	for _, i := range b.longs[:b.nlong] {
		if b.keys[i].w1 == newLong { // not what is garbage under a null
			tags[i] = hashBytes(b.long[i], seed)
		}
	}
	touched := t.n > fewKeys
	if touched {
		t.touch(b)
	}
	times := b.times[:b.n]
	for i := range keys {
		var e *entry
		if touched && b.places[i] != 0 {
			if e = t.at(b.places[i] - 1); !t.is(e, &keys[i], b.long[i]) {
				e = nil
			}
		}
		if e == nil {
			e = t.placeOne(&keys[i], tags[i], b.long[i])
		}
		if t.dense {
			b.held[i] = e.held
		} else {
			e.held += times[i]
		}
	}
}

// placeOne finds a key, or adds it.
func (t *table) placeOne(key *packed, tag uint32, long []byte) *entry {
	slots := t.slots[uint64(tag)>>(t.shift&63)]
	mask := uint32(len(slots) - 1)
	for at := tag & mask; ; at = (at + 1) & mask {
		s := slots[at]
		if s == 0 {
			return t.add(key, tag, long)
		}
		if uint32(s>>32) != tag {
			continue
		}
		place := uint32(s) - 1
		if e := &t.segs[place>>segBits][place&(segLen-1)]; t.is(e, key, long) {
			return e
		}
	}
}

// is reports whether e has the key, whose bytes, if it is a long one, are long.
func (t *table) is(e *entry, key *packed, long []byte) bool {
	return e.w0 == key.w0 && (e.w1 == key.w1 || key.w1 == newLong && t.sameLong(e, long))
}

// sameLong reports whether e is a long key of these bytes.
func (t *table) sameLong(e *entry, key []byte) bool { return e.long() && t.chunks.equal(e.w1, key) }

// touch notes in b.places where the keys are if they are there, plus one, or 0: the
// entries with their tags. It does so in steps, each for all keys: the reads of a step
// do not depend on each other, so their cache misses overlap.
func (t *table) touch(b *block) {
	tags, places := b.tags[:b.n], b.places[:b.n]
	var first [blockLen]uint64
	for i, tag := range tags {
		slots := t.slots[uint64(tag)>>(t.shift&63)]
		first[i] = slots[tag&uint32(len(slots)-1)]
	}
	for i, tag := range tags {
		s := first[i]
		if s != 0 && uint32(s>>32) != tag {
			slots := t.slots[uint64(tag)>>(t.shift&63)]
			mask := uint32(len(slots) - 1)
			for at := tag + 1; s != 0 && uint32(s>>32) != tag; at++ {
				s = slots[at&mask]
			}
		}
		places[i] = uint32(s)
	}
	var sum uint64
	for _, place := range places {
		place = max(1, place) - 1
		e := &t.segs[place>>segBits][place&(segLen-1)]
		sum += e.w0 + e.held // the two ends: an entry may lie in two cache lines
	}
	for _, i := range b.longs[:b.nlong] {
		if place := places[i]; place != 0 {
			if e := t.at(place - 1); e.long() {
				sum += uint64(t.chunks.first(e.w1))
			}
		}
	}
	b.touched = sum
}

// add appends an entry for a key that is new, whose bytes, if it is long, are long.
func (t *table) add(key *packed, tag uint32, long []byte) *entry {
	if t.n >= maxLen {
		panic("quern: more than 2^32 distinct values in memory: set a memory budget")
	}
	place := uint32(t.n)
	if t.n&(segLen-1) == 0 && t.n>>segBits == len(t.segs) {
		t.segs = append(t.segs, make([]entry, segLen))
	} else if t.n < segLen && t.n == len(t.segs[0]) {
		wider := make([]entry, min(segLen, 4*t.n))
		copy(wider, t.segs[0])
		t.segs[0] = wider
	}
	e := t.at(place)
	e.packed, e.held = *key, 0
	if t.dense {
		e.held = uint64(place)
	}
	if key.w1 == newLong {
		e.w1 = t.chunks.put(long)<<8 | isLong
	}
	t.n++
	t.order = unordered
	t.take(uint64(tag)<<32 | uint64(place+1))
	return e
}

// find returns the entry of a key, or nil. The bytes of a long key are long.
func (t *table) find(key packed, long []byte) *entry {
	if t.n == 0 {
		return nil
	}
	t.open()
	tag := key.hash(t.seed)
	if key.w1 == newLong {
		tag = hashBytes(long, t.seed)
	}
	slots := t.slots[uint64(tag)>>(t.shift&63)]
	mask := uint32(len(slots) - 1)
	for at := tag & mask; slots[at] != 0; at = (at + 1) & mask {
		if s := slots[at]; uint32(s>>32) == tag {
			e := t.at(uint32(s) - 1)
			if e.w0 == key.w0 && (e.w1 == key.w1 || key.w1 == newLong && t.sameLong(e, long)) {
				return e
			}
		}
	}
	return nil
}

// entries calls f with every entry, in the order in which they lie, until it returns false.
func (t *table) entries(f func(e *entry) bool) {
	for place := range uint32(t.n) {
		if !f(t.at(place)) {
			return
		}
	}
}

func (t *table) len() int { return t.n }

// bytes returns how much heap the entries and their slots take. Memory that empty
// kept for later entries is not counted again.
func (t *table) bytes() int64 {
	return t.size + entryBytes*int64(t.room()) + t.chunks.bytes()
}

// room returns how many entries the segments in use have room for.
func (t *table) room() int {
	switch {
	case len(t.segs) == 0:
		return 0
	case t.n <= len(t.segs[0]):
		return len(t.segs[0])
	}
	return (t.n + segLen - 1) &^ (segLen - 1)
}

// empty forgets all keys and keeps the memory for as many others.
func (t *table) empty() {
	t.n, t.order = 0, unordered
	t.chunks.empty()
	for p := range t.slots {
		clear(t.slots[p])
	}
	clear(t.used)
}

// unindex gives the slots back: the entries are about to move.
func (t *table) unindex() { t.index = index{} }
