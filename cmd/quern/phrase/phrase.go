// Package phrase writes counts for people.
package phrase

import "fmt"

// Count is any kind of whole number.
type Count interface {
	~int | ~int64 | ~uint64
}

// Counted writes how many there are of what noun names: "1 value", "1,234 values".
func Counted[N Count](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return Thousands(n) + " " + noun + "s"
}

// Thousands writes n with commas: "1,234,567".
func Thousands[N Count](n N) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
