package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"quern/features"
)

// TestREADMEShowsWhatTheDemoPrints runs the commands that the README shows and
// compares what they print; seconds, rates and memory may differ. `make demo` must
// run just these commands.
func TestREADMEShowsWhatTheDemoPrints(t *testing.T) {
	readme := readText(t, "../../README.md")
	commands, printed := block(t, readme)
	if made := demoTarget(readText(t, "../../Makefile")); !slices.Equal(made, commands) {
		t.Errorf("make demo runs\n%s\nthe README shows\n%s", strings.Join(made, "\n"), strings.Join(commands, "\n"))
	}
	copyExample(t)
	for i, c := range commands {
		same(t, c, runBoth(t, c), printed[i])
	}
}

// TestREADMEServes runs the commands of the README's section on looking features up, with a
// server of this process in the place of the one that it starts.
func TestREADMEServes(t *testing.T) {
	_, section, _ := strings.Cut(readText(t, "../../README.md"), "\n## Look features up online\n")
	commands, printed := block(t, section)
	copyExample(t)
	runBoth(t, "quern fit examples/flights/recipe.yaml")
	runBoth(t, "quern publish examples/flights/flights.quern --store examples/flights/out/views")
	s := &script{t: t}
	for i, c := range commands {
		switch args := words(c); {
		case strings.HasSuffix(c, " &"):
			if err := s.serving(args[1 : len(args)-1]); err != nil {
				t.Fatal(err)
			}
			same(t, c, s.server.talk.said(), printed[i])
		case args[0] == "curl":
			_, path, _ := strings.Cut(args[1], "/")
			if err := s.ask("/"+path, args[3]); err != nil {
				t.Fatal(err)
			}
			same(t, c, strings.TrimPrefix(s.out.String(), "  200 "), strings.ReplaceAll(measured(printed[i]), "VERSION", "VERSION-1"))
		default:
			same(t, c, runBoth(t, c), printed[i])
		}
	}
	if err := s.serving([]string{"stop"}); err != nil {
		t.Fatal(err)
	}
}

// TestServingGuideWorks makes the calls of docs/SERVING.md that are about the example.
func TestServingGuideWorks(t *testing.T) {
	guide := readText(t, "../../docs/SERVING.md")
	copyExample(t)
	runBoth(t, "quern fit examples/flights/recipe.yaml")
	runBoth(t, "quern publish examples/flights/flights.quern --store views")
	s := &script{t: t}
	if err := s.serving([]string{"serve", "--store", "views"}); err != nil {
		t.Fatal(err)
	}
	calls := regexp.MustCompile(`(?m)^curl localhost:6566(\S+) -d '(.*origin.*)'$`).FindAllStringSubmatch(guide, -1)
	for _, call := range calls {
		if err := s.ask(call[1], call[2]); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.serving([]string{"stop"}); err != nil {
		t.Fatal(err)
	}
	if len(calls) < 2 || strings.Count(s.out.String(), "  200 ") != len(calls) {
		t.Errorf("%d calls:\n%s", len(calls), &s.out)
	}
}

// copyExample makes the current folder one with a fresh copy of the example in it.
func copyExample(t *testing.T) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "examples", "flights")
	if err := os.CopyFS(dir, os.DirFS("../../examples/flights")); err != nil {
		t.Fatal(err)
	}
	os.RemoveAll(filepath.Join(dir, "out"))
	t.Chdir(filepath.Dir(filepath.Dir(dir)))
}

// runBoth runs a command line of the README and returns all that it prints.
func runBoth(t *testing.T, command string) string {
	t.Helper()
	var both bytes.Buffer
	app := newApp(&both, &both)
	app.program = "build/quern"
	if code := app.run(context.Background(), strings.Fields(command)[1:]); code != 0 {
		t.Fatalf("%s: exit code %d\n%s", command, code, &both)
	}
	return both.String()
}

// same compares what a command prints with what the README says.
func same(t *testing.T, command, got, want string) {
	t.Helper()
	if measured(got) != measured(want) {
		t.Errorf("$ %s\n%s\nthe README says\n%s", command, got, want)
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

// TestREADMENamesOperatorsAndCommands: the README's list of steps is the catalogue, and its
// tables name every command.
func TestREADMENamesOperatorsAndCommands(t *testing.T) {
	readme := readText(t, "../../README.md")
	_, rest, _ := strings.Cut(readme, "**Steps** are ")
	list, _, _ := strings.Cut(rest, ";")
	named := regexp.MustCompile(`[a-z0-9_]+`).FindAllString(strings.Replace(list, " and ", ", ", 1), -1)
	var operators []string
	for _, e := range features.Catalogue() {
		operators = append(operators, e.Name)
	}
	if !slices.Equal(named, operators) {
		t.Errorf("the README lists the steps\n%v\nnot\n%v", named, operators)
	}
	for _, c := range newApp(io.Discard, io.Discard).root().Commands() {
		if !slices.Contains([]string{"completion", "help", "version"}, c.Name()) && !strings.Contains(readme, "`quern "+c.Name()) {
			t.Errorf("the README does not name quern %s", c.Name())
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

// block returns the commands of a text's first block with prompts, and what follows each.
func block(t *testing.T, readme string) (commands, printed []string) {
	t.Helper()
	_, rest, _ := strings.Cut(readme, "```\n$ ")
	text, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("the README shows no commands")
	}
	for part := range strings.SplitSeq("\n"+text, "\n$ ") {
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
	s = regexp.MustCompile(`[0-9.]+ s, [0-9,]+ rows/s, [0-9.]+ [GMk]B/s, (\S+, )?peak [0-9,]+ MiB`).ReplaceAllString(s, "...")
	s = regexp.MustCompile(`http://127\.0\.0\.1:\d+`).ReplaceAllString(s, "http://ADDRESS")
	return regexp.MustCompile(`\b\d{8}-\d{6}-[0-9a-f]{8}\b`).ReplaceAllString(s, "VERSION")
}
