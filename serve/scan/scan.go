package scan

import (
	"unicode/utf8"

	"quern/features/diag"
	"quern/internal/jsonscan"
)

// Scanner reads a JSON text from the left. It is used again by Reset; the zero value reads
// an empty text.
type Scanner struct {
	text    []byte
	at      int
	scratch []byte // of strings with escapes
}

// Reset starts to read text, or lets go of the one before (nil).
func (s *Scanner) Reset(text []byte) { s.text, s.at = text, 0 }

// At returns how many bytes were read.
func (s *Scanner) At() int { return s.at }

// Rewind goes back to a place that was read.
func (s *Scanner) Rewind(at int) { s.at = at }

// Since returns the bytes from a position on that were read.
func (s *Scanner) Since(from int) []byte { return s.text[from:s.at] }

// fail returns the error (Q614) for a text that is no JSON at the present place.
func (s *Scanner) fail(problem string) error {
	return diag.New("Q614", "the body is no JSON from byte %d on: %s", s.at, problem)
}

// End checks that nothing follows.
func (s *Scanner) End() error {
	if s.Next(); s.at < len(s.text) {
		return s.fail("something follows the request")
	}
	return nil
}

// Next skips white space and returns the byte there, or 0 at the end.
func (s *Scanner) Next() byte {
	for s.at < len(s.text) {
		switch c := s.text[s.at]; c {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return c
		}
	}
	return 0
}

// Skip skips white space and c, or fails.
func (s *Scanner) Skip(c byte) error {
	if s.Next() != c {
		return s.fail("a " + string(rune(c)) + " is missing")
	}
	s.at++
	return nil
}

// More ends an element of an array or an object that ends with close: it skips a comma,
// and reports false at the end, which it skips too.
func (s *Scanner) More(close byte) (bool, error) {
	switch s.Next() {
	case ',':
		s.at++
		return true, nil
	case close:
		s.at++
		return false, nil
	}
	return false, s.fail("a comma or a " + string(rune(close)) + " is missing")
}

// Opens skips the opening bracket of an array or an object, and reports whether there is
// anything in it; if not, it skips the closing one too.
func (s *Scanner) Opens(open, close byte) (bool, error) {
	if err := s.Skip(open); err != nil {
		return false, err
	}
	if s.Next() == close {
		s.at++
		return false, nil
	}
	return true, nil
}

// Word skips w, or fails.
func (s *Scanner) Word(w string) error {
	if len(s.text)-s.at < len(w) || string(s.text[s.at:s.at+len(w)]) != w {
		return s.fail("there is no value")
	}
	s.at += len(w)
	return nil
}

// number reads a number.
func (s *Scanner) number() ([]byte, error) {
	from := s.at
	n, ok := jsonscan.Number(s.text[from:])
	if s.at += n; !ok {
		return nil, s.fail("a digit is missing")
	}
	return s.text[from:s.at], nil
}

// Str reads a string. The bytes are the text's, or those of scratch where the string has
// escapes; they are valid until the next call with that scratch.
func (s *Scanner) Str() ([]byte, error) {
	if err := s.Skip('"'); err != nil {
		return nil, err
	}
	from, ascii := s.at, true
	for s.at < len(s.text) {
		switch c := s.text[s.at]; {
		case c == '"':
			raw := s.text[from:s.at]
			if !ascii && !utf8.Valid(raw) {
				return nil, s.fail("a text is not UTF-8")
			}
			s.at++
			return raw, nil
		case c == '\\':
			s.scratch = append(s.scratch[:0], s.text[from:s.at]...)
			return s.escaped()
		case c < ' ':
			return nil, s.fail("a text has a control character")
		default:
			ascii = ascii && c < utf8.RuneSelf
			s.at++
		}
	}
	return nil, s.fail("a text does not end")
}

// escaped reads the rest of a string from its first escape on.
func (s *Scanner) escaped() ([]byte, error) {
	out := s.scratch
	defer func() { s.scratch = out }()
	for s.at < len(s.text) {
		c := s.text[s.at]
		switch {
		case c == '"':
			s.at++
			if !utf8.Valid(out) {
				return nil, s.fail("a text is not UTF-8")
			}
			return out, nil
		case c < ' ':
			return nil, s.fail("a text has a control character")
		case c != '\\':
			out = append(out, c)
			s.at++
			continue
		}
		r, size, wrong := jsonscan.Escape(s.text[s.at:])
		if wrong != 0 {
			return nil, s.fail("an escape stands for no character")
		}
		out = utf8.AppendRune(out, r)
		s.at += size
	}
	return nil, s.fail("a text does not end")
}
