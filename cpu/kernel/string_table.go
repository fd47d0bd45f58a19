package kernel

// StringTable finds the number of a byte string. It never changes once made.
type StringTable struct {
	index   index
	words   []uint64 // of the keys, if they are short: one or two each
	each    int      // how many; 0: keys are compared as bytes
	bytes   []byte
	offsets []uint32
}

// NewStringTable numbers distinct strings by their position; those that are not
// present are left out. It keeps bytes and offsets (one more than there are
// strings).
func NewStringTable(bytes []byte, offsets []uint32, valid []uint64) *StringTable {
	return newStringTable(bytes, offsets, valid, ^uint64(0))
}

// newStringTable is NewStringTable with the bits of hashes that are used.
func newStringTable(bytes []byte, offsets []uint32, valid []uint64, keep uint64) *StringTable {
	count := max(0, len(offsets)-1)
	t := &StringTable{index: newIndex(count), bytes: bytes, offsets: offsets, each: shortest(offsets, valid)}
	t.index.keep = keep
	t.words = make([]uint64, t.each*count)
	if count == 0 {
		return t
	}
	keys := &Views{Bytes: bytes, Start: offsets[:count], End: offsets[1:]}
	p := new(Probe)
	for from := 0; from < count; from += batch {
		n := min(batch, count-from)
		word := wordOf(valid, from)
		p.texts(keys, from, n, word)
		t.keep(p, from, n)
		for i := range n {
			if word>>(i&63)&1 != 0 {
				t.index.insert(p, i, int32(from+i))
			}
		}
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
func (t *StringTable) findAny(dst []int32, p *Probe, keys *Views, from int) {
	x := &t.index
	x.open(p, len(dst))
	for i := range dst {
		tag, at, slot := x.tag(p, i), p.hash[i]&x.keep, p.slot[i]
		for slot != 0 && (uint32(slot>>32) != tag || !t.is(uint32(slot)-1, p, i, keys, from)) {
			at++
			slot = x.slots[at&x.mask]
		}
		dst[i] = int32(uint32(slot)) - 1
	}
}

// is reports whether key i of a batch, whose tag is number's, is that number's.
func (t *StringTable) is(number uint32, p *Probe, i int, keys *Views, from int) bool {
	own := t.bytes[t.offsets[number]:t.offsets[number+1]]
	if len(own) == 0 {
		return true // sizes below large are equal if tags are; and a null has no bounds
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
