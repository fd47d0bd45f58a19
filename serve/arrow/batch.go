package arrow

import (
	"encoding/binary"
	"math"
	"slices"
	"unicode/utf8"

	"quern/features/column"
	"quern/serve/tensor"
)

// AppendBatch writes a record batch of columns of a stream that AppendSchema began.
func AppendBatch(dst []byte, rows int, fields []Field, columns []tensor.Column) []byte {
	nodes, buffers := 0, 0
	for i := range fields {
		n, b := sizesOf(fields[i].Type)
		nodes, buffers = nodes+n, buffers+b
	}
	f, header, start := begin(dst, headerBatch, 0)
	length := f.pos() - 8 // of the body: the last field of the message's table
	at, slots := f.table(slot{8, uint64(rows)}, offset(), offset())
	f.point(header, at)
	f.vector(slots[1], nodes, 8)
	b := batch{node: len(f.b)}
	f.b = append(f.b, make([]byte, 16*nodes)...)
	f.vector(slots[2], buffers, 8)
	b.buffer = len(f.b)
	f.b = append(f.b, make([]byte, 16*buffers)...)
	b.dst = f.end(start)
	b.body = len(b.dst)
	for i := range columns {
		b.column(fields[i], &columns[i], rows)
	}
	b.align()
	binary.LittleEndian.PutUint64(b.dst[f.base+length:], uint64(len(b.dst)-b.body))
	return b.dst
}

// sizesOf returns how many nodes and buffers a column of a type has.
func sizesOf(t column.Type) (nodes, buffers int) {
	switch {
	case t.IsList():
		n, b := sizesOf(t.Elem())
		return n + 1, b + 2
	case t == column.String:
		return 1, 3
	}
	return 1, 2
}

// batch writes the body of a record batch, and notes in the metadata what is where.
type batch struct {
	dst          []byte
	body         int // where it starts
	node, buffer int // where the next ones are noted
}

// align brings the body to a multiple of 64 bytes, as the format recommends.
func (b *batch) align() {
	for (len(b.dst)-b.body)%64 != 0 {
		b.dst = append(b.dst, 0)
	}
}

// open starts a buffer, and returns where it is.
func (b *batch) open() int {
	b.align()
	return len(b.dst)
}

// close ends the buffer that starts at from.
func (b *batch) close(from int) {
	binary.LittleEndian.PutUint64(b.dst[b.buffer:], uint64(from-b.body))
	binary.LittleEndian.PutUint64(b.dst[b.buffer+8:], uint64(len(b.dst)-from))
	b.buffer += 16
}

// column writes a column of rows.
func (b *batch) column(f Field, c *tensor.Column, rows int) {
	of := func(each func(slot int, there bool)) {
		for r := range rows {
			there := c.There(r)
			slot := -1
			if there {
				slot = c.Values.Slot(r)
			}
			each(slot, there)
		}
	}
	if c.Full() {
		b.whole(rows)
	} else {
		b.nulls(rows, of)
	}
	switch size := f.Type.Size(); {
	case size > 1: // all fixed sizes but Bool, which are bits here
		at := b.open()
		b.dst = slices.Grow(b.dst, rows*size)[:at+rows*size]
		clear(b.dst[at:])
		c.Put(b.dst[at:], rows, size)
		b.close(at)
	case f.Type.IsList():
		b.lists(f, &c.Values.Values, of)
	default:
		b.values(f, &c.Values.Values, of)
	}
}

// lists writes offsets, and the column of the elements.
func (b *batch) lists(f Field, v *column.Vector, of slots) {
	at, n := b.open(), 0
	b.put32(0)
	of(func(slot int, there bool) {
		if there {
			lo, hi := v.List(slot)
			n += hi - lo
		}
		b.put32(uint32(n))
	})
	b.close(at)
	elements := func(each func(slot int, there bool)) {
		of(func(slot int, there bool) {
			if !there {
				return
			}
			lo, hi := v.List(slot)
			for i := lo; i < hi; i++ {
				s := v.Elements.Slot(i)
				each(s, v.Elements.Values.Valid.Get(s))
			}
		})
	}
	b.nulls(n, elements)
	b.values(Field{Type: f.Type.Elem(), Binary: f.Binary}, &v.Elements.Values, elements)
}

// slots calls a function with the slot of every value, and whether it is there.
type slots func(each func(slot int, there bool))

// whole writes a node of n values that are all there.
func (b *batch) whole(n int) {
	at := b.open()
	b.close(at)
	binary.LittleEndian.PutUint64(b.dst[b.node:], uint64(n))
	b.node += 16
}

// nulls writes a node and the bits of values that are there; none where all are.
func (b *batch) nulls(n int, of slots) {
	at := b.open()
	b.dst = append(b.dst, make([]byte, (n+7)/8)...)
	i, nulls := 0, 0
	of(func(_ int, there bool) {
		if there {
			b.dst[at+i>>3] |= 1 << (i & 7)
		} else {
			nulls++
		}
		i++
	})
	if nulls == 0 {
		b.dst = b.dst[:at]
	}
	b.close(at)
	binary.LittleEndian.PutUint64(b.dst[b.node:], uint64(n))
	binary.LittleEndian.PutUint64(b.dst[b.node+8:], uint64(nulls))
	b.node += 16
}

func (b *batch) put32(x uint32) { b.dst = binary.LittleEndian.AppendUint32(b.dst, x) }
func (b *batch) put64(x uint64) { b.dst = binary.LittleEndian.AppendUint64(b.dst, x) }

// values writes the buffers of values of a scalar type; zero for those that are not there.
func (b *batch) values(f Field, v *column.Vector, of slots) {
	at := b.open()
	switch t := f.Type; {
	case t == column.String:
		b.text(f, v, of)
		return
	case t == column.Bool:
		b.bools(v, of)
	case t == column.Float32:
		b.fixed(4, of, func(s int) uint64 { return uint64(math.Float32bits(v.Float32s[s])) })
	case t == column.Float64:
		b.fixed(8, of, func(s int) uint64 { return math.Float64bits(v.Float64s[s]) })
	default:
		b.fixed(t.Size(), of, func(s int) uint64 { return uint64(v.Int(s)) })
	}
	b.close(at)
}

// fixed writes the low 4 or 8 bytes of values.
func (b *batch) fixed(size int, of slots, bits func(slot int) uint64) {
	of(func(s int, there bool) {
		x := uint64(0)
		if there {
			x = bits(s)
		}
		if size == 4 {
			b.put32(uint32(x))
		} else {
			b.put64(x)
		}
	})
}

func (b *batch) bools(v *column.Vector, of slots) {
	at, i := len(b.dst), 0
	of(func(s int, there bool) {
		if i&7 == 0 {
			b.dst = append(b.dst, 0)
		}
		if there && v.Bools[s] {
			b.dst[at+i>>3] |= 1 << (i & 7)
		}
		i++
	})
}

// text writes offsets and bytes.
func (b *batch) text(f Field, v *column.Vector, of slots) {
	at, total := b.open(), 0
	b.put32(0)
	of(func(s int, there bool) {
		if there {
			total += lengthOf(v.Text.At(s), f.Binary)
		}
		b.put32(uint32(total))
	})
	b.close(at)
	at = b.open()
	of(func(s int, there bool) {
		if there {
			b.dst = appendUTF8(b.dst, v.Text.At(s), f.Binary)
		}
	})
	b.close(at)
}

// lengthOf returns how many bytes appendUTF8 appends.
func lengthOf(s []byte, binary bool) int {
	if binary || utf8.Valid(s) {
		return len(s)
	}
	return len(appendUTF8(nil, s, false))
}

// appendUTF8 appends a text; bytes that are not UTF-8 as U+FFFD, each.
func appendUTF8(dst, s []byte, binary bool) []byte {
	if binary || utf8.Valid(s) {
		return append(dst, s...)
	}
	for len(s) > 0 {
		r, size := utf8.DecodeRune(s)
		dst, s = utf8.AppendRune(dst, r), s[size:]
	}
	return dst
}
