package parquet

import (
	"encoding/binary"
	"hash/crc32"
	"math/bits"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"quern/features/column"
	"quern/internal/simd"
)

// pageRows is how many rows a data page has at most: a multiple of 64, so that pages
// start at words of bitmaps, unless strings are long.
const pageRows = 1 << 17

// columnWriter encodes one column of one row group at a time, reusing its memory.
type columnWriter struct {
	collector
	lists   lists
	codec   *codec
	kernels *simd.Kernels
	limits  limits
	done    int    // rows that are in pages already; w.rows counts those after them
	text    int64  // bytes of all strings and lists
	out     []byte // all pages of the chunk
	raw     int64  // their size if nothing were compressed
	pages   []page

	dictSize int // bytes of the dictionary page, with its header
	levels   []byte
	values   []byte
	present  []int32
	valid    column.Bitmap
	page     []byte
	slots    packedSlots
	entries  entries
}

// page is what the indexes tell of a data page.
type page struct {
	offset, size    int
	firstRow, nulls int
	entries         int // rows; for lists, elements and rows without any
	bounds          bounds
}

// total returns how many rows the column has.
func (w *columnWriter) total() int {
	if w.lists.on {
		return len(w.lists.ends)
	}
	return w.done + w.rows
}

// add collects the rows of c, of which it keeps nothing. Of lists the collector gets
// the elements.
func (w *columnWriter) add(c *column.Column) {
	if c.Type().IsList() {
		w.lists.add(&c.Values)
		c = c.Values.Elements
	}
	w.begin(c)
	if w.coded && !w.addCodes(c) {
		w.spread()
	}
	if !w.coded {
		w.addPlain(c)
	}
	w.rows += c.Len
}

// append appends the rows of c as add does, but makes pages of plain ones at once
// (those of lists excepted: their elements wait).
func (w *columnWriter) append(c *column.Column) {
	if c.Type().IsList() {
		w.add(c)
		return
	}
	w.begin(c)
	if w.coded && w.addCodes(c) {
		w.rows += c.Len
		return
	}
	if w.coded {
		w.spreadPages()
	}
	w.drain()
	if c.Index == nil {
		w.whole, w.rows = &c.Values, c.Len
		w.drain()
		return
	}
	for from := 0; from < c.Len; {
		piece := column.Cut(c, from, w.pieceEnd(c, from))
		w.addPlain(&piece)
		w.rows = piece.Len
		w.drain()
		from += piece.Len
	}
}

// pieceEnd returns how far the rows of c from row from on can be copied in one piece:
// a multiple of 64, or the end. Numbers are copied page by page, while they are in the
// cache.
func (w *columnWriter) pieceEnd(c *column.Column, from int) int {
	if c.Type() != column.String {
		return min(c.Len, from+pageRows)
	}
	to, text := from, int64(0)
	for to < c.Len && (to-from < 64 || text < w.limits.batchText) {
		end := min(c.Len, to+64)
		for ; to < end; to++ {
			text += rowWeight(c, to)
		}
	}
	return to
}

// spreadPages turns the codes into pages of plain values, piece by piece.
func (w *columnWriter) spreadPages() {
	codes, text := w.codes, int64(0)
	for i, code := range codes {
		if i == 0 || text >= w.limits.batchText && i%64 == 0 {
			w.rows = w.plain.Len
			w.drain()
			w.toPlain()
			text = 0
		}
		text += w.spreadOne(code)
	}
	w.coded = false
	w.rows = w.plain.Len
	w.codes = w.codes[:0]
	w.drain()
}

// drain makes pages of the plain rows that are collected, and forgets them.
func (w *columnWriter) drain() {
	w.dataPages(w.rows)
	w.done += w.rows
	w.rows, w.whole = 0, nil
	w.clearPlain()
}

// reset forgets all rows.
func (w *columnWriter) reset() {
	w.lists.reset()
	w.collector.reset()
	w.done, w.text = 0, 0
	w.out, w.pages, w.raw, w.dictSize = w.out[:0], w.pages[:0], 0, 0
}

// end makes the pages of what is still collected.
func (w *columnWriter) end() {
	if w.coded && !w.pays() {
		w.spread()
	}
	if w.coded {
		w.dictionaryPage()
	}
	if !w.lists.on {
		w.drain()
		return
	}
	w.dataPages(len(w.lists.ends))
}

// dataPages makes pages of the first n rows that are collected.
func (w *columnWriter) dataPages(n int) {
	for from := 0; from < n; {
		to := w.pageEnd(from)
		w.dataPage(from, to)
		from = to
	}
}

// pageEnd returns where the page that starts at row from ends.
func (w *columnWriter) pageEnd(from int) int {
	if w.lists.on {
		return w.listsEnd(from)
	}
	to := min(w.rows, from+pageRows)
	if w.coded || w.typ != column.String {
		return to
	}
	offsets := w.whole.Text.Offsets
	for to > from+1 && int(offsets[to]-offsets[from])+4*(to-from) > w.limits.pageText {
		to = from + (to-from)/2
	}
	return to
}

// dictionaryPage writes the dictionary.
func (w *columnWriter) dictionaryPage() {
	w.values = w.dict.appendPlain(w.values[:0], w.typ)
	if w.dict.sorted && width(w.typ) == 8 && len(w.dict.keys) >= minAscending {
		w.page = w.codec.ascending(w.page, w.values, w.dict.keys)
	} else {
		w.page = w.codec.dictionary(w.page, w.values)
	}
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
	slots, end := from, to
	if w.lists.on {
		slots, end = w.lists.elements(from, to)
	}
	present := 0
	switch {
	case w.coded:
		encoding = format.RLEDictionary
		present = w.codePage(w.codes[slots:end], &b)
	case slots < end:
		present = w.plainPage(slots, end, &b)
	}
	repetition, count := 0, to-from
	if w.lists.on {
		repetition, count = w.listLevels(from, to)
	}
	compressed := w.codec.worth(w.values, w.coded, &w.page)
	w.page = append(w.page[:0], w.levels...)
	if compressed {
		w.page = w.codec.compress(w.page, w.values)
	} else {
		w.page = append(w.page, w.values...)
	}
	w.pages = append(w.pages, page{offset: len(w.out), firstRow: w.done + from, nulls: count - present, entries: count, bounds: b.owned()})
	w.emit(&format.PageHeader{
		Type: format.DataPageV2,
		DataPageHeaderV2: thrift.New(format.DataPageHeaderV2{
			NumValues: int32(count), NumNulls: int32(count - present), NumRows: int32(to - from), Encoding: encoding,
			DefinitionLevelsByteLength: int32(len(w.levels) - repetition),
			RepetitionLevelsByteLength: int32(repetition),
			IsCompressed:               thrift.New(compressed),
			Statistics:                 b.statistics(w.typ, count-present),
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
		r := w.kernels.Int32Range(codes, nil)
		from, to = 0, 0
		if r.N > 0 {
			from, to = int(r.Low), int(r.High)+1
		}
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
	w.valid = w.valid[:0]
	for rest := codes; len(rest) > 0; {
		some := rest[:min(64, len(rest))]
		word := uint64(0)
		for i, code := range some {
			word |= uint64(^uint32(code)>>31) << i
		}
		w.valid = append(w.valid, word)
		rest = rest[len(some):]
	}
	w.levels = appendLevels(w.levels, w.valid, 0, len(codes))
	w.present = growInts(w.present[:0], len(codes))
	return w.present[:simd.Compact(w.kernels, w.present, codes, w.valid)]
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
	start, size := len(dst), len(codes)/8*int(width)
	dst = grow(dst, size+simd.PackCodesSlack)
	w.kernels.PackCodes(dst[start:], codes, int(width))
	return dst[:start+size]
}
