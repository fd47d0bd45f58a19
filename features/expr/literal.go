package expr

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"quern/features/column"
	"quern/features/program"
)

// str reads a string in single quotes.
func (l *lexer) str() token {
	start := l.at
	var value []byte
	for l.at++; l.at < len(l.text); {
		c := l.text[l.at]
		switch {
		case c == '\'' && l.peek(1, "'"):
			value = append(value, '\'')
			l.at += 2
		case c == '\'':
			l.at++
			return l.take(stringToken, start, string(value))
		case c == '\\':
			value = l.escape(value)
		default:
			value = append(value, c)
			l.at++
		}
	}
	l.fail(span{start, len(l.text)}, "Q102", "the string has no closing quote")
	return l.next()
}

// escape reads a backslash and what follows.
func (l *lexer) escape(value []byte) []byte {
	start := l.at
	l.at += 2
	switch {
	case l.at > len(l.text):
		return value // no closing quote
	case l.text[start+1] == 'x':
		if code, ok := l.hex(2); ok {
			return append(value, byte(code))
		}
	case l.text[start+1] == 'u':
		if code, ok := l.hex(4); ok && utf8.ValidRune(rune(code)) {
			return utf8.AppendRune(value, rune(code))
		}
	}
	if i := strings.IndexByte(`'\ntr0`, l.text[start+1]); i >= 0 {
		return append(value, "'\\\n\t\r\x00"[i])
	}
	_, size := utf8.DecodeRuneInString(l.text[start+1:])
	l.fail(span{start, start + 1 + size}, "Q102", "%s is not an escape", l.text[start:start+1+size])
	l.hint(`a backslash is written \\; \' \n \t \r \0 \xHH and \uHHHH have a meaning`)
	return value
}

// hex reads digits hexadecimal digits.
func (l *lexer) hex(digits int) (uint64, bool) {
	if l.at+digits > len(l.text) {
		return 0, false
	}
	code, err := strconv.ParseUint(l.text[l.at:l.at+digits], 16, 32)
	if err != nil {
		return 0, false
	}
	l.at += digits
	return code, true
}

// appendQuoted writes a string literal.
func appendQuoted(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '\'')
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		c := s[0]
		switch i := strings.IndexByte("\\\n\t\r\x00", c); {
		case c == '\'':
			dst = append(dst, "''"...)
		case i >= 0:
			dst = append(dst, '\\', `\ntr0`[i])
		case r == utf8.RuneError && size == 1, c < ' ', c == 0x7f:
			dst = append(dst, '\\', 'x', hex[c>>4], hex[c&15])
		default:
			dst = append(dst, s[:size]...)
		}
		s = s[size:]
	}
	return append(dst, '\'')
}

// number makes a literal of a number token. Integers up to 2^63 pass: whether there
// is a minus before the largest is known later (see checkIntegers).
func (p *parser) number(tok token) *node {
	n := p.literal(tok.span, column.Int64, program.Value{})
	if strings.ContainsAny(tok.text, ".eE") {
		x, err := strconv.ParseFloat(tok.text, 64)
		if err != nil {
			p.fail(tok.span, "Q103", "%s is beyond the range of float64", tok.text)
		}
		n.typ, n.value.Float = column.Float64, x
		return n
	}
	u, err := strconv.ParseUint(tok.text, 10, 64)
	if err != nil || u > 1<<63 {
		p.tooLarge(tok.span)
		return n
	}
	n.value.Int, n.huge = int64(u), u == 1<<63
	return n
}

func (p *parser) tooLarge(s span) {
	p.fail(s, "Q103", "%s is beyond the range of int64", p.text[s.start:s.end])
	p.hint("integers lie between %d and %d; with .0 it is a real", int64(math.MinInt64), int64(math.MaxInt64))
}

// negated is the literal n with a minus before it.
func (p *parser) negated(n *node, s span) *node {
	switch {
	case n.typ == column.Float64:
		n.value.Float = -n.value.Float
	case n.value.Int == math.MinInt64: // 2^63, or its negation once more
		n.huge = !n.huge
	default:
		n.value.Int = -n.value.Int
	}
	n.span = s
	return n
}

// checkIntegers refuses 2^63, which only a minus makes an int64.
func (p *parser) checkIntegers(root *node) {
	root.walk(func(n *node) {
		if n.huge {
			p.tooLarge(n.span)
		}
	})
}

// moment makes a literal of date('...') and its like.
func (p *parser) moment(t column.Type, text *node, s span) *node {
	n := p.literal(s, t, program.Value{})
	x, ok := program.ParseTimeText(t, text.value.Str)
	if !ok {
		p.fail(text.span, "Q105", "%s is no %s", p.text[text.span.start:text.span.end], t)
		p.hint("%s", momentForm(t, text.value.Str))
		return n
	}
	n.value.Int = x
	return n
}

// momentForm says how a literal of type t looks.
func momentForm(t column.Type, text []byte) string {
	_, isDate := program.ParseTimeText(column.Date, text)
	_, isWall := program.ParseTimeText(column.Datetime, text)
	switch {
	case t == column.Date && isWall:
		return "a date has no time of day; write datetime(...)"
	case t == column.Datetime && !isDate && !isWall:
		if _, ok := program.ParseTimeText(column.Timestamp, text); ok {
			return "a datetime has no zone; write timestamp(...)"
		}
	case t == column.Timestamp && isWall:
		return "a timestamp is an instant: add the time and Z or an offset, 2001-06-01T17:30:00+02:00"
	}
	switch t {
	case column.Date:
		return "write date('2001-06-01'), of a day that exists"
	case column.Datetime:
		return "write datetime('2001-06-01T17:30:00'), of a moment that exists"
	}
	return "write timestamp('2001-06-01T17:30:00Z'), of a moment that exists"
}

// appendLiteral writes a literal's canonical text.
func appendLiteral(dst []byte, t column.Type, v program.Value) []byte {
	switch {
	case v.Null:
		return append(dst, "null"...)
	case t == column.String:
		return appendQuoted(dst, string(v.Str))
	case t == column.Float64:
		before := len(dst)
		dst = strconv.AppendFloat(dst, v.Float, 'g', -1, 64)
		if !strings.ContainsAny(string(dst[before:]), ".e") {
			dst = append(dst, ".0"...)
		}
		return dst
	case t == column.Int64:
		return strconv.AppendInt(dst, v.Int, 10)
	case t == column.Bool:
		return strconv.AppendBool(dst, v.Bool)
	}
	dst = append(append(dst, t.String()...), "('"...)
	return append(program.AppendTime(dst, t, v.Int), "')"...)
}
