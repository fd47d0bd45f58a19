package arrow

import "encoding/binary"

// flat writes a FlatBuffer (google/flatbuffers, docs/source/internals.md) from front to
// back: a table first, then what its offsets point at. Positions are from base on, which is
// aligned to 8.
type flat struct {
	b    []byte
	base int
}

// slot is a field of a table: its size in bytes (0: the field is left out) and its value.
type slot struct {
	size  int
	value uint64
}

// offset is a field that points at something that is still to be written.
func offset() slot { return slot{size: 4} }

func (f *flat) pos() int { return len(f.b) - f.base }

func (f *flat) align(n int) {
	for f.pos()%n != 0 {
		f.b = append(f.b, 0)
	}
}

func (f *flat) put(size int, value uint64) {
	switch size {
	case 1:
		f.b = append(f.b, byte(value))
	case 2:
		f.b = binary.LittleEndian.AppendUint16(f.b, uint16(value))
	case 4:
		f.b = binary.LittleEndian.AppendUint32(f.b, uint32(value))
	default:
		f.b = binary.LittleEndian.AppendUint64(f.b, value)
	}
}

// maxSlots is how many fields a table has at most.
const maxSlots = 8

// table writes a table and its vtable, and returns where it and its fields are.
func (f *flat) table(slots ...slot) (at int, fields [maxSlots]int) {
	// The vtable is before the table: its size, the table's, and where fields are in that.
	f.align(8)
	vtable := f.pos()
	f.b = append(f.b, make([]byte, 4+2*len(slots))...)
	f.align(8)
	at = f.pos()
	f.put(4, uint64(at-vtable))
	for _, size := range []int{4, 2, 1, 8} { // 4 is the place after the first offset; 8 aligns itself
		for i, s := range slots {
			if s.size == size {
				f.align(size)
				fields[i] = f.pos()
				f.put(size, s.value)
			}
		}
	}
	v := f.b[f.base+vtable:]
	binary.LittleEndian.PutUint16(v, uint16(4+2*len(slots)))
	binary.LittleEndian.PutUint16(v[2:], uint16(f.pos()-at))
	for i := range slots {
		if fields[i] > 0 {
			binary.LittleEndian.PutUint16(v[4+2*i:], uint16(fields[i]-at))
		}
	}
	return at, fields
}

// point makes the offset at a field point at a position behind it.
func (f *flat) point(field, at int) {
	binary.LittleEndian.PutUint32(f.b[f.base+field:], uint32(at-field))
}

// text writes a string that the offset at a field points at.
func (f *flat) text(field int, s string) {
	f.align(4)
	f.point(field, f.pos())
	f.put(4, uint64(len(s)))
	f.b = append(append(f.b, s...), 0)
}

// vector writes the head of a vector of n elements that need the given alignment, which the
// offset at a field points at. The elements follow.
func (f *flat) vector(field, n, alignment int) {
	f.align(4)
	for (f.pos()+4)%alignment != 0 {
		f.put(4, 0)
	}
	f.point(field, f.pos())
	f.put(4, uint64(n))
}

// offsets writes a vector of n offsets, and returns where the first is.
func (f *flat) offsets(field, n int) int {
	f.vector(field, n, 4)
	at := f.pos()
	for range n {
		f.put(4, 0)
	}
	return at
}
