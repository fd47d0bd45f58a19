package row

import (
	"encoding/binary"
	"math"

	"quern/features/column"
)

// List is a view of a list in a row: Len elements of a scalar type. Its memory is the row's.
type List struct {
	Type   column.Type
	Len    int
	nulls  []byte // nil: no element is null
	values []byte // of Len*width bytes; for strings, the ends
	text   []byte // the bytes of strings
}

// parseList checks that b is a list of elements of type t: nothing is read beyond it later.
func parseList(b []byte, t column.Type) (List, error) {
	if len(b) < 4 {
		return List{}, ErrCorrupt
	}
	head := binary.LittleEndian.Uint32(b)
	l := List{Type: t, Len: int(head >> 1)}
	b = b[4:]
	if head&1 == 1 {
		n := (l.Len + 7) / 8
		if len(b) < n {
			return List{}, ErrCorrupt
		}
		l.nulls, b = b[:n], b[n:]
	}
	size := l.Len * elementWidth(t) // below 2^34: no overflow
	if len(b) < size || t != column.String && len(b) > size {
		return List{}, ErrCorrupt
	}
	l.values, l.text = b[:size], b[size:]
	return l, nil
}

// elementWidth returns the bytes of an element; of a string, of its end.
func elementWidth(t column.Type) int {
	if t == column.String {
		return 4
	}
	return cellWidth(t)
}

// Null reports whether element i is null.
func (l List) Null(i int) bool { return l.nulls != nil && l.nulls[i>>3]>>(i&7)&1 == 1 }

// Bool returns element i of a list of bools.
func (l List) Bool(i int) bool { return l.values[i] != 0 }

// Int64 returns element i of a list of integers, days or times.
func (l List) Int64(i int) int64 {
	if l.Type.Narrow() {
		return int64(int32(binary.LittleEndian.Uint32(l.values[4*i:])))
	}
	return int64(binary.LittleEndian.Uint64(l.values[8*i:]))
}

// Float32 returns element i of a list of Float32.
func (l List) Float32(i int) float32 {
	return math.Float32frombits(binary.LittleEndian.Uint32(l.values[4*i:]))
}

// Float64 returns element i of a list of Float32, widened, or of Float64.
func (l List) Float64(i int) float64 {
	if l.Type.Narrow() {
		return float64(l.Float32(i))
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(l.values[8*i:]))
}

// Bytes returns element i of a list of strings; ends that are not in the list are ErrCorrupt.
func (l List) Bytes(i int) ([]byte, error) {
	from, to := uint32(0), binary.LittleEndian.Uint32(l.values[4*i:])
	if i > 0 {
		from = binary.LittleEndian.Uint32(l.values[4*i-4:])
	}
	if from > to || uint64(to) > uint64(len(l.text)) {
		return nil, ErrCorrupt
	}
	return l.text[from:to:to], nil
}
