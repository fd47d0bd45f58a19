package expr

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"quern/features/diag"
)

// span is a run of bytes of the text.
type span struct{ start, end int }

// to is the span from the start of s to the end of t.
func (s span) to(t span) span { return span{s.start, t.end} }

// tokenKind says what a token is.
type tokenKind uint8

const (
	endToken    tokenKind = iota
	numberToken           // 12, 1.5e3
	stringToken           // 'text'; token.text is its value
	wordToken             // a name, bare
	quotedToken           // a name in backquotes; token.text is the name
	keyToken              // and, or, not, in, between, is, null, true, false
	signToken             // an operator or punctuation
)

type token struct {
	kind tokenKind
	text string
	span span
}

// keyword reports whether word is reserved.
func keyword(word string) bool {
	switch word {
	case "and", "or", "not", "in", "between", "is", "null", "true", "false":
		return true
	}
	return false
}

func wordStart(r rune) bool { return r == '_' || unicode.IsLetter(r) }
func wordPart(r rune) bool {
	return wordStart(r) || unicode.IsDigit(r) || unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Mc, r)
}

// bare reports whether name can be written without backquotes.
func bare(name string) bool {
	for i, r := range name {
		if r == utf8.RuneError || !wordPart(r) || i == 0 && !wordStart(r) {
			return false
		}
	}
	return name != "" && !keyword(name)
}

// lexer cuts a text into tokens.
type lexer struct {
	text string
	at   int
	err  *diag.Error // the first mistake; after it there is only the end
}

// fail keeps the first mistake and ends the text.
func (l *lexer) fail(s span, code diag.Code, format string, args ...any) {
	if l.err == nil {
		l.err = diag.New(code, format, args...).At(placeOf(l.text, s))
	}
	l.at = len(l.text)
}

// hint adds a hint to the first mistake.
func (l *lexer) hint(format string, args ...any) {
	if l.err.Hint == "" {
		l.err = l.err.WithHint(format, args...)
	}
}

// next returns the next token.
func (l *lexer) next() token {
	l.at += len(l.text[l.at:]) - len(strings.TrimLeft(l.text[l.at:], " \t\r\n"))
	start := l.at
	if l.err != nil || start >= len(l.text) {
		return token{endToken, "", span{len(l.text), len(l.text)}}
	}
	c := l.text[start]
	switch {
	case c >= '0' && c <= '9':
		return l.number()
	case c == '\'':
		return l.str()
	case c == '`':
		return l.quoted()
	}
	if r, _ := utf8.DecodeRuneInString(l.text[start:]); wordStart(r) {
		return l.word()
	}
	return l.sign()
}

// take returns the token from start to here.
func (l *lexer) take(kind tokenKind, start int, text string) token {
	return token{kind, text, span{start, l.at}}
}

func (l *lexer) word() token {
	start := l.at
	l.skip(wordPart)
	text := l.text[start:l.at]
	if keyword(text) {
		return l.take(keyToken, start, text)
	}
	return l.take(wordToken, start, text)
}

// skip moves over the runes that belong.
func (l *lexer) skip(belongs func(rune) bool) {
	for l.at < len(l.text) {
		r, size := utf8.DecodeRuneInString(l.text[l.at:])
		if r == utf8.RuneError && size == 1 || !belongs(r) {
			return
		}
		l.at += size
	}
}

func digit(r rune) bool { return r >= '0' && r <= '9' }

// peek reports whether one of the bytes of set stands at l.at + ahead.
func (l *lexer) peek(ahead int, set string) bool {
	i := l.at + ahead
	return i < len(l.text) && strings.IndexByte(set, l.text[i]) >= 0
}

// number reads 12, 12.5, 12e3, 12.5e-3.
func (l *lexer) number() token {
	const digits = "0123456789"
	start := l.at
	l.skip(digit)
	if l.peek(0, ".") && l.peek(1, digits) {
		l.at++
		l.skip(digit)
	}
	if l.peek(0, "eE") && (l.peek(1, digits) || l.peek(1, "+-") && l.peek(2, digits)) {
		l.at += 2
		l.skip(digit)
	}
	tok := l.take(numberToken, start, l.text[start:l.at])
	l.skip(func(r rune) bool { return wordPart(r) || r == '.' })
	if l.at > tok.span.end {
		l.fail(span{start, l.at}, "Q103", "%q is not a number", l.text[start:l.at])
		l.hint("numbers look like 12, 0.5 or 1.5e3; a name that starts with a digit stands in backquotes")
		return l.next()
	}
	return tok
}

// quoted reads a name in backquotes.
func (l *lexer) quoted() token {
	start := l.at
	var name strings.Builder
	for l.at++; l.at < len(l.text); l.at++ {
		if l.text[l.at] != '`' {
			name.WriteByte(l.text[l.at])
			continue
		}
		if !l.peek(1, "`") {
			l.at++
			return l.name(start, name.String())
		}
		l.at++
		name.WriteByte('`')
	}
	l.fail(span{start, len(l.text)}, "Q102", "the name has no closing backquote")
	return l.next()
}

// name checks a name that stood in backquotes.
func (l *lexer) name(start int, name string) token {
	s := span{start, l.at}
	switch {
	case name == "":
		l.fail(s, "Q102", "the name between the backquotes is empty")
	case !utf8.ValidString(name):
		l.fail(s, "Q102", "the name is not valid UTF-8")
	default:
		return l.take(quotedToken, start, name)
	}
	return l.next()
}

// sign reads an operator or punctuation.
func (l *lexer) sign() token {
	start := l.at
	for _, two := range []string{"==", "!=", "<>", "<=", ">=", "//"} {
		if strings.HasPrefix(l.text[start:], two) {
			l.at += 2
			return l.take(signToken, start, two)
		}
	}
	if l.peek(0, "+-*/%=<>(),.") {
		l.at++
		return l.take(signToken, start, l.text[start:l.at])
	}
	l.strange(start)
	return l.next()
}

// strange reports a character that means nothing.
func (l *lexer) strange(start int) {
	r, size := utf8.DecodeRuneInString(l.text[start:])
	s := span{start, start + size}
	if r == utf8.RuneError && size == 1 {
		l.fail(s, "Q101", "byte 0x%02x is not valid UTF-8", l.text[start])
		return
	}
	next := ""
	if start+1 < len(l.text) {
		next = l.text[start : start+2]
	}
	l.fail(s, "Q101", "unexpected %q", r)
	switch {
	case r == '"':
		l.hint("strings stand in single quotes, names in backquotes")
	case r == '‘' || r == '’' || r == '´':
		l.hint("strings stand in plain single quotes: '")
	case next == "&&":
		l.hint("write: and")
	case next == "||":
		l.hint("write: or (for strings: concat)")
	case r == '!':
		l.hint("write: not")
	case r == '^':
		l.hint("write: pow(x, y)")
	case r == '?':
		l.hint("write: if(condition, a, b)")
	case r == '[' || r == '{':
		l.hint("lists stand in parentheses: x in (1, 2)")
	case r == ';':
		l.hint("an expression is one value, without an end sign")
	case r == '$' || r == '@':
		l.hint("columns are bare names: delay")
	}
}
