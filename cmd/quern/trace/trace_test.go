package trace

import (
	"strings"
	"testing"

	"quern/features/column"
	"quern/features/program"
)

// example is a program with a choice, a table and a sum that can overflow.
func example() *program.Program {
	b := program.NewBuilder(column.Schema{{Name: "n", Type: column.Int64}, {Name: "s", Type: column.String}})
	b.SetOrigin(program.Origin{Path: "features[0]"})
	n, s := b.Load(0), b.Load(1)
	one := b.ConstInt(1)
	sum := b.Emit(program.Add, program.Imm{}, n, one)
	b.SetOrigin(program.Origin{Path: "features[1]"})
	table := b.AddTable(program.Table{Name: "ids", Keys: program.RegisterVector(column.String, program.Value{Str: []byte("a")}),
		Values: program.RegisterVector(column.Int64, program.Value{Int: 7})})
	id := b.Lookup(table, s)
	known := b.Emit(program.Coalesce, program.Imm{}, id, one)
	b.Output("sum", sum, program.RoleFeature)
	b.Output("id", known, program.RoleFeature)
	return b.Finish()
}

func lines(t *testing.T, output int, n, s program.Value) (string, *Trace) {
	t.Helper()
	x, err := Of(example(), []program.Value{n, s})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, step := range x.Steps(output) {
		b.WriteString(step.Path + ": " + strings.Join(step.Lines, "; ") + "\n")
	}
	return b.String(), x
}

func TestTrace(t *testing.T) {
	text := func(s string) program.Value { return program.Value{Str: []byte(s)} }
	for _, c := range []struct {
		name   string
		output int
		n, s   program.Value
		want   []string
		not    string
	}{
		{"known", -1, program.Value{Int: 1}, text("a"), []string{"add(n: 1, 1) = 2", "lookup(s: a, in table ids) = 7", ": 7, 1) = 7"}, "taken"},
		{"unseen", 1, program.Value{Int: 1}, text("z"), []string{"= null   not a key of the table", "= 1   the first is null: the second is taken"}, "add"},
		{"null", -1, program.NullValue(), program.NullValue(), []string{"null, as its argument is", "null is not a key of the table"}, "not learnt"},
	} {
		got, _ := lines(t, c.output, c.n, c.s)
		for _, want := range c.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: no %q in\n%s", c.name, want, got)
			}
		}
		if strings.Contains(got, c.not) {
			t.Errorf("%s: %q in\n%s", c.name, c.not, got)
		}
	}
}

// TestFault: what comes before the fault has values, and the fault is shown.
func TestFault(t *testing.T) {
	got, x := lines(t, -1, program.Value{Int: 1<<63 - 1}, program.Value{Str: []byte("a")})
	if x.Fault == nil || !strings.Contains(got, "has no value: integer overflow in add") || len(x.Values) != int(x.Fault.Register) {
		t.Errorf("%+v\n%s", x.Fault, got)
	}
}
