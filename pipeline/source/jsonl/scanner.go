package jsonl

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"unicode/utf8"

	"quern/features/diag"
	"quern/internal/jsonscan"
	"quern/pipeline/source/text"
)

// maxDepth is how deep arrays and objects may be nested: deeper ones are an attempt
// to exhaust the stack.
const maxDepth = 1000

// scanner reads one line from left to right. The first mistake stays.
type scanner struct {
	data    []byte // up to the line's end
	from    int    // where the line begins
	at      int
	mistake mistake
}

// mistake is what is wrong with a line.
type mistake struct {
	what string
	at   int
	near []byte
}

// Error returns the mistake as an error, with what to do about it.
func (m *mistake) Error(next string) *diag.Error {
	what := fmt.Sprintf("%s, at byte %d of the line", m.what, m.at+1)
	if len(m.near) > 0 {
		what += fmt.Sprintf(": %q", text.Shorten(m.near))
	}
	e := diag.New("Q250", "%s", what)
	e.Next = next
	return e
}

// fail notes a mistake at the place that the scanner is at.
func (s *scanner) fail(what string) *mistake {
	if s.mistake.what == "" {
		s.mistake = mistake{what: what, at: s.at - s.from, near: s.data[min(s.at, len(s.data)):]}
		if s.at >= len(s.data) {
			s.mistake.what += ", but the line ends"
		}
	}
	return &s.mistake
}

func (s *scanner) failed() bool { return s.mistake.what != "" }

// peek returns the next byte, or 0 at the end (which is no byte of JSON either).
func (s *scanner) peek() byte {
	if s.at < len(s.data) {
		return s.data[s.at]
	}
	return 0
}

// take steps over c, if it is next.
func (s *scanner) take(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.at++
	return true
}

// space steps over white space.
func (s *scanner) space() {
	for s.at < len(s.data) {
		if c := s.data[s.at]; c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return
		}
		s.at++
	}
}

// endOfMember says that neither a comma nor a brace follows a value.
func (s *scanner) endOfMember() error {
	return s.fail("a comma or } must follow a value").Error("write one object per line, all of it on that line")
}

// value reads any value.
func (s *scanner) value() text.Cell {
	start, kind := s.at, text.Bare
	switch c := s.peek(); {
	case c == '"':
		from, to, escaped := s.string()
		kind = text.Quoted
		if escaped {
			kind = text.Escaped
		}
		return text.Cell{Start: uint32(from), End: uint32(to), Kind: kind}
	case c == '-' || c-'0' <= 9:
		s.number()
	case c == 't':
		s.word("true")
	case c == 'f':
		s.word("false")
	case c == 'n':
		s.word("null")
		kind = text.Null
	case c == '{' || c == '[':
		kind = text.Nested
		if s.nested(1) && c == '[' {
			kind = text.List
		}
	default:
		s.fail("a value must stand here (NaN and Infinity are none; write null)")
	}
	return text.Cell{Start: uint32(start), End: uint32(s.at), Kind: kind}
}

// word steps over a literal.
func (s *scanner) word(w string) {
	if len(s.data)-s.at < len(w) || string(s.data[s.at:s.at+len(w)]) != w {
		s.fail("a value must stand here")
		return
	}
	s.at += len(w)
}

// number steps over a number.
func (s *scanner) number() {
	n, ok := jsonscan.Number(s.data[s.at:])
	if s.at += n; !ok {
		s.fail("a digit must stand here")
	}
}

// nested steps over an array or object, and reports whether it holds scalars only.
// Its keys may come twice: nobody reads them.
func (s *scanner) nested(depth int) (flat bool) {
	if depth > maxDepth {
		s.fail(fmt.Sprintf("arrays and objects are nested more than %d deep", maxDepth))
		return false
	}
	flat = true
	object := s.data[s.at] == '{'
	end := s.data[s.at] + 2 // of [ it is ], of { it is }
	s.at++
	s.space()
	for first := true; !s.take(end) && !s.failed(); first = false {
		if !first {
			if !s.take(',') {
				s.fail("a comma or a closing bracket must follow a value")
				return false
			}
			s.space()
		}
		if object {
			s.string()
			if s.space(); !s.failed() && !s.take(':') {
				s.fail("a colon must follow the key")
			}
			s.space()
		}
		switch c := s.peek(); {
		case s.failed():
		case c == '{' || c == '[':
			s.nested(depth + 1)
			flat = false
		default:
			s.value()
		}
		s.space()
	}
	return flat
}

// string steps over a string and returns where its text lies.
func (s *scanner) string() (start, end int, escaped bool) {
	if !s.take('"') {
		s.fail("a quote must stand here")
		return 0, 0, false
	}
	start = s.at
	ascii := true
	for !s.failed() {
		ascii = s.plain() && ascii
		switch c := s.peek(); {
		case s.at == len(s.data):
			s.fail("a string must end with a quote")
		case c == '"':
			end = s.at
			s.at++
			if !ascii && !utf8.Valid(s.data[start:end]) {
				s.at = start
				s.fail("the string is not UTF-8")
			}
			return start, end, escaped
		case c == '\\':
			escaped = true
			s.escape()
		default:
			s.fail("control characters in strings must be written as \\u00XX")
		}
	}
	return start, start, false
}

// plain steps to the next quote, backslash or control character, or to the end, and
// reports whether all that it looked at was ASCII. It looks at eight bytes at once:
// for a byte less than n <= 128, (x-n)&^x has its top bit set, and the lowest byte
// for which that holds is less than n.
func (s *scanner) plain() (ascii bool) {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	ascii = true
	for s.at+8 <= len(s.data) {
		x := binary.LittleEndian.Uint64(s.data[s.at:])
		q, b := x^'"'*ones, x^'\\'*ones
		ascii = ascii && x&tops == 0
		if hit := ((x-' '*ones)&^x | (q-ones)&^q | (b-ones)&^b) & tops; hit != 0 {
			s.at += bits.TrailingZeros64(hit) >> 3
			return ascii
		}
		s.at += 8
	}
	for ; s.at < len(s.data); s.at++ {
		c := s.data[s.at]
		if c == '"' || c == '\\' || c < ' ' {
			return ascii
		}
		ascii = ascii && c < utf8.RuneSelf
	}
	return ascii
}

// escape steps over a backslash and what belongs to it.
func (s *scanner) escape() {
	_, size, wrong := jsonscan.Escape(s.data[s.at:])
	s.at += size
	switch wrong {
	case 0:
	case jsonscan.Cut:
		s.fail("an escape must be complete")
	case jsonscan.Unknown:
		s.fail("there is no such escape")
	case jsonscan.NotHex:
		s.fail("\\u must be followed by four hexadecimal digits")
	case jsonscan.NoSecond:
		s.fail("the surrogate must be followed by its other half")
	case jsonscan.NoFirst:
		s.fail("the surrogate must follow its other half")
	default:
		panic("quern: bug: a problem of escapes without a text")
	}
}
