package feast

import (
	"encoding/binary"
	"math"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"quern/features/column"
)

// list makes e.cell the Value of list r: the list type of its elements, with numbers
// packed. Those lists have no nulls, so a list that has one is a list_val, whose
// elements are Values.
func (e *protoEncoder) list(v *column.Vector, r int, isBinary bool) {
	lo, hi := v.List(r)
	number := protowire.Number(valList)
	e.body = e.body[:0]
	if anyNull(v.Elements, lo, hi) {
		for i := lo; i < hi; i++ {
			if v.Elements.Null(i) {
				e.body = append(e.body, 1<<3|2, 0)
				continue
			}
			e.body = appendValue(e.body, &v.Elements.Values, v.Elements.Slot(i), isBinary)
		}
	} else {
		number = e.elements(v.Elements, lo, hi, isBinary)
	}
	e.cell = protowire.AppendTag(e.cell[:0], number, protowire.BytesType)
	e.cell = protowire.AppendBytes(e.cell, e.body)
}

func anyNull(c *column.Column, lo, hi int) bool {
	if c.Values.Valid == nil {
		return false
	}
	for i := lo; i < hi; i++ {
		if c.Null(i) {
			return true
		}
	}
	return false
}

// elements makes e.body a StringList, FloatList and so on, and returns the field of
// Value that it is.
func (e *protoEncoder) elements(c *column.Column, lo, hi int, isBinary bool) protowire.Number {
	if c.Type() == column.String {
		number := protowire.Number(valString + toList)
		for i := lo; i < hi; i++ {
			text := c.Values.Text.At(c.Slot(i))
			e.body = protowire.AppendBytes(append(e.body, 1<<3|2), text)
			if !utf8.Valid(text) {
				number = valBytes + toList
			}
		}
		if isBinary {
			number = valBytes + toList
		}
		return number
	}
	if lo == hi {
		return scalarField(c.Type()) + toList
	}
	// The packed numbers lie behind room for the longest tag and length, and then
	// move up to them.
	const room = 1 + binary.MaxVarintLen64
	var head [room]byte
	e.body = append(e.body, head[:]...)
	for i := lo; i < hi; i++ {
		e.body = appendPacked(e.body, &c.Values, c.Slot(i))
	}
	size := len(e.body) - room
	n := len(binary.AppendUvarint(append(head[:0], 1<<3|2), uint64(size)))
	copy(e.body, head[:n])
	e.body = e.body[:n+copy(e.body[n:], e.body[room:])]
	return scalarField(c.Type()) + toList
}

// scalarField returns the field of Value that carries values of type t.
func scalarField(t column.Type) protowire.Number {
	switch t {
	case column.Bool:
		return valBool
	case column.Int32:
		return valInt32
	case column.Int64:
		return valInt64
	case column.Float32:
		return valFloat
	case column.Float64:
		return valDouble
	}
	return valUnix
}

// appendPacked appends a number as an element of a packed field.
func appendPacked(dst []byte, v *column.Vector, r int) []byte {
	switch v.Type {
	case column.Bool:
		if v.Bools[r] {
			return append(dst, 1)
		}
		return append(dst, 0)
	case column.Float32:
		return binary.LittleEndian.AppendUint32(dst, math.Float32bits(v.Float32s[r]))
	case column.Float64:
		return binary.LittleEndian.AppendUint64(dst, math.Float64bits(v.Float64s[r]))
	}
	_, n := whole(v, r)
	return binary.AppendUvarint(dst, n)
}
