package program

import (
	"math"
	"slices"
	"strings"
	"testing"

	"quern/features/column"
)

func testSchema() column.Schema {
	return column.Schema{
		{Name: "distance", Type: column.Float32},
		{Name: "origin", Type: column.String},
		{Name: "unused", Type: column.Bool},
		{Name: "date \"of\"\nflight\xff", Type: column.Timestamp},
	}
}

// testProgram uses most forms of immediates.
func testProgram() *Program {
	b := NewBuilder(testSchema())
	reals := b.AddTable(testTables()[1])
	words := b.AddTable(testTables()[0])
	b.SetOrigin(Origin{Path: "nobody's"})
	b.ConstInt(1)
	b.SetOrigin(Origin{Path: "features[0].steps[1]", Line: 14, Col: 15})
	x := b.Load(0)
	scaled := b.Emit(Div, Imm{}, b.Emit(Sub, Imm{}, x, b.ConstFloat(0.1)), b.ConstFloat(math.Inf(1)))
	b.SetOrigin(Origin{Path: "features[1]", Line: 20})
	word := b.Coalesce(b.Lookup(words, b.Load(1)), b.ConstInt(-7))
	hour := b.Emit(DatePart, Imm{Part: Hour, Text: "Europe/Berlin"}, b.Load(3))
	found := b.Emit(Match, Imm{Text: `^a "b"` + "\n"}, b.Load(1))
	b.Output("scaled", b.Emit(Round32, Imm{}, scaled), RoleFeature)
	b.Output("word\x00\xfe", b.Choose(found, word, hour), RoleKeep)
	b.Output("bucket", b.Emit(Bucketize, Imm{Floats: []float64{math.Inf(-1), -0.5, 3}, Int: 1, NaN: -1}, x), RoleLabel)
	b.Output("known", b.Not(b.IsNull(b.Lookup(reals, b.ConstNull(column.Float64)))), RoleFeature)
	b.Observe(0, scaled)
	b.Observe(3, word, hour)
	return b.Finish()
}

func TestBuilderSharesEqualInstructions(t *testing.T) {
	b := NewBuilder(testSchema())
	b.SetOrigin(Origin{Path: "first"})
	x := b.Load(0)
	sum := b.Emit(Add, Imm{}, x, b.ConstFloat(0))
	b.SetOrigin(Origin{Path: "second"})
	if again := b.Emit(Add, Imm{}, b.Load(0), b.ConstFloat(0)); again != sum {
		t.Errorf("an equal instruction is %d, not %d", again, sum)
	}
	b.SetOrigin(Origin{Path: "first"})
	if got := b.program.Code[sum].Origin; got != 0 || len(b.program.Origins) != 2 {
		t.Errorf("origin %d of %v", got, b.program.Origins)
	}
	if b.ConstFloat(0) == b.ConstFloat(math.Copysign(0, -1)) {
		t.Error("0 and -0 are one constant")
	}
	if b.ConstFloat(math.NaN()) != b.ConstFloat(-NaN()) {
		t.Error("two NaNs")
	}
	if b.ConstNull(column.Int64) == b.ConstNull(column.Float64) || b.ConstNull(column.Date) != b.ConstTyped(column.Date, Value{Null: true, Int: 5}) {
		t.Error("nulls are not told apart by type alone")
	}
	edges := func(list ...float64) Register { return b.Emit(Bucketize, Imm{Floats: list}, x) }
	if one := edges(1); one == edges(1, 2) || one != edges(1) {
		t.Error("immediates are not told apart by their bits")
	}
	if b.Emit(Concat, Imm{}, b.ConstString("ab"), b.ConstString("c")) == b.Emit(Concat, Imm{}, b.ConstString("a"), b.ConstString("bc")) {
		t.Error("strings run together")
	}
}

func TestFinishDropsWhatIsUnused(t *testing.T) {
	p := testProgram()
	if err := Verify(p); err != nil {
		t.Fatal(err)
	}
	var inputs []string
	for _, f := range p.Inputs {
		inputs = append(inputs, f.Name)
	}
	if slices.Contains(inputs, "unused") || len(inputs) != 3 {
		t.Errorf("inputs %q", inputs)
	}
	if len(p.Origins) != 2 || p.Origins[0].Line != 14 {
		t.Errorf("origins %v", p.Origins)
	}
	if again := testProgram(); again.Text() != p.Text() {
		t.Error("the same calls make another program")
	}
	if got := p.WithoutOrigins().Text(); strings.Contains(got, "@") || strings.Contains(got, "origin \"f") {
		t.Errorf("origins are left in\n%s", got)
	}
	b := NewBuilder(testSchema())
	table := b.AddTable(testTables()[0])
	b.AddTable(testTables()[1])
	b.Output("x", b.Lookup(table, b.Load(1)), RoleKeep)
	if p := b.Finish(); len(p.Tables) != 1 || b.AddTable(testTables()[0]) != table {
		t.Errorf("%d tables", len(p.Tables))
	}
	if p := NewBuilder(testSchema()).Finish(); len(p.Code)+len(p.Inputs) != 0 || Verify(p) != nil {
		t.Error("nothing is not an empty program")
	}
}

func mustPanic(t *testing.T, name string, f func()) {
	t.Helper()
	defer func() {
		if s, _ := recover().(string); !strings.HasPrefix(s, "quern: bug: ") {
			t.Errorf("%s: panic %q", name, s)
		}
	}()
	f()
	t.Errorf("%s: no panic", name)
}

func TestBuilderRefuses(t *testing.T) {
	b := NewBuilder(testSchema())
	x, s := b.Load(0), b.Load(1)
	words := b.AddTable(testTables()[0])
	other := testTables()[1]
	other.Name = "words"
	mustPanic(t, "types", func() { b.Emit(Add, Imm{}, x, s) })
	mustPanic(t, "arguments", func() { b.Emit(Add, Imm{}, x) })
	mustPanic(t, "register", func() { b.Emit(Neg, Imm{}, 99) })
	mustPanic(t, "no register", func() { b.Emit(Neg, Imm{}, None) })
	mustPanic(t, "column", func() { b.Load(4) })
	mustPanic(t, "table", func() { b.Lookup(2, s) })
	mustPanic(t, "key", func() { b.Lookup(words, x) })
	mustPanic(t, "name", func() { b.AddTable(other) })
	mustPanic(t, "float32", func() { b.ConstTyped(column.Float32, Value{Float: 0.1}) })
	mustPanic(t, "int32", func() { b.ConstTyped(column.Int32, Value{Int: 1 << 31}) })
	mustPanic(t, "unused immediate", func() { b.Emit(Neg, Imm{Int: 1}, x) })
	mustPanic(t, "zone", func() { b.Emit(DatePart, Imm{Part: Year, Text: "Local"}, b.Load(3)) })
	mustPanic(t, "pattern", func() { b.Emit(Match, Imm{Text: "("}, s) })
	mustPanic(t, "conversion", func() { b.Convert(b.Load(3), column.Datetime) })
	mustPanic(t, "output", func() { b.Output("x", 99, RoleKeep) })
	mustPanic(t, "null bytes", func() { AppendCanonical(nil, column.Int64, NullValue()) })
}

// Convert goes wherever CanConvert says, and the value survives where both types can
// hold it.
func TestConvert(t *testing.T) {
	for _, from := range column.Types() {
		for _, to := range column.Types() {
			b := NewBuilder(column.Schema{{Name: "x", Type: from}})
			if !CanConvert(from, to) {
				mustPanic(t, from.String()+" to "+to.String(), func() { b.Convert(b.Load(0), to) })
				continue
			}
			r := b.Convert(b.Load(0), to)
			if b.Type(r) != to {
				t.Errorf("%s to %s gives %s", from, to, b.Type(r))
			}
			b.Output("y", r, RoleKeep)
			e, err := b.Finish().Evaluator()
			if err != nil {
				t.Fatal(err)
			}
			registers, err := e.Row([]Value{sample(from, to)})
			if err != nil || !EqualValues(to, registers[len(registers)-1], sample(to, from)) {
				t.Errorf("%s to %s: %v, %v", from, to, registers, err)
			}
		}
	}
	for _, pair := range [][2]column.Type{{column.Timestamp, column.Date}, {column.Float64, column.Bool}, {column.Bool, column.Date}, {column.Invalid, column.String}, {column.Int64, column.Invalid}} {
		if CanConvert(pair[0], pair[1]) {
			t.Errorf("%s converts to %s", pair[0], pair[1])
		}
	}
}

// sample returns the value 1, true, or the first instant, as t: a value that other
// can hold as well.
func sample(t, other column.Type) Value {
	day := t == column.Date && (other == column.Datetime) || t == column.Datetime && other == column.Date
	switch {
	case day:
		return Value{}
	case t == column.String && other == column.String:
		return Value{Str: []byte("x")}
	case t == column.String:
		return Value{Str: AppendFormat(nil, other, sample(other, t))}
	case t == column.Bool:
		return Value{Bool: true}
	case t.Kind() == column.Floats:
		return Value{Float: 1}
	}
	return Value{Int: 1}
}

func TestDomains(t *testing.T) {
	b := NewBuilder(testSchema())
	x, s := b.Load(0), b.Load(1)
	one := b.ConstFloat(1)
	y := b.Emit(Add, Imm{}, x, one)
	z := b.Choose(b.IsNull(s), y, b.Emit(Neg, Imm{}, one))
	for r, want := range map[Register]Domain{x: 0, s: 1, one: Constant, y: 0, z: Rows} {
		if got := b.program.Domains()[r]; got != want {
			t.Errorf("%%%d has domain %d, not %d", r, got, want)
		}
	}
}

// The first fault of a row is reported with its register; nulls in, nulls out.
func TestEvaluatorRow(t *testing.T) {
	b := NewBuilder(column.Schema{{Name: "a", Type: column.Int64}, {Name: "b", Type: column.String}})
	sum := b.Emit(Add, Imm{}, b.Load(0), b.ConstInt(1))
	number := b.Emit(ParseInt, Imm{}, b.Load(1))
	b.Output("y", b.Emit(Mul, Imm{}, sum, number), RoleFeature)
	e, err := b.Finish().Evaluator()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		a, b Value
		want string
	}{
		{Value{Int: 2}, Value{Str: []byte("5")}, "15"},
		{NullValue(), Value{Str: []byte("5")}, "null"},
		{Value{Int: math.MaxInt64}, Value{Str: []byte("x")}, "integer overflow in add"},
		{Value{Int: 1}, Value{Str: []byte("x")}, `"x" is not an integer of 64 bits`},
	} {
		registers, err := e.Row([]Value{c.a, c.b})
		got := ""
		if err == nil {
			got = valueText(column.Int64, registers[len(registers)-1])
		} else {
			got = err.(*RowError).Reason
		}
		if got != c.want {
			t.Errorf("%v, %v gives %s, not %s", c.a, c.b, got, c.want)
		}
	}
	mustPanic(t, "short row", func() { e.Row(nil) })
}

// Append brings another program's tables along, under another name where theirs is
// taken, and its instructions keep their origins and meaning.
func TestAppend(t *testing.T) {
	p := testProgram()
	b := NewBuilder(testSchema())
	words := testTables()[0]
	words.Values = RegisterVector(column.Int64, Value{Int: 7}, Value{Int: 8}, Value{Int: 9})
	b.AddTable(words)
	outputs := b.Append(p, []Register{b.Load(0), b.Load(1), b.Load(3)})
	for i, r := range outputs {
		b.Output(p.Outputs[i].Name, r, p.Outputs[i].Role)
	}
	for _, o := range p.Observes {
		b.Observe(o.Stat, outputs[0])
	}
	q := b.Finish()
	if err := Verify(q); err != nil {
		t.Fatal(err)
	}
	if len(q.Code) != len(p.Code) || len(q.Origins) != len(p.Origins) || q.Tables[1].Name != "words#2" {
		t.Errorf("%d instructions became\n%s", len(p.Code), q)
	}
	for _, origin := range []string{"a", "b", `a "b"` + "\n", "c"} {
		row := []Value{{Float: 0.5}, {Str: []byte(origin)}, {Int: 1e15}}
		want, got := outputsOf(t, p, row), outputsOf(t, q, row)
		if !slices.EqualFunc(want, got, Value.same) {
			t.Errorf("%s: %v, not %v", origin, got, want)
		}
	}
	mustPanic(t, "input type", func() { b.Append(p, []Register{b.Load(1), b.Load(1), b.Load(3)}) })
}

func outputsOf(t *testing.T, p *Program, row []Value) []Value {
	t.Helper()
	e, err := p.Evaluator()
	if err != nil {
		t.Fatal(err)
	}
	registers, err := e.Row(row)
	if err != nil {
		t.Fatal(err)
	}
	values := make([]Value, len(p.Outputs))
	for i, o := range p.Outputs {
		values[i] = registers[o.Register]
	}
	return values
}
