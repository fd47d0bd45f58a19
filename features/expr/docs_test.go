package expr

import (
	"os"
	"strings"
	"testing"
)

// TestMarkdownIsFresh compares docs/EXPRESSIONS.md with the functions.
func TestMarkdownIsFresh(t *testing.T) {
	const path = "../../docs/EXPRESSIONS.md"
	if *rewrite {
		if err := os.WriteFile(path, Markdown(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(Markdown()) {
		t.Error("docs/EXPRESSIONS.md is stale: -rewrite writes it")
	}
}

// TestExamplesParse: the expressions that the page shows are expressions.
func TestExamplesParse(t *testing.T) {
	_, rest, _ := strings.Cut(string(Markdown()), "```\n")
	block, _, _ := strings.Cut(rest, "```")
	examples := 0
	for line := range strings.Lines(block) {
		if _, err := Parse(strings.TrimSpace(line)); err != nil {
			t.Errorf("%s: %v", line, err)
		}
		examples++
	}
	if examples < 3 {
		t.Errorf("%d examples", examples)
	}
}
