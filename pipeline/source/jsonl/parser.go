package jsonl

import (
	"bytes"

	"quern/features/diag"
	"quern/internal/jsonscan"
	"quern/pipeline/source/text"
)

// parser cuts lines into cells: one for each key of the object.
type parser struct {
	limit int
	names []string
	ids   map[string]int32 // the columns of the names
	// expected[c+1] is the column that last came after column c, -1 the first one:
	// most objects have their keys in the same order. -1: none.
	expected []int32
	seen     []uint32 // per column: the line that had it last
	lines    uint32   // counts the lines
	cells    []text.Cell
	scan     scanner
	key      []byte // a key without its escapes
}

// Names returns the columns so far.
func (p *parser) Names() []string { return p.names }

// Cut cuts lines at the front of data into cells.
func (p *parser) Cut(data []byte, last bool, b *text.Block) error {
	b.Reset()
	for b.Size < len(data) && !b.Full() {
		before := len(b.Cells)
		p.cells = b.Cells
		size, record, err := p.line(data, b.Size, last)
		switch {
		case err != nil && len(b.Ends) > 0:
			return nil
		case err != nil || size == 0:
			return err
		case record && len(b.Ends) == 0 && b.Size > 0, !record && len(b.Ends) > 0:
			return nil // blank lines are a block of their own
		case record:
			b.Cells = p.cells
			b.End()
			b.Alike = b.Alike && alike(b.Cells[:b.Ends[0]], b.Cells[before:])
		}
		b.Size += size
	}
	return nil
}

// alike reports whether two records have the same columns in the same order.
func alike(a, b []text.Cell) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Column != b[i].Column {
			return false
		}
	}
	return true
}

// line appends the cells of the line that begins at start. It returns the line's size,
// 0 if data ends within it, and whether it is a record.
func (p *parser) line(data []byte, start int, last bool) (size int, record bool, err error) {
	end := bytes.IndexByte(data[start:], '\n')
	size = end + 1
	end += start
	if size == 0 {
		if !last {
			return 0, false, nil
		}
		end, size = len(data), len(data)-start
	}
	p.scan = scanner{data: data[:end], from: start, at: start}
	if p.scan.space(); p.scan.at == end {
		return size, false, nil
	}
	return size, true, p.object()
}

// nextLine forgets which columns were seen.
func (p *parser) nextLine() {
	p.lines++
	if p.lines == 0 { // after 2^32 lines the numbers start again
		clear(p.seen)
		p.lines = 1
	}
}

// object reads the object of a line.
func (p *parser) object() error {
	p.nextLine()
	s := &p.scan
	if s.peek() == '[' {
		return s.fail("an array where an object should be").Error("write one object per line, without brackets around the lines")
	}
	if !s.take('{') {
		return s.fail("an object must begin with {").Error("")
	}
	s.space()
	before := int32(-1)
	for first := true; !s.take('}'); first = false {
		if !first {
			if !s.take(',') {
				return s.endOfMember()
			}
			s.space()
		}
		id, err := p.member(before)
		if err != nil {
			return err
		}
		before = id
		s.space()
	}
	if s.space(); s.at < len(s.data) {
		return s.fail("text follows the object").Error("write one object per line")
	}
	return nil
}

// member reads "key": value and adds its cell.
func (p *parser) member(before int32) (int32, error) {
	s := &p.scan
	start, end, escaped := s.string()
	if s.failed() {
		return 0, s.mistake.Error("")
	}
	key := s.data[start:end]
	if escaped {
		p.key = jsonscan.Unescape(p.key[:0], key)
		key = p.key
	}
	id, err := p.find(key, before)
	if err != nil {
		return 0, err
	}
	if p.seen[id] == p.lines {
		e := diag.New("Q251", "the object has the key %q twice", text.Shorten(key))
		return 0, e
	}
	p.seen[id] = p.lines
	s.space()
	if !s.take(':') {
		return 0, s.fail("a colon must follow the key").Error("")
	}
	s.space()
	c := s.value()
	if s.failed() {
		return 0, s.mistake.Error("")
	}
	c.Column = id
	p.cells = append(p.cells, c)
	return id, nil
}

// find returns the column of a key, which may be new; before is the column that
// came before it in the line.
func (p *parser) find(key []byte, before int32) (int32, error) {
	guess := p.expected[before+1]
	if guess >= 0 && p.names[guess] == string(key) {
		return guess, nil
	}
	id, ok := p.ids[string(key)]
	if !ok {
		if len(p.names) == p.limit {
			return 0, text.TooManyColumns(p.limit)
		}
		id = int32(len(p.names))
		name := string(key)
		p.names, p.ids[name] = append(p.names, name), id
		p.expected, p.seen = append(p.expected, -1), append(p.seen, 0)
	}
	p.expected[before+1] = id
	return id, nil
}

// Element returns the element of an array, which the scanner has checked, that
// follows byte at of data: the array's bracket, or the end of the element before.
func (p *parser) Element(data []byte, at uint32) (text.Cell, bool) {
	s := scanner{data: data, at: int(at)}
	if !s.take('[') {
		s.take('"') // which ends a string, and which its cell leaves out
	}
	s.space()
	if s.take(',') {
		s.space()
	}
	if s.peek() == ']' {
		return text.Cell{}, false
	}
	return s.value(), true
}

// Unescape appends the text that raw, which the scanner has checked, stands for.
func (p *parser) Unescape(dst, raw []byte) []byte { return jsonscan.Unescape(dst, raw) }
