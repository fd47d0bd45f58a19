package diag_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"quern/features/diag"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the golden files")

// at makes a place on a line of recipe.yaml whose text has ‹ before and › after the
// span, so that the tests show what is meant.
func at(line int, marked string) diag.Place {
	before, rest, _ := strings.Cut(marked, "‹")
	span, after, _ := strings.Cut(rest, "›")
	return diag.Place{
		File: "recipe.yaml", Line: line, Column: utf8.RuneCountInString(before) + 1,
		Width: utf8.RuneCountInString(span), Text: before + span + after,
	}
}

// drawings are errors by the name of their golden file.
func drawings() map[string]error {
	unknown := diag.New("Q031", `unknown column "origni" in features[2]`).
		At(at(14, "  - columns: [‹origni›]")).WithHint(`did you mean "origin"?`)
	failed := diag.New("Q201", "column delay holds text").At(at(3, "keep: [‹delay›]")).
		In(diag.Data{File: "flights.parquet", RowGroup: 3, Row: 1204, Column: "delay"})
	failed.Next = "quern cat flights.parquet"
	long := strings.Repeat("abcdefghi ", 40)
	return map[string]error{
		"simple":     unknown,
		"no_hint":    diag.New("Q009", "missing key").At(at(1, "‹features›: []")),
		"no_place":   diag.New("Q009", "missing key").WithHint("add it"),
		"no_text":    diag.New("Q009", "missing key").At(diag.Place{File: "r.yaml", Line: 7, Column: 2}).WithHint("add it"),
		"no_file":    diag.New("Q101", "missing )").At(diag.Place{Line: 1, Column: 8, Width: 1, Text: "log1p(x"}),
		"data":       failed,
		"data_only":  diag.New("Q202", "damaged").In(diag.Data{File: "a.csv", RowGroup: -1, Row: 9, Column: ""}),
		"cause":      diag.New("Q401", "cannot open r.yaml").Because(errors.New("permission denied")),
		"list":       diag.List{unknown, diag.New("Q008", "unknown key").At(at(99, "‹kep›: []")), unknown},
		"joined":     errors.Join(unknown, errors.New("disk on fire")),
		"wrapped":    fmt.Errorf("operator clip: %w", unknown),
		"other":      errors.New("flag --x:\nnot known"),
		"tab":        diag.New("Q004", "tab").At(at(2, "a:\tb\t‹ccc›\td")),
		"wide":       diag.New("Q008", "unknown").At(at(2, "名前: [‹東京›, e\u0301\u0301‹›]")).WithHint("here"),
		"combining":  diag.New("Q008", "unknown").At(at(2, "cafe\u0301: ‹x›")),
		"past_end":   diag.New("Q001", "cut short").At(diag.Place{File: "r.yaml", Line: 5, Column: 99, Width: 3, Text: "a: ["}),
		"long_left":  diag.New("Q008", "unknown").At(at(2, "‹here›: "+long)).WithHint("left"),
		"long_mid":   diag.New("Q008", "unknown").At(at(2, long+"‹here› "+long)).WithHint("middle"),
		"long_right": diag.New("Q008", "unknown").At(at(2, long+"‹here›")).WithHint("right"),
		"long_span":  diag.New("Q008", "unknown").At(at(2, "a: ‹"+long+"›")).WithHint("all of it"),
		"long_wide":  diag.New("Q008", "unknown").At(at(2, strings.Repeat("東", 100)+"‹here›"+strings.Repeat("京", 100))),
		"big_line":   diag.New("Q008", "unknown").At(at(12345, "‹here›: 1")).WithHint("x"),
		"control":    diag.New("Q008", "unknown \x1b[31mred\u202e").At(at(2, "a: \x1b[31m‹red›\x00")).WithHint("\abell"),
	}
}

func TestDraw(t *testing.T) {
	for name, err := range drawings() {
		t.Run(name, func(t *testing.T) {
			var got strings.Builder
			diag.Draw(&got, err, false)
			golden(t, filepath.Join("testdata", "draw", name+".txt"), got.String())
		})
	}
	var got strings.Builder
	diag.Draw(&got, drawings()["data"], true)
	golden(t, filepath.Join("testdata", "draw", "color.txt"), strings.ReplaceAll(got.String(), "\x1b", "ESC"))
	got.Reset()
	diag.Draw(&got, nil, false)
	if got.String() != "" {
		t.Errorf("nil draws %q", got.String())
	}
}

// golden compares got with a file, or writes the file.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *rewrite {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
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

// TestDrawCarets checks on a plain line that the carets stand under the span, for
// every place and width, and that what is shown fits.
func TestDrawCarets(t *testing.T) {
	for _, length := range []int{1, 31, 91, 92, 93, 94, 200} {
		text := strings.Repeat("0123456789", 20)[:length]
		for column := 1; column <= length; column++ {
			for _, width := range []int{1, 2, 40, length} {
				var b strings.Builder
				e := diag.New("Q001", "x").At(diag.Place{Line: 1, Column: column, Width: width, Text: text})
				diag.Draw(&b, e, false)
				lines := strings.Split(b.String(), "\n")
				source, carets := []rune(lines[2]), []rune(lines[3])
				first := strings.IndexByte(lines[3], '^')
				if len(source) > 100 || len(carets) > 100 || first < 0 {
					t.Fatalf("length %d column %d width %d:\n%s", length, column, width, b.String())
				}
				if got, want := source[first], rune(text[column-1]); got != want {
					t.Fatalf("length %d column %d width %d: caret under %q, want %q\n%s", length, column, width, got, want, b.String())
				}
			}
		}
	}
}
