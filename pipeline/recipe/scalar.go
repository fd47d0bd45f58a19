package recipe

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"quern/features/diag"
)

// style is how a scalar was written.
type style uint8

const (
	plain style = iota
	single
	double
	literal
	folded
)

// shape is what a plain scalar means in YAML 1.2's core schema.
type shape uint8

const (
	textShape shape = iota
	nullShape
	boolShape
	numberShape // a decimal number
	oddShape    // a number that recipes do not take: hexadecimal, octal, infinite, NaN
)

// shapeOf returns what a plain scalar means.
func shapeOf(text string) shape {
	switch text {
	case "", "~", "null", "Null", "NULL":
		return nullShape
	case "true", "True", "TRUE", "false", "False", "FALSE":
		return boolShape
	case ".nan", ".NaN", ".NAN":
		return oddShape
	}
	unsigned := strings.TrimLeft(text[:1], "+-") + text[1:]
	switch {
	case unsigned == ".inf", unsigned == ".Inf", unsigned == ".INF":
		return oddShape
	case decimal(unsigned):
		return numberShape
	case strings.HasPrefix(text, "0x"), strings.HasPrefix(text, "0o"):
		if _, err := strconv.ParseUint(text[2:], map[byte]int{'x': 16, 'o': 8}[text[1]], 64); err == nil {
			return oddShape
		}
	}
	return textShape
}

// decimal reports whether s is digits with an optional point and exponent:
// [0-9]+(\.[0-9]*)? or \.[0-9]+, then ([eE][-+]?[0-9]+)?.
func decimal(s string) bool {
	whole, s := digits(s)
	part := 0
	if strings.HasPrefix(s, ".") {
		part, s = digits(s[1:])
	}
	if whole+part == 0 {
		return false
	}
	if s != "" && (s[0] == 'e' || s[0] == 'E') {
		s = s[1:]
		if s != "" && (s[0] == '+' || s[0] == '-') {
			s = s[1:]
		}
		n, rest := digits(s)
		return n > 0 && rest == ""
	}
	return s == ""
}

// digits cuts leading digits off and counts them.
func digits(s string) (n int, rest string) {
	rest = strings.TrimLeft(s, "0123456789")
	return len(s) - len(rest), rest
}

// scan reads a scalar that starts at p in the source and that the YAML library took
// for value. It finds where each rune stands, and so checks the library: what it
// returns is what the source says, or an error.
func (s *source) scan(st style, p spot, value string) (scanned, *diag.Error) {
	sc := scanner{source: s, at: p, start: p}
	var err *diag.Error
	switch st {
	case single:
		err = sc.single()
	case double:
		err = sc.double()
	case literal:
		err = sc.literal(value)
	default:
		if st == folded {
			sc.at, _ = s.skip(spot{p.line + 1, 0})
		}
		err = sc.plain(value)
	}
	if err == nil && sc.out.String() != value {
		err = s.unreadable(p)
	}
	return scanned{text: value, runs: sc.runs, place: sc.place()}, err
}

// unreadable says that the YAML library and this package read a text differently.
func (s *source) unreadable(p spot) *diag.Error {
	return diag.New("Q001", "cannot read this text without doubt").At(s.place(p, 1)).
		WithHint("write it on one line, in double quotes")
}

// scanned is a scalar as it was read.
type scanned struct {
	text  string
	runs  []run
	place diag.Place
}

// scanner reads one scalar.
type scanner struct {
	*source
	start spot
	at    spot
	runs  []run
	out   strings.Builder
	count int // runes in out
}

// place is the span of the scalar, of its first line if there are several.
func (s *scanner) place() diag.Place {
	end := s.at.rune
	if s.at.line != s.start.line {
		end = len(s.lines[s.start.line])
	}
	return s.source.place(s.start, end-s.start.rune)
}

// emit adds a rune that stands at p, and continues or begins a run.
func (s *scanner) emit(r rune, p spot) {
	p.line = min(p.line, len(s.lines)-1) // blank lines at the end of a block
	last := len(s.runs) - 1
	if last < 0 || s.runs[last].line != p.line+1 || s.runs[last].column-s.runs[last].offset != p.rune+1-s.count {
		s.runs = append(s.runs, run{offset: s.count, line: p.line + 1, column: p.rune + 1, text: s.texts[p.line]})
	}
	s.out.WriteRune(r)
	s.count++
}

// fold reads a line break within a flow scalar, and the blank lines after it, by
// YAML's rule: one break is a space, of several the first is dropped.
func (s *scanner) fold() {
	p := s.at
	next, breaks := s.skip(p)
	if breaks == 1 {
		s.emit(' ', p)
	}
	for range breaks - 1 {
		s.emit('\n', p)
	}
	s.at = next
}

// plain follows value through a plain or folded scalar: every rune must stand in the
// source, blanks may have been folded.
func (s *scanner) plain(value string) *diag.Error {
	for _, r := range value {
		if r == s.source.at(s.at) {
			s.emit(r, s.at)
			s.at.rune++
			continue
		}
		if r != ' ' && r != '\n' {
			next, breaks := s.skip(s.at)
			if breaks == 0 || s.source.at(next) != r {
				return s.unreadable(s.start)
			}
			s.at = next
			s.emit(r, s.at)
			s.at.rune++
			continue
		}
		if !s.blank(s.at) {
			return s.unreadable(s.start)
		}
		s.emit(r, s.at)
	}
	return nil
}

// literal follows value through a block scalar line by line.
func (s *scanner) literal(value string) *diag.Error {
	lines := strings.Split(value, "\n")
	for i, line := range lines {
		p := spot{s.start.line + 1 + i, 0}
		if line == "" {
			if i < len(lines)-1 {
				s.emit('\n', p)
			}
			continue
		}
		p.rune = len(s.rest(p)) - utf8.RuneCountInString(line)
		if p.rune < 0 || string(s.rest(p)) != line || strings.TrimLeft(s.texts[p.line][:p.rune], " ") != "" {
			return s.unreadable(s.start)
		}
		for _, r := range line {
			s.emit(r, p)
			p.rune++
		}
		if i < len(lines)-1 {
			s.emit('\n', p)
		}
		s.at = p
	}
	return nil
}

// single reads a text in single quotes; two quotes are one.
func (s *scanner) single() *diag.Error {
	if s.source.at(s.at) != '\'' {
		return s.unreadable(s.start)
	}
	for s.at.rune++; s.at.line < len(s.lines); {
		p := s.at
		r := s.source.at(p)
		switch {
		case s.blank(p):
			s.fold()
			continue
		case r == '\'' && s.source.at(spot{p.line, p.rune + 1}) == '\'':
			s.at.rune++
		case r == '\'':
			s.at.rune++
			return nil
		}
		s.emit(r, p)
		s.at.rune++
	}
	return s.unreadable(s.start)
}

// double reads a text in double quotes, with its escapes.
func (s *scanner) double() *diag.Error {
	if s.source.at(s.at) != '"' {
		return s.unreadable(s.start)
	}
	for s.at.rune++; s.at.line < len(s.lines); {
		p := s.at
		switch r := s.source.at(p); {
		case s.blank(p):
			s.fold()
		case r == '"':
			s.at.rune++
			return nil
		case r == '\\' && s.blank(spot{p.line, p.rune + 1}):
			s.at, _ = s.skip(spot{p.line + 1, 0})
		case r == '\\':
			if err := s.escape(); err != nil {
				return err
			}
		default:
			s.emit(r, p)
			s.at.rune++
		}
	}
	return s.unreadable(s.start)
}

// escape reads one escape of a text in double quotes.
func (s *scanner) escape() *diag.Error {
	p := s.at
	s.at.rune += 2
	letter := s.source.at(spot{p.line, p.rune + 1})
	if r, ok := simpleEscape(letter); ok {
		s.emit(r, p)
		return nil
	}
	length := map[rune]int{'x': 2, 'u': 4, 'U': 8}[letter]
	digits := s.rest(s.at)
	code, err := strconv.ParseUint(string(digits[:min(length, len(digits))]), 16, 32)
	if length == 0 || len(digits) < length || err != nil || !utf8.ValidRune(rune(code)) {
		return s.badEscape(p, 2+length)
	}
	s.emit(rune(code), p)
	s.at.rune += length
	return nil
}

// badEscape says that the width runes at p are no escape.
func (s *source) badEscape(p spot, width int) *diag.Error {
	rest := s.rest(p)
	return diag.New("Q020", "%s is no escape", string(rest[:min(width, len(rest))])).At(s.place(p, width)).
		WithHint(`a backslash itself is \\; in single quotes it is just \`)
}

// simpleEscape returns the rune of an escape of one letter.
func simpleEscape(letter rune) (rune, bool) {
	const letters, runes = `0abtnvfre "/\N_LP`, "\x00\a\b\t\n\v\f\r\x1b \"/\\\u0085\u00a0\u2028\u2029"
	for i, l := range letters {
		if l == letter {
			return []rune(runes)[i], true
		}
	}
	return 0, false
}
