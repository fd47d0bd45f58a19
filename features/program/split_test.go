package program

import (
	"slices"
	"testing"

	"quern/features/column"
)

// splitProgram: a and b meet in an output, c stands alone and is observed twice, d
// and e feed one statistic.
func splitProgram() *Program {
	b := NewBuilder(column.Schema{
		{Name: "a", Type: column.Int64}, {Name: "b", Type: column.Int64}, {Name: "c", Type: column.Float64},
		{Name: "d", Type: column.String}, {Name: "e", Type: column.String},
	})
	b.Output("c", b.Load(2), RoleFeature)
	b.Output("sum", b.Emit(Add, Imm{}, b.Load(0), b.Load(1)), RoleFeature)
	b.Output("one", b.ConstInt(1), RoleFeature)
	b.Observe(0, b.Load(2))
	b.Observe(1, b.Load(3))
	b.Observe(1, b.Load(4))
	b.Observe(2, b.Emit(Log, Imm{}, b.Load(2)))
	return b.Finish()
}

func TestSplit(t *testing.T) {
	want := []struct {
		inputs         []string
		outputs, stats []int
	}{
		{[]string{"c"}, []int{0, 2}, []int{0, 2}},
		{[]string{"a", "b"}, []int{1}, nil},
		{[]string{"d", "e"}, nil, []int{1}},
	}
	got := splitProgram().Split()
	if len(got) != len(want) {
		t.Fatalf("%d components, want %d", len(got), len(want))
	}
	for i, w := range want {
		g := got[i]
		if err := Verify(g.Program); err != nil {
			t.Errorf("component %d: %v", i, err)
		}
		if !slices.Equal(g.Program.Inputs.Names(), w.inputs) || !slices.Equal(g.Outputs, w.outputs) || !slices.Equal(g.Stats, w.stats) {
			t.Errorf("component %d: inputs %v outputs %v statistics %v", i, g.Program.Inputs.Names(), g.Outputs, g.Stats)
		}
		if n := statCount(g.Program); n != len(w.stats) {
			t.Errorf("component %d counts %d statistics", i, n)
		}
	}
}

func TestSplitNothing(t *testing.T) {
	if got := (&Program{}).Split(); len(got) != 0 {
		t.Errorf("an empty program has %d components", len(got))
	}
}

func TestJoin(t *testing.T) {
	p := splitProgram()
	p.Observes = nil
	p = p.Pruned()
	b := NewBuilder(column.Schema{{Name: "z", Type: column.Bool}, {Name: "a", Type: column.Int64}})
	b.Output("z", b.Load(0), RoleLabel)
	b.Output("a2", b.Emit(Neg, Imm{}, b.Load(1)), RoleKeep)
	joined := Join(p, nil, b.Finish())
	if err := Verify(joined); err != nil {
		t.Fatal(err)
	}
	if got := joined.Fields().Names(); !slices.Equal(got, []string{"c", "sum", "one", "z", "a2"}) {
		t.Errorf("outputs %v", got)
	}
	if got := joined.Inputs.Names(); !slices.Equal(got, []string{"a", "b", "c", "z"}) {
		t.Errorf("inputs %v", got)
	}
	if Verify(Join()) != nil {
		t.Error("no programs at all")
	}
}
