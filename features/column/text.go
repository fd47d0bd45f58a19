package column

// ParseBool reads true, false, 1 or 0, in any case of ASCII, and returns false as its second
// result for anything else: white space is not cut off. Sources that infer booleans from text
// and programs that convert text to them so mean the same.
func ParseBool(s []byte) (value, ok bool) {
	switch {
	case len(s) == 1 && (s[0] == '0' || s[0] == '1'):
		return s[0] == '1', true
	case EqualFold(s, "true"):
		return true, true
	case EqualFold(s, "false"):
		return false, true
	}
	return false, false
}

// EqualFold reports whether s is word, which is of small letters of ASCII, in any case of
// ASCII: no other letter, like the sign of Kelvin, counts as one of them.
func EqualFold(s []byte, word string) bool {
	if len(s) != len(word) {
		return false
	}
	for i, c := range s {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != word[i] {
			return false
		}
	}
	return true
}
