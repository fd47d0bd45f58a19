package cpu

import (
	"slices"
	"testing"

	"quern/features/column"
	"quern/features/program"
	"quern/features/program/programtest"
)

// gaps are programs that fill or remove NaNs and infinities in the forms that are
// fused, and in forms that nearly are.
func gaps(t column.Type) map[string]*program.Program {
	programs := map[string]*program.Program{}
	add := func(name string, build func(b *program.Builder, x, y program.Register) []program.Register) {
		b := program.NewBuilder(column.Schema{{Name: "x", Type: t}, {Name: "y", Type: t}})
		for i, r := range build(b, b.Load(0), b.Load(1)) {
			b.Output(string(rune('a'+i)), r, program.RoleFeature)
		}
		programs[name] = b.Finish()
	}
	type builder = *program.Builder
	constant := func(b builder, x float64) program.Register { return b.ConstTyped(t, program.Value{Float: x}) }
	is := func(b builder, op program.Op, x program.Register) program.Register {
		return b.Emit(op, program.Imm{}, x)
	}
	pick := func(b builder, test, x, y program.Register) program.Register {
		return b.Emit(program.Select, program.Imm{}, test, x, y)
	}
	double := func(b builder, x program.Register) program.Register { return b.Emit(program.Add, program.Imm{}, x, x) }
	for _, op := range []program.Op{program.IsNaN, program.IsInf} {
		name := op.String()
		add(name+"/filled", func(b builder, x, y program.Register) []program.Register {
			return []program.Register{pick(b, is(b, op, x), constant(b, 2), b.Coalesce(x, constant(b, 3)))}
		})
		add(name+"/same", func(b builder, x, y program.Register) []program.Register {
			return []program.Register{pick(b, is(b, op, x), constant(b, 2), x)}
		})
		add(name+"/null", func(b builder, x, y program.Register) []program.Register {
			null := pick(b, is(b, op, x), b.ConstNull(t), x)
			return []program.Register{null, double(b, null)}
		})
		add(name+"/all_leave", func(b builder, x, y program.Register) []program.Register {
			test, filled := is(b, op, x), b.Coalesce(x, constant(b, 3))
			return []program.Register{test, filled, pick(b, test, constant(b, 2), filled)}
		})
		add(name+"/of_other", func(b builder, x, y program.Register) []program.Register {
			return []program.Register{
				pick(b, is(b, op, x), constant(b, 2), y), pick(b, is(b, op, x), constant(b, 2), b.Coalesce(y, constant(b, 1))),
				pick(b, is(b, op, x), y, x), pick(b, is(b, op, x), b.ConstNull(t), b.Coalesce(x, constant(b, 1))),
				pick(b, is(b, op, x), constant(b, 1), b.Coalesce(x, y)), pick(b, is(b, op, constant(b, 1)), constant(b, 1), x),
			}
		})
		add(name+"/rows", func(b builder, x, y program.Register) []program.Register {
			sum := b.Emit(program.Add, program.Imm{}, x, y)
			null := pick(b, is(b, op, sum), b.ConstNull(column.Float64), sum)
			other := pick(b, is(b, op, x), b.ConstNull(t), x)
			return []program.Register{null, b.Emit(program.Mul, program.Imm{}, null, other), b.Emit(program.Sub, program.Imm{}, other, y)}
		})
	}
	return programs
}

// What is fused gives what its instructions give.
func TestFused(t *testing.T) {
	for _, typ := range []column.Type{column.Float32, column.Float64} {
		for name, p := range gaps(typ) {
			t.Run(typ.String()+"/"+name, func(t *testing.T) {
				for seed := range uint64(10) {
					rng := newRand(seed)
					q := *p
					if seed%2 == 0 {
						observeOutputs(&q)
					}
					s := start(t, &q, 64)
					in := programtest.RandomBatch(rng, q.Inputs, 200)
					plain, coded := reencode(in)
					half := column.Batch{Rows: in.Rows, Columns: slices.Clone(plain.Columns)}
					half.Columns[0] = coded.Columns[0]
					for _, batch := range []column.Batch{in, plain, coded, half, plain} {
						check(t, seed, s, batch)
					}
				}
			})
		}
	}
}

// The forms that operators lower to are fused: their tests are not evaluated.
func TestFusedSteps(t *testing.T) {
	for name, want := range map[string]int{"is_nan/filled": 2, "is_nan/same": 2, "is_nan/null": 3, "is_inf/null": 3} {
		p := gaps(column.Float64)[name]
		be := New()
		b := newBinder(p, be.set, be.shelf)
		if steps := b.steps(); len(steps) != want {
			t.Errorf("%s: %d steps, want %d\n%s", name, len(steps), want, p)
		}
	}
}

// What changes only the type is not copied, and lives as long as what it was.
func TestRetyped(t *testing.T) {
	b := program.NewBuilder(column.Schema{{Name: "x", Type: column.Float32}, {Name: "n", Type: column.Int32}})
	x := b.Convert(b.Load(0), column.Float64)
	y := b.Convert(b.Emit(program.Round32, program.Imm{}, b.Emit(program.Neg, program.Imm{}, x)), column.Float64)
	n := b.Convert(b.Load(1), column.Int64)
	sum := b.Emit(program.Add, program.Imm{}, b.Emit(program.Mul, program.Imm{}, y, y), b.Emit(program.Sub, program.Imm{}, x, y))
	b.Output("sum", sum, program.RoleFeature)
	b.Output("y", y, program.RoleFeature)
	b.Output("n", n, program.RoleFeature)
	b.Output("both", b.Emit(program.Add, program.Imm{}, b.Emit(program.ToFloat, program.Imm{}, n), y), program.RoleFeature)
	p := b.Finish()
	observeOutputs(p)
	s := start(t, p, 64)
	for seed := range uint64(20) {
		in := programtest.RandomBatch(newRand(seed), p.Inputs, 200)
		plain, coded := reencode(in)
		for _, batch := range []column.Batch{in, plain, coded} {
			check(t, seed, s, batch)
		}
	}
}
