package kernel

// Table finds the number of a 64-bit key: small ranges by a direct array, all
// others by an index. It never changes once made.
type Table struct {
	low    uint64  // direct: the smallest key
	direct []int32 // direct: number of key low+i, or -1

	index index
	words []uint64
}

// NewTable numbers distinct keys by their position; those that are not present are
// left out. It keeps keys.
func NewTable(keys []uint64, valid []uint64) *Table {
	t := &Table{words: keys}
	if low, span := extent(keys, valid); span < uint64(4*len(keys)+64) {
		t.low, t.direct = low, make([]int32, span+1)
		for i := range t.direct {
			t.direct[i] = -1
		}
		for i, k := range keys {
			if present(valid, i) {
				t.direct[k-low] = int32(i)
			}
		}
		return t
	}
	t.index = newIndex(len(keys))
	p := new(Probe)
	for from := 0; from < len(keys); from += batch {
		part := keys[from:min(from+batch, len(keys))]
		hashWords(p, part)
		for i := range part {
			if present(valid, from+i) {
				t.index.insert(p, i, int32(from+i))
			}
		}
	}
	return t
}

// extent returns the least of the keys that are present, in the order of int64, and
// how far above it the greatest is.
func extent(keys, valid []uint64) (low, span uint64) {
	least, most, any := int64(0), int64(0), false
	for i, word := range keys {
		switch k := int64(word); {
		case !present(valid, i):
		case !any:
			least, most, any = k, k, true
		default:
			least, most = min(least, k), max(most, k)
		}
	}
	return uint64(least), uint64(most) - uint64(least)
}

// FindInts computes the number of each key, or -1.
func FindInts(dst []int32, keys []int64, t *Table, p *Probe) {
	keys = keys[:len(dst)]
	if t.direct != nil {
		direct, low := t.direct, t.low
		for i := range dst {
			n := int32(-1)
			if k := uint64(keys[i]) - low; k < uint64(len(direct)) {
				n = direct[k]
			}
			dst[i] = n
		}
		return
	}
	for from := 0; from < len(dst); from += batch {
		to := min(from+batch, len(dst))
		hashWords(p, keys[from:to])
		t.index.find1(dst[from:to], p, t.words)
	}
}

// PutNulls sets the number of null slots.
func PutNulls(numbers []int32, valid []uint64, number int32) {
	if valid == nil {
		return
	}
	for w, word := range valid[:Words(len(numbers))] {
		if word == ^uint64(0) {
			continue
		}
		part := numbers[w<<6 : min(w<<6+64, len(numbers))]
		for i := range part {
			if word>>(i&63)&1 == 0 {
				part[i] = number
			}
		}
	}
}

// FillNulls gives slots whose bit of valid is clear a value, and sets their bits of
// found; valid nil: there are none.
func FillNulls[T Number](dst []T, found, valid []uint64, value T) {
	if valid == nil {
		return
	}
	for w, word := range valid[:Words(len(dst))] {
		if word == ^uint64(0) {
			continue
		}
		part := dst[w<<6 : min(w<<6+64, len(dst))]
		for i := range part {
			if word>>(i&63)&1 == 0 {
				part[i] = value
			}
		}
		found[w] |= ^word & (^uint64(0) >> (64 - len(part)))
	}
}

// Values computes the value of each number and the bits of those that are there:
// values[number] and set, or garbage and clear for -1. values is not empty.
func Values[T Number](dst []T, found []uint64, values []T, numbers []int32) {
	numbers = numbers[:len(dst)]
	for w := range found[:Words(len(dst))] {
		from, to := w<<6, min(w<<6+64, len(dst))
		word := uint64(0)
		for i := from; i < to; i++ {
			n := numbers[i]
			known := uint64(^n) >> 31 & 1 // 0 for -1
			word |= known << (i & 63)
			dst[i] = values[uint32(n)&uint32(-int32(known))]
		}
		found[w] = word
	}
}

// Sequence is Values of values that count up from first: it needs no memory of them.
func Sequence(dst []int64, found []uint64, first int64, numbers []int32) {
	numbers = numbers[:len(dst)]
	for w := range found[:Words(len(dst))] {
		from, to := w<<6, min(w<<6+64, len(dst))
		word := uint64(0)
		for i := from; i < to; i++ {
			n := numbers[i]
			word |= uint64(^n) >> 31 & 1 << (i & 63)
			dst[i] = first + int64(n)
		}
		found[w] = word
	}
}
