package jsonscan

import (
	"encoding/json"
	"math/rand/v2"
	"testing"
)

// TestNumber compares with encoding/json: the prefix that is stepped over is a number, and no
// longer prefix is one.
func TestNumber(t *testing.T) {
	const letters = "0123456789--++..eEx \"0011"
	random := rand.New(rand.NewPCG(1, 1))
	for range 200_000 {
		text := make([]byte, random.IntN(9))
		for i := range text {
			text[i] = letters[random.IntN(len(letters))]
		}
		n, ok := Number(text)
		if n > len(text) {
			t.Fatalf("%q: %d bytes", text, n)
		}
		if ok != number(text[:n]) {
			t.Fatalf("%q: %d, %v", text, n, ok)
		}
		for longer := n + 1; ok && longer <= len(text); longer++ {
			if number(text[:longer]) {
				t.Fatalf("%q: only %d bytes", text, n)
			}
		}
	}
}

// number reports whether encoding/json takes text for a number, with nothing around it.
func number(text []byte) bool {
	return len(text) > 0 && text[0] != ' ' && text[len(text)-1] != ' ' && text[0] != '"' && json.Valid(text)
}

// TestMissingDigit: the place of a mistake is that of the digit that is missing.
func TestMissingDigit(t *testing.T) {
	for text, want := range map[string]int{"": 0, "-": 1, "-x": 1, ".5": 0, "1.": 2, "1.e5": 2, "0e": 2, "12e+": 4, "1E-x": 3} {
		if n, ok := Number([]byte(text)); ok || n != want {
			t.Errorf("%q: %d, %v, want %d", text, n, ok, want)
		}
	}
}

// TestEscape compares with encoding/json, which takes halves of pairs for U+FFFD.
func TestEscape(t *testing.T) {
	const letters = `\\\\uuuuudDdD8899aAbBcCeEfF0123"/bnrtx`
	random := rand.New(rand.NewPCG(2, 2))
	good := 0
	for range 500_000 {
		text := make([]byte, 1+random.IntN(13))
		for i := range text {
			text[i] = letters[random.IntN(len(letters))]
		}
		text[0] = '\\'
		if random.IntN(2) == 0 && len(text) > 8 {
			copy(text[1:], "ud8")
			copy(text[6:], `\u`)
		}
		r, size, wrong := Escape(text)
		if wrong != 0 {
			if size != 0 {
				t.Fatalf("%q: problem %d and %d bytes", text, wrong, size)
			}
			if escape := text[:min(6, len(text))]; wrong < NoSecond && string(one(escape)) != "" || wrong >= NoSecond && string(one(escape)) != "\ufffd" {
				t.Fatalf("%q: problem %d, and encoding/json reads %q", text, wrong, one(escape))
			}
			continue
		}
		good++
		if got := one(text[:size]); string(got) != string(r) {
			t.Fatalf("%q is %q, encoding/json reads %q", text, r, got)
		}
		if got := Unescape([]byte("a"), append([]byte("é"), text[:size]...)); string(got) != "aé"+string(r) {
			t.Fatalf("%q: %q", text, got)
		}
	}
	if good < 10_000 {
		t.Errorf("only %d escapes", good)
	}
}

// one returns what encoding/json reads between quotes; nothing, if that is no string.
func one(text []byte) []byte {
	var s string
	if json.Unmarshal([]byte(`"`+string(text)+`"`), &s) != nil {
		return nil
	}
	return []byte(s)
}

// TestProblems: each problem, and where texts end in the middle.
func TestProblems(t *testing.T) {
	for text, want := range map[string]Problem{
		`\`: Cut, `\x`: Unknown, `\U0041`: Unknown, `\u`: NotHex, `\u004`: NotHex, `\u00g1`: NotHex, `\u-041`: NotHex,
		`\udc00`: NoFirst, `\uDFFF\ud800`: NoFirst, `\ud800`: NoSecond, `\ud800\`: NoSecond, `\ud800\u`: NoSecond, `\ud800\udc0`: NoSecond,
		`\ud800\u0041`: NoSecond, `\ud800\ud800`: NoSecond, `\ud800xudc00`: NoSecond, `\ud83d\ude00`: 0, `\u0000`: 0,
	} {
		if r, size, got := Escape([]byte(text)); got != want {
			t.Errorf("%s: %q, %d bytes, problem %d, want %d", text, r, size, got, want)
		}
	}
}
