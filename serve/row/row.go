package row

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math"
	"math/bits"

	"quern/features/column"
)

// Row is one row. Heap holds this row's bytes of variable length and no others. Whoever
// gave the row owns the memory and says until when it is valid; readers never write to it.
// The zero Row is a row that is missing.
type Row struct{ Fixed, Heap []byte }

// Missing reports whether there is no row: the key was not found.
func (r Row) Missing() bool { return r.Fixed == nil }

// Event returns when the values became true, in microseconds since 1970; NoTime if
// that is not known.
func (l *Layout) Event(r Row) int64 { return int64(binary.LittleEndian.Uint64(r.Fixed[atEvent:])) }

// Created returns when the row was written, in microseconds since 1970, or NoTime.
func (l *Layout) Created(r Row) int64 { return int64(binary.LittleEndian.Uint64(r.Fixed[atCreated:])) }

// Seq returns the row's number in the order of its writer, 0 if it has none.
func (l *Layout) Seq(r Row) uint64 { return binary.LittleEndian.Uint64(r.Fixed[atSeq:]) }

// SetSeq gives a row that the caller owns its number.
func (l *Layout) SetSeq(r Row, seq uint64) { binary.LittleEndian.PutUint64(r.Fixed[atSeq:], seq) }

// Key returns the canonical bytes of the row's key, which belong to the row.
func (l *Layout) Key(r Row) []byte {
	if l.inline {
		return r.Fixed[atKey : atKey+8]
	}
	n := int(binary.LittleEndian.Uint32(r.Fixed[l.span+12:]))
	return r.Heap[:min(n, len(r.Heap))]
}

// Null reports whether field f is null.
func (l *Layout) Null(r Row, f int) bool { return r.Fixed[l.nulls+f>>3]>>(f&7)&1 == 1 }

// Bool returns field f, of type Bool. Under a null it is false.
func (l *Layout) Bool(r Row, f int) bool { return r.Fixed[l.cells[f].at] != 0 }

// Int64 returns field f, of an integer or temporal type. Under a null it is 0.
func (l *Layout) Int64(r Row, f int) int64 {
	c := l.cells[f]
	if c.end-c.at == 4 {
		return int64(int32(binary.LittleEndian.Uint32(r.Fixed[c.at:])))
	}
	return int64(binary.LittleEndian.Uint64(r.Fixed[c.at:]))
}

// Float32 returns field f, of type Float32. Under a null it is 0.
func (l *Layout) Float32(r Row, f int) float32 {
	return math.Float32frombits(binary.LittleEndian.Uint32(r.Fixed[l.cells[f].at:]))
}

// Float64 returns field f, of type Float32, which is widened, or Float64.
func (l *Layout) Float64(r Row, f int) float64 {
	if c := l.cells[f]; c.end-c.at == 4 {
		return float64(l.Float32(r, f))
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(r.Fixed[l.cells[f].at:]))
}

// Bytes returns field f, of type String. The bytes belong to the row. Under a null there
// are none; a cell that points out of the row is ErrCorrupt.
func (l *Layout) Bytes(r Row, f int) ([]byte, error) {
	c := l.cells[f]
	at, n := uint64(binary.LittleEndian.Uint32(r.Fixed[c.at:])), uint64(binary.LittleEndian.Uint32(r.Fixed[c.at+4:]))
	if at+n > uint64(len(r.Heap)) {
		return nil, ErrCorrupt
	}
	return r.Heap[at : at+n : at+n], nil
}

// List returns field f, of a type of lists. Under a null it is the empty list; a cell
// that holds no list is ErrCorrupt.
func (l *Layout) List(r Row, f int) (List, error) {
	b, err := l.Bytes(r, f)
	if err != nil || l.Null(r, f) {
		return List{Type: l.cells[f].typ.Elem()}, err
	}
	return parseList(b, l.cells[f].typ.Elem())
}

// Compare orders the rows of one key by who wins: the later event, then the later
// creation, then the higher number, then the greater contents as bytes, which is
// arbitrary but the same everywhere. 0 means that the rows are equal in everything.
func (l *Layout) Compare(a, b Row) int {
	if c := cmp.Compare(l.Event(a), l.Event(b)); c != 0 {
		return c
	}
	if c := cmp.Compare(l.Created(a), l.Created(b)); c != 0 {
		return c
	}
	if c := cmp.Compare(l.Seq(a), l.Seq(b)); c != 0 {
		return c
	}
	return l.CompareContent(a, b)
}

// CompareContent orders rows by key and cells, as bytes, whatever their times.
func (l *Layout) CompareContent(a, b Row) int {
	if l.inline {
		if c := bytes.Compare(a.Fixed[atKey:l.span], b.Fixed[atKey:l.span]); c != 0 {
			return c
		}
	}
	if c := bytes.Compare(a.Fixed[l.nulls:], b.Fixed[l.nulls:]); c != 0 {
		return c
	}
	return bytes.Compare(a.Heap, b.Heap)
}

// Check says whether the heap of a row is as Encode writes it: the values one behind the
// other, in order, without gaps, every list readable. Else it is ErrCorrupt. Readers do not
// need it, but a row that passes takes no more memory when it is read than its bytes say.
func (l *Layout) Check(r Row) error {
	if !l.heap {
		return nil
	}
	next := 0
	if !l.inline {
		next = len(l.Key(r))
	}
	for f, c := range l.cells {
		if !variable(c.typ) {
			continue
		}
		at, n := int(binary.LittleEndian.Uint32(r.Fixed[c.at:])), int(binary.LittleEndian.Uint32(r.Fixed[c.at+4:]))
		if l.Null(r, f) {
			if at != 0 || n != 0 {
				return ErrCorrupt
			}
			continue
		}
		if at != next || n > len(r.Heap)-next {
			return ErrCorrupt
		}
		next += n
		if c.typ.IsList() {
			if err := l.checkList(r, f); err != nil {
				return err
			}
		}
	}
	if next != len(r.Heap) {
		return ErrCorrupt
	}
	return nil
}

func (l *Layout) checkList(r Row, f int) error {
	list, err := l.List(r, f)
	if err != nil || list.Type != column.String {
		return err
	}
	total := 0
	for i := range list.Len {
		b, err := list.Bytes(i)
		if err != nil {
			return err
		}
		total += len(b)
	}
	if total != len(list.text) {
		return ErrCorrupt
	}
	return nil
}

func lowest(word uint64) int { return bits.TrailingZeros64(word) }
