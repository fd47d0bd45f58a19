package features

import (
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestMarkdownIsFresh compares docs/OPERATORS.md with the catalogue.
func TestMarkdownIsFresh(t *testing.T) {
	const path = "../docs/OPERATORS.md"
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
		t.Errorf("docs/OPERATORS.md is stale (-rewrite writes it):\n%s", firstDifference(string(got), string(Markdown())))
	}
}

// TestEntriesAreDocumented: every field of every Doc says something, the options
// are those of the struct in its order, and the example is a step that decodes.
func TestEntriesAreDocumented(t *testing.T) {
	previous := ""
	for _, e := range Catalogue() {
		t.Run(e.Name, func(t *testing.T) {
			if e.Name <= previous {
				t.Errorf("not in ascending order after %s", previous)
			}
			previous = e.Name
			doc := reflect.ValueOf(e.Doc)
			for i := range doc.NumField() {
				name, value := doc.Type().Field(i).Name, doc.Field(i)
				if value.Kind() == reflect.String && strings.TrimSpace(value.String()) == "" {
					t.Errorf("Doc.%s is empty", name)
				}
			}
			var documented, declared []string
			for _, o := range e.Doc.Options {
				documented = append(documented, o.Key)
				if o.Type == "" || o.Default == "" || o.Doc == "" {
					t.Errorf("option %s is not documented in full", o.Key)
				}
			}
			for _, f := range optionFields(reflect.TypeOf(e.New()).Elem()) {
				declared = append(declared, f.key)
			}
			if !slices.Equal(documented, declared) {
				t.Errorf("documented options %v, declared options %v", documented, declared)
			}
			if _, err := parseStep(e.Doc.Example); err != nil {
				t.Errorf("example %q: %v", e.Doc.Example, err)
			}
		})
	}
}

// TestSamplesBindAndRoundTrip: every sample binds to its types, and its options
// survive Encode and Decode.
func TestSamplesBindAndRoundTrip(t *testing.T) {
	for _, e := range Catalogue() {
		for _, s := range e.Samples() {
			t.Run(e.Name+"/"+s.Name, func(t *testing.T) {
				if _, err := Bind(s.Operator, s.Fields()); err != nil {
					t.Fatal(err)
				}
				options := map[string]any{}
				for _, o := range Encode(s.Operator, e.New()) {
					options[o.Key] = o.Value
				}
				again := e.New()
				if mistakes := Decode(again, options); len(mistakes) > 0 {
					t.Fatal(mistakes[0])
				}
				if left := Encode(s.Operator, again); len(left) > 0 {
					t.Errorf("options %v became %#v", options, again)
				}
			})
		}
	}
}

// TestTextWraps: no line of the terminal form is wider than asked for, unless it is one word or code.
func TestTextWraps(t *testing.T) {
	for _, e := range Catalogue() {
		text := e.Text(60)
		for _, r := range e.Doc.rules() {
			if !strings.Contains(strings.Join(strings.Fields(text), " "), strings.Join(strings.Fields(r.text), " ")) {
				t.Errorf("%s: the rule for %s is not printed", e.Name, r.title)
			}
		}
		for _, line := range strings.Split(wrapText(e.Doc.Does, "   ", 60), "\n") {
			if len([]rune(line)) > 60 && strings.Contains(strings.TrimSpace(line), " ") {
				t.Errorf("%s: a line has %d columns: %q", e.Name, len([]rune(line)), line)
			}
		}
	}
}
