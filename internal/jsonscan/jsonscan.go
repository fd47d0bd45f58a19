// Package jsonscan reads the tokens of JSON (RFC 8259) that are the same wherever it is read:
// numbers and the escapes of strings. What reads whole texts - rows of a file, calls of Feast's,
// calls of quern's own - differs in its errors, and in what it keeps.
package jsonscan

import (
	"bytes"
	"unicode/utf8"
)

// Number steps over the number at the start of text: -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?.
// Where a digit is missing, ok is false and n is its place.
func Number(text []byte) (n int, ok bool) {
	if n < len(text) && text[n] == '-' {
		n++
	}
	if n < len(text) && text[n] == '0' {
		n++
	} else if n, ok = digits(text, n); !ok {
		return n, false
	}
	if n < len(text) && text[n] == '.' {
		if n, ok = digits(text, n+1); !ok {
			return n, false
		}
	}
	if n < len(text) && text[n]|0x20 == 'e' {
		n++
		if n < len(text) && (text[n] == '+' || text[n] == '-') {
			n++
		}
		return digits(text, n)
	}
	return n, true
}

// digits steps over one or more digits.
func digits(text []byte, from int) (n int, ok bool) {
	for n = from; n < len(text) && text[n]-'0' <= 9; n++ {
	}
	return n, n > from
}

// Problem is what is wrong with an escape.
type Problem int

// The problems. The zero value is none.
const (
	Cut      Problem = 1 + iota // the text ends with the backslash
	Unknown                     // no escape begins like this
	NotHex                      // \u without four hexadecimal digits
	NoSecond                    // the first half of a surrogate pair without the second
	NoFirst                     // the second half without the first
)

// Escape reads the escape at the start of text, which is a backslash, and both halves of a
// surrogate pair. It returns the character that it stands for and how many bytes it takes.
func Escape(text []byte) (r rune, size int, wrong Problem) {
	if len(text) < 2 {
		return 0, 0, Cut
	}
	switch c := text[1]; c {
	case '"', '\\', '/':
		return rune(c), 2, 0
	case 'b':
		return '\b', 2, 0
	case 'f':
		return '\f', 2, 0
	case 'n':
		return '\n', 2, 0
	case 'r':
		return '\r', 2, 0
	case 't':
		return '\t', 2, 0
	case 'u':
		return escape16(text)
	}
	return 0, 0, Unknown
}

// escape16 reads \uXXXX, and a second one after the first half of a pair.
func escape16(text []byte) (r rune, size int, wrong Problem) {
	const half, first, second = 10, 0xd800 >> 10, 0xdc00 >> 10 // ten bits each
	switch r = hex4(text[2:]); {
	case r < 0:
		return 0, 0, NotHex
	case r>>half == second:
		return 0, 0, NoFirst
	case r>>half != first:
		return r, 6, 0
	}
	low := rune(-1)
	if len(text) > 8 && text[6] == '\\' && text[7] == 'u' {
		low = hex4(text[8:])
	}
	if low>>half != second {
		return 0, 0, NoSecond
	}
	return 0x10000 + (r-first<<half)<<half + low - second<<half, 12, 0
}

// hex4 returns the number that four hexadecimal digits are; -1 if s does not begin with four.
func hex4(s []byte) (r rune) {
	if len(s) < 4 {
		return -1
	}
	for _, c := range s[:4] {
		switch {
		case c-'0' <= 9:
			r = r<<4 | rune(c-'0')
		case (c|0x20)-'a' <= 5:
			r = r<<4 | rune((c|0x20)-'a'+10)
		default:
			return -1
		}
	}
	return r
}

// Unescape appends the text that raw stands for: what is between the quotes of a string, whose
// escapes a scanner has checked with Escape.
func Unescape(dst, raw []byte) []byte {
	for {
		at := bytes.IndexByte(raw, '\\')
		if at < 0 {
			return append(dst, raw...)
		}
		r, size, wrong := Escape(raw[at:])
		if wrong != 0 {
			panic("quern: bug: an escape that nobody checked")
		}
		dst, raw = utf8.AppendRune(append(dst, raw[:at]...), r), raw[at+size:]
	}
}
