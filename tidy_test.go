package quern_test

import (
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The limits of tidiness. They only ever shrink.
const (
	maxFileLines     = 500
	maxFunctionLines = 70
)

// finding is one offence: where, what, and what to do instead.
type finding struct{ where, what string }

// tidy returns everything that is untidy in one file.
func tidy(path string, text []byte) []finding {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, text, parser.ParseComments)
	if err != nil {
		return []finding{{path, err.Error()}}
	}
	if ast.IsGenerated(file) {
		return nil
	}
	c := checker{fset: fset, path: path, test: strings.HasSuffix(path, "_test.go")}
	if lines := strings.Count(string(text), "\n"); lines > maxFileLines {
		c.add(file.Package, "file has %d lines, more than %d: split it by noun", lines, maxFileLines)
	}
	if formatted, err := format.Source(text); err != nil || string(formatted) != string(text) {
		c.add(file.Package, "not formatted: run gofmt -w")
	}
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			c.function(d)
		case *ast.GenDecl:
			c.declaration(d)
		}
	}
	return c.found
}

type checker struct {
	fset  *token.FileSet
	path  string
	test  bool
	found []finding
}

func (c *checker) add(pos token.Pos, what string, args ...any) {
	where := fmt.Sprintf("%s:%d", c.path, c.fset.Position(pos).Line)
	c.found = append(c.found, finding{where, fmt.Sprintf(what, args...)})
}

func (c *checker) function(d *ast.FuncDecl) {
	name := d.Name.Name
	if name == "init" && d.Recv == nil {
		c.add(d.Pos(), "init(): make it a constructor that main calls")
	}
	lines := c.fset.Position(d.End()).Line - c.fset.Position(d.Pos()).Line + 1
	if lines > maxFunctionLines {
		c.add(d.Pos(), "%s has %d lines, more than %d: extract its steps", name, lines, maxFunctionLines)
	}
	if !c.test && d.Name.IsExported() && exportedReceiver(d) && d.Doc == nil {
		c.add(d.Pos(), "exported %s has no doc comment: say what it means, units, nulls, errors", name)
	}
}

// exportedReceiver reports whether d is a function, or a method of an exported type.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	t := d.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return false
		}
	}
}

func (c *checker) declaration(d *ast.GenDecl) {
	for _, s := range d.Specs {
		switch s := s.(type) {
		case *ast.TypeSpec:
			if !c.test && s.Name.IsExported() && d.Doc == nil && s.Doc == nil {
				c.add(s.Pos(), "exported type %s has no doc comment", s.Name.Name)
			}
		case *ast.ValueSpec:
			c.value(d, s)
		}
	}
}

func (c *checker) value(d *ast.GenDecl, s *ast.ValueSpec) {
	if c.test {
		return
	}
	for i, name := range s.Names {
		if d.Tok == token.VAR && name.Name != "_" && !embedded(d) && !sentinel(s, i) {
			c.add(name.Pos(), "package-level var %s: use a constant, a function with a switch, or a field", name.Name)
		}
		if name.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
			c.add(name.Pos(), "exported %s has no doc comment", name.Name)
		}
	}
}

// embedded reports whether d is filled by //go:embed.
func embedded(d *ast.GenDecl) bool {
	return d.Doc != nil && strings.Contains(d.Doc.List[len(d.Doc.List)-1].Text, "//go:embed")
}

// sentinel reports whether value i of s is errors.New(...).
func sentinel(s *ast.ValueSpec, i int) bool {
	if i >= len(s.Values) || !strings.HasPrefix(strings.ToLower(s.Names[i].Name), "err") {
		return false
	}
	call, ok := s.Values[i].(*ast.CallExpr)
	if !ok {
		return false
	}
	sel, ok := call.Fun.(*ast.SelectorExpr)
	return ok && sel.Sel.Name == "New"
}

func TestTreeIsTidy(t *testing.T) {
	documented := map[string]bool{}
	for path := range goFiles(t) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range tidy(path, text) {
			t.Errorf("%s: %s", f.where, f.what)
		}
		if !strings.HasSuffix(path, "_test.go") {
			file, _ := parser.ParseFile(token.NewFileSet(), path, text, parser.ParseComments|parser.PackageClauseOnly)
			dir := filepath.Dir(path)
			documented[dir] = documented[dir] || (file != nil && file.Doc != nil)
		}
	}
	for dir, ok := range documented {
		if !ok {
			t.Errorf("%s: no package comment in any of its files", dir)
		}
	}
}

func TestTidyCatchesOffences(t *testing.T) {
	long := "func long() {\n" + strings.Repeat("\tprintln()\n", maxFunctionLines) + "}\n"
	for _, c := range []struct{ name, code, want string }{
		{"state", "var cache = map[string]int{}\n", "package-level var cache"},
		{"init", "func init() {}\n", "init()"},
		{"long function", long, "extract its steps"},
		{"undocumented", "func Exported() {}\n", "no doc comment"},
		{"undocumented type", "type T int\n", "no doc comment"},
		{"format", "func  f() {}\n", "gofmt"},
		{"long file", strings.Repeat("// line\n", maxFileLines+1), "split it"},
		{"sentinel", "import \"errors\"\n\n// ErrX says x.\nvar ErrX = errors.New(\"x\")\n", ""},
		{"clean", "// F does f.\nfunc F() {}\n", ""},
	} {
		found := tidy("x.go", []byte("package x\n\n"+c.code))
		if c.want == "" && len(found) > 0 || c.want != "" && (len(found) != 1 || !strings.Contains(found[0].what, c.want)) {
			t.Errorf("%s: found %v, want %q", c.name, found, c.want)
		}
	}
}

// untidyC returns what is untidy in one file of C, CUDA or their headers.
func untidyC(path, text string) []finding {
	var found []finding
	add := func(line int, what string, args ...any) {
		found = append(found, finding{fmt.Sprintf("%s:%d", path, line), fmt.Sprintf(what, args...)})
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) > maxFileLines {
		add(1, "file has %d lines, more than %d: split it by noun", len(lines), maxFileLines)
	}
	first := 0
	if strings.HasPrefix(lines[0], "//go:build") {
		first = 2
	}
	if first >= len(lines) || !strings.HasPrefix(lines[first], "/*") && !strings.HasPrefix(lines[first], "//") {
		add(first+1, "no comment at the top that says what the file is for")
	}
	start := 0 // of a body whose braces are alone on their lines, or 0
	for i, line := range lines {
		switch {
		case strings.TrimRight(line, " \t\r") != line:
			add(i+1, "space at the end of the line")
		case strings.HasSuffix(line, "{") && !strings.HasPrefix(line, "\t") && line != "extern \"C\" {" && !strings.HasPrefix(line, "namespace"):
			start = i + 1
		case line == "}" && start > 0:
			if n := i + 2 - start; n > maxFunctionLines {
				add(start, "a function has %d lines, more than %d: extract its steps", n, maxFunctionLines)
			}
			start = 0
		}
	}
	if !strings.HasSuffix(text, "\n") {
		add(len(lines), "no newline at the end")
	}
	return found
}

func TestCFilesAreTidy(t *testing.T) {
	for path := range files(t, ".c", ".h", ".cu", ".cuh") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range untidyC(path, string(text)) {
			t.Errorf("%s: %s", f.where, f.what)
		}
	}
}

func TestTidyCatchesOffencesInC(t *testing.T) {
	long := "void f(void)\n{\n" + strings.Repeat("\tg();\n", maxFunctionLines) + "}\n"
	for _, c := range []struct{ name, code, want string }{
		{"clean", "/* What. */\nint f(void)\n{\n\treturn 0;\n}\n", ""},
		{"build constraint", "//go:build cuda\n\n/* What. */\n", ""},
		{"long function", "// What.\n" + long, "extract its steps"},
		{"long file", "// What.\n" + strings.Repeat("int x;\n", maxFileLines), "split it"},
		{"no comment", "int x;\n", "says what the file is for"},
		{"no comment after the constraint", "//go:build cuda\n\nint x;\n", "says what the file is for"},
		{"space", "/* What. */ \n", "space at the end"},
		{"no newline", "/* What. */", "no newline"},
	} {
		found := untidyC("x.c", c.code)
		if c.want == "" && len(found) > 0 || c.want != "" && (len(found) != 1 || !strings.Contains(found[0].what, c.want)) {
			t.Errorf("%s: found %v, want %q", c.name, found, c.want)
		}
	}
}
