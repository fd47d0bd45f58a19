package recipe

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quern/features/diag"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the golden files")

// TestBroken reads recipes that people get wrong and compares what they are told
// with a file beside each. Rewrite with -rewrite and read the difference as the
// person would.
func TestBroken(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "broken", "*.yaml"))
	if err != nil || len(files) < 30 {
		t.Fatalf("%d broken recipes, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, err = fakeReader().Parse(filepath.Base(file), text)
			list, ok := err.(diag.List)
			if !ok {
				t.Fatalf("reads without a mistake, or with %T", err)
			}
			for _, e := range list {
				checkError(t, e, filepath.Base(file))
			}
			var drawn strings.Builder
			diag.Draw(&drawn, err, false)
			golden(t, strings.TrimSuffix(file, ".yaml")+".txt", drawn.String())
		})
	}
}

// checkError checks what every error of a recipe has: a catalogued code of a wrong
// recipe (exit 2), a place in the file, and a caret run within its line.
func checkError(t *testing.T, e *diag.Error, file string) {
	t.Helper()
	entry, ok := diag.Lookup(e.Code)
	if !ok || entry.Class != diag.Usage {
		t.Errorf("%v: code is not catalogued as a mistake of the user's", e)
	}
	p := e.Place
	if p.File != file || p.Line < 1 || p.Column < 1 || p.Width < 1 || p.Column-1 > len([]rune(p.Text)) {
		t.Errorf("%v: bad place %+v", e, p)
	}
}

// golden compares got with a file, or writes the file.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *rewrite {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s:\n got:\n%s\nwant:\n%s", path, got, want)
	}
}
