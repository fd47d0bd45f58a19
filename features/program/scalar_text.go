package program

import (
	"bytes"
	"math"
	"unicode"
	"unicode/utf8"

	"quern/features/column"
)

// MaxText is how many bytes a string may have that Concat or Replace makes; more
// is a fault. Without a limit a small program could ask for any amount of memory.
const MaxText = 16 << 20

// AppendLower writes s with every letter in Unicode's simple lower case (one rune
// to one rune, no language's rules). Invalid bytes stay as they are.
func AppendLower(dst, s []byte) []byte { return appendMapped(dst, s, 'A', 'Z', unicode.ToLower) }

// AppendUpper writes s with every letter in Unicode's simple upper case.
func AppendUpper(dst, s []byte) []byte { return appendMapped(dst, s, 'a', 'z', unicode.ToUpper) }

// appendMapped maps ASCII letters from first to last by their case bit and all
// other valid runes with other.
func appendMapped(dst, s []byte, first, last byte, other func(rune) rune) []byte {
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if first <= c && c <= last {
				c ^= 'a' - 'A'
			}
			dst = append(dst, c)
			i++
			continue
		}
		r, size := utf8.DecodeRune(s[i:])
		if r == utf8.RuneError && size == 1 {
			dst = append(dst, c)
		} else {
			dst = utf8.AppendRune(dst, other(r))
		}
		i += size
	}
	return dst
}

// TrimText returns s without white space (Unicode's property White_Space) on both
// sides. The result shares memory with s.
func TrimText(s []byte) []byte { return bytes.TrimSpace(s) }

// LengthText returns how many runes s has. Each invalid byte is one.
func LengthText(s []byte) int64 { return int64(utf8.RuneCount(s)) }

// SubstrText returns length runes of s from rune start on, or fewer where s ends.
// start counts from 0; a negative one counts from the end, and from further than
// the beginning is the beginning. A negative length is 0. The result shares memory
// with s.
func SubstrText(s []byte, start, length int64) []byte {
	if start < 0 {
		start = max(0, start+LengthText(s)) // the sum cannot overflow: the signs differ
	}
	s = s[runeOffset(s, start):]
	return s[:runeOffset(s, max(0, length))]
}

// runeOffset returns the offset of rune n >= 0, or len(s) if there are fewer.
func runeOffset(s []byte, n int64) int {
	if n >= int64(len(s)) {
		return len(s)
	}
	at := 0
	for ; n > 0 && at < len(s); n-- {
		_, size := utf8.DecodeRune(s[at:])
		at += size
	}
	return at
}

// AppendReplace writes s with every old, from the left and not overlapping,
// replaced by new. An empty old changes nothing. It returns false, and dst as it
// was, when the result is longer than MaxText and a replacement was made.
func AppendReplace(dst, s, old, new []byte) ([]byte, bool) {
	if len(old) == 0 {
		return append(dst, s...), true
	}
	count := bytes.Count(s, old)
	if grown := float64(count) * float64(len(new)-len(old)); count > 0 && float64(len(s))+grown > MaxText {
		return dst, false
	}
	for ; count > 0; count-- {
		at := bytes.Index(s, old)
		dst = append(append(dst, s[:at]...), new...)
		s = s[at+len(old):]
	}
	return append(dst, s...), true
}

// SplitField returns the field of s number n, from 0, between separators, and
// false if there is none. With an empty separator s is one field. The result
// shares memory with s.
func SplitField(s, separator []byte, n int64) ([]byte, bool) {
	if len(separator) == 0 {
		return s, n == 0
	}
	for ; ; n-- {
		at := bytes.Index(s, separator)
		if n == 0 {
			if at < 0 {
				return s, true
			}
			return s[:at], true
		}
		if at < 0 {
			return nil, false
		}
		s = s[at+len(separator):]
	}
}

// ParseIntText reads a decimal integer with an optional sign and returns false for
// anything else and for what is outside of int64.
func ParseIntText(s []byte) (int64, bool) {
	negative := len(s) > 0 && s[0] == '-'
	if negative || len(s) > 0 && s[0] == '+' {
		s = s[1:]
	}
	if len(s) == 0 {
		return 0, false
	}
	// Negative numbers reach further, so digits are summed as negatives.
	x := int64(0)
	for _, c := range s {
		if c < '0' || c > '9' || x < math.MinInt64/10 {
			return 0, false
		}
		next := x*10 - int64(c-'0')
		if next > x*10 {
			return 0, false
		}
		x = next
	}
	if negative {
		return x, true
	}
	return NegInt(x)
}

// ParseBoolText reads true, false, 1 or 0, in any case, and returns false as its
// second result for anything else.
func ParseBoolText(s []byte) (value, ok bool) { return column.ParseBool(s) }
