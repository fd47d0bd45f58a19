package diag

import (
	"strings"
	"unicode"
)

// windowCells is the widest piece of a source line that is shown, in cells of a
// terminal: with the margin it fits in 100.
const windowCells = 92

// tabCells is the distance of the tab stops.
const tabCells = 4

// cell is a rune of a source line as it is shown.
type cell struct {
	text  string
	width int
}

// window returns the piece of p's line to show, and the cells before and under the
// caret run. A line that is too long is cut around the carets, with "…" at the cuts.
func window(p Place) (shown string, before, width int) {
	line := cells(p.Text)
	start := min(max(p.Column-1, 0), len(line))
	end := min(start+max(p.Width, 1), len(line))
	from, to := 0, len(line)
	if span(line) > windowCells {
		from, to = around(line, start)
	}
	var b strings.Builder
	if from > 0 {
		b.WriteString("…")
		before = 1
	}
	for _, c := range line[from:to] {
		b.WriteString(c.text)
	}
	if to < len(line) {
		b.WriteString("…")
	}
	return b.String(), before + span(line[from:start]), max(1, span(line[start:min(end, to)]))
}

// around chooses which cells of a long line to show: a third of the window before
// the carets, the rest from there on; all of it is used when the line's end is near.
func around(line []cell, start int) (from, to int) {
	const room = windowCells - 2 // for both cuts
	from = start
	for before := 0; from > 0 && before+line[from-1].width <= room/3; from-- {
		before += line[from-1].width
	}
	to = from
	used := 0
	for ; to < len(line) && used+line[to].width <= room; to++ {
		used += line[to].width
	}
	for from > 0 && used+line[from-1].width <= room {
		from--
		used += line[from].width
	}
	return from, to
}

// span returns how many cells line takes.
func span(line []cell) int {
	total := 0
	for _, c := range line {
		total += c.width
	}
	return total
}

// cells returns the runes of a line as they are shown: tabs as blanks up to the next
// stop, control characters as a replacement.
func cells(text string) []cell {
	line := make([]cell, 0, len(text))
	at := 0
	for _, r := range text {
		c := cell{string(printable(r)), runeCells(printable(r))}
		if r == '\t' {
			c.width = tabCells - at%tabCells
			c.text = strings.Repeat(" ", c.width)
		}
		line = append(line, c)
		at += c.width
	}
	return line
}

// printable replaces what could steer a terminal or reorder its text: control
// characters, line separators and the bidirectional marks.
func printable(r rune) rune {
	switch {
	case unicode.IsControl(r), r == '\u2028', r == '\u2029',
		r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069', r == '\u200e', r == '\u200f':
		return '\ufffd'
	}
	return r
}

// runeCells returns how many cells r takes: none for marks that combine with the
// rune before, two for wide East Asian characters and emoji, else one. The ranges are
// the blocks that Unicode's EastAsianWidth.txt marks W or F, slightly rounded.
func runeCells(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case r >= 0x1100 && r <= 0x115f, // Hangul Jamo, initial
		r >= 0x2e80 && r <= 0x303e,                             // CJK radicals, punctuation
		r >= 0x3041 && r <= 0x33ff,                             // kana, CJK symbols
		r >= 0x3400 && r <= 0x4dbf,                             // CJK extension A
		r >= 0x4e00 && r <= 0xa4cf,                             // CJK, Yi
		r >= 0xa960 && r <= 0xa97f,                             // Hangul Jamo extended
		r >= 0xac00 && r <= 0xd7a3,                             // Hangul
		r >= 0xf900 && r <= 0xfaff,                             // CJK compatibility
		r >= 0xfe30 && r <= 0xfe6f,                             // CJK forms
		r >= 0xff00 && r <= 0xff60, r >= 0xffe0 && r <= 0xffe6, // full width
		r >= 0x1f300 && r <= 0x1f64f, r >= 0x1f680 && r <= 0x1f6ff, // pictographs
		r >= 0x1f900 && r <= 0x1f9ff, r >= 0x1fa70 && r <= 0x1faff,
		r >= 0x20000 && r <= 0x3fffd: // CJK extensions
		return 2
	}
	return 1
}
