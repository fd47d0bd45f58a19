package parquet

import (
	"bytes"
	"encoding/binary"
	"maps"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// forged is a file with one column, to be made wrong piece by piece.
type forged struct {
	rows     int64
	outer    []format.SchemaElement // the groups around the element, outermost first
	element  format.SchemaElement
	values   int64 // levels of the chunk; 0: as many as rows
	pages    []forgedPage
	metadata func(*format.FileMetaData) // the last word on the footer
}

type forgedPage struct {
	header format.PageHeader
	body   []byte
}

// schema sets what the column is.
func (f *forged) schema(typ format.Type, repetition format.FieldRepetitionType) {
	f.element = format.SchemaElement{Name: "c", Type: thrift.New(typ), RepetitionType: thrift.New(repetition)}
}

// dictionary appends a dictionary page of n values.
func (f *forged) dictionary(n int32, body []byte) {
	f.add(format.PageHeader{Type: format.DictionaryPage, DictionaryPageHeader: thrift.New(format.DictionaryPageHeader{NumValues: n})}, body)
}

// data appends a version 1 data page of n values.
func (f *forged) data(n int32, e format.Encoding, body []byte) {
	f.add(format.PageHeader{Type: format.DataPage, DataPageHeader: thrift.New(format.DataPageHeader{
		NumValues: n, Encoding: e, DefinitionLevelEncoding: format.RLE, RepetitionLevelEncoding: format.RLE,
	})}, body)
}

// data2 appends a version 2 data page; levels of its body are definition levels.
func (f *forged) data2(n, nulls, levels int32, e format.Encoding, body []byte) {
	f.add(format.PageHeader{Type: format.DataPageV2, DataPageHeaderV2: thrift.New(format.DataPageHeaderV2{
		NumValues: n, NumNulls: nulls, NumRows: n, Encoding: e, DefinitionLevelsByteLength: levels,
	})}, body)
}

func (f *forged) add(h format.PageHeader, body []byte) {
	h.CompressedPageSize, h.UncompressedPageSize = int32(len(body)), int32(len(body))
	f.pages = append(f.pages, forgedPage{h, body})
}

// bytes returns the file.
func (f *forged) bytes(t testing.TB) []byte {
	t.Helper()
	marshal := func(v any) []byte {
		b, err := thrift.Marshal(new(thrift.CompactProtocol), v)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	out := []byte("PAR1")
	for i := range f.pages {
		out = append(append(out, marshal(&f.pages[i].header)...), f.pages[i].body...)
	}
	if f.values == 0 {
		f.values = f.rows
	}
	schema := append([]format.SchemaElement{{Name: "root", NumChildren: thrift.New(int32(1))}}, f.outer...)
	m := format.FileMetaData{
		Version: 1, NumRows: f.rows,
		Schema: append(schema, f.element),
		RowGroups: []format.RowGroup{{NumRows: f.rows, Columns: []format.ColumnChunk{{MetaData: format.ColumnMetaData{
			Type: f.element.Type.V, PathInSchema: []string{"c"}, NumValues: f.values, DataPageOffset: 4,
			TotalCompressedSize: int64(len(out) - 4), TotalUncompressedSize: int64(len(out) - 4),
		}}}}},
	}
	if f.metadata != nil {
		f.metadata(&m)
	}
	footer := marshal(&m)
	out = append(out, footer...)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(footer)))
	return append(out, "PAR1"...)
}

// levels prefixes runs with their length.
func levels(runs ...byte) []byte {
	return append(binary.LittleEndian.AppendUint32(nil, uint32(len(runs))), runs...)
}

// longRun is a run of 2^40 zeros.
func longRun() []byte { return append(binary.AppendUvarint(nil, 1<<41), 0) }

// plainInts is n INT32 values.
func plainInts(n int) []byte { return make([]byte, 4*n) }

// plainStrings is strings as PLAIN writes them.
func plainStrings(all ...string) (b []byte) {
	for _, s := range all {
		b = append(binary.LittleEndian.AppendUint32(b, uint32(len(s))), s...)
	}
	return b
}

// hostileFiles returns files with one fault each, by the code that must come and a name.
func hostileFiles() map[string]func(f *forged) {
	all := map[string]func(f *forged){}
	for _, some := range []map[string]func(f *forged){hostileRuns(), hostilePages(), hostileValues(), hostileSizes(), hostileFooters(), hostileLists(), hostileListPages(), hostileListSizes()} {
		maps.Copy(all, some)
	}
	return all
}

// hostileRuns have a fault in their levels or indexes; three have none.
func hostileRuns() map[string]func(f *forged) {
	return map[string]func(f *forged){
		"healthy required": func(f *forged) { f.schema(format.Int32, format.Required); f.data(8, format.Plain, plainInts(8)) },
		"healthy optional": func(f *forged) {
			f.schema(format.Int32, format.Optional)
			f.data(8, format.Plain, append(levels(16, 1), plainInts(8)...))
		},
		"healthy coded": func(f *forged) {
			f.schema(format.Int32, format.Optional)
			f.dictionary(2, plainInts(2))
			f.data(8, format.RLEDictionary, append(levels(16, 1), 1, 16, 1))
		},
		"Q205 level run longer than the page": func(f *forged) {
			f.schema(format.Int32, format.Optional)
			f.data(8, format.Plain, levels(longRun()...))
		},
		"Q205 index run longer than the page": func(f *forged) {
			f.schema(format.Int32, format.Required)
			f.dictionary(2, plainInts(2))
			f.data(8, format.RLEDictionary, append([]byte{1}, longRun()...))
		},
		"Q205 packed run longer than the page": func(f *forged) {
			f.schema(format.Int32, format.Required)
			f.dictionary(2, plainInts(2))
			f.data(8, format.RLEDictionary, append([]byte{1, 5<<1 | 1}, make([]byte, 100)...))
		},
		"Q205 empty run": func(f *forged) { f.schema(format.Int32, format.Optional); f.data(8, format.Plain, levels(0, 0, 16, 1)) },
		"Q205 index out of range": func(f *forged) {
			f.schema(format.Int32, format.Required)
			f.dictionary(2, plainInts(2))
			f.data(8, format.RLEDictionary, []byte{2, 16, 2})
		},
		"Q205 index out of range at 32 bits": func(f *forged) {
			f.schema(format.Int32, format.Required)
			f.dictionary(2, plainInts(2))
			f.data(8, format.RLEDictionary, []byte{32, 16, 0xff, 0xff, 0xff, 0xff})
		},
		"Q205 index into an empty dictionary": func(f *forged) {
			f.schema(format.Int32, format.Required)
			f.dictionary(0, nil)
			f.data(8, format.RLEDictionary, []byte{0, 16})
		},
		"Q205 indexes too wide": func(f *forged) {
			f.schema(format.Int32, format.Required)
			f.dictionary(1, plainInts(1))
			f.data(8, format.RLEDictionary, []byte{33, 16, 0})
		},
		"Q205 levels cut off": func(f *forged) { f.schema(format.Int32, format.Optional); f.data(8, format.Plain, levels(3)) },
		"Q205 levels beyond the page": func(f *forged) {
			f.schema(format.Int32, format.Optional)
			f.data(8, format.Plain, []byte{9, 0, 0, 0, 1})
		},
		"Q205 levels longer than the page": func(f *forged) {
			f.schema(format.Int32, format.Optional)
			f.data2(8, 0, 99, format.Plain, []byte{16, 1})
		},
	}
}

// hostilePages have a fault in a page header, or pages that contradict each other.
func hostilePages() map[string]func(f *forged) {
	return map[string]func(f *forged){
		"Q205 no dictionary": func(f *forged) {
			f.schema(format.Int32, format.Required)
			f.data(8, format.RLEDictionary, []byte{1, 16, 0})
		},
		"Q205 two dictionaries": func(f *forged) {
			f.schema(format.Int32, format.Required)
			f.dictionary(1, plainInts(1))
			f.dictionary(1, plainInts(1))
		},
		"Q205 dictionary too short": func(f *forged) {
			f.schema(format.Int32, format.Required)
			f.dictionary(3, plainInts(2))
			f.data(8, format.RLEDictionary, []byte{1, 16, 0})
		},
		"Q205 dictionary of a negative size": func(f *forged) {
			f.schema(format.Int32, format.Required)
			f.dictionary(-3, plainInts(2))
			f.data(8, format.RLEDictionary, []byte{1, 16, 0})
		},
		"Q205 string longer than the page": func(f *forged) {
			f.schema(format.ByteArray, format.Required)
			f.data(8, format.Plain, append(plainStrings("a", "b", "c", "d", "e", "f", "g"), 255, 255, 255, 255, 'x'))
		},
		"Q205 nulls in a required column": func(f *forged) { f.schema(format.Int32, format.Required); f.data2(8, 2, 0, format.Plain, plainInts(6)) },
		"Q205 nulls miscounted": func(f *forged) {
			f.schema(format.Int32, format.Optional)
			f.data2(8, 1, 2, format.Plain, append([]byte{16, 1}, plainInts(8)...))
		},
		"Q205 more nulls than values": func(f *forged) {
			f.schema(format.Int32, format.Optional)
			f.data2(8, 9, 2, format.Plain, []byte{16, 0})
		},
		"Q205 huge page": func(f *forged) {
			f.schema(format.Int32, format.Required)
			f.data(8, format.Plain, plainInts(8))
			f.pages[0].header.UncompressedPageSize = 1<<31 - 1
		},
		"Q205 negative page": func(f *forged) {
			f.schema(format.Int32, format.Required)
			f.data(8, format.Plain, plainInts(8))
			f.pages[0].header.CompressedPageSize = -1
		},
		"Q205 stored size differs": func(f *forged) {
			f.schema(format.Int32, format.Required)
			f.data(8, format.Plain, plainInts(8))
			f.pages[0].header.UncompressedPageSize = 40
		},
		"Q206 wrong checksum": func(f *forged) {
			f.schema(format.Int32, format.Required)
			f.data(8, format.Plain, plainInts(8))
			f.pages[0].header.CRC = 12345
		},
	}
}

// hostileValues have values that cannot be.
func hostileValues() map[string]func(f *forged) {
	return map[string]func(f *forged){
		"Q205 values cut off":         func(f *forged) { f.schema(format.Int32, format.Required); f.data(8, format.Plain, plainInts(7)) },
		"Q205 fewer values than rows": func(f *forged) { f.schema(format.Int32, format.Required); f.data(7, format.Plain, plainInts(7)) },
		"Q205 more values than rows":  func(f *forged) { f.schema(format.Int32, format.Required); f.data(9, format.Plain, plainInts(9)) },
		"Q205 negative values":        func(f *forged) { f.schema(format.Int32, format.Required); f.data(-1, format.Plain, plainInts(9)) },
		"Q205 delta count": func(f *forged) {
			f.schema(format.Int32, format.Required)
			f.data(8, format.DeltaBinaryPacked, []byte{128, 1, 4, 9, 0, 0, 0, 0, 0, 0})
		},
		"Q205 delta width": func(f *forged) {
			f.schema(format.Int32, format.Required)
			f.data(8, format.DeltaBinaryPacked, append([]byte{128, 1, 4, 8, 0, 0, 33, 33, 33, 33}, make([]byte, 999)...))
		},
		"Q205 delta blocks of nothing": func(f *forged) {
			f.schema(format.Int32, format.Required)
			f.data(8, format.DeltaBinaryPacked, []byte{0, 0, 8, 0, 0, 0, 0, 0, 0})
		},
		"Q207 unknown encoding": func(f *forged) { f.schema(format.Int32, format.Required); f.data(8, 77, plainInts(8)) },
		"Q207 misplaced encoding": func(f *forged) {
			f.schema(format.Int32, format.Required)
			f.data(8, format.DeltaByteArray, plainInts(8))
		},
		"Q205 not snappy": func(f *forged) {
			f.schema(format.Int32, format.Required)
			f.data(8, format.Plain, plainInts(8))
			f.metadata = func(m *format.FileMetaData) { m.RowGroups[0].Columns[0].MetaData.Codec = format.Snappy }
		},
		"Q213 timestamp out of range": func(f *forged) {
			f.schema(format.Int64, format.Required)
			f.element.ConvertedType = thrift.New(deprecated.TimestampMillis)
			f.data(8, format.Plain, bytes.Repeat([]byte{255, 255, 255, 255, 255, 255, 255, 127}, 8))
		},
	}
}

// hostileSizes are small and stand, by the rules of the format, for very much.
func hostileSizes() map[string]func(f *forged) {
	return map[string]func(f *forged){
		"Q209 two thousand million nulls": func(f *forged) {
			f.rows = 2e9
			f.schema(format.Int32, format.Optional)
			f.data(2e9, format.Plain, levels(append(binary.AppendUvarint(nil, 4e9), 0)...))
		},
		"Q209 strings that share their beginning": func(f *forged) {
			const n, length = 100_000, 100_000
			f.rows = n
			f.schema(format.ByteArray, format.Required)
			prefixes := deltas(n, 0, length, 0) // 0, length, length ...
			suffixes := deltas(n, length, -length, 0)
			f.data(n, format.DeltaByteArray, append(append(prefixes, suffixes...), make([]byte, length)...))
		},
		"Q209 plain strings from a dictionary": func(f *forged) {
			const n = 100_001
			f.rows = n
			f.schema(format.ByteArray, format.Required)
			f.dictionary(1, plainStrings(strings.Repeat("x", 100_000)))
			f.data(n-1, format.RLEDictionary, append([]byte{1}, append(binary.AppendUvarint(nil, (n-1)<<1), 0)...))
			f.data(1, format.Plain, plainStrings("y"))
		},
	}
}

// hostileFooters have a footer that cannot be.
func hostileFooters() map[string]func(f *forged) {
	return map[string]func(f *forged){
		"Q207 unknown codec": func(f *forged) {
			f.schema(format.Int32, format.Required)
			f.data(8, format.Plain, plainInts(8))
			f.metadata = func(m *format.FileMetaData) { m.RowGroups[0].Columns[0].MetaData.Codec = format.LZO }
		},
		"Q204 more rows than an index can count": func(f *forged) { f.rows = 1 << 40; f.schema(format.Int32, format.Required) },
		"Q204 column before the file": func(f *forged) {
			f.schema(format.Int32, format.Required)
			f.metadata = func(m *format.FileMetaData) { m.RowGroups[0].Columns[0].MetaData.DataPageOffset = -4 }
		},
		"Q204 column beyond the file": func(f *forged) {
			f.schema(format.Int32, format.Required)
			f.metadata = func(m *format.FileMetaData) { m.RowGroups[0].Columns[0].MetaData.TotalCompressedSize = 1 << 62 }
		},
		"Q204 rows of a column": func(f *forged) {
			f.schema(format.Int32, format.Required)
			f.metadata = func(m *format.FileMetaData) { m.RowGroups[0].Columns[0].MetaData.NumValues = 7 }
		},
		"Q204 rows of the file": func(f *forged) {
			f.schema(format.Int32, format.Required)
			f.metadata = func(m *format.FileMetaData) { m.NumRows = 9 }
		},
		"Q204 type of a column": func(f *forged) {
			f.schema(format.Int32, format.Required)
			f.metadata = func(m *format.FileMetaData) { m.RowGroups[0].Columns[0].MetaData.Type = format.Int64 }
		},
		"Q204 missing column": func(f *forged) {
			f.schema(format.Int32, format.Required)
			f.metadata = func(m *format.FileMetaData) { m.RowGroups[0].Columns = nil }
		},
		"Q204 columns that overlap": func(f *forged) {
			f.schema(format.Int32, format.Required)
			f.data(8, format.Plain, plainInts(8))
			f.metadata = func(m *format.FileMetaData) {
				m.Schema[0].NumChildren = thrift.New(int32(2))
				m.Schema = append(m.Schema, m.Schema[1])
				m.RowGroups[0].Columns = append(m.RowGroups[0].Columns, m.RowGroups[0].Columns[0])
			}
		},
		"Q204 schema with too many children": func(f *forged) {
			f.schema(format.Int32, format.Required)
			f.metadata = func(m *format.FileMetaData) { m.Schema[0].NumChildren = thrift.New(int32(2)) }
		},
		"Q204 schema with too few children": func(f *forged) {
			f.schema(format.Int32, format.Required)
			f.metadata = func(m *format.FileMetaData) { m.Schema[0].NumChildren = thrift.New(int32(0)) }
		},
		"Q207 column in another file": func(f *forged) {
			f.schema(format.Int32, format.Required)
			f.metadata = func(m *format.FileMetaData) { m.RowGroups[0].Columns[0].FilePath = "/etc/passwd" }
		},
	}
}

// deltas returns n integers as DELTA_BINARY_PACKED: first, then first+step, then
// each rest more than the one before. Blocks are of 128 values, miniblocks of 32.
func deltas(n, first, step, rest int64) []byte {
	b := binary.AppendUvarint([]byte{128, 1, 4}, uint64(n))
	b = binary.AppendVarint(b, first)
	// The first block holds step and then rest: least is the smaller, and step (or
	// rest) is so much more, in 32 bits.
	least := min(step, rest)
	b = append(binary.AppendVarint(b, least), 32, 32, 32, 32)
	for i := range 128 {
		d := rest - least
		if i == 0 {
			d = step - least
		}
		b = binary.LittleEndian.AppendUint32(b, uint32(d))
	}
	for done := int64(129); done < n; done += 128 {
		b = append(binary.AppendVarint(b, rest), 0, 0, 0, 0)
	}
	return b
}
