package recipe

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"quern/features/diag"
)

// maxBytes is the longest recipe that is read: 1 MiB.
const maxBytes = 1 << 20

// source is the text of a recipe with its lines, for places.
type source struct {
	file  string
	text  string   // line breaks are "\n"
	texts []string // its lines, without their line breaks
	lines [][]rune // the same as runes
	ends  []int    // of the lines: the runes before the spaces at their ends
}

// spot is a position in a source: a line and a rune of it, both from 0.
type spot struct{ line, rune int }

// maxRun is the longest run of "<" in a line: the YAML library takes time that grows
// with its square.
const maxRun = 100

// newSource checks that text can be a recipe at all: its size, its encoding, and
// that no character in it is invisible. Tabs are refused everywhere: YAML forbids
// them as indentation, and elsewhere they look like the blanks that they are not.
func newSource(file string, text []byte) (*source, diag.List) {
	if len(text) > maxBytes {
		e := diag.New("Q002", "%s is longer than 1 MiB (%d bytes): it cannot be a recipe", orText(file), len(text))
		return nil, diag.List{e}
	}
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	s := &source{file: file, text: strings.ReplaceAll(string(text), "\r\n", "\n")}
	var errs diag.List
	s.texts = strings.Split(s.text, "\n")
	for i, line := range s.texts {
		s.lines = append(s.lines, []rune(line))
		s.ends = append(s.ends, utf8.RuneCountInString(strings.TrimRight(line, " ")))
		if e := s.check(i, line); e != nil {
			errs = append(errs, e)
		}
	}
	return s, errs
}

// orText is the file's name for a sentence.
func orText(file string) string {
	if file == "" {
		return "the text"
	}
	return file
}

// check returns the first mistake in the characters of a line, or nil.
func (s *source) check(i int, line string) *diag.Error {
	if at := strings.Index(line, strings.Repeat("<", maxRun+1)); at >= 0 {
		return diag.New("Q002", "more than %d times < in a row", maxRun).At(s.place(spot{i, utf8.RuneCountInString(line[:at])}, maxRun))
	}
	column := 0
	for at, r := range line {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(line[at:], "\ufffd"):
			return diag.New("Q003", "byte 0x%02x is not UTF-8", line[at]).At(s.place(spot{i, column}, 1)).
				WithHint("save the file as UTF-8")
		case r == '\t':
			return diag.New("Q004", "a tab").At(s.place(spot{i, column}, 1)).
				WithHint(`use spaces; within a quoted text write "\t"`)
		case unicode.IsControl(r):
			return diag.New("Q003", "control character %U", r).At(s.place(spot{i, column}, 1)).
				WithHint("remove it; within a quoted text write an escape")
		}
		column++
	}
	return nil
}

// place returns the place of width runes from a spot on. A spot outside of the text
// (a library's mistake) is moved to the nearest line.
func (s *source) place(at spot, width int) diag.Place {
	line := min(max(at.line, 0), len(s.lines)-1)
	return diag.Place{
		File: s.file, Line: line + 1, Column: max(at.rune, 0) + 1, Width: max(width, 1),
		Text: s.texts[line],
	}
}

// at returns the rune at a spot, 0 at the end of a line and outside.
func (s *source) at(p spot) rune {
	if p.line < 0 || p.line >= len(s.lines) || p.rune < 0 || p.rune >= len(s.lines[p.line]) {
		return 0
	}
	return s.lines[p.line][p.rune]
}

// rest returns what follows a spot on its line.
func (s *source) rest(p spot) []rune {
	if p.line < 0 || p.line >= len(s.lines) || p.rune < 0 || p.rune > len(s.lines[p.line]) {
		return nil
	}
	return s.lines[p.line][p.rune:]
}

// blank reports whether only spaces follow a spot on its line.
func (s *source) blank(p spot) bool {
	return p.line < 0 || p.line >= len(s.lines) || p.rune >= s.ends[p.line]
}

// skip returns the first spot from p on that is not a space or a line break, and how
// many line breaks there are before it. At the end of the text it is past the last line.
func (s *source) skip(p spot) (spot, int) {
	breaks := 0
	for p.line < len(s.lines) && s.blank(p) {
		p = spot{p.line + 1, 0}
		breaks++
	}
	for s.at(p) == ' ' {
		p.rune++
	}
	return p, breaks
}
