package packed

import (
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"quern/features/diag"
)

// field is one field of a message.
type field struct {
	number protowire.Number
	kind   protowire.Type
	bytes  []byte // of a length-delimited one
	bits   uint64 // of any other
}

func (f *field) is(number protowire.Number, kind protowire.Type) bool {
	return f.number == number && f.kind == kind
}

// text checks that a string is UTF-8, as strings of protobuf are.
func (f *field) text(what string) error {
	if !utf8.Valid(f.bytes) {
		return diag.New("Q614", "%s is not UTF-8", what)
	}
	return nil
}

// each calls visit at every field of a message.
func each(message []byte, visit func(f field) error) error {
	for len(message) > 0 {
		var f field
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return notProtobuf(n)
		}
		if number > protowire.MaxValidNumber {
			return diag.New("Q614", "the message is not protobuf: it has a field of number %d", number)
		}
		f.number, f.kind = number, kind
		message = message[n:]
		switch kind {
		case protowire.VarintType:
			f.bits, n = protowire.ConsumeVarint(message)
		case protowire.Fixed64Type:
			f.bits, n = protowire.ConsumeFixed64(message)
		case protowire.BytesType:
			f.bytes, n = protowire.ConsumeBytes(message)
		default:
			n = protowire.ConsumeFieldValue(number, kind, message)
		}
		if n < 0 {
			return notProtobuf(n)
		}
		message = message[n:]
		if err := visit(f); err != nil {
			return err
		}
	}
	return nil
}

func notProtobuf(n int) error {
	return diag.New("Q614", "the message is not protobuf: %v", protowire.ParseError(n))
}
