package expr

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"quern/features/column"
	"quern/features/diag"
	"quern/features/program"
)

var rewrite = flag.Bool("rewrite", false, "write testdata/broken.txt anew")

// tree writes a node with all its parentheses.
func tree(n *node) string {
	switch n.kind {
	case literalNode:
		return string(appendLiteral(nil, n.typ, n.value))
	case nameNode:
		return n.key()
	}
	var args []string
	for _, a := range n.args {
		args = append(args, tree(a))
	}
	return "(" + strings.Join(append([]string{n.text}, args...), " ") + ")"
}

func TestPrecedence(t *testing.T) {
	for _, c := range [][3]string{ // text, tree, canonical text
		{"a or b and c", "(or a (and b c))", "a or b and c"},
		{"(a or b) and c", "(and (or a b) c)", "(a or b) and c"},
		{"a or b or c", "(or (or a b) c)", "a or b or c"},
		{"a or (b or c)", "(or a (or b c))", "a or (b or c)"},
		{"not a and b", "(and (not a) b)", "not a and b"},
		{"not (a and b)", "(not (and a b))", "not (a and b)"},
		{"not not a", "(not (not a))", "not not a"},
		{"not a = b", "(not (= a b))", "not a = b"},
		{"(not a) = b", "(= (not a) b)", "(not a) = b"},
		{"a = b and c<>d", "(and (= a b) (!= c d))", "a = b and c != d"},
		{"a == b", "(= a b)", "a = b"},
		{"a + b < c - d", "(< (+ a b) (- c d))", "a + b < c - d"},
		{"a - b - c", "(- (- a b) c)", "a - b - c"},
		{"a - (b - c)", "(- a (- b c))", "a - (b - c)"},
		{"a + b * c", "(+ a (* b c))", "a + b * c"},
		{"(a + b) * c", "(* (+ a b) c)", "(a + b) * c"},
		{"a / b // c % d", "(% (// (/ a b) c) d)", "a / b // c % d"},
		{"a * (b / c)", "(* a (/ b c))", "a * (b / c)"},
		{"-a * b", "(* (- a) b)", "-a * b"},
		{"-(a * b)", "(- (* a b))", "-(a * b)"},
		{"a - -b", "(- a (- b))", "a - -b"},
		{"--a", "(- (- a))", "- -a"},
		{"-(-3)", "3", "3"},
		{"a--3", "(- a -3)", "a - -3"},
		{"2-1", "(- 2 1)", "2 - 1"},
		{"-9223372036854775808", "-9223372036854775808", "-9223372036854775808"},
		{"a is null = b", "", ""},
		{"(a is null) = b", "(= (is null a) b)", "(a is null) = b"},
		{"a + b is not null", "(is not null (+ a b))", "a + b is not null"},
		{"a in (1, 2 + 3) or b", "(or (in a 1 (+ 2 3)) b)", "a in (1, 2 + 3) or b"},
		{"a not in (b or c)", "(not in a (or b c))", "a not in (b or c)"},
		{"a between b and c and d", "(and (between a b c) d)", "a between b and c and d"},
		{"a not between b + 1 and c", "(not between a (+ b 1) c)", "a not between b + 1 and c"},
		{"a between (b and c) and d", "(between a (and b c) d)", "a between (b and c) and d"},
		{"if(a, b, c) + f()", "(+ (if a b c) (f))", "if(a, b, c) + f()"},
		{"features.x + `features`", "(+ features.x features)", "features.x + features"},
		{"`a b` + `not` + `x``y` + features.`in`", "(+ (+ (+ a b not) x`y) features.in)", "`a b` + `not` + `x``y` + features.`in`"},
		{`'it''s' = 'it\'s'`, "(= 'it''s' 'it''s')", "'it''s' = 'it''s'"},
		{`'\x00\xff\u00e9\n\\\t\r\0'`, `'\0\xffé\n\\\t\r\0'`, `'\0\xffé\n\\\t\r\0'`},
		{"1e6 + 1.50 + 0.0 + 1e-7", "(+ (+ (+ 1e+06 1.5) 0.0) 1e-07)", "1e+06 + 1.5 + 0.0 + 1e-07"},
		{"date('2001-06-01') < datetime('2001-06-01 17:30')", "(< date('2001-06-01') datetime('2001-06-01T17:30:00'))", "date('2001-06-01') < datetime('2001-06-01T17:30:00')"},
		{"timestamp('2001-06-01T02:00:00.50+02:00')", "timestamp('2001-06-01T00:00:00.5Z')", "timestamp('2001-06-01T00:00:00.5Z')"},
		{"größe\n > 1", "(> größe 1)", "größe > 1"},
	} {
		e, err := Parse(c[0])
		if c[1] == "" {
			if err == nil {
				t.Errorf("%s parses as %s", c[0], tree(e.root))
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c[0], err)
			continue
		}
		if got := tree(e.root); got != c[1] || e.String() != c[2] {
			t.Errorf("%s: %s, %s", c[0], got, e)
		}
	}
}

// brokenSchema is what the expressions of testdata/broken.txt may name.
func brokenSchema() column.Schema {
	return column.Schema{
		{Name: "delay", Type: column.Int32}, {Name: "distance", Type: column.Float32}, {Name: "origin", Type: column.String},
		{Name: "date", Type: column.Datetime}, {Name: "day", Type: column.Date}, {Name: "seen", Type: column.Timestamp},
		{Name: "late", Type: column.Bool}, {Name: "features.speed", Type: column.Float64},
		{Name: "tags", Type: column.ListOf(column.String)}, {Name: "prices", Type: column.ListOf(column.Float32)}, {Name: "counts", Type: column.ListOf(column.Int32)},
		{Name: "odd", Type: column.Invalid},
	}
}

// mistakes returns everything that is wrong with text.
func mistakes(text string) diag.List {
	var list diag.List
	e, err := Parse(text)
	if err == nil {
		_, err = e.Check(columns{schema: brokenSchema()})
	}
	list.Add(err, "Q000")
	return list
}

// TestBroken compares what is said of the expressions in testdata/broken.txt. There, a
// line "> ..." is an expression, and what follows it is what the user reads.
func TestBroken(t *testing.T) {
	const file = "testdata/broken.txt"
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var now strings.Builder
	codes := map[diag.Code]bool{}
	cases := 0
	for _, line := range strings.Split(string(data), "\n") {
		if strings.HasPrefix(line, "#") || line == "" && now.Len() > 0 {
			fmt.Fprintln(&now, line)
		}
		if !strings.HasPrefix(line, "> ") {
			continue
		}
		fmt.Fprintln(&now, line)
		cases++
		list := mistakes(line[2:])
		if len(list) == 0 {
			t.Errorf("%s: nothing is wrong", line)
		}
		for _, e := range list {
			codes[e.Code] = true
			entry, ok := diag.Lookup(e.Code)
			if !ok || entry.Class != diag.Usage || e.Place.Line != 1 || e.Place.Text != line[2:] {
				t.Errorf("%s: bad error %+v", line, e)
			}
			fmt.Fprintf(&now, "  %s%s %s %s", strings.Repeat(" ", e.Place.Column-1), strings.Repeat("^", e.Place.Width), e.Code, e.Message)
			if e.Hint != "" {
				fmt.Fprintf(&now, "; %s", e.Hint)
			}
			fmt.Fprintln(&now)
		}
	}
	got := strings.TrimRight(now.String(), "\n") + "\n"
	if *rewrite {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if got != string(data) {
		t.Errorf("%s differs; now:\n%s", file, got)
	}
	if cases < 25 {
		t.Errorf("only %d cases", cases)
	}
	for _, entry := range diag.Catalogue() {
		if entry.Code > "Q100" && entry.Code < "Q150" && !codes[entry.Code] && entry.Code != "Q104" {
			t.Errorf("no case for %s", entry.Code)
		}
	}
}

func TestPlaceInSecondLine(t *testing.T) {
	list := mistakes("delay > 1 and\r\n  größe > `orgin`\n or late")
	if len(list) != 2 {
		t.Fatal(list)
	}
	want := diag.Place{Line: 2, Column: 11, Width: 7, Text: "  größe > `orgin`"}
	if list[1].Place != want || list[1].Hint != `did you mean "origin"?` {
		t.Errorf("%+v", list[1])
	}
}

func TestNames(t *testing.T) {
	e, err := Parse("größe + features.speed * `a b` - if(x, größe, 1)")
	if err != nil {
		t.Fatal(err)
	}
	want := []Name{
		{"größe", false, 0, 1, 1, 5}, {"features.speed", true, 10, 1, 9, 14}, {"a b", false, 27, 1, 26, 5},
		{"x", false, 38, 1, 37, 1}, {"größe", false, 41, 1, 40, 5},
	}
	if got := e.Names(); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
}

func TestLimits(t *testing.T) {
	repeat := strings.Repeat
	for _, c := range []struct {
		name, text string
		code       diag.Code
	}{
		{"text", "1" + repeat(" ", MaxBytes-1), ""},
		{"longer text", "1" + repeat(" ", MaxBytes), "Q104"},
		{"parentheses", repeat("(", MaxDepth-1) + "1" + repeat(")", MaxDepth-1), ""},
		{"more parentheses", repeat("(", MaxDepth) + "1" + repeat(")", MaxDepth), "Q104"},
		{"open parentheses", repeat("(", MaxBytes), "Q104"},
		{"calls", repeat("f(", MaxBytes/2), "Q104"},
		{"nots", repeat("not ", MaxBytes/4), "Q104"},
		{"signs", repeat("-", MaxBytes), "Q104"},
		{"parts", "1" + repeat("+1", MaxNodes/2-1), ""},
		{"more parts", "1" + repeat("+1", MaxNodes/2), "Q104"},
		{"list", "1 in (1" + repeat(",1", MaxNodes-3) + ")", ""},
	} {
		e, err := Parse(c.text)
		var one *diag.Error
		if errors.As(err, &one); c.code == "" && err != nil || c.code != "" && (one == nil || one.Code != c.code) {
			t.Errorf("%s: %v", c.name, err)
		}
		if err == nil {
			b := program.NewBuilder(nil)
			if _, err := e.Lower(b, columns{b: b}); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			if again, err := Parse(e.String()); err != nil || again.String() != e.String() {
				t.Errorf("%s: canonical text: %v", c.name, err)
			}
		}
	}
}

// A shared argument is one instruction, however deep it is nested.
func TestSharedArguments(t *testing.T) {
	text := "delay"
	for range 60 {
		text = "try_int(float(" + text + "))"
	}
	for range 30 {
		text = "int(" + text + " between 1 and 2)"
	}
	e, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	b := program.NewBuilder(brokenSchema())
	r, err := e.Lower(b, columns{brokenSchema(), b})
	if err != nil {
		t.Fatal(err)
	}
	b.Output("x", r, program.RoleFeature)
	if n := len(b.Finish().Code); n > 1000 {
		t.Errorf("%d instructions", n)
	}
}

// A name of type Invalid is another's mistake: nothing is said about it.
func TestPoison(t *testing.T) {
	e, err := Parse("if(odd > 1, odd + delay, hour(odd)) in (1, odd)")
	if err != nil {
		t.Fatal(err)
	}
	typ, err := e.Check(columns{schema: brokenSchema()})
	if typ != column.Invalid || err != nil {
		t.Error(typ, err)
	}
	if list := mistakes("odd + origin"); len(list) != 1 || list[0].Code != "Q114" {
		t.Error(list)
	}
}

func TestFunctions(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range functions() {
		if f.Name == "" || seen[f.Name] || f.Doc == "" || f.Null == "" || f.Group == "" || !strings.HasSuffix(f.Doc, ".") || !strings.Contains(f.Signature, ") -> ") {
			t.Errorf("%+v", f.Function)
		}
		seen[f.Name] = true
		params := f.Signature[len(f.Name)+1 : strings.LastIndex(f.Signature, ") -> ")]
		count := 1 + strings.Count(params, ",") - strings.Count(params, "number, bool or string") - strings.Count(params, "bool, number or string")
		if f.more {
			count--
		}
		if strings.Contains(params, ", ...") != f.more || strings.Contains(params, "[") != (f.optional > 0) || count < len(f.needs) || !f.more && count != len(f.needs) {
			t.Errorf("%s: %d arguments, %d in the signature", f.Signature, len(f.needs), count)
		}
		if keyword(f.Name) || elsewhere(f.Name) != "" {
			t.Errorf("%s is also a word or an alias", f.Name)
		}
	}
	if len(Functions()) != len(seen) {
		t.Error("Functions is not the list of functions")
	}
}

func FuzzParse(f *testing.F) {
	for _, file := range []string{"testdata/broken.txt", "testdata/meaning_operators.txt", "testdata/meaning_functions.txt", "testdata/meaning_lists.txt"} {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, line := range strings.Split(string(data), "\n") {
			text, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "> "), " -> ")
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := Parse(text)
		if err != nil {
			var one *diag.Error
			if !errors.As(err, &one) || one.Place.Line < 1 || one.Place.Column < 1 || one.Place.Width < 1 {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if canonical := e.String(); len(canonical) <= MaxBytes {
			again, err := Parse(canonical)
			if err != nil || tree(again.root) != tree(e.root) || again.String() != canonical {
				t.Fatalf("%q: %q: %v", text, canonical, err)
			}
		}
		e.Names()
		schema := brokenSchema()
		schema = schema[:len(schema)-1]
		b := program.NewBuilder(schema)
		typ, err := e.Check(columns{schema: schema})
		if err != nil {
			return
		}
		r, err := e.Lower(b, columns{schema, b})
		if err != nil || b.Type(r) != typ {
			t.Fatalf("%q: %v, %v", text, typ, err)
		}
		b.Output("x", r, program.RoleFeature)
		if err := program.Verify(b.Finish()); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
	})
}
