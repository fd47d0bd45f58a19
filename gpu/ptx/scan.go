package ptx

import "strings"

// token is a word, a number, a string (with its quotes) or one punctuation
// character. The end of the text is the empty token.
type token struct {
	text string
	line int
}

// maxText bounds what Parse reads: our largest kernel is 1 MB.
const maxText = 64 << 20

// scan cuts the text into tokens. Comments vanish.
func scan(text string) ([]token, error) {
	if len(text) > maxText {
		return nil, fault(0, "%d bytes, more than %d", len(text), maxText)
	}
	var tokens []token
	line := 1
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '\n':
			line++
			i++
		case c == ' ' || c == '\t' || c == '\r' || c == 0:
			i++
		case strings.HasPrefix(text[i:], "//"):
			if n := strings.IndexByte(text[i:], '\n'); n >= 0 {
				i += n
			} else {
				i = len(text)
			}
		case strings.HasPrefix(text[i:], "/*"):
			n := strings.Index(text[i:], "*/")
			if n < 0 {
				return nil, fault(line, "comment without end")
			}
			line += strings.Count(text[i:i+n], "\n")
			i += n + 2
		case c == '"':
			n := strings.IndexAny(text[i+1:], "\"\n")
			if n < 0 || text[i+1+n] == '\n' {
				return nil, fault(line, "string without end")
			}
			tokens = append(tokens, token{text[i : i+n+2], line})
			i += n + 2
		case wordByte(c):
			n := wordLength(text[i:])
			tokens = append(tokens, token{text[i : i+n], line})
			i += n
		case strings.IndexByte(",;{}[]()<>=+-|!@:", c) >= 0:
			tokens = append(tokens, token{text[i : i+1], line})
			i++
		default:
			return nil, fault(line, "unexpected character %q", c)
		}
	}
	return append(tokens, token{"", line}), nil
}

// wordByte reports whether c may stand in a name, a directive or a number.
func wordByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '$' || c == '%' || c == '.'
}

// wordLength returns the length of the word at the start of s. A double colon
// belongs to it, as in ld.global.L1::evict_last.
func wordLength(s string) int {
	n := 0
	for n < len(s) {
		switch {
		case wordByte(s[n]):
			n++
		case n+2 < len(s) && s[n] == ':' && s[n+1] == ':' && wordByte(s[n+2]):
			n += 2
		default:
			return n
		}
	}
	return n
}
