package csv

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"

	"quern/features/diag"
	"quern/pipeline/source/text"
)

// shown is how many bytes of a mistake a message may show.
const shown = 64

// maxHeader is the most columns that a header may name before Next gives up; what
// limits the columns of a source is checked after it.
const maxHeader = 1 << 20

// parser cuts records into cells.
type parser struct {
	delimiter byte
	width     int // how many fields a record has; 0: a header, any number
	null      []byte
	names     []string
	cells     []text.Cell
	// masks are a byte each, eight times: the bytes that end an unquoted field.
	masks [4]uint64
}

func newParser(f *format, width int, delimiter byte) *parser {
	const each = 0x0101010101010101
	return &parser{
		delimiter: delimiter, width: width, null: []byte(f.opts.NullText),
		cells: make([]text.Cell, 0, max(width, 16)),
		masks: [4]uint64{uint64(delimiter) * each, '\n' * each, '\r' * each, '"' * each},
	}
}

// Names returns the columns of the file.
func (p *parser) Names() []string { return p.names }

// Unescape appends raw with one quote for two.
func (p *parser) Unescape(dst, raw []byte) []byte {
	for {
		at := bytes.IndexByte(raw, '"')
		if at < 0 {
			return append(dst, raw...)
		}
		dst = append(dst, raw[:at+1]...)
		raw = raw[at+2:]
	}
}

// Next cuts the record at the front of data into cells.
func (p *parser) Next(data []byte, last bool) (size int, cells []text.Cell, err error) {
	if p.width != 1 {
		if size := blank(data, last); size >= 0 {
			return size, nil, nil
		}
	}
	p.cells = p.cells[:0]
	for at := 0; ; at++ {
		var c text.Cell
		if at < len(data) && data[at] == '"' {
			c, err = p.quoted(data, at, last)
		} else {
			c = p.bare(data, at)
		}
		if err != nil || c.Column < 0 {
			return 0, nil, err
		}
		if len(p.cells) == p.width && p.width > 0 {
			return 0, nil, p.ragged(fmt.Sprintf("the row has more than the %d fields of the file", p.width))
		}
		if len(p.cells) == maxHeader {
			return 0, nil, text.TooManyColumns(maxHeader)
		}
		at = int(c.End)
		if c.Kind >= text.Quoted {
			at++
		}
		c.Column = int32(len(p.cells))
		p.cells = append(p.cells, c)
		size, more, err := p.fieldEnd(data, at, last)
		if err != nil {
			return 0, nil, err
		}
		if more {
			continue
		}
		if size == 0 {
			return 0, nil, nil
		}
		return p.record(data[:size])
	}
}

// blank returns the size of a blank line at the front of data: 0 if that cannot be
// told yet, -1 if there is none.
func blank(data []byte, last bool) int {
	switch {
	case data[0] == '\n':
		return 1
	case data[0] != '\r':
		return -1
	case len(data) > 1 && data[1] == '\n':
		return 2
	case len(data) == 1 && last:
		return 1
	case len(data) == 1:
		return 0
	}
	return -1
}

// record checks a whole record.
func (p *parser) record(data []byte) (int, []text.Cell, error) {
	if p.width > 0 && len(p.cells) < p.width {
		return 0, nil, p.ragged(fmt.Sprintf("the row has %d of the %d fields of the file", len(p.cells), p.width))
	}
	if bytes.IndexByte(data, 0) >= 0 {
		e := diag.New("Q240", "the row has a NUL byte")
		e.Next = "make sure that the file is text, and save it as UTF-8"
		return 0, nil, e
	}
	return len(data), p.cells, nil
}

// fieldEnd looks at what follows a field: more if it is a delimiter, else the size of
// the record, which is 0 if data ends too early to tell.
func (p *parser) fieldEnd(data []byte, at int, last bool) (size int, more bool, err error) {
	switch {
	case at == len(data):
		if last {
			return at, false, nil
		}
		return 0, false, nil
	case data[at] == p.delimiter:
		return 0, true, nil
	case data[at] == '\n':
		return at + 1, false, nil
	case data[at] == '\r' && at+1 == len(data):
		if last {
			return at + 1, false, nil
		}
		return 0, false, nil
	case data[at] == '\r' && data[at+1] == '\n':
		return at + 2, false, nil
	case at+shown > len(data) && !last:
		return 0, false, nil // the message is to be the same however the file is read
	}
	return 0, false, p.misplaced(data, at)
}

// misplaced says what is wrong with the byte that follows a field.
func (p *parser) misplaced(data []byte, at int) error {
	var e *diag.Error
	cell := p.cells[len(p.cells)-1]
	field := line(data[cell.Start:])
	switch {
	case cell.Kind >= text.Quoted:
		e = diag.New("Q241", "field %d goes on after its closing quote, with %q", len(p.cells), text.Shorten(line(data[at:])))
		e.Next = "write a quote within a quoted field twice"
	case data[at] == '\r':
		e = diag.New("Q241", "field %d has a CR without LF: %q", len(p.cells), text.Shorten(field))
		e.Next = "end lines with LF or CR LF, and put quotes around fields that hold line ends"
	default:
		e = diag.New("Q241", "field %d has a quote but does not begin with one: %q", len(p.cells), text.Shorten(field))
		e.Next = "put quotes around the field, and write the quotes within it twice"
	}
	return e
}

// line returns data up to its first line end.
func line(data []byte) []byte {
	data, _, _ = bytes.Cut(data[:min(len(data), shown)], []byte("\n"))
	return data
}

// quoted returns the field whose opening quote is at at. Column is -1 if data ends
// before the closing quote is certain.
func (p *parser) quoted(data []byte, at int, last bool) (text.Cell, error) {
	kind := text.Quoted
	for from := at + 1; ; {
		i := bytes.IndexByte(data[from:], '"')
		end := from + i
		switch {
		case i < 0 && last:
			e := diag.New("Q242", "the quote that opens field %d is not closed: %q", len(p.cells)+1, text.Shorten(line(data[at:])))
			e.Next = "close the quote; a quote within a quoted field is written twice"
			return text.Cell{}, e
		case i < 0 || end+1 == len(data) && !last:
			return text.Cell{Column: -1}, nil
		case end+1 < len(data) && data[end+1] == '"':
			kind, from = text.Escaped, end+2
		default:
			return text.Cell{Start: uint32(at + 1), End: uint32(end), Kind: kind}, nil
		}
	}
}

// bare returns the field without quotes that begins at at.
func (p *parser) bare(data []byte, at int) text.Cell {
	end := p.special(data, at)
	c := text.Cell{Start: uint32(at), End: uint32(end), Kind: text.Bare}
	if at == end || end-at == len(p.null) && string(data[at:end]) == string(p.null) {
		c.Kind = text.Null
	}
	return c
}

// special returns where the first byte at or after at is that ends an unquoted field,
// or the end of data. It looks at eight bytes at once: for a byte that is zero,
// (x-1)&^x has its top bit set, and the lowest byte for which that holds is zero.
func (p *parser) special(data []byte, at int) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	m := &p.masks
	for ; at+8 <= len(data); at += 8 {
		x := binary.LittleEndian.Uint64(data[at:])
		a, b, c, d := x^m[0], x^m[1], x^m[2], x^m[3]
		if hit := ((a-ones)&^a | (b-ones)&^b | (c-ones)&^c | (d-ones)&^d) & tops; hit != 0 {
			return at + bits.TrailingZeros64(hit)>>3
		}
	}
	for ; at < len(data); at++ {
		if c := data[at]; c == p.delimiter || c == '\n' || c == '\r' || c == '"' {
			return at
		}
	}
	return at
}

// ragged says that a row has another number of fields than the header.
func (p *parser) ragged(what string) *diag.Error {
	e := diag.New("Q243", "%s", what)
	e.Next = fmt.Sprintf("check the row for a missing or needless quote or %q, and the delimiter: in the recipe", p.delimiter)
	return e
}
