//go:build cuda && cgo

package code

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"quern/features/column"
	"quern/features/program"
	"quern/features/real"
)

// argumentsOf returns n reals: edges, any bits, and what is near the borders of the
// functions' cases.
func argumentsOf(rng *rand.Rand, n int) []float64 {
	edges := []float64{0, math.Copysign(0, -1), 1, -1, 0.5, math.Inf(1), math.Inf(-1), math.NaN(), math.MaxFloat64, -math.MaxFloat64,
		0x1p-1022, 0x1p-1074, -0x1p-1074, 0x1p-54, 0x1p-27, 0x1p20, -0x1p20, 709.78, 710, -745.2, -746, -40, 0x1p53, -0x1p53, 1e22}
	list := make([]float64, n)
	for i := range list {
		x := rng.NormFloat64()
		switch rng.IntN(8) {
		case 0:
			x = edges[rng.IntN(len(edges))]
		case 1:
			x = math.Float64frombits(math.Float64bits(edges[rng.IntN(len(edges))]) + rng.Uint64N(9) - 4)
		case 2, 3:
			x = math.Float64frombits(rng.Uint64())
		case 4:
			x *= 800
		case 5:
			x = math.Ldexp(x, rng.IntN(120)-60)
		case 6:
			x = float64(rng.IntN(40000)-20000) / 4 * math.Pi
		}
		list[i] = x
	}
	return list
}

// functionsProgram applies every function to x, or to x and y.
func functionsProgram() (*program.Program, []func(x, y float64) float64) {
	of := func(f func(float64) float64) func(x, y float64) float64 {
		return func(x, _ float64) float64 { return f(x) }
	}
	type function struct {
		op   program.Op
		mean func(x, y float64) float64
	}
	list := []function{
		{program.Log, of(real.Log)}, {program.Log1p, of(real.Log1p)}, {program.Exp, of(real.Exp)}, {program.Expm1, of(real.Expm1)},
		{program.Sin, of(real.Sin)}, {program.Cos, of(real.Cos)}, {program.Pow, real.Pow}, {program.Mod, program.ModFloat},
		{program.FloorDiv, program.FloorDivFloat}, {program.Sqrt, of(math.Sqrt)}, {program.Round, of(math.RoundToEven)},
		{program.Round32, of(program.RoundTo32)}, {program.Min, program.MinFloat}, {program.Max, program.MaxFloat},
	}
	b := program.NewBuilder(column.Schema{{Name: "x", Type: column.Float64}, {Name: "y", Type: column.Float64}})
	x, y := b.Load(0), b.Load(1)
	var means []func(x, y float64) float64
	for i, f := range list {
		args := []program.Register{x, y}
		if program.RealUnary(f.op) != nil {
			args = args[:1]
		}
		b.Output(fmt.Sprint("o", i), b.Emit(f.op, program.Imm{}, args...), program.RoleFeature)
		means = append(means, f.mean)
	}
	return b.Finish(), means
}

// TestRealFunctions compares bits with package real, and with package math where a
// function is exact.
func TestRealFunctions(t *testing.T) {
	m := newMachine(t)
	p, means := functionsProgram()
	c, err := Encode(p, resultsOf(p, F64))
	m.must(err)
	batches := 8
	if os.Getenv("QUERN_LONG") != "" {
		batches = 200
	}
	if testing.Short() {
		batches = 1
	}
	for seed := range uint64(batches) {
		rng := newRand(seed)
		x, y := argumentsOf(rng, 20_000), argumentsOf(rng, 20_000)
		for i := range y {
			if rng.IntN(4) == 0 {
				y[i] = float64(rng.IntN(64) - 32)
			}
		}
		types := make([]column.Type, len(means))
		for i := range types {
			types[i] = column.Float64
		}
		in := column.Batch{Rows: len(x), Columns: []column.Column{plainReals(x), plainReals(y)}}
		out, fault := m.run(c, resultsOf(p, F64), types, in, 4)
		if fault != 0 {
			t.Fatal("fault", fault)
		}
		for k, mean := range means {
			for i := range x {
				want := math.Float64bits(program.Canon(mean(x[i], y[i])))
				if got := math.Float64bits(out[k].Values.Float64s[i]); got != want {
					t.Fatalf("%s(%v, %v): %x, want %x", p.Code[p.Outputs[k].Register].Op, x[i], y[i], got, want)
				}
			}
		}
	}
}

func resultsOf(p *program.Program, t Type) (list []Result) {
	for _, o := range p.Outputs {
		list = append(list, Result{o.Register, t})
	}
	return list
}

func plainReals(x []float64) column.Column {
	return column.Column{Len: len(x), Values: column.Vector{Type: column.Float64, Len: len(x), Float64s: x}}
}

// TestStoredAsFloat32 rounds a float64 register once when it is stored.
func TestStoredAsFloat32(t *testing.T) {
	m := newMachine(t)
	p := instructionOf(program.Neg, program.Imm{}, []column.Type{column.Float64}, column.Invalid)
	c, err := Encode(p, resultsOf(p, F32))
	m.must(err)
	x := append(argumentsOf(newRand(1), 3000), math.MaxFloat32, 0x1.ffffffp127, 0x1p-149, 0x1p-150, 0x1.8p-149)
	out, _ := m.run(c, resultsOf(p, F32), []column.Type{column.Float32}, column.Batch{Rows: len(x), Columns: []column.Column{plainReals(x)}}, 2)
	for i := range x {
		want := math.Float32bits(float32(program.RoundTo32(-x[i])))
		if x[i] != x[i] {
			want = 0x7FC00000
		}
		if got := math.Float32bits(out[0].Values.Float32s[i]); got != want {
			t.Fatalf("%v: %x, want %x", x[i], got, want)
		}
	}
}

// TestSpills computes with more values at a time than there are registers, nulls among
// them.
func TestSpills(t *testing.T) {
	m := newMachine(t)
	for _, n := range []int{Registers - 1, Registers, Registers + 1, 3 * Registers, 100} {
		p := wideProgram(n)
		c, _, _ := encoded(t, p)
		if n > 2*Registers && c.Scratch == 0 {
			t.Error("nothing is spilled")
		}
		in := column.Batch{Rows: 1000}
		rng := newRand(uint64(n))
		for range p.Inputs {
			c := plainReals(argumentsOf(rng, in.Rows))
			c.Values.Valid = column.NewBitmap(in.Rows)
			for i := range in.Rows {
				if rng.IntN(30) != 0 {
					c.Values.Valid.Set(i)
				}
			}
			in.Columns = append(in.Columns, c)
		}
		m.check(fmt.Sprint(n), p, in, 3)
	}
}

// wideProgram makes n values, then uses them all from the last to the first, and again.
func wideProgram(n int) *program.Program {
	b := program.NewBuilder(column.Schema{{Name: "x", Type: column.Float64}, {Name: "y", Type: column.Float64}})
	x, y := b.Load(0), b.Load(1)
	var list []program.Register
	for i := range n {
		list = append(list, b.Emit(program.Add, program.Imm{}, b.Emit(program.Mul, program.Imm{}, x, b.ConstFloat(float64(i))), y))
	}
	sum := y
	for i := n - 1; i >= 0; i-- {
		sum = b.Emit(program.Coalesce, program.Imm{}, b.Emit(program.Sub, program.Imm{}, sum, list[i]), x)
	}
	for i := range n {
		sum = b.Emit(program.Max, program.Imm{}, sum, list[i])
	}
	b.Output("sum", sum, program.RoleFeature)
	b.Output("nulls", b.Emit(program.IsNull, program.Imm{}, sum), program.RoleKeep)
	return b.Finish()
}

// TestCodesWithoutASlot are told by the fault word.
func TestCodesWithoutASlot(t *testing.T) {
	m := newMachine(t)
	p := instructionOf(program.Neg, program.Imm{}, []column.Type{column.Float64}, column.Invalid)
	c, results, types := encoded(t, p)
	x := plainReals([]float64{1, 2, 3})
	for last, want := range map[int32]uint64{2: 0, 3: FaultCode, 255: FaultCode} {
		in := column.Batch{Rows: 130, Columns: []column.Column{{Len: 130, Values: x.Values, Index: make([]int32, 130)}}}
		in.Columns[0].Index[129] = last
		if _, fault := m.run(c, results, types, in, 1); fault != want {
			t.Errorf("code %d: fault word %d", last, fault)
		}
	}
}
