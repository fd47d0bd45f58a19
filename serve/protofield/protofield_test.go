package protofield_test

import (
	"errors"
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"quern/features/diag"
	"quern/serve/protofield"
)

// checkMessage holds Each against protobuf-go: the same messages are read, and their fields,
// written again, are the same ones.
func checkMessage(t *testing.T, message []byte) {
	t.Helper()
	var again []byte
	err := protofield.Each(message, func(f protofield.Field) error {
		again = protowire.AppendTag(again, f.Number, f.Kind)
		switch f.Kind {
		case protowire.VarintType:
			again = protowire.AppendVarint(again, f.Bits)
		case protowire.Fixed32Type:
			again = protowire.AppendFixed32(again, uint32(f.Bits))
		case protowire.Fixed64Type:
			again = protowire.AppendFixed64(again, f.Bits)
		case protowire.BytesType:
			again = protowire.AppendBytes(again, f.Bytes)
		default:
			again = nil // groups are passed over
			return errGroup
		}
		if !f.Is(f.Number, f.Kind) || f.Is(f.Number+1, f.Kind) {
			t.Errorf("%x: field %d is another one", message, f.Number)
		}
		return nil
	})
	if errors.Is(err, errGroup) {
		return
	}
	var known *diag.Error
	var oracle emptypb.Empty
	want := proto.Unmarshal(message, &oracle)
	if (err == nil) != (want == nil) || err != nil && (!errors.As(err, &known) || known.Code != "Q614") {
		t.Fatalf("%x: %v, protobuf-go: %v", message, err, want)
	}
	if err != nil {
		return
	}
	var rewritten emptypb.Empty
	if err := proto.Unmarshal(again, &rewritten); err != nil || len(again) > len(message) {
		t.Fatalf("%x became %x: %v", message, again, err)
	}
}

var errGroup = errors.New("a group")

// TestEach on messages that are whole, cut anywhere, and changed anywhere.
func TestEach(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		var message []byte
		for range 1 + rnd.IntN(5) {
			number := protowire.Number(1 + rnd.IntN(1<<uint(1+rnd.IntN(28))))
			switch rnd.IntN(4) {
			case 0:
				message = protowire.AppendVarint(protowire.AppendTag(message, number, protowire.VarintType), rnd.Uint64()>>rnd.IntN(64))
			case 1:
				message = protowire.AppendFixed32(protowire.AppendTag(message, number, protowire.Fixed32Type), rnd.Uint32())
			case 2:
				message = protowire.AppendFixed64(protowire.AppendTag(message, number, protowire.Fixed64Type), rnd.Uint64())
			default:
				message = protowire.AppendBytes(protowire.AppendTag(message, number, protowire.BytesType), make([]byte, rnd.IntN(200)))
			}
		}
		checkMessage(t, message)
		checkMessage(t, message[:rnd.IntN(len(message))])
		message[rnd.IntN(len(message))] ^= 1 << rnd.IntN(8)
		checkMessage(t, message)
	}
}

// FuzzEach holds any bytes against protobuf-go.
func FuzzEach(f *testing.F) {
	f.Add([]byte{0x08, 0x96, 0x01})
	f.Add([]byte{0x0b, 0x0c})
	f.Add([]byte("\xf8\xff\xff\xff\x7f\x01"))
	f.Add([]byte("\x12\x07testing\x1d\x01\x02\x03\x04\x21\x01\x02\x03\x04\x05\x06\x07\x08"))
	f.Fuzz(func(t *testing.T, message []byte) { checkMessage(t, message) })
}
