package recipe

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"quern/features"
)

// TestPageNamesEveryKey: docs/RECIPE.md names every key that the reader knows, every word
// that a key takes, and shows a recipe that can be read.
func TestPageNamesEveryKey(t *testing.T) {
	text, err := os.ReadFile("../../docs/RECIPE.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	words := append(knownKeys(t), features.Presets()...)
	for _, choices := range [][]string{Codec("").Values(), DType("").Values(), Encoding("").Values(), Layout("").Values(), TensorFormat("").Values()} {
		words = append(words, choices...)
	}
	for _, f := range formats() {
		words = append(words, string(f))
	}
	for _, word := range words {
		if !regexp.MustCompile("`([a-z]+\\.)?" + word + "(\\.[a-z]+)?`").MatchString(page) {
			t.Errorf("docs/RECIPE.md does not name `%s`", word)
		}
	}
	_, rest, _ := strings.Cut(page, "```yaml\n")
	example, _, _ := strings.Cut(rest, "```")
	if _, err := Parse("docs/RECIPE.md", []byte(example)); err != nil || example == "" {
		t.Errorf("the page's recipe: %v", err)
	}
}

// knownKeys returns the keys that the package's mappings have, as its source names them.
func knownKeys(t *testing.T) (keys []string) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range regexp.MustCompile(`(?:\{|note\()"([a-z_]+)", `).FindAllStringSubmatch(string(text), -1) {
			keys = append(keys, found[1])
		}
	}
	if len(keys) < 30 {
		t.Errorf("only %d keys are found: the pattern finds them no more", len(keys))
	}
	return keys
}
