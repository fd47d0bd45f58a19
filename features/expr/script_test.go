package expr

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quern/features/column"
	"quern/features/program"
)

// columns is a Scope over a schema; b is nil where nothing is lowered.
type columns struct {
	schema column.Schema
	b      *program.Builder
}

func (c columns) Lookup(name string) (column.Field, bool) {
	if i := c.schema.Find(name); i >= 0 {
		return c.schema[i], true
	}
	return column.Field{}, false
}

func (c columns) Register(name string) program.Register { return c.b.Load(c.schema.Find(name)) }

func (c columns) Names() []string {
	var names []string
	for _, f := range c.schema {
		names = append(names, f.Name)
	}
	return names
}

// value evaluates text over one row, as a type and a literal.
func value(text string, schema column.Schema, row map[string]program.Value) (string, error) {
	e, err := Parse(text)
	if err != nil {
		return "", err
	}
	want, err := e.Check(columns{schema: schema})
	if err != nil {
		return "", err
	}
	b := program.NewBuilder(schema)
	r, err := e.Lower(b, columns{schema, b})
	if err != nil {
		return "", err
	}
	if b.Type(r) != want {
		return "", fmt.Errorf("lowered to %s, checked as %s", b.Type(r), want)
	}
	b.Output("x", r, program.RoleFeature)
	p := b.Finish()
	evaluator, err := p.Evaluator()
	if err != nil {
		return "", err
	}
	var in []program.Value
	for _, f := range p.Inputs {
		in = append(in, row[f.Name])
	}
	registers, err := evaluator.Row(in)
	if fault := (*program.RowError)(nil); errors.As(err, &fault) {
		return "fault: " + fault.Reason, nil
	}
	return show(want, registers[p.Outputs[0].Register]), err
}

func show(t column.Type, v program.Value) string {
	switch {
	case v.Null:
		return t.String() + " null"
	case t.IsList():
		var texts []string
		for _, e := range v.List {
			texts = append(texts, strings.TrimPrefix(show(t.Elem(), e), t.Elem().String()+" "))
		}
		return t.String() + " [" + strings.Join(texts, ", ") + "]"
	case t == column.String:
		return string(appendQuoted([]byte("string "), string(v.Str)))
	}
	return t.String() + " " + string(program.AppendFormat(nil, t, v))
}

// script is testdata/*.txt: "let name type = value" gives a column and its value in
// the one row (a list is written [1, null]), "expression -> result" is a case.
type script struct {
	schema column.Schema
	row    map[string]program.Value
	cases  int
	calls  map[string]bool
}

// literalValue evaluates an expression without names.
func literalValue(text string) (program.Value, error) {
	e, err := Parse(text)
	if err != nil {
		return program.Value{}, err
	}
	b := program.NewBuilder(nil)
	r, err := e.Lower(b, columns{b: b})
	if err != nil {
		return program.Value{}, err
	}
	b.Output("x", r, program.RoleFeature)
	p := b.Finish()
	evaluator, err := p.Evaluator()
	if err != nil {
		return program.Value{}, err
	}
	registers, err := evaluator.Row(nil)
	if err != nil {
		return program.Value{}, err
	}
	return registers[p.Outputs[0].Register], nil
}

// listOfLiterals evaluates expressions with commas between.
func listOfLiterals(text string) (program.Value, error) {
	list := program.Value{List: []program.Value{}}
	for part := range strings.SplitSeq(text, ", ") {
		v := program.NullValue()
		var err error
		switch part {
		case "":
			continue
		case "null":
		default:
			v, err = literalValue(part)
		}
		if err != nil {
			return list, err
		}
		list.List = append(list.List, v)
	}
	return list, nil
}

func (s *script) let(line string) error {
	var name, typeName string
	head, text, _ := strings.Cut(strings.TrimPrefix(line, "let "), " = ")
	if _, err := fmt.Sscanf(head, "%s %s", &name, &typeName); err != nil {
		return err
	}
	typ, ok := column.ParseType(typeName)
	if !ok {
		return fmt.Errorf("no type %q", typeName)
	}
	v := program.NullValue()
	var err error
	switch {
	case text == "null":
	case typ.IsList():
		v, err = listOfLiterals(strings.Trim(text, "[]"))
	default:
		v, err = literalValue(text)
	}
	if err != nil {
		return err
	}
	if i := s.schema.Find(name); i >= 0 {
		s.schema[i].Type = typ
	} else {
		s.schema = append(s.schema, column.Field{Name: name, Type: typ})
	}
	s.row[name] = v
	return nil
}

func (s *script) run(line string) error {
	i := strings.LastIndex(line, " -> ")
	if i < 0 {
		return errors.New("no arrow")
	}
	text, want := strings.TrimSpace(line[:i]), strings.TrimSpace(line[i+4:])
	got, err := value(text, s.schema, s.row)
	if err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("%s", got)
	}
	e, _ := Parse(text)
	again, err := value(e.String(), s.schema, s.row)
	if err != nil || again != got {
		return fmt.Errorf("canonical text %s gives %s, %v", e, again, err)
	}
	e.root.walk(func(n *node) {
		if n.kind == callNode {
			s.calls[n.text] = true
		}
	})
	s.cases++
	return nil
}

func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/meaning_*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	calls, cases := map[string]bool{}, 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s := &script{row: map[string]program.Value{}, calls: calls}
		for i, line := range strings.Split(string(data), "\n") {
			line = strings.TrimSpace(line)
			var err error
			switch {
			case line == "" || line[0] == '#':
			case strings.HasPrefix(line, "let "):
				err = s.let(line)
			default:
				err = s.run(line)
			}
			if err != nil {
				t.Errorf("%s:%d: %s\n\tgot %v", file, i+1, line, err)
			}
		}
		cases += s.cases
	}
	for _, f := range Functions() {
		if !calls[f.Name] {
			t.Errorf("no script calls %s", f.Name)
		}
	}
	t.Logf("%d cases", cases)
}
