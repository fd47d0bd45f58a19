package programtest

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"quern/features/column"
	"quern/features/program"
)

// Random programs never fault, whatever the batch, and their text reads back.
func TestRandomPrograms(t *testing.T) {
	used := map[program.Op]bool{}
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		schema := Schema(rng, 12)
		p := Random(rng, schema)
		for _, in := range p.Code {
			used[in.Op] = true
		}
		checkRoundTrip(t, seed, p)
		if _, err := Run(p, RandomBatch(rng, p.Inputs, 9)); err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, p)
		}
	}
	for _, op := range program.Ops() {
		if !used[op] {
			t.Errorf("no random program uses %s", op)
		}
	}
}

// Every operation is applied to lists sooner or later, and lists to what was made of
// them: slices of padded lists, sums of sums' elements and so on.
func TestRandomLists(t *testing.T) {
	used := map[program.Op]bool{program.Load: true, program.Const: true}
	deepest := 0
	for seed := uint64(0); seed < 100 || len(used) < len(program.Ops()) && seed < 3000; seed++ {
		rng := rand.New(rand.NewPCG(seed, 5))
		p := Random(rng, ListSchema(rng, 5))
		depth := make([]int, len(p.Code)) // how many cuts and pads are behind a register
		for i, in := range p.Code {
			for _, a := range in.Args {
				used[in.Op] = used[in.Op] || p.Code[a].Type.IsList()
				depth[i] = max(depth[i], depth[a])
			}
			if in.Op.Whole() {
				depth[i]++
			}
			deepest = max(deepest, depth[i])
		}
		checkRoundTrip(t, seed, p)
		if _, err := Run(p, RandomBatch(rng, p.Inputs, 9)); err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, p)
		}
	}
	for _, op := range program.Ops() {
		if !used[op] {
			t.Errorf("no random program uses %s on lists", op)
		}
	}
	if deepest < 5 {
		t.Errorf("no chain is longer than %d", deepest)
	}
}

// Random lists are well-formed and of every sort: null, empty, long; with elements
// plain and coded, null and unused slots.
func TestRandomBatchLists(t *testing.T) {
	met := map[string]bool{}
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 6))
		schema := ListSchema(rng, 3)
		for i, c := range RandomBatch(rng, schema, int(seed)).Columns {
			if c.Type() != schema[i].Type || c.Len != int(seed) {
				t.Fatalf("seed %d: column %d is %s", seed, i, c.Type())
			}
			if c.Type().IsList() {
				meetLists(t, met, &c.Values)
			}
		}
	}
	for _, sort := range []string{"null", "empty", "long", "plain", "coded", "null element", "crowded"} {
		if !met[sort] {
			t.Errorf("no list is %s", sort)
		}
	}
}

func meetLists(t *testing.T, met map[string]bool, v *column.Vector) {
	t.Helper()
	e := v.Elements
	if len(v.Offsets) != v.Len+1 || v.Offsets[0] != 0 || int(v.Offsets[v.Len]) != e.Len || e.Type() != v.Type.Elem() {
		t.Fatalf("ill-formed lists: %+v", v)
	}
	for i := range v.Len {
		lo, hi := v.List(i)
		met["null"] = met["null"] || v.Null(i)
		met["empty"] = met["empty"] || !v.Null(i) && lo == hi
		met["long"] = met["long"] || hi-lo > 10
		if hi < lo || v.Null(i) && lo < hi {
			t.Fatalf("list %d has elements %d to %d", i, lo, hi)
		}
	}
	for i := range e.Len {
		met["null element"] = met["null element"] || e.Null(i)
	}
	met["plain"] = met["plain"] || !e.Dict() && e.Len > 0
	met["coded"] = met["coded"] || e.Dict() && e.Len > e.Values.Len
	met["crowded"] = met["crowded"] || e.Len > 0 && e.Values.Len > 2*e.Len
}

// What is observed of lists is their elements, beside constants.
func TestTuples(t *testing.T) {
	one, two := program.Value{Int: 1}, program.Value{Int: 2}
	list := func(values ...program.Value) program.Value { return program.Value{List: values} }
	ints := column.Column{Len: 4, Values: program.StoredVector(column.ListOf(column.Int64),
		list(one, two), list(), program.NullValue(), list(program.NullValue()))}
	constant := column.Column{Len: 4, Values: program.StoredVector(column.Int64, two), Index: make([]int32, 4)}
	want := [][]program.Value{{one, two}, {two, two}, {program.NullValue(), two}}
	if got := Tuples([]*column.Column{&ints, &constant}); !reflect.DeepEqual(got, want) {
		t.Errorf("tuples %v, want %v", got, want)
	}
	if got := Tuples([]*column.Column{&constant}); len(got) != 4 {
		t.Errorf("%d rows of a scalar", len(got))
	}
}

// checkRoundTrip checks that Parse returns p, field by field, and that Append
// rebuilds its instructions.
func checkRoundTrip(t *testing.T, seed uint64, p *program.Program) {
	t.Helper()
	text := p.Text()
	q, err := program.Parse(text, p.Tables...)
	if err != nil {
		t.Fatalf("seed %d: %v\n%s", seed, err, text)
	}
	if err := program.Verify(q); err != nil {
		t.Fatalf("seed %d: %v\n%s", seed, err, text)
	}
	if q.Text() != text {
		t.Fatalf("seed %d: read back as\n%s\nnot\n%s", seed, q, text)
	}
	// reflect sees what the text might leave out; nil and empty lists are one.
	for i := range p.Code {
		a, b := p.Code[i], q.Code[i]
		if len(a.Args) == 0 {
			a.Args, b.Args = nil, nil
		}
		if len(a.Imm.Floats) == 0 {
			a.Imm.Floats, b.Imm.Floats = nil, nil
		}
		if !sameBits(a.Imm.Floats, b.Imm.Floats) || !program.EqualValues(a.Type, a.Imm.Value, b.Imm.Value) {
			t.Fatalf("seed %d: %%%d lost a bit: %v, %v", seed, i, a, b)
		}
		a.Imm.Floats, b.Imm.Floats = nil, nil
		a.Imm.Value, b.Imm.Value = program.Value{}, program.Value{}
		if !reflect.DeepEqual(a, b) {
			t.Fatalf("seed %d: %%%d is %+v, not %+v", seed, i, b, a)
		}
	}
}

func sameBits(a, b []float64) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if program.OrderedBits(a[i]) != program.OrderedBits(b[i]) {
			return false
		}
	}
	return true
}

// A program put into a builder of its own comes out as it was; twice, it is there once.
func TestAppendFinish(t *testing.T) {
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 2))
		p := RandomFaulty(rng, Schema(rng, 10))
		b := program.NewBuilder(p.Inputs)
		inputs := make([]program.Register, len(p.Inputs))
		for i := range inputs {
			inputs[i] = b.Load(i)
		}
		first := b.Append(p, inputs)
		if again := b.Append(p, inputs); !reflect.DeepEqual(first, again) {
			t.Fatalf("seed %d: registers %v, then %v", seed, first, again)
		}
		for i, o := range p.Outputs {
			b.Output(o.Name, first[i], o.Role)
		}
		q := b.Finish()
		if err := program.Verify(q); err != nil || len(q.Code) != len(p.Code) {
			t.Fatalf("seed %d: %v: %d instructions became %d", seed, err, len(p.Code), len(q.Code))
		}
		batch := RandomBatch(rng, p.Inputs, 5)
		want, err1 := Run(p, batch)
		got, err2 := Run(q, batch)
		if (err1 == nil) != (err2 == nil) {
			t.Fatalf("seed %d: %v, then %v", seed, err1, err2)
		}
		for i := range want.Columns {
			if err1 == nil && !Equal(&want.Columns[i], &got.Columns[i]) {
				t.Fatalf("seed %d: output %d differs", seed, i)
			}
		}
	}
}

// Rows evaluated together give what each gives alone, faults among them.
func TestRowsTogether(t *testing.T) {
	faults, lookups := 0, 0
	for seed := range uint64(400) {
		rng := rand.New(rand.NewPCG(seed, 5))
		schema := Schema(rng, 3)
		p := RandomFaulty(rng, schema)
		e, err := p.Evaluator()
		if err != nil {
			t.Fatal(err)
		}
		in := RandomBatch(rng, p.Inputs, 17)
		var rows [][]program.Value
		for r := range in.Rows {
			rows = append(rows, Row(in, r))
		}
		lookups += len(p.Tables)
		all, errs := e.Rows(rows)
		for r, row := range rows {
			one, err := e.Row(row)
			if (err == nil) != (errs[r] == nil) || err != nil && err.Error() != errs[r].Error() {
				t.Fatalf("seed %d, row %d: fault %v alone, %v among others", seed, r, err, errs[r])
			}
			if err != nil {
				faults++
			}
			for i := range one {
				if !program.EqualValues(p.Code[i].Type, one[i], all[r][i]) {
					t.Fatalf("seed %d, row %d, register %d: %v alone, %v among others", seed, r, i, one[i], all[r][i])
				}
			}
		}
	}
	if faults < 100 || lookups < 10 {
		t.Errorf("%d faults and %d tables only", faults, lookups)
	}
}
