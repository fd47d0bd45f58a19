package parquet

import (
	"encoding/binary"
	"hash/crc32"
	"math/bits"

	"github.com/parquet-go/bitpack"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"quern/features/column"
)

// pageRows is how many rows a data page has at most: a multiple of 64, so that pages
// start at words of bitmaps, unless strings are long.
const pageRows = 1 << 17

// columnWriter encodes one column of one row group at a time, reusing its memory.
type columnWriter struct {
	collector
	codec    *codec
	pageText int    // see limits
	out      []byte // all pages of the chunk
	raw      int64  // their size if nothing were compressed
	pages    []page

	dictSize int // bytes of the dictionary page, with its header
	levels   []byte
	values   []byte
	present  []int32
	packed   []byte
	page     []byte
	slots    packedSlots
}

// page is what the indexes tell of a data page.
type page struct {
	offset, size    int
	firstRow, nulls int
	rows            int
	bounds          bounds
}

// encode makes the pages of the collected rows.
func (w *columnWriter) encode() {
	w.out, w.pages, w.raw, w.dictSize = w.out[:0], w.pages[:0], 0, 0
	if w.coded && !w.pays() {
		w.spread()
	}
	if w.coded {
		w.dictionaryPage()
	}
	for from := 0; from < w.rows; {
		to := w.pageEnd(from)
		w.dataPage(from, to)
		from = to
	}
}

// pageEnd returns where the page that starts at row from ends.
func (w *columnWriter) pageEnd(from int) int {
	to := min(w.rows, from+pageRows)
	if w.coded || w.typ != column.String {
		return to
	}
	offsets := w.whole.Text.Offsets
	for to > from+1 && int(offsets[to]-offsets[from])+4*(to-from) > w.pageText {
		to = from + (to-from)/2
	}
	return to
}

// dictionaryPage writes the dictionary.
func (w *columnWriter) dictionaryPage() {
	w.values = w.dict.appendPlain(w.values[:0], w.typ)
	w.page = w.codec.compress(w.page[:0], w.values)
	w.emit(&format.PageHeader{
		Type:                 format.DictionaryPage,
		DictionaryPageHeader: thrift.New(format.DictionaryPageHeader{NumValues: int32(len(w.dict.keys)), Encoding: format.Plain}),
	}, len(w.values), w.page)
	w.dictSize = len(w.out)
}

// dataPage writes rows [from, to) as one page.
func (w *columnWriter) dataPage(from, to int) {
	w.levels, w.values = w.levels[:0], w.values[:0]
	encoding := format.Plain
	var b bounds
	present := 0
	if w.coded {
		encoding = format.RLEDictionary
		present = w.codePage(w.codes[from:to], &b)
	} else {
		present = w.plainPage(from, to, &b)
	}
	rows := to - from
	w.page = append(w.page[:0], w.levels...)
	w.page = w.codec.compress(w.page, w.values)
	w.pages = append(w.pages, page{offset: len(w.out), firstRow: from, nulls: rows - present, rows: rows, bounds: b})
	w.emit(&format.PageHeader{
		Type: format.DataPageV2,
		DataPageHeaderV2: thrift.New(format.DataPageHeaderV2{
			NumValues: int32(rows), NumNulls: int32(rows - present), NumRows: int32(rows), Encoding: encoding,
			DefinitionLevelsByteLength: int32(len(w.levels)),
			IsCompressed:               thrift.New(w.codec.kind != format.Uncompressed),
			Statistics:                 b.statistics(w.typ, rows-present),
		}),
	}, len(w.levels)+len(w.values), w.page)
	last := &w.pages[len(w.pages)-1]
	last.size = len(w.out) - last.offset
}

// emit appends a page with its header.
func (w *columnWriter) emit(h *format.PageHeader, uncompressed int, body []byte) {
	h.UncompressedPageSize, h.CompressedPageSize = int32(uncompressed), int32(len(body))
	h.CRC = int32(crc32.ChecksumIEEE(body))
	header, err := thrift.Marshal(new(thrift.CompactProtocol), h)
	if err != nil {
		panic("quern: bug: own page header does not encode: " + err.Error())
	}
	w.out = append(append(w.out, header...), body...)
	w.raw += int64(len(header) + uncompressed)
}

// codePage fills levels and values with codes and returns how many are not null.
func (w *columnWriter) codePage(codes []int32, b *bounds) int {
	rows := len(codes)
	if w.nulls == 0 {
		w.levels = appendRun(w.levels, rows, 1)
	} else {
		codes = w.codeLevels(codes)
	}
	from, to := 0, len(w.dict.keys)
	if rows < w.rows { // every code is somewhere in the chunk, but perhaps not in this page
		from, to = span(codes)
	}
	w.dict.see(b, w.typ, from, to) // bounds of a superset are bounds
	width := uint(bits.Len(uint(max(0, len(w.dict.keys)-1))))
	w.values = append(w.values, byte(width))
	w.values = w.appendPacked(w.values, codes, width)
	return len(codes)
}

// codeLevels writes the levels of codes as one bit-packed run, and returns the codes
// that are not null.
func (w *columnWriter) codeLevels(codes []int32) []int32 {
	w.present = growInts(w.present[:0], len(codes))
	n := 0
	w.levels = appendPackedHead(w.levels, len(codes))
	for len(codes) > 0 {
		eight := codes[:min(8, len(codes))]
		bits := byte(0)
		for i, code := range eight {
			w.present[n] = code
			valid := int(^uint32(code) >> 31)
			n += valid
			bits |= byte(valid) << i
		}
		w.levels = append(w.levels, bits)
		codes = codes[len(eight):]
	}
	return w.present[:n]
}

// span returns the range of codes, [from, to).
func span(codes []int32) (from, to int) {
	if len(codes) == 0 {
		return 0, 0
	}
	low, high := codes[0], codes[0]
	for _, code := range codes {
		low, high = min(low, code), max(high, code)
	}
	return int(low), int(high) + 1
}

// appendPackedHead appends the head of a bit-packed run of n values.
func appendPackedHead(dst []byte, n int) []byte {
	return binary.AppendUvarint(dst, uint64((n+7)/8)<<1|1)
}

// appendRun appends n times the same one-bit level as a run.
func appendRun(dst []byte, n int, level byte) []byte {
	if n == 0 {
		return dst
	}
	return append(binary.AppendUvarint(dst, uint64(n)<<1), level)
}

// appendPacked appends codes as one bit-packed run of the hybrid encoding, or as
// one repeated run if the width is zero.
func (w *columnWriter) appendPacked(dst []byte, codes []int32, width uint) []byte {
	if width == 0 {
		return binary.AppendUvarint(dst, uint64(len(codes))<<1)
	}
	dst = appendPackedHead(dst, len(codes))
	full := len(codes) &^ 7
	dst = w.pack(dst, codes[:full], width)
	if full == len(codes) {
		return dst
	}
	var last [8]int32
	copy(last[:], codes[full:])
	return w.pack(dst, last[:], width)
}

// pack appends codes, whose number is a multiple of 8, in width bits each.
func (w *columnWriter) pack(dst []byte, codes []int32, width uint) []byte {
	size := len(codes) / 8 * int(width)
	if cap(w.packed) < size+bitpack.PaddingInt32 {
		w.packed = make([]byte, size+size/4+bitpack.PaddingInt32)
	}
	packed := w.packed[:size+bitpack.PaddingInt32]
	clear(packed)
	bitpack.Pack(packed, codes, width)
	return append(dst, packed[:size]...)
}
