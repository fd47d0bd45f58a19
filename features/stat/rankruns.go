package stat

import (
	"cmp"
	"encoding/binary"
	"maps"
	"math"
	"slices"

	"quern/features/column"
	"quern/features/diag"
)

// Values that occur equally often are a tier. Runs are read twice: first to find out how
// large the tiers are, then to put each value where it belongs, because a tier gets
// its values in the order of the keys. So nothing is sorted, and nothing is held but the
// result; tiers are few, since n rows have at most about the root of 2n of them.

// tier is the values that occur so often.
type tier struct {
	n    int    // how many there are
	size uint64 // of their texts, in bytes
	room int    // how many of them are in the result
	at   int    // where the next one goes
	text uint64 // and its text
}

// tiers finds the tier of a count.
type tiers struct {
	few  [1 << 10]tier // by count
	many map[uint64]*tier
}

func (c *tiers) of(count uint64) *tier {
	if count < uint64(len(c.few)) {
		return &c.few[count]
	}
	found := c.many[count]
	if found == nil {
		found = &tier{}
		c.many[count] = found
	}
	return found
}

// layOut gives each tier its place, the most frequent ones first, and returns how many
// values there will be, at most limit, and how many bytes their texts may take.
func (c *tiers) layOut(limit int) (n int, size uint64) {
	counts := slices.SortedFunc(maps.Keys(c.many), func(a, b uint64) int { return cmp.Compare(b, a) })
	for few := len(c.few) - 1; few >= 0; few-- {
		counts = append(counts, uint64(few))
	}
	for _, count := range counts {
		k := c.of(count)
		k.at, k.text, k.room = n, size, min(k.n, limit-n)
		if n += k.room; k.room > 0 {
			size += k.size
		}
	}
	return n, size
}

// rankRuns is Ranked of a statistic with runs.
func (v *ValueCounts) rankRuns(minCount uint64, limit int) (column.Vector, []uint64, error) {
	c := &tiers{many: map[uint64]*tier{}}
	least := max(1, minCount)
	err := v.unite(func(key, body []byte) {
		if count, _ := binary.Uvarint(body); count >= least && !isNull(key) {
			k := c.of(count)
			k.n++
			k.size += uint64(len(key) - 1)
		}
	})
	if err != nil {
		return column.Vector{}, nil, err
	}
	n, size := c.layOut(limit)
	r := newPlaced(v.spec.Types[0], n)
	if r.Text.Offsets != nil {
		if size > math.MaxUint32 {
			return column.Vector{}, nil, diag.New("Q462", "the %d values of a vocabulary take %d bytes", n, size)
		}
		r.Text.Bytes = make([]byte, size)
	}
	counts := make([]uint64, n)
	err = v.each(func(key, body []byte) (bool, error) {
		if count, _ := binary.Uvarint(body); count >= least && !isNull(key) {
			if k := c.of(count); k.room > 0 {
				r.put(k, key[1:])
				counts[k.at] = count
				k.at++
				k.room--
			}
		}
		return true, nil
	})
	if err == nil && r.Text.Offsets != nil {
		r.Text.Bytes = r.Text.Bytes[:r.Text.Offsets[n]]
	}
	return r.Vector, counts, err
}

// unite calls f with every entry and, if the budget has room for both, makes one run of all
// that is in memory meanwhile: the entries will be read once more.
func (v *ValueCounts) unite(f func(key, body []byte)) error {
	within, files := v.split()
	size := v.heap + int64(v.Extent()) // of which the runs are counted twice
	if v.err != nil || len(files) > 0 || len(within)+min(1, v.len()) < 2 || v.res.Bytes > 0 && size > v.res.Bytes {
		return v.each(func(key, body []byte) (bool, error) {
			f(key, body)
			return true, nil
		})
	}
	w := newHeapRun(size)
	err := v.merge(v.cursors(), 0, func(key, body []byte) (bool, error) {
		f(key, body)
		return true, w.add(key, body)
	})
	if err != nil {
		w.run.close()
		return err
	}
	r, err := w.finish()
	if err != nil {
		return err
	}
	closeRuns(within)
	v.runs, v.heap = nil, 0
	v.own(r)
	v.shrink()
	return nil
}

// placed is a vector whose values come in any order.
type placed struct{ column.Vector }

func newPlaced(t column.Type, n int) *placed {
	p := &placed{column.Vector{Type: t, Len: n}}
	switch t.Kind() {
	case column.Bools:
		p.Bools = make([]bool, n)
	case column.Ints:
		p.Int64s = make([]int64, n)
	case column.Floats:
		p.Float64s = make([]float64, n)
	default:
		p.Text.Offsets = make([]uint32, n+1)
	}
	return p
}

// put puts the value of a key, without its tag, to the next place of a tier.
func (p *placed) put(k *tier, key []byte) {
	switch p.Type.Kind() {
	case column.Bools:
		p.Bools[k.at] = key[0] != 0
	case column.Ints:
		p.Int64s[k.at] = int64(binary.BigEndian.Uint64(key) ^ 1<<63)
	case column.Floats:
		p.Float64s[k.at] = unorderFloat(int64(binary.BigEndian.Uint64(key) ^ 1<<63))
	default:
		k.text += uint64(copy(p.Text.Bytes[k.text:], key))
		p.Text.Offsets[k.at+1] = uint32(k.text)
	}
}
