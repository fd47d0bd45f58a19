package program

import (
	"os"
	"strings"
	"testing"

	"quern/features/column"
)

// testTables are the tables that scripts and fuzzed texts may name.
func testTables() []Table {
	text := func(s string) Value { return Value{Str: []byte(s)} }
	return []Table{
		{
			Name:   "words",
			Keys:   RegisterVector(column.String, text("a"), text("b"), NullValue()),
			Values: RegisterVector(column.Int64, Value{Int: 1}, Value{Int: 2}, Value{}),
		},
		{
			Name:   "reals",
			Keys:   StoredVector(column.Float32, Value{}, Value{Float: NaN()}),
			Values: RegisterVector(column.Float64, Value{Float: 0.5}, Value{Float: NaN()}),
		},
	}
}

// scriptCase is a header of testdata/meaning.txt.
type scriptCase struct {
	Instr
	args []column.Type
}

// TestMeaning runs testdata/meaning.txt: for each operation at least one row with a null.
func TestMeaning(t *testing.T) {
	data, err := os.ReadFile("testdata/meaning.txt")
	if err != nil {
		t.Fatal(err)
	}
	var c scriptCase
	nulls := map[Op]bool{Load: true}
	for number, line := range strings.Split(string(data), "\n") {
		trimmed := strings.TrimSpace(line)
		switch {
		case trimmed == "" || trimmed[0] == '#':
		case line[0] != ' ':
			c = readHeader(t, number+1, line)
		default:
			if runRow(t, number+1, &c, trimmed) {
				nulls[c.Op] = true
			}
		}
	}
	for _, op := range Ops() {
		if !nulls[op] {
			t.Errorf("%s: no row with a null", op)
		}
	}
}

// readHeader reads "add (int64 int64) int64".
func readHeader(t *testing.T, number int, line string) scriptCase {
	p := parser{rest: line, named: map[string]int{"words": 0, "reals": 1}}
	var c scriptCase
	var known bool
	var err error
	if c.Op, known = ParseOp(p.word()); !known {
		t.Fatalf("line %d: unknown operation", number)
	}
	inside, rest, _ := strings.Cut(strings.TrimPrefix(p.rest, "("), ") ")
	p.rest = rest
	for name := range strings.FieldsSeq(inside) {
		argType, ok := column.ParseType(name)
		if !ok {
			t.Fatalf("line %d: unknown type %s", number, name)
		}
		c.args = append(c.args, argType)
	}
	if c.Type, err = p.typeWord(); err == nil {
		err = p.immediates(&c.Instr)
	}
	if err == nil {
		_, err = Infer(c.Op, c.Imm, c.args, c.Type)
	}
	if err != nil || p.rest != "" {
		t.Fatalf("line %d: %v, %q is left", number, err, p.rest)
	}
	return c
}

// runRow checks "1 2 = 3" or "1 2 ! reason" and reports whether a null is in it.
func runRow(t *testing.T, number int, c *scriptCase, line string) (null bool) {
	t.Helper()
	p := parser{rest: line}
	args := make([]Value, len(c.args))
	for i, argType := range c.args {
		var err error
		if args[i], err = readValue(&p, argType); err != nil {
			t.Fatalf("line %d: %v", number, err)
		}
		null = null || args[i].Null
	}
	got, fault := Eval(c.Op, c.Type, c.Imm, c.args, args, testTables())
	switch p.word() {
	case "!":
		if fault == nil || !strings.Contains(fault.Error(), p.rest) {
			t.Errorf("line %d: %s: got %s, %v", number, line, valueText(c.Type, got), fault)
		}
	case "=":
		want, err := readValue(&p, c.Type)
		if err != nil {
			t.Fatalf("line %d: %v", number, err)
		}
		if fault != nil || !EqualValues(c.Type, got, want) {
			t.Errorf("line %d: %s: got %s, %v", number, line, valueText(c.Type, got), fault)
		}
		null = null || want.Null
	default:
		t.Fatalf("line %d: neither = nor !", number)
	}
	return null
}

// readValue reads a value; lists, which programs do not write, are "[ 1 null ]".
func readValue(p *parser, t column.Type) (Value, error) {
	if !t.IsList() || !strings.HasPrefix(p.rest, "[") {
		return p.value(t)
	}
	p.word()
	v := Value{List: []Value{}}
	for !strings.HasPrefix(p.rest, "]") {
		e, err := p.value(t.Elem())
		if err != nil {
			return v, err
		}
		v.List = append(v.List, e)
	}
	p.word()
	return v, nil
}
