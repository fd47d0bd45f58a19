package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// TestBrokenRecipes checks recipes that people get wrong: those of testdata/broken
// whose mistakes need the data's schema against golden files that show what `quern
// check` prints, and those of the recipe reader's own tests too. Each mistake has a
// code, a line, a column and carets; the exit code is 2.
func TestBrokenRecipes(t *testing.T) {
	own, err := filepath.Glob(filepath.Join("testdata", "broken", "*.yaml"))
	if err != nil || len(own) < 25 {
		t.Fatalf("%d broken recipes, %v", len(own), err)
	}
	readers, err := filepath.Glob(filepath.Join("..", "..", "pipeline", "recipe", "testdata", "broken", "*.yaml"))
	if err != nil || len(readers) < 25 {
		t.Fatalf("%d broken recipes of the reader, %v", len(readers), err)
	}
	texts, goldens := map[string][]byte{}, map[string]string{}
	for _, path := range append(own, readers...) {
		if texts[path], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range own {
		goldens[path], _ = filepath.Abs(strings.TrimSuffix(path, ".yaml") + ".txt")
	}
	workFolder(t)
	writeUnusable(t)
	for path, text := range texts {
		t.Run(filepath.Base(path), func(t *testing.T) {
			if err := os.WriteFile("recipe.yaml", text, 0o644); err != nil {
				t.Fatal(err)
			}
			checkBroken(t, goldens[path])
		})
	}
}

// checkBroken checks recipe.yaml.
func checkBroken(t *testing.T, golden string) {
	out, talk, code := runQuern(t, "check", "recipe.yaml")
	if code != 2 || out != "" {
		t.Errorf("exit code %d, standard output %q:\n%s", code, out, talk)
	}
	mistakes := regexp.MustCompile(`(?m)^Q\d{3} `).FindAllStringIndex(talk, -1)
	places := regexp.MustCompile(`(?m)^ +--> recipe\.yaml:\d+:\d+$`).FindAllStringIndex(talk, -1)
	carets := regexp.MustCompile(`(?m)^ +\| +\^+`).FindAllStringIndex(talk, -1)
	if len(mistakes) == 0 || len(places) != len(mistakes) || golden != "" && len(carets) != len(mistakes) {
		t.Errorf("%d mistakes at %d places with %d carets:\n%s", len(mistakes), len(places), len(carets), talk)
	}
	if golden == "" {
		return
	}
	if *rewrite {
		if err := os.WriteFile(golden, []byte(talk), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if talk != string(want) {
		t.Errorf("got\n%s\nwant\n%s", talk, want)
	}
}

// writeUnusable writes a Parquet file with a column that quern cannot use, and one that
// no key can be of.
func writeUnusable(t *testing.T) {
	t.Helper()
	type row struct {
		N      int64   `parquet:"n"`
		Price  int64   `parquet:"price,decimal(2:12)"`
		Weight float64 `parquet:"weight"`
	}
	if err := parquet.WriteFile("unusable.parquet", []row{{1, 100, 1.5}, {2, 250, 2.5}}); err != nil {
		t.Fatal(err)
	}
}
