package kernel

import "encoding/binary"

// StringTable finds the number of a byte string. It never changes once made.
type StringTable struct {
	index   index
	words   []uint64 // of the keys, if they are short: one or two each
	each    int      // how many; 0: keys are compared as bytes
	bytes   []byte
	offsets []uint32
}

// NewStringTable finds distinct strings, numbered by their position, in the slots of a
// program.KeyIndex of them. It keeps bytes, offsets (one more than there are strings)
// and slots.
func NewStringTable(bytes []byte, offsets []uint32, valid, slots []uint64) *StringTable {
	t := &StringTable{bytes: bytes, offsets: offsets, each: shortest(offsets, valid)}
	t.index = index{slots: slots, mask: uint64(len(slots) - 1), keep: ^uint64(0)}
	count := max(0, len(offsets)-1)
	t.words = make([]uint64, t.each*count)
	if t.each == 0 || count == 0 {
		return t
	}
	keys := &Views{Bytes: bytes, Start: offsets[:count], End: offsets[1:]}
	p := new(Probe)
	for from := 0; from < count; from += batch {
		n := min(batch, count-from)
		p.texts(keys, from, n, wordOf(valid, from))
		t.keep(p, from, n)
	}
	return t
}

// keep puts the words of a batch into the table.
func (t *StringTable) keep(p *Probe, from, n int) {
	switch t.each {
	case 1:
		copy(t.words[from:], p.low[:n])
	case 2:
		for i := range n {
			t.words[2*(from+i)], t.words[2*(from+i)+1] = p.low[i], p.high[i]
		}
	}
}

// shortest returns how many words hold each of the strings that are present: 1 or 2,
// or 0 if one of them needs more.
func shortest(offsets []uint32, valid []uint64) int {
	most := uint32(0)
	for i := 1; i < len(offsets); i++ {
		if present(valid, i-1) {
			most = max(most, offsets[i]-offsets[i-1])
		}
	}
	switch {
	case most <= 8:
		return 1
	case most < large:
		return 2
	}
	return 0
}

// FindStrings computes the number of each string, or -1; of those that are null
// it computes any number or -1.
func FindStrings(dst []int32, keys *Views, valid []uint64, t *StringTable, p *Probe) {
	for from := 0; from < len(dst); from += batch {
		part := dst[from:min(from+batch, len(dst))]
		p.texts(keys, from, len(part), wordOf(valid, from))
		switch t.each {
		case 1:
			t.index.find1(part, p, t.words)
		case 2:
			t.index.find2(part, p, t.words)
		default:
			t.findAny(part, p, keys, from)
		}
	}
}

// findAny is for tables with long keys: what the tags leave is compared byte by byte.
// It goes in steps, each for all keys of the batch: the reads of a step do not depend on
// each other, so that the processor waits for all of them at the same time.
func (t *StringTable) findAny(dst []int32, p *Probe, keys *Views, from int) {
	x := &t.index
	x.open(p, len(dst))
	for i := range dst {
		p.at[i], p.slot[i] = x.next(p.hash[i]&x.keep, p.slot[i], x.tag(p, i))
	}
	t.touch(p, len(dst))
	for i := range dst {
		at, slot := p.at[i], p.slot[i]
		for slot != 0 && !t.is(uint32(slot)-1, p, i, keys, from) {
			at, slot = x.next(at+1, x.slots[(at+1)&x.mask], x.tag(p, i))
		}
		dst[i] = int32(uint32(slot)) - 1
	}
}

// touch reads where the keys that the slots of n strings lead to start, then their
// first bytes.
func (t *StringTable) touch(p *Probe, n int) {
	if len(t.bytes) == 0 {
		return
	}
	starts := &p.start
	for i, slot := range p.slot[:n] {
		starts[i] = t.offsets[max(1, uint32(slot))-1]
	}
	sum, last := byte(0), uint32(len(t.bytes)-1)
	for _, start := range starts[:n] {
		sum += t.bytes[min(start, last)]
	}
	p.touched = sum
}

// is reports whether key i of a batch, whose tag is number's, is that number's.
func (t *StringTable) is(number uint32, p *Probe, i int, keys *Views, from int) bool {
	own := t.bytes[t.offsets[number]:t.offsets[number+1]]
	switch n := len(own); { // sizes below large are equal, as the tags are
	case n == 0:
		return true // and a null has no bounds
	case n == 8:
		return binary.LittleEndian.Uint64(own) == p.low[i]
	case n > 8 && n < large:
		return binary.LittleEndian.Uint64(own) == p.low[i] && binary.LittleEndian.Uint64(own[n-8:]) == p.high[i]
	}
	return string(own) == string(keys.At(from+i))
}

// wordOf returns the bits of the 64 slots from slot from on, a multiple of 64.
func wordOf(valid []uint64, from int) uint64 {
	if valid == nil {
		return ^uint64(0)
	}
	return valid[from>>6]
}
