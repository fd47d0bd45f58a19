package quern_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// namedFiles returns the names of Go files in backquotes, with their folders or without.
func namedFiles(text string) (names []string) {
	for _, found := range regexp.MustCompile("`([a-z0-9_./-]+\\.go)`").FindAllStringSubmatch(text, -1) {
		names = append(names, found[1])
	}
	return names
}

// TestDocumentsNameFilesThatExist: a Go file that a document names is there; one without its
// folder, somewhere.
func TestDocumentsNameFilesThatExist(t *testing.T) {
	there := map[string]bool{}
	for path := range goFiles(t) {
		there[filepath.ToSlash(path)], there[filepath.Base(path)] = true, true
	}
	named := 0
	for path := range files(t, ".md") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range namedFiles(string(text)) {
			if named++; !there[strings.TrimPrefix(name, "./")] {
				t.Errorf("%s names %s, which does not exist", path, name)
			}
		}
	}
	if named < 20 {
		t.Errorf("only %d files are named: the pattern finds them no more", named)
	}
}
