// Package protofield takes messages of protobuf apart, field by field, without code that is
// generated for them and without copies. Messages are what clients send: none makes it panic,
// or take memory.
package protofield

import (
	"google.golang.org/protobuf/encoding/protowire"

	"quern/features/diag"
)

// Field is one field of a message.
type Field struct {
	Number protowire.Number
	Kind   protowire.Type
	Bytes  []byte // of a length-delimited one: a span of the message
	Bits   uint64 // of a varint, or a number of 32 or 64 bits
}

// Is reports whether f has a number and a kind.
func (f *Field) Is(number protowire.Number, kind protowire.Type) bool {
	return f.Number == number && f.Kind == kind
}

// Each calls visit at every field of a message, until it fails. What is no message is Q614.
func Each(message []byte, visit func(f Field) error) error {
	for len(message) > 0 {
		f, n := next(message)
		if n < 0 {
			return Damaged(n)
		}
		message = message[n:]
		if err := visit(f); err != nil {
			return err
		}
	}
	return nil
}

// next reads a field and returns how many bytes it took, or a negative number, as protowire
// does.
func next(message []byte) (f Field, n int) {
	f.Number, f.Kind, n = protowire.ConsumeTag(message)
	if n >= 0 && f.Number > protowire.MaxValidNumber { // which protowire lets pass
		n = -1
	}
	if n < 0 {
		return f, n
	}
	m := f.Take(message[n:])
	if m < 0 {
		return f, m
	}
	return f, n + m
}

// Take reads the value at the front of b that f's number and kind announce, as fields and
// packed lists have it. It returns how many bytes that took, or a negative number, as
// protowire does.
func (f *Field) Take(b []byte) (n int) {
	switch f.Kind {
	case protowire.VarintType:
		f.Bits, n = protowire.ConsumeVarint(b)
	case protowire.Fixed32Type:
		var bits uint32
		bits, n = protowire.ConsumeFixed32(b)
		f.Bits = uint64(bits)
	case protowire.Fixed64Type:
		f.Bits, n = protowire.ConsumeFixed64(b)
	case protowire.BytesType:
		f.Bytes, n = protowire.ConsumeBytes(b)
	default:
		n = protowire.ConsumeFieldValue(f.Number, f.Kind, b)
	}
	return n
}

// Damaged is Q614 for what protowire could not read: n is the negative number that it returned.
func Damaged(n int) error {
	return diag.New("Q614", "the message is not protobuf: %v", protowire.ParseError(n))
}
