package arrow

import (
	"encoding/binary"

	"quern/features/column"
)

// Field is a column of a table.
type Field struct {
	Name   string
	Type   column.Type
	Binary bool // strings are bytes, not text
}

// The numbers of the unions MessageHeader and Type, and of MetadataVersion.
const (
	headerSchema = 1
	headerBatch  = 3
	version5     = 4

	typeInt       = 2
	typeFloat     = 3
	typeBinary    = 4
	typeUtf8      = 5
	typeBool      = 6
	typeDate      = 8
	typeTimestamp = 10
	typeList      = 12
)

// begin writes the head of a message, whose length is still to come, and the table around
// its header. It returns where the header's offset is and where the message starts.
func begin(dst []byte, header uint64, body int) (f *flat, field, start int) {
	start = len(dst)
	dst = append(dst, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0)
	f = &flat{b: dst, base: len(dst)}
	f.put(4, 0)
	at, fields := f.table(slot{2, version5}, slot{1, header}, offset(), slot{8, uint64(body)})
	f.point(0, at)
	return f, fields[2], start
}

// end ends the metadata of a message, and notes its length.
func (f *flat) end(start int) []byte {
	f.align(8)
	binary.LittleEndian.PutUint32(f.b[start+4:], uint32(f.pos()))
	return f.b
}

// AppendSchema writes the start of a stream: the fields, and pairs of metadata.
func AppendSchema(dst []byte, fields []Field, metadata ...string) []byte {
	f, header, start := begin(dst, headerSchema, 0)
	at, slots := f.table(slot{}, offset(), offset())
	f.point(header, at)
	each := f.offsets(slots[1], len(fields))
	for i, field := range fields {
		f.field(each+4*i, field)
	}
	each = f.offsets(slots[2], len(metadata)/2)
	for i := 0; i+1 < len(metadata); i += 2 {
		pair, slots := f.table(offset(), offset())
		f.point(each+2*i, pair)
		f.text(slots[0], metadata[i])
		f.text(slots[1], metadata[i+1])
	}
	return f.end(start)
}

// field writes a Field that the offset at a position points at.
func (f *flat) field(from int, of Field) {
	kind, unit := typeOf(of)
	at, slots := f.table(offset(), slot{1, 1}, slot{1, kind}, offset(), slot{}, offset())
	f.point(from, at)
	f.text(slots[0], of.Name)
	var typ int
	switch kind {
	case typeInt:
		typ, _ = f.table(slot{4, unit}, slot{1, 1})
	case typeFloat, typeDate:
		typ, _ = f.table(slot{2, unit})
	case typeTimestamp:
		const microseconds = 2
		if of.Type != column.Timestamp {
			typ, _ = f.table(slot{2, microseconds})
			break
		}
		var zone [maxSlots]int
		typ, zone = f.table(slot{2, microseconds}, offset())
		f.text(zone[1], "UTC")
	default:
		typ, _ = f.table()
	}
	f.point(slots[3], typ)
	if !of.Type.IsList() {
		f.offsets(slots[5], 0)
		return
	}
	child := f.offsets(slots[5], 1)
	f.field(child, Field{"item", of.Type.Elem(), of.Binary})
}

// typeOf returns the number of a field's type, and its width or unit.
func typeOf(f Field) (kind, unit uint64) {
	switch t := f.Type; {
	case t.IsList():
		return typeList, 0
	case t == column.Bool:
		return typeBool, 0
	case t == column.Int32:
		return typeInt, 32
	case t == column.Int64:
		return typeInt, 64
	case t == column.Float32:
		return typeFloat, 1
	case t == column.Float64:
		return typeFloat, 2
	case t == column.Date:
		return typeDate, 0
	case t == column.Timestamp || t == column.Datetime:
		return typeTimestamp, 2
	case f.Binary:
		return typeBinary, 0
	}
	return typeUtf8, 0
}

// AppendEnd writes the end of a stream.
func AppendEnd(dst []byte) []byte { return append(dst, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0) }
