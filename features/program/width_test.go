package program_test

import (
	"math"
	"testing"

	"quern/features/column"
	"quern/features/program"
)

// step is an instruction of a chain that starts with a column of lists.
type step struct {
	op         program.Op
	int, extra int64
}

// chain returns a program whose output is what steps make of a column of lists.
func chain(steps ...step) *program.Program {
	b := program.NewBuilder(column.Schema{{Name: "x", Type: column.ListOf(column.Int64)}})
	r := b.Load(0)
	zero := b.EmitTyped(program.Const, column.Int64, program.Imm{Value: program.Value{}})
	for _, s := range steps {
		switch s.op {
		case program.ListPad:
			r = b.Emit(s.op, program.Imm{Int: s.int, Extra: s.extra}, r, zero)
		case program.ListSlice:
			r = b.Emit(s.op, program.Imm{Int: s.int, Extra: s.extra}, r)
		case program.Add:
			r = b.Emit(s.op, program.Imm{}, zero, r)
		default:
			r = b.Emit(s.op, program.Imm{}, r)
		}
	}
	b.Output("y", r, program.RoleFeature)
	return b.Finish()
}

// seen returns the width of what the program makes of lists of all lengths up to 40
// and of null, or 0 if they differ.
func seen(t *testing.T, p *program.Program) int {
	t.Helper()
	e, err := p.Evaluator()
	if err != nil {
		t.Fatal(err)
	}
	width := -1
	for n := -1; n <= 40; n++ {
		x := program.Value{Null: n < 0, List: make([]program.Value, max(0, n))}
		registers, err := e.Row([]program.Value{x})
		if err != nil {
			t.Fatal(err)
		}
		y := registers[p.Outputs[0].Register]
		if y.Null || width >= 0 && len(y.List) != width {
			return 0
		}
		width = len(y.List)
	}
	return width
}

// TestWidthsAreThoseOfAllRows compares chains of slices and paddings with small
// numbers with what they make of lists of all lengths.
func TestWidthsAreThoseOfAllRows(t *testing.T) {
	var slices []step
	for start := int64(-3); start <= 3; start++ {
		for end := int64(-3); end <= 4; end++ {
			slices = append(slices, step{program.ListSlice, start, end})
		}
	}
	slices = append(slices, step{program.ListSlice, -3, math.MaxInt64}, step{program.ListSlice, math.MinInt64, 3}, step{program.ListSlice, 0, math.MinInt64})
	fixed := 0
	for _, s := range slices {
		for length := int64(0); length <= 5; length++ {
			pad := step{program.ListPad, length, length % 2}
			for _, steps := range [][]step{
				{s, pad}, {pad, s}, {s}, {pad}, {s, {op: program.Add}, pad, {op: program.Neg}},
				{s, pad, slices[int(length)*7]}, {pad, s, pad}, {slices[int(length)*9], s, pad},
			} {
				p := chain(steps...)
				got, want := p.Widths()[0], seen(t, p)
				if got != 0 && got != want {
					t.Fatalf("%v: width %d, rows have %d", steps, got, want)
				}
				if exact := len(steps) <= 2 || len(steps) == 4; exact && got != want {
					t.Fatalf("%v: width %d, all rows have %d", steps, got, want)
				}
				if got > 0 {
					fixed++
				}
			}
		}
	}
	if fixed < 500 {
		t.Errorf("only %d programs of fixed width", fixed)
	}
}

func TestWidthsOfWhatIsNoList(t *testing.T) {
	b := program.NewBuilder(column.Schema{{Name: "x", Type: column.ListOf(column.Float32)}, {Name: "n", Type: column.Int64}})
	zero := b.EmitTyped(program.Const, column.Float32, program.Imm{Value: program.Value{}})
	cut := b.Emit(program.ListSlice, program.Imm{Int: 0, Extra: 8}, b.Load(0))
	padded := b.Emit(program.ListPad, program.Imm{Int: 8}, cut, zero)
	b.Output("length", b.Emit(program.ListLength, program.Imm{}, padded), program.RoleFeature)
	b.Output("n", b.Load(1), program.RoleKeep)
	b.Output("x", b.Load(0), program.RoleKeep)
	b.Output("padded", padded, program.RoleFeature)
	b.Output("missing", b.Emit(program.IsNull, program.Imm{}, padded), program.RoleFeature)
	for i, want := range []int{0, 0, 0, 8, 8} {
		if got := b.Finish().Widths()[i]; got != want {
			t.Errorf("output %d: width %d, want %d", i, got, want)
		}
	}
}
