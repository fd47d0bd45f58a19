package recipe

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"quern/features/diag"
)

// checkParse parses any bytes and checks what always holds: no panic, errors in the
// order of the text with places inside it, and what is accepted can be written and
// read back.
func checkParse(t *testing.T, text []byte) {
	t.Helper()
	r, err := fakeReader().Parse("f.yaml", text)
	if err == nil {
		written := fakeReader().Format(r)
		again, err := fakeReader().Parse("f.yaml", written)
		if err != nil || !reflect.DeepEqual(bare(again), bare(r)) {
			t.Fatalf("%q is written as\n%s\nand not read back: %v", text, written, err)
		}
		return
	}
	list, ok := err.(diag.List)
	if !ok || len(list) == 0 {
		t.Fatalf("%q: %T", text, err)
	}
	lines := strings.Split(strings.ReplaceAll(strings.TrimPrefix(string(text), "\ufeff"), "\r\n", "\n"), "\n")
	for i, e := range list {
		if e.Code == "Q002" && len(text) > maxBytes {
			continue
		}
		checkError(t, e, "f.yaml")
		if e.Place.Line > len(lines) || lines[e.Place.Line-1] != e.Place.Text {
			t.Fatalf("%q: %v shows %q", text, e, e.Place.Text)
		}
		if i > 0 && e.Place.Line < list[i-1].Place.Line {
			t.Fatalf("%q: errors out of order: %v", text, list)
		}
	}
}

// seeds are recipes, broken recipes, and corners of YAML.
func seeds(t testing.TB) [][]byte {
	all := [][]byte{[]byte(whole)}
	files, err := filepath.Glob(filepath.Join("testdata", "broken", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatal("no broken recipes")
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text)
	}
	for _, text := range []string{
		"", " ", "\n", "\r", "a", ":", "-", "- ", "?", "? a", "[", "]", "{", "}", "{}", "[]", "a:", "a: b", "a: |", "a: |\n", "a: >\n\n x", "a: |9\n x",
		"a: |-\n  b\n c", "a: 'b", "a: \"\\", "a: \"\\x4\"", "a: \"\\uD800\"", "a: \"\\ud83d\\ude00\"", "a: \"\\U00110000\"", "%", "---", "---\n---", "...", "a: &b c", "a: *b", "*b : c", "<<: *a",
		"!a b", "!!map {}", "a: !!null", "a:\n- b\n -c", "a: 1\n b: 2", "a:  'b'  'c'", "{a: [}", "[a: b]", "{? a}", "a: b: c", "\"a\":b", "'a': {\"b\":c}", "a: #", "#", "a: b #c", "- - - a", "a: - b", "{,}", "[,]",
		"a: x\n  y\n\n  z", "a: \"x\n\n  y\"", "a: 'x\n y'", "a: \"x\\\n  y\"", "\x00", "\xff", "a: \ufeff", "a: \u0085", "a: \u2028b", "&a", "*", "!", "@", "`", "a: |\n  x\n\n\n", "a: >-\n  x\n    y\n  z\n",
	} {
		all = append(all, []byte(text))
	}
	return all
}

func FuzzParse(f *testing.F) {
	for _, text := range seeds(f) {
		f.Add(text)
	}
	f.Fuzz(checkParse)
}

// TestDamaged reads the whole recipe cut off at many places, and with characters that
// mean something to YAML put in or in place of others.
func TestDamaged(t *testing.T) {
	for i := 0; i < len(whole); i += 3 {
		checkParse(t, []byte(whole[:i]))
		insert := []string{":", ": ", "\n", " ", "'", "\"", "[", "}", "-", "#", "|", "&", "\xc3", "\t", ","}
		checkParse(t, []byte(whole[:i]+insert[i%len(insert)]+whole[i:]))
		checkParse(t, []byte(whole[:i]+insert[(i/7)%len(insert)]+whole[i+1:]))
	}
}

// TestLarge reads long texts of the kinds that take a YAML reader longest: without
// the limits of checkTokens some of them take minutes, and some overflow the stack.
func TestLarge(t *testing.T) {
	fill := func(unit string) string { return strings.Repeat(unit, maxBytes/8/len(unit)) }
	for _, text := range []string{
		fill("a"), fill("["), fill("{a: "), fill("- "), fill("? "), fill("a: "), fill("a:\n"), fill("- a\n"), fill("\"a\" "),
		"a: [" + fill("[],") + "]", "a: [" + fill("b, ") + "]", "a: \"" + fill("\\n") + "\"", "a: '" + fill("''") + "'",
		"a: |\n" + fill(" a\n"), "a: >\n" + fill(" a\n"), "a: x" + fill("\n y"), fill("&a "), fill("*a "), fill("!a "), fill("#\n"), fill("\n"), fill(" "), fill("\t"), fill("\xff"), fill("<"), fill("a\xffb\n"), fill("::\n"), fill("a:\n- b\n"),
		fill("-\n"), fill("- -\n"), fill("- a:\n"), fill("{a,}\n"), "{" + fill("a,") + "}", "{" + fill("a: ,") + "}", fill("- {a: b}\n"), fill("- [a: ]\n"),
	} {
		checkParse(t, []byte(text))
	}
	if _, err := fakeReader().Parse("f", make([]byte, maxBytes+1)); err == nil || !strings.HasPrefix(err.Error(), "Q002") {
		t.Errorf("too long: %v", err)
	}
	many := strings.Repeat("a: 1\n", maxKeys+1)
	if _, err := fakeReader().Parse("f", []byte(many)); err == nil || !strings.HasPrefix(err.Error(), "Q002") {
		t.Errorf("too many keys: %v", err)
	}
}
