package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestREADMEShowsWhatTheDemoPrints runs the commands that the README shows and
// compares what they print; seconds, rates and memory may differ. `make demo` must
// run just these commands.
func TestREADMEShowsWhatTheDemoPrints(t *testing.T) {
	readme := readText(t, "../../README.md")
	commands, printed := demoBlock(t, readme)
	if made := demoTarget(readText(t, "../../Makefile")); !slices.Equal(made, commands) {
		t.Errorf("make demo runs\n%s\nthe README shows\n%s", strings.Join(made, "\n"), strings.Join(commands, "\n"))
	}
	dir := filepath.Join(t.TempDir(), "examples", "flights")
	if err := os.CopyFS(dir, os.DirFS("../../examples/flights")); err != nil {
		t.Fatal(err)
	}
	os.RemoveAll(filepath.Join(dir, "out"))
	t.Chdir(filepath.Dir(filepath.Dir(dir)))
	for i, c := range commands {
		var both bytes.Buffer
		app := newApp(&both, &both)
		app.program = "build/quern"
		if code := app.run(context.Background(), strings.Fields(c)[1:]); code != 0 {
			t.Fatalf("%s: exit code %d\n%s", c, code, &both)
		}
		if got, want := measured(both.String()), measured(printed[i]); got != want {
			t.Errorf("$ %s\n%s\nthe README says\n%s", c, both.String(), printed[i])
		}
	}
}

// TestREADMEQuotesTheExample: the part of the recipe that the README shows is in it.
func TestREADMEQuotesTheExample(t *testing.T) {
	_, rest, _ := strings.Cut(readText(t, "../../README.md"), "```yaml\n")
	block, _, ok := strings.Cut(rest, "```")
	recipe := readText(t, "../../examples/flights/recipe.yaml")
	if !ok || len(block) < 100 {
		t.Fatal("no recipe in the README")
	}
	example := map[string]bool{}
	for line := range strings.Lines(recipe) {
		example[withoutComment(line)] = true
	}
	for line := range strings.Lines(block) {
		if !example[withoutComment(line)] {
			t.Errorf("the example has no line %q", line)
		}
	}
}

// withoutComment returns a line of YAML without its comment.
func withoutComment(line string) string {
	line, _, _ = strings.Cut(line, " #")
	return strings.TrimRight(line, " \n")
}

func readText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// demoBlock returns the commands of the README's first block with prompts, and
// what follows each.
func demoBlock(t *testing.T, readme string) (commands, printed []string) {
	t.Helper()
	_, rest, _ := strings.Cut(readme, "```\n$ ")
	block, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("the README shows no commands")
	}
	for part := range strings.SplitSeq("\n"+block, "\n$ ") {
		command, output, _ := strings.Cut(strings.TrimPrefix(part, "\n"), "\n")
		commands = append(commands, command)
		printed = append(printed, strings.TrimSuffix(output, "\n")+"\n")
	}
	return commands, printed
}

// demoTarget returns the commands that `make demo` runs.
func demoTarget(makefile string) (commands []string) {
	_, rest, _ := strings.Cut(makefile, "\ndemo:")
	for line := range strings.Lines(rest) {
		if strings.HasPrefix(line, "\tbuild/quern ") {
			commands = append(commands, strings.TrimSpace(line))
		} else if strings.TrimSpace(line) == "" {
			break
		}
	}
	return commands
}

// measured blanks what differs from run to run.
func measured(s string) string {
	return regexp.MustCompile(`[0-9.]+ s, [0-9,]+ rows/s, [0-9.]+ [GMk]B/s, (\S+), peak [0-9,]+ MiB`).ReplaceAllString(s, "...")
}
