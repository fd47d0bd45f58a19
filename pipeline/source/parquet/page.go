package parquet

import (
	"fmt"
	"hash/crc32"

	"quern/features/diag"
)

// maxPage bounds what a page may be once decompressed. Writers make pages of about
// a megabyte.
const maxPage = 256 << 20

// Kinds of pages.
const (
	dataPage       = 0
	indexPage      = 1
	dictionaryPage = 2
	dataPage2      = 3
)

// encoding is how a page's values (or levels) are written; the numbers are the format's.
type encoding int32

const (
	plain             encoding = 0
	plainDictionary   encoding = 2 // the older name of rleDictionary
	runLength         encoding = 3
	bitPacked         encoding = 4
	deltaBinaryPacked encoding = 5
	deltaLengthBytes  encoding = 6
	deltaBytes        encoding = 7
	rleDictionary     encoding = 8
	byteStreamSplit   encoding = 9
	unsetEncoding     encoding = -1
)

// String returns the format's name of e.
func (e encoding) String() string {
	switch e {
	case plain:
		return "PLAIN"
	case plainDictionary:
		return "PLAIN_DICTIONARY"
	case runLength:
		return "RLE"
	case bitPacked:
		return "BIT_PACKED"
	case deltaBinaryPacked:
		return "DELTA_BINARY_PACKED"
	case deltaLengthBytes:
		return "DELTA_LENGTH_BYTE_ARRAY"
	case deltaBytes:
		return "DELTA_BYTE_ARRAY"
	case rleDictionary:
		return "RLE_DICTIONARY"
	case byteStreamSplit:
		return "BYTE_STREAM_SPLIT"
	}
	return fmt.Sprintf("encoding %d", int32(e))
}

// dictionary reports whether values are written as indexes of a dictionary.
func (e encoding) dictionary() bool { return e == plainDictionary || e == rleDictionary }

// suits reports whether values of type p are ever written with e.
func (e encoding) suits(p physical) bool {
	switch e {
	case plain:
		return true
	case plainDictionary, rleDictionary:
		return p != boolean
	case runLength:
		return p == boolean
	case deltaBinaryPacked:
		return p == int32s || p == int64s
	case deltaLengthBytes:
		return p == byteArray
	case deltaBytes:
		return p == byteArray || p == fixedBytes
	case byteStreamSplit:
		return p != boolean && p != int96 && p != byteArray
	}
	return false
}

// page is a page's header and its stored bytes.
type page struct {
	kind         int32
	uncompressed int32
	compressed   int32
	crc          uint32
	checked      bool // crc is there
	values       int32
	encoding     encoding
	levels       encoding // of version 1 definition levels
	repeats      encoding // of version 1 repetition levels
	// Version 2 only:
	nulls       int32
	rows        int32
	repeatBytes int32 // repetition levels; all zero in a flat column, which rows == values says too
	levelBytes  int32 // definition levels, after these
	stored      bool  // the values are not compressed
	body        []byte
}

// readPage reads the page at the start of data and returns the bytes that it takes.
func readPage(data []byte) (page, int, error) {
	c := cursor{data: data}
	p := c.page()
	if c.err != nil {
		return p, 0, diag.New("Q205", "a page header is damaged").Because(c.err)
	}
	if p.compressed < 0 || int(p.compressed) > len(data)-c.pos {
		return p, 0, diag.New("Q205", "a page of %d bytes does not fit into the %d bytes of its column", p.compressed, len(data)-c.pos)
	}
	if p.uncompressed < 0 || p.uncompressed > maxPage {
		return p, 0, diag.New("Q205", "a page claims %d bytes; at most %d are read", p.uncompressed, maxPage)
	}
	p.body = data[c.pos : c.pos+int(p.compressed)]
	if p.checked && crc32.ChecksumIEEE(p.body) != p.crc {
		return p, 0, diag.New("Q206", "a page does not match its checksum")
	}
	return p, c.pos + int(p.compressed), p.check()
}

// check holds a header against itself.
func (p *page) check() error {
	if p.kind == indexPage {
		return nil
	}
	if p.kind < 0 || p.kind > dataPage2 {
		return diag.New("Q205", "there is no page of type %d", p.kind)
	}
	if p.values < 0 || p.encoding == unsetEncoding {
		return diag.New("Q205", "a page header lacks its number of values or its encoding")
	}
	if p.kind != dataPage2 {
		return nil
	}
	levels := int64(p.levelBytes) + int64(p.repeatBytes)
	switch {
	case p.levelBytes < 0 || p.repeatBytes < 0 || levels > int64(min(p.compressed, p.uncompressed)):
		return diag.New("Q205", "a page's levels take %d of its %d bytes", levels, p.compressed)
	case p.nulls < 0 || p.nulls > p.values || p.rows < 0 || p.rows > p.values:
		return diag.New("Q205", "a page counts %d values, %d nulls and %d rows", p.values, p.nulls, p.rows)
	}
	return nil
}

// page reads the struct PageHeader.
func (c *cursor) page() page {
	p := page{kind: -1, uncompressed: -1, compressed: -1, values: -1, encoding: unsetEncoding}
	for f := (field{}); c.next(&f); {
		switch f.id {
		case 1:
			p.kind = c.int32(f.kind)
		case 2:
			p.uncompressed = c.int32(f.kind)
		case 3:
			p.compressed = c.int32(f.kind)
		case 4:
			p.crc, p.checked = uint32(c.int32(f.kind)), true
		case 5:
			c.dataPage(f.kind, &p)
		case 7:
			c.dictionaryPage(f.kind, &p)
		case 8:
			c.dataPage2(f.kind, &p)
		default:
			c.skip(f.kind)
		}
	}
	return p
}

// dataPage reads the struct DataPageHeader, if p is such a page.
func (c *cursor) dataPage(kind byte, p *page) {
	if p.kind != dataPage {
		c.skip(kind)
		return
	}
	c.structure(kind)
	p.levels, p.repeats = unsetEncoding, unsetEncoding
	for f := (field{}); c.next(&f); {
		switch f.id {
		case 1:
			p.values = c.int32(f.kind)
		case 2:
			p.encoding = encoding(c.int32(f.kind))
		case 3:
			p.levels = encoding(c.int32(f.kind))
		case 4:
			p.repeats = encoding(c.int32(f.kind))
		default:
			c.skip(f.kind)
		}
	}
}

// dictionaryPage reads the struct DictionaryPageHeader, if p is such a page.
func (c *cursor) dictionaryPage(kind byte, p *page) {
	if p.kind != dictionaryPage {
		c.skip(kind)
		return
	}
	c.structure(kind)
	for f := (field{}); c.next(&f); {
		switch f.id {
		case 1:
			p.values = c.int32(f.kind)
		case 2:
			p.encoding = encoding(c.int32(f.kind))
		default:
			c.skip(f.kind)
		}
	}
}

// dataPage2 reads the struct DataPageHeaderV2, if p is such a page.
func (c *cursor) dataPage2(kind byte, p *page) {
	if p.kind != dataPage2 {
		c.skip(kind)
		return
	}
	c.structure(kind)
	for f := (field{}); c.next(&f); {
		switch f.id {
		case 1:
			p.values = c.int32(f.kind)
		case 2:
			p.nulls = c.int32(f.kind)
		case 3:
			p.rows = c.int32(f.kind)
		case 4:
			p.encoding = encoding(c.int32(f.kind))
		case 5:
			p.levelBytes = c.int32(f.kind)
		case 6:
			p.repeatBytes = c.int32(f.kind)
		case 7:
			p.stored = !c.bool(f.kind)
		default:
			c.skip(f.kind)
		}
	}
}

// listPages splits the bytes of a column chunk into pages and checks that they make
// sense together: at most one dictionary, before the data; as many values (of lists:
// levels) as there must be; encodings that the type can have. Nothing is decompressed.
// It appends to into.
func listPages(data []byte, col *fileColumn, values int64, into []page) ([]page, error) {
	dictionary := false
	left := values
	for len(data) > 0 {
		next, n, err := readPage(data)
		if err != nil {
			return into, err
		}
		data = data[n:]
		switch next.kind {
		case indexPage:
			continue
		case dictionaryPage:
			if len(into) > 0 {
				return into, diag.New("Q205", "a dictionary comes after other pages")
			}
			if next.encoding != plain && next.encoding != plainDictionary {
				return into, diag.New("Q207", "a dictionary is written as %s, which quern cannot read", next.encoding)
			}
			dictionary = true
		default:
			if err := next.belongs(col, dictionary); err != nil {
				return into, err
			}
			if left -= int64(next.values); left < 0 {
				return into, diag.New("Q205", "the pages hold more values than the %d that the row group must have", values)
			}
		}
		into = append(into, next)
	}
	if left > 0 {
		return into, diag.New("Q205", "the pages hold %d values less than the %d that the row group must have", left, values)
	}
	return into, nil
}

// belongs checks that a data page can be one of col.
func (p *page) belongs(col *fileColumn, dictionary bool) error {
	switch {
	case p.encoding.dictionary() && !dictionary:
		return diag.New("Q205", "a page refers to a dictionary that is not there")
	case !p.encoding.suits(col.physical):
		return diag.New("Q207", "a page of %s values is written as %s, which quern cannot read", col.physical, p.encoding)
	case p.kind == dataPage2 && !col.list && p.rows != p.values:
		return diag.New("Q205", "a page of a column without lists counts %d rows and %d values", p.rows, p.values)
	}
	return nil
}
