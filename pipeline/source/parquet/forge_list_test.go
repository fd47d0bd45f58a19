package parquet

import (
	"encoding/binary"
	"math/bits"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// list makes the column one of lists of int32: optional group c (LIST) { repeated group
// list { optional int32 element } }. The levels are 0: null, 1: empty, 2: null element,
// 3: value.
func (f *forged) list() {
	f.group("c", format.Optional, "LIST")
	f.group("list", format.Repeated, "")
	f.leaf("element", format.Optional)
}

// group appends a group of one field.
func (f *forged) group(name string, r format.FieldRepetitionType, annotation string) {
	g := format.SchemaElement{Name: name, RepetitionType: thrift.New(r), NumChildren: thrift.New(int32(1))}
	switch annotation {
	case "LIST":
		g.ConvertedType = thrift.New(deprecated.List)
	case "MAP":
		g.ConvertedType = thrift.New(deprecated.Map)
	}
	f.outer = append(f.outer, g)
}

// leaf sets the element.
func (f *forged) leaf(name string, r format.FieldRepetitionType) {
	f.schema(format.Int32, r)
	f.element.Name = name
}

// packed writes levels as one packed run of so many bits each.
func packed(width int, all ...byte) []byte {
	groups := (len(all) + 7) / 8
	b := make([]byte, groups*width)
	for i, level := range all {
		b[i*width/8] |= level << (i * width % 8)
	}
	return append([]byte{byte(groups<<1 | 1)}, b...)
}

// listPage appends a page of lists with these levels, and a value 0, 1, 2 ... for each 3.
func (f *forged) listPage(version int, repeats, defines []byte) {
	body, n := []byte(nil), int32(0)
	rows := int32(0)
	for i, d := range defines {
		if d == 3 {
			body = binary.LittleEndian.AppendUint32(body, uint32(n))
			n++
		}
		if repeats[i] == 0 {
			rows++
		}
	}
	count := int32(len(defines))
	f.values += int64(count)
	r, d := packed(1, repeats...), packed(2, defines...)
	if version == 1 {
		f.data(count, format.Plain, append(append(levels(r...), levels(d...)...), body...))
		return
	}
	f.data2(count, count-n, int32(len(d)), format.Plain, append(append(r, d...), body...))
	h := &f.pages[len(f.pages)-1].header.DataPageHeaderV2.V
	h.NumRows, h.RepetitionLevelsByteLength = rows, int32(len(r))
}

// hostileLists have a fault in the levels of lists; the first have none.
func hostileLists() map[string]func(f *forged) {
	return map[string]func(f *forged){
		"healthy lists": func(f *forged) {
			f.rows = 3
			f.list()
			f.listPage(1, []byte{0, 1, 0, 0}, []byte{3, 2, 1, 0})
		},
		"healthy rows across pages": func(f *forged) {
			f.rows = 2
			f.list()
			f.listPage(2, []byte{0}, []byte{3})
			f.listPage(2, []byte{1, 0}, []byte{3, 3})
		},
		"Q205 chunk that starts within a list": func(f *forged) { f.rows = 1; f.list(); f.listPage(1, []byte{1, 0}, []byte{3, 3}) },
		"Q205 null list with more elements":    func(f *forged) { f.rows = 2; f.list(); f.listPage(1, []byte{0, 1, 0}, []byte{0, 3, 3}) },
		"Q205 empty list with more elements":   func(f *forged) { f.rows = 2; f.list(); f.listPage(2, []byte{0, 1, 0}, []byte{1, 2, 3}) },
		"Q205 list that goes on with nothing":  func(f *forged) { f.rows = 2; f.list(); f.listPage(1, []byte{0, 1, 0}, []byte{3, 1, 3}) },
		"Q205 list that goes on with null":     func(f *forged) { f.rows = 2; f.list(); f.listPage(1, []byte{0, 1, 0}, []byte{3, 0, 3}) },
		"Q205 fewer lists than rows":           func(f *forged) { f.rows = 2; f.list(); f.listPage(1, []byte{0, 1, 1}, []byte{3, 3, 3}) },
		"Q205 more lists than rows":            func(f *forged) { f.rows = 2; f.list(); f.listPage(1, []byte{0, 0, 0}, []byte{3, 3, 3}) },
		"Q204 fewer levels than rows":          func(f *forged) { f.rows = 9; f.list(); f.listPage(1, []byte{0, 0, 0}, []byte{3, 3, 3}) },
	}
}

// hostileListPages have lists that contradict what counts them, or are cut off.
func hostileListPages() map[string]func(f *forged) {
	return map[string]func(f *forged){
		"Q205 fewer levels than the footer says": func(f *forged) {
			f.rows = 2
			f.list()
			f.listPage(1, []byte{0, 1, 0}, []byte{3, 3, 3})
			f.values++
		},
		"Q205 more levels than the footer says": func(f *forged) {
			f.rows = 2
			f.list()
			f.listPage(1, []byte{0, 1, 0}, []byte{3, 3, 3})
			f.values--
		},
		"Q205 level above the highest": func(f *forged) {
			f.rows = 1
			f.list()
			f.element.RepetitionType = thrift.New(format.Required)
			f.listPage(1, []byte{0, 1}, []byte{2, 3})
		},
		"Q205 rows of a page without lists": func(f *forged) {
			f.schema(format.Int32, format.Required)
			f.data2(8, 0, 0, format.Plain, plainInts(8))
			f.pages[0].header.DataPageHeaderV2.V.NumRows = 7
		},
		"Q205 rows of a page": func(f *forged) {
			f.rows = 3
			f.list()
			f.listPage(2, []byte{0, 1, 0, 0}, []byte{3, 3, 3, 3})
			f.pages[0].header.DataPageHeaderV2.V.NumRows = 2
		},
		"Q205 nulls of a page of lists": func(f *forged) {
			f.rows = 2
			f.list()
			f.listPage(2, []byte{0, 0}, []byte{3, 1})
			f.pages[0].header.DataPageHeaderV2.V.NumNulls = 0
		},
		"Q205 values of lists cut off": func(f *forged) {
			f.rows = 2
			f.list()
			f.listPage(1, []byte{0, 0}, []byte{3, 3})
			p := &f.pages[0]
			p.body = p.body[:len(p.body)-1]
			p.header.CompressedPageSize--
			p.header.UncompressedPageSize--
		},
		"Q205 repetition levels cut off": func(f *forged) {
			f.rows = 8
			f.list()
			f.data(8, format.Plain, append(levels(3), levels(16, 3)...))
		},
		"Q205 packed levels of lists cut off": func(f *forged) {
			f.rows = 8
			f.list()
			f.data(8, format.Plain, []byte{0, 0})
			f.pages[0].header.DataPageHeader.V.RepetitionLevelEncoding = format.BitPacked
			f.pages[0].header.DataPageHeader.V.DefinitionLevelEncoding = format.BitPacked
		},
		"Q207 levels in an encoding of values": func(f *forged) {
			f.rows = 8
			f.list()
			f.data(8, format.Plain, make([]byte, 99))
			f.pages[0].header.DataPageHeader.V.RepetitionLevelEncoding = format.DeltaBinaryPacked
		},
	}
}

// hostileListSizes are small and stand for very many elements.
func hostileListSizes() map[string]func(f *forged) {
	repeated := func(level byte) []byte { return append(binary.AppendUvarint(nil, 2e9<<1), level) }
	one := func(f *forged, define byte) {
		f.rows, f.values = 1, 2e9
		f.list()
		first := append([]byte{2, 0}, binary.AppendUvarint(nil, (2e9-1)<<1)...)
		f.data(2e9, format.Plain, append(levels(append(first, 1)...), levels(repeated(define)...)...))
	}
	return map[string]func(f *forged){
		"Q209 two thousand million null elements": func(f *forged) { one(f, 2) },
		"Q209 two thousand million values":        func(f *forged) { one(f, 3) },
		"Q209 more elements than an offset can count": func(f *forged) {
			one(f, 2)
			f.pages = append(f.pages, f.pages[0], f.pages[0])
			f.values *= 3
		},
	}
}

// Rows may go on in the next page, at any level and in either version.
func TestRowsAcrossPages(t *testing.T) {
	repeats := []byte{0, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0, 1}
	defines := []byte{3, 2, 3, 0, 1, 2, 3, 3, 2, 1, 3, 3}
	for version := 1; version <= 2; version++ {
		for at := range len(repeats) + 1 {
			for end := at; end <= len(repeats); end++ {
				f := forged{rows: 6}
				f.list()
				f.listPage(version, repeats[:at], defines[:at])
				f.listPage(version, repeats[at:end], defines[at:end])
				f.listPage(version, repeats[end:], defines[end:])
				for i := range f.pages { // Arrow before version 12 wrote the number of values
					if version == 2 && at%2 == 0 {
						h := &f.pages[i].header.DataPageHeaderV2.V
						h.NumRows = h.NumValues
					}
				}
				rows := readAll(t, f.bytes(t))["c"]
				got := strings.Join(rows, " ")
				for _, digit := range []string{"0", "1", "2", "3", "4", "5", "6"} { // values count from 0 in each page
					got = strings.ReplaceAll(got, digit, "v")
				}
				if want := "[v null v] null [] [null v v null] [] [v v]"; got != want {
					t.Fatalf("pages end at %d and %d: got %s, want %s", at, end, got, want)
				}
			}
		}
	}
}

// Old writers packed levels without runs, the most significant bit first.
func TestPackedLevelsOfLists(t *testing.T) {
	f := forged{rows: 3, values: 5}
	f.list()
	f.data(5, format.Plain, []byte{0b01001_000, 0b11_10_00_11, 0b01_000000, 7, 0, 0, 0, 8, 0, 0, 0})
	h := &f.pages[0].header.DataPageHeader.V
	h.RepetitionLevelEncoding, h.DefinitionLevelEncoding = format.BitPacked, format.BitPacked
	f.values = 5
	if err := readEverything(f.bytes(t), 0); errorCode(err) != "Q205" { // the last level repeats an element that is not there
		t.Errorf("got %v", err)
	}
	f.pages[0].body[0] = 0b01000_000
	f.rows = 4
	if got := strings.Join(readAll(t, f.bytes(t))["c"], " "); got != "[7 null] null [8] []" {
		t.Errorf("got %s", got)
	}
}

// parse makes the column of a schema like "optional c LIST / repeated list / optional element".
func (f *forged) parse(schema string) {
	repetitions := map[string]format.FieldRepetitionType{"required": format.Required, "optional": format.Optional, "repeated": format.Repeated}
	parts := strings.Split(schema, " / ")
	for i, part := range parts {
		words := append(strings.Fields(part), "")
		if i == len(parts)-1 {
			f.leaf(words[1], repetitions[words[0]])
		} else {
			f.group(words[1], repetitions[words[0]], words[2])
		}
	}
}

// What schemas stand for, by the rules of the format: lists of int32, or what the reason
// says. Two rows: [7 8] and [].
func TestListSchemas(t *testing.T) {
	for schema, why := range map[string]string{
		"optional c LIST / repeated list / optional element":             "",
		"required c LIST / repeated list / required element":             "",
		"optional c LIST / repeated bag / optional array":                "", // Hive
		"optional c LIST / repeated array":                               "", // Avro
		"required c LIST / repeated c_tuple":                             "", // Thrift
		"repeated c":                                                     "",
		"optional c LIST / repeated d_tuple / optional x":                "",
		"optional c LIST / repeated array / optional x":                  "list of structs",
		"optional c LIST / repeated c_tuple / optional x":                "list of structs",
		"optional c LIST / repeated array LIST / repeated array":         "list of lists",
		"optional c LIST / repeated element / repeated array":            "list of lists",
		"optional c LIST / repeated list MAP / optional x":               "list of maps",
		"optional c LIST / repeated list / optional x LIST / repeated x": "list of lists",
		"optional c LIST / repeated list / optional x / optional y":      "list of structs",
		"repeated c LIST / repeated x":                                   "list of lists",
		"repeated c / optional x":                                        "list of structs",
		"optional c LIST / optional x":                                   "no repeated field",
		"optional c / repeated x":                                        "a struct",
		"optional c MAP / repeated x / optional y":                       "a map",
	} {
		t.Run(schema, func(t *testing.T) {
			f := forged{rows: 2, values: 3}
			f.parse(schema)
			none := byte(strings.Count(schema[:8], "optional"))
			full := 1 + byte(strings.Count(schema, "optional"))
			width := bits.Len8(full)
			body := append(levels(packed(1, 0, 1, 0)...), levels(packed(width, full, full, none)...)...)
			f.data(3, format.Plain, append(body, 7, 0, 0, 0, 8, 0, 0, 0))
			s, err := openBytes(f.bytes(t))
			if err != nil {
				t.Fatal(err)
			}
			if why != "" {
				if got := s.Unusable()["c"]; !strings.Contains(got, why) || len(s.Schema()) != 0 {
					t.Errorf("unusable because %q", got)
				}
				return
			}
			if got := strings.Join(readAll(t, f.bytes(t))["c"], " "); got != "[7 8] []" {
				t.Errorf("got %s", got)
			}
		})
	}
}
