package parquet

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

func FuzzRead(f *testing.F) {
	for _, forge := range hostileFiles() {
		file := forged{rows: 8}
		forge(&file)
		if data := file.bytes(f); len(data) < 2000 {
			f.Add(data)
		}
	}
	data, _ := writeTable(f, rand.New(rand.NewPCG(1, 6)), leafCases(), 3)
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := readEverything(data, 64<<20); !acceptable(err) {
			t.Fatal(err)
		}
	})
}

// FuzzPage reads any bytes as the body of a page of any type and encoding, beside a
// healthy dictionary.
func FuzzPage(f *testing.F) {
	f.Add(append(levels(16, 1), plainInts(8)...), byte(format.Int32), byte(format.Plain), byte(8), true)
	f.Add([]byte{1, 16, 1}, byte(format.Int64), byte(format.RLEDictionary), byte(8), false)
	f.Add(levels(3, 0xaa), byte(format.Boolean), byte(format.RLE), byte(8), false)
	f.Add(deltas(300, 5, -3, 2), byte(format.Int32), byte(format.DeltaBinaryPacked), byte(200), false)
	f.Add(append(deltas(200, 2, 0, 0), make([]byte, 400)...), byte(format.ByteArray), byte(format.DeltaLengthByteArray), byte(200), false)
	f.Add(append(append(deltas(200, 0, 2, 0), deltas(200, 3, -2, 0)...), make([]byte, 400)...), byte(format.ByteArray), byte(format.DeltaByteArray), byte(200), false)
	f.Add(plainStrings("a", "", "bc"), byte(format.ByteArray), byte(format.Plain), byte(3), false)
	f.Add(make([]byte, 48), byte(format.Double), byte(format.ByteStreamSplit), byte(6), false)
	f.Add(make([]byte, 60), byte(format.FixedLenByteArray), byte(format.Plain), byte(20), false)
	f.Add(make([]byte, 36), byte(format.Int96), byte(format.Plain), byte(3), false)
	f.Fuzz(func(t *testing.T, body []byte, typ, e, n byte, optional bool) {
		file := forged{rows: int64(n)}
		file.schema(format.Type(typ%8), format.Required)
		if optional {
			file.element.RepetitionType = thrift.New(format.Optional)
		}
		file.element.TypeLength = thrift.New(int32(3))
		if format.Encoding(e).String() == "RLE_DICTIONARY" {
			file.dictionary(2, make([]byte, 24))
		}
		file.data(int32(n), format.Encoding(e%10), body)
		if err := readEverything(file.bytes(t), 64<<20); !acceptable(err) {
			t.Fatal(err)
		}
	})
}

// FuzzLists reads any bytes as the body of a page of lists of every form, in both
// versions, with a page before it. readEverything holds what comes to the contract.
func FuzzLists(f *testing.F) {
	f.Add(append(append(levels(packed(1, 0, 1, 0, 0)...), levels(packed(2, 3, 2, 1, 0)...)...), plainInts(1)...), byte(3), byte(4), byte(0), byte(0))
	f.Add(append(append(packed(1, 1, 0, 0), packed(2, 3, 3, 0)...), plainInts(2)...), byte(2), byte(3), byte(2), byte(3))
	f.Add(append(append(levels(packed(1, 0, 1)...), levels(4, 1)...), plainInts(2)...), byte(1), byte(2), byte(4), byte(0))
	f.Add([]byte{0b01000_000, 0b11_10_00_11, 0b01_000000, 7, 0, 0, 0, 8, 0, 0, 0}, byte(4), byte(5), byte(1), byte(0))
	f.Add(append(longRun(), longRun()...), byte(2), byte(200), byte(0), byte(6))
	f.Fuzz(func(t *testing.T, body []byte, rows, n, form, cut byte) {
		file := forged{rows: int64(rows)}
		file.list()
		if form&4 != 0 {
			file.outer[0].RepetitionType = thrift.New(format.Required)
		}
		if form&8 != 0 {
			file.element.RepetitionType = thrift.New(format.Required)
		}
		file.listPage(1+int(form&2)/2, []byte{0}, []byte{1})
		first, values := file.pages, file.values+int64(n)
		if form&2 == 0 {
			file.data(int32(n), format.Plain, body)
			if form&1 != 0 {
				h := &file.pages[1].header.DataPageHeader.V
				h.DefinitionLevelEncoding, h.RepetitionLevelEncoding = format.BitPacked, format.BitPacked
			}
		} else {
			file.data2(int32(n), int32(form>>4), int32(cut&15), format.Plain, body)
			h := &file.pages[1].header.DataPageHeaderV2.V
			h.NumRows, h.RepetitionLevelsByteLength = int32(n), int32(cut>>4)
		}
		if file.values = values; form&16 != 0 {
			file.pages = file.pages[len(first):]
			file.values -= 1
		}
		if err := readEverything(file.bytes(t), 64<<20); !acceptable(err) {
			t.Fatal(err)
		}
	})
}

// FuzzThrift checks that passing over any value ends within its bytes.
func FuzzThrift(f *testing.F) {
	f.Add([]byte{0x15, 2, 0x19, 0x1c, 0x15, 4, 0, 0}, byte(kindStruct))
	f.Add(bytes.Repeat([]byte{0x1c}, 200), byte(kindStruct))
	f.Add([]byte{0xf9, 0xff, 0xff, 0xff, 0xff, 0x0f}, byte(kindList))
	f.Add([]byte{0xff, 0xff, 0x0f, 0x11}, byte(kindMap))
	f.Fuzz(func(t *testing.T, data []byte, kind byte) {
		c := cursor{data: data}
		c.skip(kind)
		if c.pos < 0 || c.pos > len(data) {
			t.Fatalf("at %d of %d", c.pos, len(data))
		}
		p, n, err := readPage(data)
		if err == nil && (n > len(data) || len(p.body) != int(p.compressed)) {
			t.Fatalf("a page of %d bytes in %d", n, len(data))
		}
	})
}
