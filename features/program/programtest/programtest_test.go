package programtest

import (
	"math/rand/v2"
	"reflect"
	"testing"

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
