package parquet

import (
	"encoding/binary"
	"errors"
)

// errThrift means that bytes are not Thrift's compact protocol, or not the types
// that the Parquet format promises.
var errThrift = errors.New("not valid Thrift")

// Kinds of values in Thrift's compact protocol.
const (
	kindTrue   = 1
	kindFalse  = 2
	kindByte   = 3
	kindInt16  = 4
	kindInt32  = 5
	kindInt64  = 6
	kindDouble = 7
	kindBinary = 8
	kindList   = 9
	kindSet    = 10
	kindMap    = 11
	kindStruct = 12
	kindUUID   = 13
)

// maxDepth bounds how deep values may nest. The Parquet format needs about ten.
const maxDepth = 64

// cursor walks over Thrift's compact protocol. The first thing that is wrong sets
// err; after that every method returns zero values. It allocates nothing, and as
// every element takes at least one byte, no walk takes longer than its bytes.
type cursor struct {
	data []byte
	pos  int
	err  error
}

// field is the header of a field of a struct. The zero value comes before the first.
type field struct {
	id   int16
	kind byte
}

// next moves f to the struct's next field and reports false at its end.
func (c *cursor) next(f *field) bool {
	b := c.byte()
	if c.err != nil || b == 0 {
		return false
	}
	f.kind = b & 15
	if delta := b >> 4; delta != 0 {
		f.id += int16(delta)
	} else {
		f.id = int16(c.varint())
	}
	return c.err == nil
}

func (c *cursor) fail() {
	if c.err == nil {
		c.err = errThrift
	}
}

func (c *cursor) byte() byte {
	if c.err != nil || c.pos >= len(c.data) {
		c.fail()
		return 0
	}
	c.pos++
	return c.data[c.pos-1]
}

func (c *cursor) uvarint() uint64 {
	if c.err != nil {
		return 0
	}
	v, n := binary.Uvarint(c.data[c.pos:])
	if n <= 0 {
		c.fail()
		return 0
	}
	c.pos += n
	return v
}

// varint reads a zigzag-coded integer.
func (c *cursor) varint() int64 {
	u := c.uvarint()
	return int64(u>>1) ^ -int64(u&1)
}

// int32 reads the value of a 32-bit (or shorter) integer field.
func (c *cursor) int32(kind byte) int32 {
	switch kind {
	case kindByte:
		return int32(int8(c.byte()))
	case kindInt16, kindInt32:
		v := c.varint()
		if v != int64(int32(v)) {
			c.fail()
		}
		return int32(v)
	}
	c.fail()
	return 0
}

// int64 reads the value of a 64-bit integer field.
func (c *cursor) int64(kind byte) int64 {
	if kind != kindInt64 {
		c.fail()
		return 0
	}
	return c.varint()
}

// bool reads the value of a Boolean field, which is its kind.
func (c *cursor) bool(kind byte) bool {
	if kind != kindTrue && kind != kindFalse {
		c.fail()
	}
	return kind == kindTrue
}

// binary reads the value of a byte-string field; it is part of data.
func (c *cursor) binary(kind byte) []byte {
	if kind != kindBinary {
		c.fail()
	}
	n := c.uvarint()
	if c.err != nil || n > uint64(len(c.data)-c.pos) {
		c.fail()
		return nil
	}
	c.pos += int(n)
	return c.data[c.pos-int(n) : c.pos]
}

// list reads the header of a list field whose elements must be of kind want, and
// returns how many there are.
func (c *cursor) list(kind, want byte) int {
	if kind != kindList {
		c.fail()
	}
	element, n := c.listHeader()
	if n > 0 && element != want {
		c.fail()
		return 0
	}
	return n
}

func (c *cursor) listHeader() (element byte, n int) {
	b := c.byte()
	size := uint64(b >> 4)
	if size == 15 {
		size = c.uvarint()
	}
	return b & 15, c.count(size)
}

// count checks a number of elements against the bytes that are left.
func (c *cursor) count(n uint64) int {
	if c.err != nil || n > uint64(len(c.data)-c.pos) {
		c.fail()
		return 0
	}
	return int(n)
}

// structure checks that a field is a struct; its fields follow.
func (c *cursor) structure(kind byte) {
	if kind != kindStruct {
		c.fail()
	}
}

// skip passes over the value of a field.
func (c *cursor) skip(kind byte) { c.skipValue(kind, false, 0) }

// skipValue passes over a value. A Boolean takes a byte as an element and none as
// a field.
func (c *cursor) skipValue(kind byte, element bool, depth int) {
	if depth > maxDepth {
		c.fail()
		return
	}
	switch kind {
	case kindTrue, kindFalse:
		if element {
			c.byte()
		}
	case kindByte:
		c.byte()
	case kindInt16, kindInt32, kindInt64:
		c.uvarint()
	case kindDouble:
		c.bytes(8)
	case kindUUID:
		c.bytes(16)
	case kindBinary:
		c.binary(kind)
	case kindList, kindSet:
		of, n := c.listHeader()
		for ; n > 0 && c.err == nil; n-- {
			c.skipValue(of, true, depth+1)
		}
	case kindMap:
		c.skipMap(depth)
	case kindStruct:
		for f := (field{}); c.next(&f); {
			c.skipValue(f.kind, false, depth+1)
		}
	default:
		c.fail()
	}
}

func (c *cursor) skipMap(depth int) {
	n := c.count(c.uvarint())
	if n == 0 {
		return
	}
	kinds := c.byte()
	for ; n > 0 && c.err == nil; n-- {
		c.skipValue(kinds>>4, true, depth+1)
		c.skipValue(kinds&15, true, depth+1)
	}
}

// bytes passes over n bytes.
func (c *cursor) bytes(n int) {
	if c.err != nil || n > len(c.data)-c.pos {
		c.fail()
		return
	}
	c.pos += n
}
