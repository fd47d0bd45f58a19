package tensor

import (
	"encoding/binary"
	"fmt"
	"sort"

	"quern/features/column"
)

// appendLists appends what array i holds of the lists of c. A null list counts as
// empty.
func (w *Writer) appendLists(i int, c *column.Column) error {
	a, v := &w.arrays[i], &c.Values
	switch a.Lists {
	case Offsets:
		w.data[i] = appendOffsets(w.data[i], v.Offsets)
		return nil
	case Matrix:
		checkWidth(v, a.Width)
	}
	w.cells.begin(1)
	elements := v.Elements
	if e := w.cells.prepare(0, a.DType, elements); e >= 0 {
		return w.nullError(a, a.Fields[0], rowOf(v, e))
	}
	start, size := len(w.data[i]), a.DType.Size()
	w.data[i] = grow(w.data[i], size*elements.Len)
	w.cells.put(w.data[i][start:], size, 0, 0, elements.Len)
	return nil
}

// appendOffsets appends the ends of lists; the first of them starts where the lists
// that are there end.
func appendOffsets(dst []byte, offsets []uint32) []byte {
	base := binary.LittleEndian.Uint64(dst[len(dst)-8:])
	for _, end := range offsets[1:] {
		dst = binary.LittleEndian.AppendUint64(dst, base+uint64(end))
	}
	return dst
}

// rowOf returns the row of v that element e is in.
func rowOf(v *column.Vector, e int) int {
	return sort.Search(v.Len, func(row int) bool { return int(v.Offsets[row+1]) > e })
}

// checkWidth holds the program to what it says of its lists: rows that are out of step
// would pass for others.
func checkWidth(v *column.Vector, width int) {
	for i := range v.Len {
		if lo, hi := v.List(i); hi-lo != width {
			panic(fmt.Sprintf("quern: bug: a list of %d elements, where the program makes %d", hi-lo, width))
		}
	}
}
