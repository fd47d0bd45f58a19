//go:build cuda && cgo

package code

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"quern/features/column"
	"quern/features/program"
	"quern/features/program/programtest"
)

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 5)) }

// scalars are the types that a device holds.
func scalars() (types []column.Type) {
	for _, t := range column.Types() {
		if _, ok := RegisterType(t); ok {
			types = append(types, t)
		}
	}
	return types
}

// encoded is a program with what is asked of it: every output, in storage form.
func encoded(t testing.TB, p *program.Program) (*Code, []Result, []column.Type) {
	t.Helper()
	var results []Result
	var types []column.Type
	for _, o := range p.Outputs {
		stored, _ := StorageType(p.Code[o.Register].Type)
		results = append(results, Result{o.Register, stored})
		types = append(types, p.Code[o.Register].Type)
	}
	c, err := Encode(p, results)
	if err != nil {
		t.Fatalf("%v\n%s", err, p.Text())
	}
	return c, results, types
}

// check holds what the device computes against the scalar meaning. Rows that fault are
// told by the fault word of a batch that has them.
func (m *machine) check(what string, p *program.Program, in column.Batch, blocks int) {
	m.t.Helper()
	c, results, types := encoded(m.t, p)
	want, err := programtest.Run(p, in)
	got, fault := m.run(c, results, types, in, blocks)
	if err != nil {
		if fault&FaultCode != 0 || fault == 0 {
			m.t.Fatalf("%s: fault word %d, but %v\n%s", what, fault, err, p.Text())
		}
		return
	}
	if fault&FaultRange != 0 && fault&^FaultRange == 0 && late(p, in) {
		return
	}
	if fault != 0 {
		m.t.Fatalf("%s: fault word %d for nothing\n%s\n%s", what, fault, p.Text(), c)
	}
	for i := range got {
		for row := range in.Rows {
			a, b := program.ValueAt(&got[i].Values, row), program.ValueAt(&want.Columns[i].Values, row)
			if !program.EqualValues(types[i], a, b) {
				m.t.Fatalf("%s: output %d row %d of %d: %v, want %v, for %v\n%s\n%s", what, i, row, in.Rows, a, b, programtest.Row(in, row), p.Text(), c)
			}
		}
	}
}

// late reports whether a program reads zones and a batch has times near or after the
// end of their tables.
func late(p *program.Program, in column.Batch) bool {
	for _, code := range p.Code {
		if code.Imm.Text != "" && code.Imm.Text != "UTC" && code.Op != program.Hash {
			return true
		}
	}
	return false
}

// subprogram keeps what the device can do of p, and returns nil if that is nothing.
func subprogram(p *program.Program) *program.Program {
	out := &program.Program{Inputs: p.Inputs, Tables: p.Tables, Origins: p.Origins}
	number := make([]program.Register, len(p.Code))
	used := map[program.Register]bool{}
	for r := range program.Register(len(p.Code)) {
		in := p.Code[r]
		ok := Supports(&in, p.ArgTypes(r))
		args := make([]program.Register, len(in.Args))
		for i, a := range in.Args {
			args[i] = number[a]
			ok = ok && number[a] != program.None
		}
		number[r] = program.None
		if !ok {
			continue
		}
		for _, a := range args {
			used[a] = true
		}
		in.Args = args
		number[r] = program.Register(len(out.Code))
		out.Code = append(out.Code, in)
	}
	for r := range program.Register(len(out.Code)) {
		if !used[r] || r%3 == 0 {
			out.Outputs = append(out.Outputs, program.Output{Name: fmt.Sprint("o", r), Register: r, Role: program.RoleFeature})
		}
	}
	if len(out.Code) == 0 {
		return nil
	}
	return out
}

func TestRandomPrograms(t *testing.T) {
	m := newMachine(t)
	sizes := []int{0, 1, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257, 5000}
	n := 300
	if testing.Short() {
		n = 60
	}
	ops := map[program.Op]int{}
	for seed := range uint64(n) {
		rng := newRand(seed)
		types := scalars()
		for range rng.IntN(8) {
			types = append(types, types[rng.IntN(len(types))])
		}
		schema := make(column.Schema, len(types))
		for i, typ := range types {
			schema[i] = column.Field{Name: fmt.Sprint("c", i), Type: typ}
		}
		random := programtest.Random
		if seed%4 == 3 {
			random = programtest.RandomFaulty
		}
		p := subprogram(random(rng, schema))
		if p == nil {
			continue
		}
		if err := program.Verify(p); err != nil {
			t.Fatal(err)
		}
		for _, in := range p.Code {
			ops[in.Op]++
		}
		rows := sizes[seed%uint64(len(sizes))]
		if rows == 5000 && seed > 60 {
			rows = 700
		}
		m.check(fmt.Sprint("seed ", seed), p, programtest.RandomBatch(rng, p.Inputs, rows), 1+rng.IntN(4))
	}
	t.Log(ops)
}
