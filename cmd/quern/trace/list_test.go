package trace

import (
	"strings"
	"testing"

	"quern/features/column"
	"quern/features/program"
)

// listExample looks lists of texts up, cuts and pads the ids, and sums up numbers.
func listExample() *program.Program {
	b := program.NewBuilder(column.Schema{{Name: "tags", Type: column.ListOf(column.String)}, {Name: "xs", Type: column.ListOf(column.Float64)}})
	b.SetOrigin(program.Origin{Path: "features[0]"})
	tags, xs := b.Load(0), b.Load(1)
	table := b.AddTable(program.Table{Name: "ids", Keys: program.RegisterVector(column.String, program.Value{Str: []byte("a")}),
		Values: program.RegisterVector(column.Int64, program.Value{Int: 7})})
	ids := b.Emit(program.Coalesce, program.Imm{}, b.Lookup(table, tags), b.ConstInt(1))
	cut := b.Emit(program.ListSlice, program.Imm{Int: 0, Extra: 2}, ids)
	b.Output("tags", b.Emit(program.ListPad, program.Imm{Int: 3}, cut, b.ConstInt(0)), program.RoleFeature)
	clamped := b.Emit(program.Clamp, program.Imm{}, xs, b.ConstFloat(0), b.ConstFloat(1))
	b.Output("xs", b.Emit(program.ListMean, program.Imm{}, clamped), program.RoleFeature)
	b.Output("second", b.Emit(program.ListAt, program.Imm{Int: 1}, xs), program.RoleFeature)
	b.Output("last", b.Emit(program.ListAt, program.Imm{Int: -1}, xs), program.RoleFeature)
	return b.Finish()
}

func TestTraceOfLists(t *testing.T) {
	texts := func(all ...string) program.Value {
		v := program.Value{List: []program.Value{}}
		for _, s := range all {
			v.List = append(v.List, program.Value{Str: []byte(s)})
		}
		return v
	}
	reals := program.Value{List: []program.Value{{Float: 0.5}, {Null: true}, {Float: 9}}}
	for _, c := range []struct {
		name     string
		tags, xs program.Value
		want     []string
	}{
		{"full", texts("a", "z", "b,c"), reals, []string{
			`lookup(tags: [a, z, "b,c"], in table ids) = [7, null, null]   not in the table: 2 of 3 elements`,
			"= [7, 1, 1]   the second is taken for 2 of 3 elements",
			"list_slice(%4: [7, 1, 1], from 0 up to 2) = [7, 1]   2 of 3 elements kept",
			"list_pad(%5: [7, 1], 0, to 3) = [7, 1, 0]   1 element added",
			"clamp(xs: [0.5, null, 9], 0, 1) = [0.5, null, 1]   moved to the bound: 1 of 3 elements",
			"= 0.75   1 null left out",
			"list_at(xs: [0.5, null, 9], at 1) = null", "the last) = 9"}},
		{"empty", texts(), program.Value{List: []program.Value{}}, []string{"3 elements added", "= null   the list is empty", "= null   there is no such element"}},
		{"null", program.NullValue(), program.NullValue(), []string{"= null   null, as the list is", "= [0, 0, 0]   a null list counts as an empty one: 3 elements added", "= null   null, as its argument is"}},
		{"nulls", texts("a"), program.Value{List: []program.Value{{Null: true}}}, []string{"= null   all elements are null", "all elements are kept"}},
	} {
		x, err := Of(listExample(), []program.Value{c.tags, c.xs})
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join(x.Steps(-1)[0].Lines, "\n")
		for _, want := range c.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: no %q in\n%s", c.name, want, got)
			}
		}
	}
}
