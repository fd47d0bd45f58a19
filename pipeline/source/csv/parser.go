package csv

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"

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
	bytes     [256]byteClass
	// An unquoted field ends with a byte less than bound, or with the delimiter if that
	// is not less; each is there eight times. Not all bytes less than bound end a field.
	bound, far uint64
	nul        bool // the record may have a NUL byte
	hasQuotes  bool // the record before has quotes, so the next may too
	// What is known of 64 bytes of data from base on: a bit for each byte that may end an
	// unquoted field and has not been looked at yet.
	base  int
	marks uint64
}

// byteClass says what a byte means in an unquoted field.
type byteClass uint8

const (
	ordinary byteClass = iota
	nul                // ordinary until the record is checked
	delimits
	ends   // LF
	begins // of CR LF: CR
	quotes
)

const ones, tops = 0x0101010101010101, 0x8080808080808080

func newParser(f *format, width int, delimiter byte) *parser {
	p := &parser{delimiter: delimiter, width: width, null: []byte(f.opts.NullText)}
	p.bytes[delimiter], p.bytes['\n'], p.bytes['\r'], p.bytes['"'], p.bytes[0] = delimits, ends, begins, quotes, nul
	p.bound, p.far = ('"'+1)*ones, uint64(delimiter)*ones
	if delimiter <= ',' { // what else is less than a comma is rare in data; what follows it, - . and digits, is not
		p.bound, p.far = (','+1)*ones, 0
	}
	return p
}

// Names returns the columns of the file.
func (p *parser) Names() []string { return p.names }

// Element returns nothing: no field is a list.
func (p *parser) Element([]byte, uint32) (text.Cell, bool) { return text.Cell{}, false }

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

// Cut cuts records at the front of data.
func (p *parser) Cut(data []byte, last bool, b *text.Block) error {
	b.Reset()
	p.base, p.marks = -64, 0
	for b.Size < len(data) && !b.Full() {
		if c := data[b.Size]; p.width != 1 && (c == '\n' || c == '\r') {
			if size := blank(data[b.Size:], last); size >= 0 {
				if size > 0 && len(b.Ends) == 0 {
					b.Size += size
					continue
				}
				return nil
			}
		}
		if len(b.Ends) == 0 && b.Size > 0 {
			return nil // blank lines
		}
		before := len(b.Cells)
		end := p.plain(data, b.Size, b)
		if end == 0 {
			var err error
			if end, err = p.record(data, b.Size, last, b); end == 0 {
				b.Cells = b.Cells[:before]
				if len(b.Ends) > 0 {
					err = nil // of a record that is not the first one
				}
				return err
			}
		}
		b.End()
		b.Size = end
		if p.width == 0 {
			return nil // what follows the header has another width
		}
	}
	return nil
}

// plain is record for one that has neither quotes nor mistakes, as most are. Of others it
// returns 0, and has done nothing.
func (p *parser) plain(data []byte, start int, b *text.Block) (end int) {
	if p.hasQuotes || p.width == 0 {
		return 0
	}
	first := len(b.Cells)
	b.Cells = slices.Grow(b.Cells, p.width)
	cells := b.Cells[first : first+p.width]
	p.seek(start)
	base, marks := p.base, p.marks
	at := start
	for i := 0; i < len(cells); {
		for marks == 0 {
			if base += 64; base >= len(data) {
				p.base, p.marks = start-64, 0
				return 0
			}
			marks = p.mark(data, base)
		}
		end = base + bits.TrailingZeros64(marks)
		marks &= marks - 1
		class := p.bytes[data[end]]
		if class == ordinary {
			continue
		}
		if class != delimits && i < len(cells)-1 || class != ends && i == len(cells)-1 {
			if i < len(cells)-1 || class != begins || end+1 >= len(data) || data[end+1] != '\n' {
				p.base, p.marks = start-64, 0
				return 0
			}
		}
		kind := text.Bare
		if at == end || len(p.null) > 0 && string(data[at:end]) == string(p.null) {
			kind = text.Null
		}
		cells[i] = text.Cell{Column: int32(i), Start: uint32(at), End: uint32(end), Kind: kind}
		at = end + 1
		i++
	}
	if data[end] == '\r' {
		at++ // of LF, which seek drops
	}
	b.Cells = b.Cells[:first+p.width]
	p.base, p.marks = base, marks
	return at
}

// record appends the cells of the record that begins at start, and returns where it
// ends: 0 if it has a mistake or data ends within it.
func (p *parser) record(data []byte, start int, last bool, b *text.Block) (end int, err error) {
	first, cells := len(b.Cells), b.Cells
	p.nul, p.hasQuotes = false, false
	p.seek(start)
	for at := start; ; at++ {
		var c text.Cell
		class := quotes
		if at < len(data) && data[at] == '"' {
			c, err = p.quoted(data, at, len(cells)-first, last)
			if err != nil || c.Column < 0 {
				return 0, err
			}
			at, p.hasQuotes = int(c.End)+1, true
			p.seek(at)
		} else {
			end, class = p.special(data)
			c = text.Cell{Start: uint32(at), End: uint32(end), Kind: text.Bare}
			if at == end || len(p.null) > 0 && string(data[at:end]) == string(p.null) {
				c.Kind = text.Null
			}
			at = end
		}
		fields := len(cells) - first
		switch {
		case fields == p.width && p.width > 0:
			return 0, p.ragged(fmt.Sprintf("the row has more than the %d fields of the file", p.width))
		case fields == maxHeader:
			return 0, text.TooManyColumns(maxHeader)
		}
		c.Column = int32(fields)
		cells = append(cells, c)
		if class == delimits {
			continue
		}
		b.Cells = cells
		if class != ends {
			size, more, err := p.fieldEnd(data, at, cells[first:], last)
			if more {
				p.seek(at + 1)
				continue
			}
			if size == 0 {
				return 0, err
			}
			at = size - 1
		}
		if err := p.check(data[start:at+1], len(cells)-first); err != nil {
			return 0, err
		}
		return at + 1, nil
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

// check checks a whole record, of so many fields.
func (p *parser) check(data []byte, fields int) error {
	if p.width > 0 && fields < p.width {
		return p.ragged(fmt.Sprintf("the row has %d of the %d fields of the file", fields, p.width))
	}
	if p.nul && bytes.IndexByte(data, 0) >= 0 {
		e := diag.New("Q240", "the row has a NUL byte")
		e.Next = "make sure that the file is text, and save it as UTF-8"
		return e
	}
	return nil
}

// fieldEnd looks at what follows a field: more if it is a delimiter, else the size of
// the record ends, which is 0 if data ends too early to tell. cells are the record's.
func (p *parser) fieldEnd(data []byte, at int, cells []text.Cell, last bool) (size int, more bool, err error) {
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
	return 0, false, p.misplaced(data, at, cells)
}

// misplaced says what is wrong with the byte that follows a field.
func (p *parser) misplaced(data []byte, at int, cells []text.Cell) error {
	var e *diag.Error
	cell := cells[len(cells)-1]
	field := line(data[cell.Start:])
	switch {
	case cell.Kind >= text.Quoted:
		e = diag.New("Q241", "field %d goes on after its closing quote, with %q", len(cells), text.Shorten(line(data[at:])))
		e.Next = "write a quote within a quoted field twice"
	case data[at] == '\r':
		e = diag.New("Q241", "field %d has a CR without LF: %q", len(cells), text.Shorten(field))
		e.Next = "end lines with LF or CR LF, and put quotes around fields that hold line ends"
	default:
		e = diag.New("Q241", "field %d has a quote but does not begin with one: %q", len(cells), text.Shorten(field))
		e.Next = "put quotes around the field, and write the quotes within it twice"
	}
	return e
}

// line returns data up to its first line end.
func line(data []byte) []byte {
	data, _, _ = bytes.Cut(data[:min(len(data), shown)], []byte("\n"))
	return data
}

// quoted returns the field whose opening quote is at at, after so many fields. Column is
// -1 if data ends before the closing quote is certain.
func (p *parser) quoted(data []byte, at, fields int, last bool) (text.Cell, error) {
	kind := text.Quoted
	for from := at + 1; ; {
		i := bytes.IndexByte(data[from:], '"')
		end := from + i
		switch {
		case i < 0 && last:
			e := diag.New("Q242", "the quote that opens field %d is not closed: %q", fields+1, text.Shorten(line(data[at:])))
			e.Next = "close the quote; a quote within a quoted field is written twice"
			return text.Cell{}, e
		case i < 0 || end+1 == len(data) && !last:
			return text.Cell{Column: -1}, nil
		case end+1 < len(data) && data[end+1] == '"':
			kind, from = text.Escaped, end+2
		default:
			p.nul = true // for all that is known
			return text.Cell{Start: uint32(at + 1), End: uint32(end), Kind: kind}, nil
		}
	}
}

// seek drops what is known of the bytes before at.
func (p *parser) seek(at int) {
	if ahead := at - p.base; ahead < 64 {
		p.marks &= ^uint64(0) << ahead
	} else {
		p.base, p.marks = at-64, 0
	}
}

// special returns where the next byte is that ends an unquoted field, or the end of data,
// and what the byte is.
func (p *parser) special(data []byte) (int, byteClass) {
	base, marks := p.base, p.marks
	for {
		for ; marks != 0; marks &= marks - 1 {
			end := base + bits.TrailingZeros64(marks)
			class := p.bytes[data[end]]
			if class > nul {
				p.base, p.marks = base, marks&(marks-1)
				return end, class
			}
			p.nul = p.nul || class == nul
		}
		if base += 64; base >= len(data) {
			p.base, p.marks = base, 0
			return len(data), quotes // as if: what follows must be looked at
		}
		marks = p.mark(data, base)
	}
}

// mark returns a bit for each of 64 bytes from at on, as far as data has them, that may
// end an unquoted field. For a byte less than n <= 128, (x-n)&^x has its top bit set;
// other bytes may have it too. The product gathers the lowest bits of eight bytes in the
// top byte: bit 8i goes to 56+i, by the factor's bit 7(8-i), and no two bits meet.
func (p *parser) mark(data []byte, at int) (marks uint64) {
	var rest [64]byte
	n := len(data) - at
	if n < 64 {
		copy(rest[:], data[at:])
		data, at = rest[:], 0
	}
	bound, far := p.bound, p.far
	data = data[at : at+64]
	for i := 0; i < 64; i += 8 {
		x := binary.LittleEndian.Uint64(data[i:])
		y := x ^ far
		hit := ((x-bound)&^x | (y-ones)&^y) & tops
		marks |= (hit >> 7 * 0x0102040810204080 >> 56) << i
	}
	if n < 64 {
		marks &= 1<<n - 1
	}
	return marks
}

// ragged says that a row has another number of fields than the header.
func (p *parser) ragged(what string) *diag.Error {
	e := diag.New("Q243", "%s", what)
	e.Next = fmt.Sprintf("check the row for a missing or needless quote or %q, and the delimiter: in the recipe", p.delimiter)
	return e
}
