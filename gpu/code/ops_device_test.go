//go:build cuda && cgo

package code

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"quern/features/column"
	"quern/features/program"
	"quern/features/program/programtest"
)

// zones of every kind: fixed, with rules for ever, with changes of the rules, odd ones.
func testZones() []string {
	return []string{"UTC", "Etc/GMT+5", "Asia/Kolkata", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe",
		"Africa/Casablanca", "America/Ciudad_Juarez", "Pacific/Apia", "Antarctica/Troll", "Asia/Tehran", "Europe/Dublin"}
}

// immediates returns variants of an operation's immediates.
func immediates(op program.Op) (list []program.Imm) {
	inf := math.Inf(1)
	switch op {
	case program.Bucketize:
		for _, edges := range [][]float64{nil, {0}, {-inf, -1.5, math.Copysign(0, -1), 2, 1e18, inf}, {-9223372036854775808, 9007199254740993, 9223372036854775807}} {
			for right := range int64(2) {
				list = append(list, program.Imm{Floats: edges, Int: right, NaN: -7})
			}
		}
	case program.Hash:
		for _, seed := range []int64{0, 1, 4294967295} {
			list = append(list, program.Imm{Text: "murmur3", Int: seed})
		}
		for _, seed := range []int64{0, 42, -1, math.MinInt64} {
			list = append(list, program.Imm{Text: "xxh3", Int: seed})
		}
		list = append(list, program.Imm{Text: "farm"})
	case program.HashMix:
		return []program.Imm{{}, {Int: -3}, {Int: math.MaxInt64}}
	case program.Bucket:
		return []program.Imm{{Int: 1}, {Int: 1000}, {Int: math.MaxInt64}}
	case program.Lookup:
		for i := range int64(len(testTables())) {
			list = append(list, program.Imm{Int: i})
		}
	case program.DatePart:
		for _, part := range program.Parts() {
			for _, zone := range []string{"", "UTC", "Europe/Berlin", "Asia/Kolkata"} {
				list = append(list, program.Imm{Part: part, Text: zone})
			}
		}
	case program.ToDate, program.ToDatetime, program.ToTimestamp:
		for _, zone := range append(testZones(), "") {
			list = append(list, program.Imm{Text: zone})
		}
	case program.Dot:
		return []program.Imm{{Floats: []float64{2, 1}}, {Floats: []float64{0.1, -3e300, inf}}, {Floats: []float64{1, 0.1, -0.7, 5}}}
	default:
		return []program.Imm{{}}
	}
	return list
}

// testTables are tables of every type of keys, among them keys at the borders, null and
// none.
func testTables() (tables []program.Table) {
	rng := newRand(9)
	for _, t := range scalars() {
		for n := range 3 {
			keys, values := column.Vector{Type: t}, column.Vector{Type: []column.Type{column.Int64, column.Float64}[n%2]}
			seen := map[string]bool{}
			add := func(key program.Value) {
				text := "null"
				if !key.Null {
					text = "=" + string(program.AppendCanonical(nil, t, key))
				}
				if !seen[text] {
					seen[text] = true
					program.AppendRegister(&keys, key)
					program.AppendRegister(&values, programtest.RandomValue(rng, values.Type))
				}
			}
			for range n * 100 {
				add(programtest.RandomValue(rng, t))
			}
			if n == 2 {
				add(program.NullValue())
			}
			if t.Kind() == column.Ints && n > 0 {
				add(program.Value{Int: -1})
				add(program.Value{Int: -2})
			}
			tables = append(tables, program.Table{Name: fmt.Sprint(t, n), Keys: keys, Values: values})
		}
	}
	return tables
}

// argumentTypes returns every list of n types.
func argumentTypes(n int) [][]column.Type {
	lists := [][]column.Type{nil}
	for range n {
		var longer [][]column.Type
		for _, l := range lists {
			for _, t := range scalars() {
				longer = append(longer, append(l[:len(l):len(l)], t))
			}
		}
		lists = longer
	}
	return lists
}

// one instruction on inputs of its own.
func instructionOf(op program.Op, imm program.Imm, types []column.Type, want column.Type) *program.Program {
	t, err := program.Infer(op, imm, types, want)
	if err != nil || t == column.String {
		return nil
	}
	p := &program.Program{}
	in := program.Instr{Op: op, Type: t, Imm: imm, Origin: -1}
	if op == program.Lookup {
		p.Tables, in.Imm.Int = testTables()[imm.Int:imm.Int+1], 0
	}
	for i, typ := range types {
		p.Inputs = append(p.Inputs, column.Field{Name: fmt.Sprint("c", i), Type: typ})
		p.Code = append(p.Code, program.Instr{Op: program.Load, Type: typ, Imm: program.Imm{Int: int64(i)}, Origin: -1})
		in.Args = append(in.Args, program.Register(i))
	}
	p.Code = append(p.Code, in)
	p.Outputs = []program.Output{{Name: "o", Register: program.Register(len(types)), Role: program.RoleFeature}}
	if program.Verify(p) != nil || !Supports(&in, types) {
		return nil
	}
	return p
}

// programsOf returns a program for every form of an operation.
func programsOf(op program.Op) (list []*program.Program) {
	wants := []column.Type{column.Invalid}
	if op == program.Retype || op == program.Lookup || op == program.ParseTime {
		wants = scalars()
	}
	for n := 1; n <= 3; n++ {
		for _, types := range argumentTypes(n) {
			for _, imm := range immediates(op) {
				for _, want := range wants {
					if p := instructionOf(op, imm, types, want); p != nil {
						list = append(list, p)
					}
				}
			}
		}
	}
	return list
}

// TestEveryOperation runs each operation on each form of its arguments: rows without a
// fault together, then some that fault each among others.
func TestEveryOperation(t *testing.T) {
	m := newMachine(t)
	rng := newRand(3)
	for _, op := range program.Ops() {
		list := programsOf(op)
		if len(list) == 0 && op < program.Lower && op != program.Load && op != program.Const && !parses(op) {
			t.Errorf("%s is never tried", op)
		}
		if op == program.DatePart && testing.Short() {
			list = list[:20]
		}
		for _, p := range list {
			good, bad := partition(t, rng, p)
			m.strictly(fmt.Sprint(op), p, batchOf(p, good))
			for _, row := range bad[:min(2, len(bad))] {
				at := rng.IntN(len(good) + 1)
				rows := append(append(append([][]program.Value{}, good[:at]...), row), good[at:]...)
				m.check(fmt.Sprint(op, " with a fault"), p, batchOf(p, rows), 2)
			}
		}
	}
}

func parses(op program.Op) bool {
	return op == program.ParseInt || op == program.ParseFloat || op == program.ParseBool || op == program.ParseTime || op == program.Format
}

// strictly is check without the excuse of a zone's end.
func (m *machine) strictly(what string, p *program.Program, in column.Batch) {
	m.t.Helper()
	c, results, types := encoded(m.t, p)
	if _, fault := m.run(c, results, types, in, 1); fault != 0 {
		m.t.Fatalf("%s: fault %d for nothing\n%s", what, fault, p.Text())
	}
	m.check(what, p, in, 1)
}

// partition draws rows for p, and parts those that do not fault from those that do.
// Times that zones' tables do not reach are in neither.
func partition(t *testing.T, rng *rand.Rand, p *program.Program) (good, bad [][]program.Value) {
	t.Helper()
	e, err := p.Evaluator()
	if err != nil {
		t.Fatal(err)
	}
	zoned := p.Code[len(p.Code)-1].Imm.Text != "" && p.Code[len(p.Code)-1].Op != program.Hash
	for range 150 {
		row := make([]program.Value, len(p.Inputs))
		for i, f := range p.Inputs {
			row[i] = programtest.RandomValue(rng, f.Type)
			if rng.IntN(8) == 0 {
				row[i] = program.NullValue()
			}
			if zoned && rng.IntN(2) == 0 && f.Type != column.Date {
				row[i].Int = rng.Int64N(2*zoneEnd*1_000_000) - zoneEnd*1_000_000
			}
		}
		limit := int64(zoneEnd-100_000) * 1_000_000
		if p.Inputs[0].Type == column.Date {
			limit /= microsPerDay
		}
		switch _, err := e.Row(row); {
		case err != nil:
			bad = append(bad, row)
		case !zoned || row[0].Int < limit:
			good = append(good, row)
		}
	}
	return good, bad
}

// batchOf returns rows as plain columns.
func batchOf(p *program.Program, rows [][]program.Value) column.Batch {
	b := column.Batch{Rows: len(rows)}
	for i, f := range p.Inputs {
		c := column.Column{Len: len(rows), Values: column.Vector{Type: f.Type}}
		for _, row := range rows {
			program.AppendStored(&c.Values, row[i])
		}
		b.Columns = append(b.Columns, c)
	}
	return b
}

// TestHashMix mixes every number of hashes that the device can.
func TestHashMix(t *testing.T) {
	m := newMachine(t)
	for n := 1; n <= maxMixed+1; n++ {
		types := make([]column.Type, n)
		for i := range types {
			types[i] = column.Int64
		}
		p := instructionOf(program.HashMix, program.Imm{Int: int64(n) << 40}, types, column.Invalid)
		if n > maxMixed {
			if p != nil {
				t.Error("more than maxMixed")
			}
			continue
		}
		m.strictly(fmt.Sprint(n), p, programtest.RandomBatch(newRand(uint64(n)), p.Inputs, 70))
	}
}

// TestZones looks at the seconds around every change of many zones.
func TestZones(t *testing.T) {
	m := newMachine(t)
	rng := newRand(4)
	for _, name := range testZones() {
		zone, err := program.LoadZone(name)
		if err != nil {
			t.Fatal(err)
		}
		var rows [][]program.Value
		for at := int64(-5e9); at < zoneEnd-100_000; {
			offset, _, end := zone.Span(at)
			at = end
			for range 6 {
				near := end + []int64{0, -1, 1, offset, 3600, -3600, offset - 1800}[rng.IntN(7)] + rng.Int64N(5) - 2
				if end < zoneEnd-100_000 {
					rows = append(rows, []program.Value{{Int: near*1_000_000 + rng.Int64N(2)*999_999}})
				}
			}
			rows = append(rows, []program.Value{{Int: rng.Int64N(1<<54) - 1<<53}})
		}
		for _, op := range []program.Op{program.ToDatetime, program.ToTimestamp, program.ToDate} {
			from := column.Timestamp
			if op == program.ToTimestamp {
				from = column.Datetime
			}
			p := instructionOf(op, program.Imm{Text: name}, []column.Type{from}, column.Invalid)
			m.strictly(name, p, batchOf(p, rows))
			p = instructionOf(op, program.Imm{Text: name}, []column.Type{from}, column.Invalid)
			late := batchOf(p, append(rows[:len(rows):len(rows)], []program.Value{{Int: (zoneEnd + 40_000_000) * 1_000_000}}))
			c, results, types := encoded(t, p)
			ends := len(zoneTable(name)) > 0 && zoneTable(name)[1] != math.MaxInt64
			if _, fault := m.run(c, results, types, late, 1); (fault == FaultRange) != ends || fault&^FaultRange != 0 {
				t.Errorf("%s: fault word %d", name, fault)
			}
		}
	}
}
