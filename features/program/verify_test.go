package program

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"quern/features/column"
)

func TestVerifyErrors(t *testing.T) {
	many := make([]Output, maxCode+1)
	for _, c := range []struct {
		want   string
		change func(p *Program)
	}{
		{"a second column called", func(p *Program) { p.Inputs[1] = p.Inputs[0] }},
		{"has no type", func(p *Program) { p.Inputs[0].Type = 200 }},
		{"outputs; 1048576 are allowed", func(p *Program) { p.Outputs = many }},
		{"a table has no name", func(p *Program) { p.Tables[0].Name = "" }},
		{"a second table", func(p *Program) { p.Tables[0].Name = p.Tables[1].Name }},
		{"keys 0 and 1 are equal", func(p *Program) {
			p.Tables[0].Keys = StoredVector(column.Float32, Value{}, Value{Float: math.Copysign(0, -1)})
		}},
		{"keys 0 and 1 are null", func(p *Program) { p.Tables[0].Keys = StoredVector(column.Float32, NullValue(), NullValue()) }},
		{"a value is null", func(p *Program) { p.Tables[0].Values = RegisterVector(column.Float64, Value{}, NullValue()) }},
		{"values are string", func(p *Program) { p.Tables[0].Values = RegisterVector(column.String, Value{}, Value{}) }},
		{"2 keys but 1 values", func(p *Program) { p.Tables[0].Values = RegisterVector(column.Float64, Value{}) }},
		{"slots, but", func(p *Program) { p.Tables[0].Keys.Len = 5 }},
		{"values in two forms", func(p *Program) { p.Tables[0].Keys.Float64s = []float64{} }},
		{"bitmap is too short", func(p *Program) { p.Tables[0].Keys.Valid = column.Bitmap{} }},
		{"strings end after", func(p *Program) { p.Tables[1].Keys.Text.Bytes = nil }},
		{"string offsets descend", func(p *Program) { p.Tables[1].Keys.Text.Offsets[1] = 99 }},
		{"table \"words\" maps string to int64", func(p *Program) { p.Code[find(p, Lookup)].Type = column.Float64 }},
		{"no table 9", func(p *Program) { p.Code[find(p, Lookup)].Imm.Int = 9 }},
		{"no input 9", func(p *Program) { p.Code[find(p, Load)].Imm.Int = 9 }},
		{"index is -1", func(p *Program) { p.Code[find(p, Load)].Imm.Int = -1 }},
		{"is float32, not float64", func(p *Program) { p.Code[find(p, Load)].Type = column.Float64 }},
		{"is not defined before", func(p *Program) { p.Code[find(p, Div)].Args[0] = Register(find(p, Div)) }},
		{"argument %-1 is not defined", func(p *Program) { p.Code[find(p, Div)].Args[0] = None }},
		{"div: takes 2 arguments, not 1", func(p *Program) { p.Code[find(p, Div)].Args = p.Code[find(p, Div)].Args[:1] }},
		{"div: has no immediate integer", func(p *Program) { p.Code[find(p, Div)].Imm.Int = 1 }},
		{"div: has no immediate numbers", func(p *Program) { p.Code[find(p, Div)].Imm.Floats = []float64{} }},
		{"no result type", func(p *Program) { p.Code[find(p, Div)].Type = column.Invalid }},
		{"no such operation", func(p *Program) { p.Code[find(p, Div)].Op = numOps }},
		{"no such operation: 0", func(p *Program) { p.Code[find(p, Div)].Op = NoOp }},
		{"no origin 7", func(p *Program) { p.Code[find(p, Div)].Origin = 7 }},
		{"a negative place", func(p *Program) { p.Origins[0].Col = -1 }},
		{"edges do not ascend", func(p *Program) { p.Code[find(p, Bucketize)].Imm.Floats = []float64{0, math.Copysign(0, -1)} }},
		{"an edge is NaN", func(p *Program) { p.Code[find(p, Bucketize)].Imm.Floats = []float64{math.NaN()} }},
		{"right_closed is 2", func(p *Program) { p.Code[find(p, Bucketize)].Imm.Int = 2 }},
		{"unknown time zone", func(p *Program) { p.Code[find(p, DatePart)].Imm.Text = "Mars" }},
		{"needs a time zone", func(p *Program) { p.Code[find(p, DatePart)].Imm.Text = "" }},
		{"no such part", func(p *Program) { p.Code[find(p, DatePart)].Imm.Part = numParts }},
		{"error parsing regexp", func(p *Program) { p.Code[find(p, Match)].Imm.Text = "(" }},
		{"pattern has 5000 bytes", func(p *Program) { p.Code[find(p, Match)].Imm.Text = strings.Repeat("a", 5000) }},
		{"constant is not in the form", func(p *Program) { p.Code[find(p, Const)].Imm.Value.Bool = true }},
		{"an output has no name", func(p *Program) { p.Outputs[0].Name = "" }},
		{"a second output", func(p *Program) { p.Outputs[0].Name = p.Outputs[1].Name }},
		{"no register %99", func(p *Program) { p.Outputs[0].Register = 99 }},
		{"unknown role \"x\"", func(p *Program) { p.Outputs[0].Role = "x" }},
		{"no statistic -1", func(p *Program) { p.Observes[0].Stat = -1 }},
		{"observation 0: 0 registers", func(p *Program) { p.Observes[0].Args = nil }},
		{"no register %-1", func(p *Program) { p.Observes[0].Args[0] = None }},
		{"is needed by nothing", func(p *Program) { p.Outputs = p.Outputs[1:] }},
	} {
		p := testProgram()
		for i := range p.Tables {
			p.Tables[i].facts = nil // the cases break what nobody may change
		}
		c.change(p)
		if err := Verify(p); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, not %q", err, c.want)
		}
	}
	if Verify(nil) == nil {
		t.Error("no program verifies")
	}
}

// find returns the first instruction of an operation.
func find(p *Program, op Op) int {
	for i := range p.Code {
		if p.Code[i].Op == op {
			return i
		}
	}
	panic("not there: " + op.String())
}

// Immediates that cannot reach Verify through the builder's tests.
func TestImmediates(t *testing.T) {
	str, i64, f64 := []column.Type{column.String}, []column.Type{column.Int64}, []column.Type{column.Float64}
	for _, c := range []struct {
		op   Op
		imm  Imm
		args []column.Type
		want string
	}{
		{Hash, Imm{Text: "md5"}, str, `unknown hash function "md5"`},
		{Hash, Imm{Text: "murmur3", Int: 1 << 32}, str, "does not take the seed"},
		{Hash, Imm{Text: "farm", Int: 1}, str, "does not take the seed"},
		{Bucket, Imm{}, i64, "buckets is 0"},
		{SplitPart, Imm{Int: -1}, append(str, column.String), "field is -1"},
		{ParseInt, Imm{Int: 2}, str, "null_on_fault is 2"},
		{Dot, Imm{Floats: []float64{1}}, f64, "1 arguments need 2 coefficients, not 1"},
		{Dot, Imm{Floats: []float64{1, math.Float64frombits(0x7FF8000000000001)}}, f64, "not the canonical one"},
		{DatePart, Imm{Part: Hour}, []column.Type{column.Date}, "a date has no hour"},
		{DatePart, Imm{Part: Hour, Text: "UTC"}, []column.Type{column.Datetime}, "takes no time zone"},
		{Neg, Imm{NaN: 1}, f64, "no immediate for NaN"},
		{Neg, Imm{Text: "x"}, f64, "no immediate text"},
		{Neg, Imm{Part: Year}, f64, "no immediate part"},
		{Neg, Imm{Value: Value{Null: true}}, f64, "no immediate value"},
		{Neg, Imm{}, []column.Type{column.Invalid}, "an argument has no type"},
		{Neg, Imm{}, str, "neg(string): not defined for these types"},
	} {
		if _, err := Infer(c.op, c.imm, c.args, column.Invalid); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, not %q", c.op, err, c.want)
		}
	}
	if _, err := Infer(Neg, Imm{}, f64, column.Int64); err == nil || !strings.Contains(err.Error(), "neg(float64) gives float64, not int64") {
		t.Errorf("%v", err)
	}
}

// Damaged programs are refused or work: Verify never panics, and what it accepts
// has a text that reads back and evaluates.
func TestVerifyMutated(t *testing.T) {
	accepted := 0
	for seed := range uint64(4000) {
		rng := rand.New(rand.NewPCG(seed, 9))
		p := testProgram()
		for range 1 + rng.IntN(3) {
			mutate(rng, p)
		}
		p.WithoutOrigins()
		if Verify(p) != nil {
			continue
		}
		accepted++
		q, err := Parse(p.Text(), p.Tables...)
		if err != nil || q.Text() != p.Text() {
			t.Fatalf("seed %d: %v\n%s", seed, err, p)
		}
		e, err := p.Evaluator()
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, p)
		}
		for k := range 3 {
			row := make([]Value, len(p.Inputs))
			for i, f := range p.Inputs {
				edges := edgeValues(f.Type)
				row[i] = edges[(k+rng.IntN(3))%len(edges)]
			}
			e.Row(row)
		}
	}
	if accepted < 50 {
		t.Errorf("only %d programs were accepted", accepted)
	}
}

// mutate damages one thing.
func mutate(rng *rand.Rand, p *Program) {
	number := func() int64 {
		return []int64{-1, 0, 1, 2, 3, 7, math.MaxInt32, math.MinInt64, math.MaxInt64}[rng.IntN(9)]
	}
	in := &p.Code[rng.IntN(len(p.Code))]
	table := &p.Tables[rng.IntN(len(p.Tables))]
	switch rng.IntN(16) {
	case 0:
		in.Op = Op(rng.IntN(int(numOps) + 2))
	case 1:
		in.Type = column.Type(rng.IntN(12))
	case 2:
		if len(in.Args) > 0 {
			in.Args[rng.IntN(len(in.Args))] = Register(number())
		}
	case 3:
		in.Args = append(in.Args, Register(rng.IntN(len(p.Code))))
	case 4:
		in.Imm.Int = number()
	case 5:
		in.Imm.Floats = append(in.Imm.Floats, math.Float64frombits(rng.Uint64()))
	case 6:
		in.Imm.Text = []string{"", "UTC", "xxh3", "a+", "\xff"}[rng.IntN(5)]
	case 7:
		in.Imm.Value = Value{Null: rng.IntN(2) == 0, Int: number()}
	case 8:
		in.Imm.Part = Part(rng.IntN(int(numParts) + 2))
	case 9:
		p.Inputs[rng.IntN(len(p.Inputs))].Type = column.Type(rng.IntN(12))
	case 10:
		p.Outputs[rng.IntN(len(p.Outputs))].Register = Register(number())
	case 11:
		p.Observes[rng.IntN(len(p.Observes))].Args = []Register{Register(number())}
	case 12:
		table.Keys.Len = int(int32(number()))
		table.Values.Len = table.Keys.Len
	case 13:
		table.Keys.Type = column.Type(rng.IntN(12))
	case 14:
		table.Keys.Valid = column.Bitmap{rng.Uint64()}
		table.Keys.Text.Offsets = []uint32{0, uint32(number()), 1}
	case 15:
		in.Imm.NaN = number()
		in.Origin = int32(number())
	}
}
