package column

import (
	"strings"
	"testing"
)

// TestParseBool: the four words in every case, and nothing else: no white space, no sign, no
// letter that Unicode folds to one of theirs.
func TestParseBool(t *testing.T) {
	want := map[string]bool{"0": false, "1": true}
	for word, value := range map[string]bool{"true": true, "false": false} {
		for upper := range 1 << len(word) {
			text := []byte(word)
			for i := range text {
				if upper>>i&1 == 1 {
					text[i] = strings.ToUpper(word)[i]
				}
			}
			want[string(text)] = value
		}
	}
	for text, value := range want {
		if got, ok := ParseBool([]byte(text)); !ok || got != value {
			t.Errorf("ParseBool(%q) = %v, %v", text, got, ok)
		}
	}
	for text := range want {
		for _, other := range []string{"", text + " ", " " + text, text + "\x00", "-" + text, text[1:], text + text,
			strings.Replace(strings.ToLower(text), "s", "ſ", 1), strings.Replace(text, text[:1], "\x14", 1), strings.Replace(text, text[:1], "\xf4", 1)} {
			if _, known := want[other]; known {
				continue
			}
			if _, ok := ParseBool([]byte(other)); ok {
				t.Errorf("ParseBool(%q) takes it", other)
			}
		}
	}
}
