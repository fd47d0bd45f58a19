package parquet

import (
	"encoding/binary"

	"quern/features/column"
)

// Definition levels of the leaf of a list: how much of the path to it is there.
const (
	nullList byte = iota
	emptyList
	nullElement
	someElement
)

// lists says how the collected elements of a column of lists fall into rows.
type lists struct {
	on    bool   // the column has lists
	ends  []int  // by row: where its elements end
	empty []byte // by row: the definition level, if it has no elements
}

// reset forgets all rows.
func (l *lists) reset() { l.on, l.ends, l.empty = false, l.ends[:0], l.empty[:0] }

// add appends the rows of v.
func (l *lists) add(v *column.Vector) {
	start := 0
	if n := len(l.ends); n > 0 {
		start = l.ends[n-1]
	}
	l.on = true
	for i := range v.Len {
		level := emptyList
		if v.Null(i) {
			level = nullList
		}
		l.ends, l.empty = append(l.ends, start+int(v.Offsets[i+1])), append(l.empty, level)
	}
}

// elements returns which elements rows [from, to) have.
func (l *lists) elements(from, to int) (lo, hi int) {
	if from > 0 {
		lo = l.ends[from-1]
	}
	return lo, l.ends[to-1]
}

// entries are the levels of a page of lists, one pair for each element and for each
// row without any.
type entries struct {
	repetition []byte // 0 starts a row
	definition []byte
}

// listsEnd is pageEnd for lists: a page has one row, or several with few enough
// entries and bytes.
func (w *columnWriter) listsEnd(from int) int {
	to, count, text := from, 0, 0
	for ; to < len(w.lists.ends); to++ {
		lo, hi := w.lists.elements(to, to+1)
		count += max(1, hi-lo)
		if !w.coded && w.typ == column.String && lo < hi {
			offsets := w.whole.Text.Offsets
			text += int(offsets[hi]-offsets[lo]) + 4*(hi-lo)
		}
		if to > from && (count > pageRows || text > w.limits.pageText) {
			break
		}
	}
	return to
}

// listLevels replaces the levels of the elements of rows [from, to) by those of the
// lists: all repetition levels, whose bytes it returns, then all definition levels.
// It returns the number of entries, too.
func (w *columnWriter) listLevels(from, to int) (repetition, count int) {
	e := &w.entries
	e.repetition, e.definition = e.repetition[:0], e.definition[:0]
	for row := from; row < to; row++ {
		lo, hi := w.lists.elements(row, row+1)
		e.repetition = append(e.repetition, 0)
		if lo == hi {
			e.definition = append(e.definition, w.lists.empty[row])
			continue
		}
		for range hi - lo - 1 {
			e.repetition = append(e.repetition, 1)
		}
		e.definition = w.appendElements(e.definition, lo, hi)
	}
	w.levels = appendHybrid(w.levels[:0], e.repetition, 1)
	repetition = len(w.levels)
	w.levels = appendHybrid(w.levels, e.definition, 2)
	return repetition, len(e.definition)
}

// appendElements appends the definition levels of elements [lo, hi).
func (w *columnWriter) appendElements(dst []byte, lo, hi int) []byte {
	start := len(dst)
	dst = grow(dst, hi-lo)
	levels := dst[start:]
	switch {
	case w.coded:
		for i, code := range w.codes[lo:hi] {
			levels[i] = someElement - byte(uint32(code)>>31) // null is below zero
		}
	case w.whole.Valid == nil:
		for i := range levels {
			levels[i] = someElement
		}
	default:
		for i := range levels {
			levels[i] = nullElement
			if w.whole.Valid.Get(lo + i) {
				levels[i] = someElement
			}
		}
	}
	return dst
}

// minRun is how many equal levels in a row are written as a run.
const minRun = 16

// appendHybrid appends levels of 1 or 2 bits in the hybrid encoding: long stretches of
// one level as runs, all else packed, eight levels at a time.
func appendHybrid(dst, levels []byte, width int) []byte {
	for len(levels) > 0 {
		if n := runOf(levels, len(levels)); n >= minRun {
			dst = append(binary.AppendUvarint(dst, uint64(n)<<1), levels[0])
			levels = levels[n:]
			continue
		}
		n := min(8, len(levels))
		for n < len(levels) && runOf(levels[n:], minRun) < minRun {
			n = min(n+8, len(levels))
		}
		dst = appendPackedHead(dst, n)
		dst = appendLevelBits(dst, levels[:n], width)
		levels = levels[n:]
	}
	return dst
}

// runOf returns how many levels at the start are equal, at most limit.
func runOf(levels []byte, limit int) int {
	n := 1
	for n < len(levels) && n < limit && levels[n] == levels[0] {
		n++
	}
	return n
}

// appendLevelBits appends levels of 1 or 2 bits, least significant first, filled up
// with zeros to a multiple of eight levels.
func appendLevelBits(dst, levels []byte, width int) []byte {
	for len(levels) > 0 {
		bits := uint16(0)
		n := min(8, len(levels))
		for i, level := range levels[:n] {
			bits |= uint16(level) << (i * width)
		}
		dst = append(dst, byte(bits))
		if width == 2 {
			dst = append(dst, byte(bits>>8))
		}
		levels = levels[n:]
	}
	return dst
}
