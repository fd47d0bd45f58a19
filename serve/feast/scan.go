package feast

import (
	"unicode/utf8"

	"quern/features/diag"
	"quern/internal/jsonscan"
)

// scanner reads JSON strictly (RFC 8259), from bytes that stay where they are: what
// it returns are spans of them. Python's NaN, Infinity and -Infinity are read as
// well, since the clients' json.dumps writes them.
//
// Positions and texts of errors are those of Python's json module, which Feast's
// server reports.
type scanner struct {
	text  []byte
	at    int
	depth int
}

// maxDepth bounds nesting. No call takes more than four levels.
const maxDepth = 32

// kind is the first look at a value.
type kind byte

const (
	kindNone    kind = iota // no value starts here
	kindNull                // null
	kindBool                // true, false
	kindNumber              // a number, by the grammar of JSON
	kindSpecial             // NaN, Infinity, -Infinity
	kindString              // "..."
	kindArray               // [...]
	kindObject              // {...}
)

// syntaxError is a place where the text is no JSON.
type syntaxError struct {
	at      int
	problem string
}

// Error says what was expected where.
func (e *syntaxError) Error() string { return e.problem }

func (s *scanner) fail(problem string) error { return &syntaxError{s.at, problem} }

// space skips white space.
func (s *scanner) space() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

// next skips white space and returns the byte there, or 0 at the end.
func (s *scanner) next() byte {
	s.space()
	if s.at == len(s.text) {
		return 0
	}
	return s.text[s.at]
}

// end checks that nothing follows.
func (s *scanner) end() error {
	if s.next(); s.at < len(s.text) {
		return s.fail("Extra data")
	}
	return nil
}

// word skips w, or fails.
func (s *scanner) word(w string) error {
	if len(s.text)-s.at < len(w) || string(s.text[s.at:s.at+len(w)]) != w {
		return s.fail("Expecting value")
	}
	s.at += len(w)
	return nil
}

// value reads a value and returns its kind and its bytes.
func (s *scanner) value() (k kind, raw []byte, err error) {
	c := s.next()
	from := s.at
	switch {
	case c == '"':
		k = kindString
		_, _, err = s.str()
	case c == '-' || c >= '0' && c <= '9':
		k, err = s.number()
	case c == '{':
		k, err = kindObject, s.object(func([]byte, bool) error { _, _, err := s.value(); return err })
	case c == '[':
		k, err = kindArray, s.array(func(int) error { _, _, err := s.value(); return err })
	case c == 't':
		k, err = kindBool, s.word("true")
	case c == 'f':
		k, err = kindBool, s.word("false")
	case c == 'n':
		k, err = kindNull, s.word("null")
	case c == 'N':
		k, err = kindSpecial, s.word("NaN")
	case c == 'I':
		k, err = kindSpecial, s.word("Infinity")
	default:
		err = s.fail("Expecting value")
	}
	return k, s.text[from:s.at], err
}

// number reads a number, or -Infinity.
func (s *scanner) number() (kind, error) {
	from := s.at
	if s.text[from] == '-' && from+1 < len(s.text) && s.text[from+1] == 'I' {
		s.at++
		return kindSpecial, s.word("Infinity")
	}
	n, ok := jsonscan.Number(s.text[from:])
	if s.at = from + n; !ok {
		return kindNumber, s.fail("Expecting value")
	}
	return kindNumber, nil
}

// str reads a string and returns what is between its quotes, as it is written, and
// whether anything there is escaped. The bytes are checked to be UTF-8, and every
// escape to stand for a character.
func (s *scanner) str() (raw []byte, escaped bool, err error) {
	start := s.at
	s.at++
	from := s.at
	ascii := true
	for s.at < len(s.text) {
		switch c := s.text[s.at]; {
		case c == '"':
			raw = s.text[from:s.at]
			if !ascii && !utf8.Valid(raw) {
				s.at = from
				return nil, false, s.fail("Invalid UTF-8 in string")
			}
			s.at++
			return raw, escaped, nil
		case c == '\\':
			escaped = true
			if err := s.escape(); err != nil {
				return nil, false, err
			}
		case c < ' ':
			return nil, false, s.fail("Invalid control character at")
		default:
			ascii = ascii && c < utf8.RuneSelf
			s.at++
		}
	}
	s.at = start
	return nil, false, s.fail("Unterminated string starting at")
}

// escape checks one escape, and the second half of a surrogate pair with the first.
func (s *scanner) escape() error {
	_, size, wrong := jsonscan.Escape(s.text[s.at:])
	s.at += size
	switch wrong {
	case 0:
	case jsonscan.Cut:
		s.at++ // the string does not end, which is what str says
	case jsonscan.Unknown:
		return s.fail("Invalid \\escape")
	case jsonscan.NotHex:
		return s.fail("Invalid \\uXXXX escape")
	default:
		return s.fail("Unpaired surrogate escape")
	}
	return nil
}

// object reads an object and calls member at every value, with the name.
func (s *scanner) object(member func(name []byte, escaped bool) error) error {
	if err := s.enter('{', "Expecting value"); err != nil {
		return err
	}
	if s.next() == '}' {
		return s.leave()
	}
	for {
		if s.next() != '"' {
			return s.fail("Expecting property name enclosed in double quotes")
		}
		name, escaped, err := s.str()
		if err != nil {
			return err
		}
		if s.next() != ':' {
			return s.fail("Expecting ':' delimiter")
		}
		s.at++
		s.space()
		if err := member(name, escaped); err != nil {
			return err
		}
		switch s.next() {
		case ',':
			s.at++
		case '}':
			return s.leave()
		default:
			return s.fail("Expecting ',' delimiter")
		}
	}
}

// array reads an array and calls element at every value, with its number.
func (s *scanner) array(element func(i int) error) error {
	if err := s.enter('[', "Expecting value"); err != nil {
		return err
	}
	if s.next() == ']' {
		return s.leave()
	}
	for i := 0; ; i++ {
		s.space()
		if err := element(i); err != nil {
			return err
		}
		switch s.next() {
		case ',':
			s.at++
		case ']':
			return s.leave()
		default:
			return s.fail("Expecting ',' delimiter")
		}
	}
}

func (s *scanner) enter(c byte, problem string) error {
	if s.next() != c {
		return s.fail(problem)
	}
	if s.depth++; s.depth > maxDepth {
		return diag.New("Q614", "the body is nested more than %d deep", maxDepth)
	}
	s.at++
	return nil
}

func (s *scanner) leave() error {
	s.at++
	s.depth--
	return nil
}
