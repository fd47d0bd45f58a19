package diag

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// unusedYet lists catalogued codes that no code raises, each with the reason why it
// is kept. Empty it; never add to it to silence the test.
func unusedYet() map[Code]string {
	return map[Code]string{}
}

// TestListsKeepToTheirRanges checks order, uniqueness, exit codes and that every
// entry explains itself.
func TestListsKeepToTheirRanges(t *testing.T) {
	usage, given := []Class{Usage}, []Class{BadData, Unavailable}
	all := []Class{Failed, Usage, BadData, Unavailable}
	for _, list := range []struct {
		from, to Code
		classes  []Class
		entries  []Entry
	}{
		{"Q001", "Q099", usage, recipeCodes()},
		{"Q101", "Q149", usage, exprCodes()},
		{"Q201", "Q299", given, dataCodes()},
		{"Q301", "Q349", given, modelCodes()},
		{"Q401", "Q499", all, runCodes()},
		{"Q501", "Q599", all, commandCodes()},
		{"Q601", "Q649", usage, requestCodes()},
		{"Q625", "Q629", usage, packedCodes()},
		{"Q651", "Q659", all, segmentCodes()},
		{"Q660", "Q669", all, viewCodes()},
		{"Q671", "Q684", all, overlayCodes()},
		{"Q685", "Q692", all, auditCodes()},
		{"Q693", "Q695", all, clientCodes()},
		{"Q501", "Q549", []Class{Failed, Usage, BadData, Unavailable}, commandCodes()},
	} {
		last := Code("")
		for _, e := range list.entries {
			if e.Code <= last {
				t.Errorf("%s comes after %s: codes ascend and are unique", e.Code, last)
			}
			last = e.Code
			if e.Code < list.from || e.Code > list.to {
				t.Errorf("%s is out of its list's range %s to %s", e.Code, list.from, list.to)
			}
			if !slices.Contains(list.classes, e.Class) {
				t.Errorf("%s has class %d, not one of %v", e.Code, e.Class, list.classes)
			}
			checkProse(t, e)
		}
	}
}

// checkProse checks that an entry says enough, in sentences.
func checkProse(t *testing.T, e Entry) {
	t.Helper()
	if e.Title == "" || strings.HasSuffix(e.Title, ".") {
		t.Errorf("%s: the title is a noun phrase, not %q", e.Code, e.Title)
	}
	for _, text := range []string{e.Explain, e.Next} {
		if len(text) < 15 || !strings.HasSuffix(text, ".") {
			t.Errorf("%s: write full sentences, not %q", e.Code, text)
		}
	}
}

// TestEveryCodeIsCatalogued reads all Go files of the repository: each code that
// they raise is in the catalogue, and each of the catalogue is raised.
func TestEveryCodeIsCatalogued(t *testing.T) {
	used := usedCodes(t)
	if len(used) < 15 {
		t.Fatalf("only %d codes found: the walk is broken", len(used))
	}
	for code, file := range used {
		if _, ok := Lookup(code); !ok {
			t.Errorf("%s raises %s, which no list of features/diag/codes_*.go explains", file, code)
		}
	}
	for _, e := range Catalogue() {
		_, raised := used[e.Code]
		_, excused := unusedYet()[e.Code]
		if !raised && !excused {
			t.Errorf("%s is catalogued but nothing raises it", e.Code)
		}
		if raised && excused {
			t.Errorf("%s is raised: take it out of unusedYet", e.Code)
		}
	}
}

// usedCodes returns the codes that stand as literals in Go files other than tests
// and the catalogue, with one file that has each.
func usedCodes(t *testing.T) map[Code]string {
	literal := regexp.MustCompile(`"(Q[0-9]{3})"`)
	used := map[Code]string{}
	err := filepath.WalkDir(filepath.Join("..", ".."), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || d.Name() == ".git") {
			return fs.SkipDir
		}
		catalogue := strings.HasPrefix(d.Name(), "codes_")
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || catalogue {
			return nil
		}
		text, err := os.ReadFile(path)
		for _, m := range literal.FindAllSubmatch(text, -1) {
			used[Code(m[1])] = path
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return used
}
