package row

import (
	"encoding/binary"

	"quern/features/column"
)

// Where the parts that all layouts have are in Fixed.
const (
	atEvent   = 0
	atCreated = 8
	atSeq     = 16
	atKey     = 24 // or what follows the stamps, where the key is in the heap
	spanSize  = 16
)

// Layout says where the parts of a row are. It does not change and is safe for
// concurrent use. Its methods take rows of this layout, which are not missing.
type Layout struct {
	schema Schema
	cells  []cell
	inline bool // the key is in Fixed
	heap   bool // rows have heaps
	span   int  // where base, length and key length are, if heap
	nulls  int  // where the null bits are
	words  int  // uint64 words of null bits
	stride int
}

// cell is where a field is, and how wide.
type cell struct {
	at, end int
	typ     column.Type
}

// NewLayout returns the layout of rows with a schema. A schema that no view can have is
// a *diag.Error, Q651.
func NewLayout(s Schema) (*Layout, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	l := &Layout{schema: s, inline: len(s.Keys) == 1 && s.Keys[0].Type != column.String}
	l.heap = !l.inline
	for _, f := range s.Fields {
		l.heap = l.heap || variable(f.Type)
	}
	at := atKey
	if l.inline {
		at += 8
	}
	if l.span = at; l.heap {
		at += spanSize
	}
	l.nulls, l.words = at, (len(s.Fields)+63)/64
	at += 8 * l.words
	for _, f := range s.Fields {
		l.cells = append(l.cells, cell{at, at + cellWidth(f.Type), f.Type})
		at += cellWidth(f.Type)
	}
	l.stride = (at + 7) &^ 7
	return l, nil
}

// variable reports whether values of type t are in the heap.
func variable(t column.Type) bool { return t == column.String || t.IsList() }

// cellWidth returns the bytes of a cell.
func cellWidth(t column.Type) int {
	switch {
	case variable(t):
		return 8
	case t == column.Bool:
		return 1
	case t.Narrow():
		return 4
	}
	return 8
}

// Schema returns the schema of l. It belongs to l.
func (l *Layout) Schema() Schema { return l.schema }

// Stride returns the bytes of every row's Fixed: a multiple of 8.
func (l *Layout) Stride() int { return l.stride }

// HasHeap reports whether rows have a Heap: their key or a field is of variable length.
func (l *Layout) HasHeap() bool { return l.heap }

// HeapLen returns how many bytes of heap the row whose fixed part is given says it has.
func (l *Layout) HeapLen(fixed []byte) int {
	if !l.heap {
		return 0
	}
	return int(binary.LittleEndian.Uint32(fixed[l.span+8:]))
}

// SetBase notes where the row's Heap starts in the heap of what contains it.
func (l *Layout) SetBase(fixed []byte, base uint64) {
	if l.heap {
		binary.LittleEndian.PutUint64(fixed[l.span:], base)
	}
}

// Locate returns the row whose fixed part is given and whose Heap is within the heap of
// what contains it. A span that is not there is ErrCorrupt.
func (l *Layout) Locate(fixed, heap []byte) (Row, error) {
	r := Row{Fixed: fixed}
	if !l.heap {
		return r, nil
	}
	base, n := binary.LittleEndian.Uint64(fixed[l.span:]), uint64(binary.LittleEndian.Uint32(fixed[l.span+8:]))
	key := uint64(binary.LittleEndian.Uint32(fixed[l.span+12:]))
	if size := uint64(len(heap)); base > size || n > size-base || key > n {
		return Row{}, ErrCorrupt
	}
	r.Heap = heap[base : base+n : base+n]
	return r, nil
}

// NullCounts adds to counts, one for each field, the nulls of a row.
func (l *Layout) NullCounts(r Row, counts []int64) {
	for w := range l.words {
		for bits := l.nullWord(r.Fixed, w); bits != 0; bits &= bits - 1 {
			if f := 64*w + lowest(bits); f < len(counts) {
				counts[f]++
			}
		}
	}
}

func (l *Layout) nullWord(fixed []byte, w int) uint64 {
	return binary.LittleEndian.Uint64(fixed[l.nulls+8*w:])
}

// Base returns where SetBase said that the row's Heap starts; 0 without a heap.
func (l *Layout) Base(fixed []byte) uint64 {
	if !l.heap {
		return 0
	}
	return binary.LittleEndian.Uint64(fixed[l.span:])
}
