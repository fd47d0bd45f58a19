package programtest

import (
	"fmt"
	"math"
	"math/rand/v2"

	"quern/features/column"
	"quern/features/program"
)

// Random returns a verified random program over schema that no value can make
// fault: where an operation could, its arguments are tamed first. Every operation
// occurs sooner or later.
func Random(rng *rand.Rand, schema column.Schema) *program.Program {
	return random(rng, schema, false)
}

// RandomFaulty is Random with operations that fault on many values.
func RandomFaulty(rng *rand.Rand, schema column.Schema) *program.Program {
	return random(rng, schema, true)
}

// generator grows a program from a pool of registers.
type generator struct {
	rng     *rand.Rand
	b       *program.Builder
	pool    []program.Register
	domains map[program.Register]program.Domain
	first   program.Register // what the next instruction is to take first, or None
	keys    []column.Type    // of the tables
	faulty  bool
}

func random(rng *rand.Rand, schema column.Schema, faulty bool) *program.Program {
	g := generator{
		rng: rng, b: program.NewBuilder(schema), faulty: faulty,
		domains: map[program.Register]program.Domain{}, first: program.None,
	}
	for i := range schema {
		g.add(g.b.Load(i), program.Domain(i))
	}
	for range 1 + rng.IntN(4) {
		table := g.table(len(g.keys))
		g.b.AddTable(table)
		g.keys = append(g.keys, table.Keys.Type)
	}
	for range 1 + rng.IntN(30) {
		g.step()
		if rng.IntN(8) == 0 {
			g.chain()
		}
	}
	n := 1 + rng.IntN(6)
	for i := range n {
		r := g.pool[len(g.pool)-1-rng.IntN(len(g.pool))]
		role := pick(rng, program.RoleFeature, program.RoleLabel, program.RoleKeep)
		g.b.Output(fmt.Sprintf("out %d", i), r, role)
	}
	p := g.b.Finish()
	if err := program.Verify(p); err != nil {
		panic("quern: bug: random program: " + err.Error())
	}
	return p
}

// add puts a register into the pool.
func (g *generator) add(r program.Register, d program.Domain) {
	g.pool = append(g.pool, r)
	g.domains[r] = d
}

// table returns a small table, perhaps with a null key.
func (g *generator) table(n int) program.Table {
	keys := column.Vector{Type: pick(g.rng, column.Types()...)}
	values := column.Vector{Type: pick(g.rng, column.Int64, column.Float64)}
	seen := map[string]bool{}
	for range g.rng.IntN(20) {
		key := RandomValue(g.rng, keys.Type)
		text := "null"
		if g.rng.IntN(10) == 0 {
			key = program.NullValue()
		} else {
			text = "=" + string(program.AppendCanonical(nil, keys.Type, key))
		}
		if !seen[text] {
			seen[text] = true
			program.AppendRegister(&keys, key)
			program.AppendRegister(&values, RandomValue(g.rng, values.Type))
		}
	}
	return program.Table{Name: fmt.Sprintf("table %d", n), Keys: keys, Values: values}
}

// step adds one instruction: an operation, for which arguments and immediates are
// drawn until they fit.
func (g *generator) step() {
	g.b.SetOrigin(program.Origin{Path: fmt.Sprintf("features[%d]", g.rng.IntN(3)), Line: 1 + g.rng.IntN(9), Col: 1})
	ops := program.Ops()
	for {
		op := pick(g.rng, ops...)
		for range 100 {
			if op != program.Load && g.try(op) {
				return
			}
		}
	}
}

// try draws one instruction and adds it if it is well typed.
func (g *generator) try(op program.Op) bool {
	args := g.args(op)
	types := g.types(args)
	if !g.inStep(op, args) {
		return false
	}
	want := g.want(op)
	imm := g.imm(op, want, len(args))
	if op == program.Lookup {
		if len(args) != 1 || !program.Comparable(g.keys[imm.Int], types[0].Elem()) {
			return false
		}
		g.emit(op, column.Invalid, imm, args)
		return true
	}
	if want != column.Invalid && len(args) > 0 {
		want = want.Like(types[0])
	}
	got, err := program.Infer(op, imm, types, want)
	if err != nil {
		return false
	}
	if !g.faulty && program.CanFault(op, imm, types) {
		g.tame(op, got, args)
	}
	g.emit(op, got, imm, args)
	return true
}

// emit adds an instruction. Type Invalid: that of the table.
func (g *generator) emit(op program.Op, t column.Type, imm program.Imm, args []program.Register) {
	d := program.Constant
	for _, a := range args {
		d = d.Join(g.domains[a])
	}
	r := program.None
	if t == column.Invalid {
		r = g.b.Emit(op, imm, args...)
	} else {
		r = g.b.EmitTyped(op, t, imm, args...)
	}
	if op.Whole() {
		d = program.Made(r)
	}
	g.add(r, d)
}

func (g *generator) types(args []program.Register) []column.Type {
	types := make([]column.Type, len(args))
	for i, r := range args {
		types[i] = g.b.Type(r)
	}
	return types
}

// want draws the declared type where it is a choice.
func (g *generator) want(op program.Op) column.Type {
	switch op {
	case program.Const, program.Retype, program.ParseTime:
		return pick(g.rng, column.Types()...)
	}
	return column.Invalid
}

// imm draws immediates that op has.
func (g *generator) imm(op program.Op, want column.Type, args int) program.Imm {
	zone := pick(g.rng, "", "UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Apia")
	switch op {
	case program.Const:
		if g.rng.IntN(8) == 0 {
			return program.Imm{Value: program.NullValue()}
		}
		return program.Imm{Value: RandomValue(g.rng, want)}
	case program.Lookup:
		return program.Imm{Int: int64(g.rng.IntN(len(g.keys)))}
	case program.Dot:
		return program.Imm{Floats: g.coefficients(args + 1)}
	case program.ParseInt, program.ParseFloat, program.ParseBool, program.ParseTime:
		return program.Imm{Int: int64(g.rng.IntN(2))}
	case program.ToDate, program.ToTimestamp, program.ToDatetime:
		return program.Imm{Text: zone}
	case program.DatePart:
		return program.Imm{Text: zone, Part: pick(g.rng, program.Parts()...)}
	case program.Bucketize:
		return program.Imm{Floats: g.edges(), Int: int64(g.rng.IntN(2)), NaN: int64(g.rng.IntN(9)) - 1}
	case program.Hash:
		name := pick(g.rng, "xxh3", "murmur3", "farm")
		return program.Imm{Text: name, Int: map[string]int64{"xxh3": -5, "murmur3": 42}[name]}
	case program.HashMix:
		return program.Imm{Int: int64(g.rng.Uint64())}
	case program.Bucket:
		return program.Imm{Int: pick[int64](g.rng, 1, 2, 10, 4096, math.MaxInt64)}
	case program.Match:
		return program.Imm{Text: pick(g.rng, "a", "^[ab]+$", "(?i)x|\\d", "", "\\pL{2}", "[^\\x00-\\x7F]")}
	case program.SplitPart:
		return program.Imm{Int: int64(g.rng.IntN(4))}
	case program.ListSlice:
		return program.Imm{Int: g.position(), Extra: g.position()}
	case program.ListPad:
		return program.Imm{Int: int64(g.rng.IntN(8)), Extra: int64(g.rng.IntN(2))}
	case program.ListAt:
		return program.Imm{Int: g.position()}
	}
	return program.Imm{}
}

func (g *generator) coefficients(n int) []float64 {
	list := make([]float64, n)
	for i := range list {
		list[i] = program.Canon(randomFloat(g.rng))
	}
	return list
}

// edges draws ascending edges; sometimes none, sometimes infinite ones.
func (g *generator) edges() []float64 {
	var list []float64
	for range g.rng.IntN(40) {
		x := randomFloat(g.rng)
		if len(list) == 0 && x == x || len(list) > 0 && list[len(list)-1] < x {
			list = append(list, x)
		}
	}
	return list
}

// tame replaces arguments on which op could fault by ones on which it cannot.
func (g *generator) tame(op program.Op, t column.Type, args []program.Register) {
	for i, r := range args {
		args[i] = g.tamed(op, t.Elem(), r)
		g.domains[args[i]] = g.domains[r]
	}
}

func (g *generator) tamed(op program.Op, t column.Type, r program.Register) program.Register {
	switch op {
	case program.Concat, program.Replace:
		return g.b.Emit(program.Substr, program.Imm{}, r, g.b.ConstInt(0), g.b.ConstInt(50))
	case program.ToInt:
		x := g.b.Choose(g.b.Emit(program.IsNaN, program.Imm{}, r), g.b.ConstFloat(0), g.b.Convert(r, column.Float64))
		return g.b.Emit(program.Clamp, program.Imm{}, x, g.b.ConstFloat(-0x1p62), g.b.ConstFloat(0x1p62))
	case program.ParseInt, program.ParseFloat, program.ParseBool, program.ParseTime:
		good := g.b.ConstString(map[column.Type]string{
			column.Int64: "-12", column.Float64: "1.5e3", column.Bool: "TRUE", column.Date: "2001-06-01",
			column.Datetime: "2001-06-01 17:30", column.Timestamp: "2001-06-01T17:30:00.25+02:00",
		}[t])
		return g.b.Choose(g.b.IsNull(r), good, good)
	}
	return g.small(r)
}

// small brings an integer or a time near 0.
func (g *generator) small(r program.Register) program.Register {
	t := g.b.Elem(r)
	near := g.b.Emit(program.Mod, program.Imm{}, g.b.Convert(r, column.Int64), g.b.ConstInt(30011))
	if t.Temporal() {
		// 0 to 30010: a Retype that cannot fault.
		return g.b.EmitTyped(program.Retype, t, program.Imm{}, near)
	}
	return near
}
