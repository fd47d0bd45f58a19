package cpu

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"

	"quern/features/column"
	"quern/features/diag"
	"quern/features/program"
	"quern/features/program/programtest"
	"quern/features/stat"
)

// counter is a statistic that does nothing, without memory of its own.
type counter struct{ stat.Statistic }

func (*counter) Observe([]column.Column, []uint64) {}

// A session allocates nothing once it has seen a batch of the same shape, whatever
// the operation.
func TestNoAllocation(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool (in regexp) forget at random")
	}
	used := map[program.Op]bool{}
	all := len(program.Ops()) - 1 // without parse_float
	for seed := uint64(0); seed < 100 || len(used) < all && seed < 5000; seed++ {
		rng := newRand(seed)
		p := programtest.Random(rng, programtest.Schema(rng, 9))
		if strings.Contains(p.Text(), "parse_float") {
			continue // strconv allocates its errors; TestNoAllocationParse has the rest
		}
		into := observeOutputs(p)
		for i := range into {
			into[i] = &counter{}
		}
		for _, in := range p.Code {
			used[in.Op] = true
		}
		s := start(t, p, 64)
		in := programtest.RandomBatch(rng, p.Inputs, 200)
		run := func() {
			if _, err := s.Run(in, into); err != nil {
				t.Fatal(err)
			}
		}
		run()
		if n := testing.AllocsPerRun(3, run); n > 0 {
			t.Fatalf("seed %d: %v allocations per run\n%s", seed, n, p)
		}
	}
	for _, op := range program.Ops() {
		if !used[op] && op != program.ParseFloat {
			t.Errorf("%s took no part", op)
		}
	}
}

func TestNoAllocationParse(t *testing.T) {
	b := program.NewBuilder(column.Schema{{Name: "s", Type: column.String}})
	b.Output("x", b.Emit(program.ParseFloat, program.Imm{Int: 1}, b.Load(0)), program.RoleFeature)
	s := start(t, b.Finish(), 64)
	v := column.Vector{Type: column.String}
	for i := range 100 {
		program.AppendStored(&v, program.Value{Str: fmt.Appendf(nil, "%d.5e%d", i, i)})
		program.AppendStored(&v, program.Value{Str: []byte("none")})
	}
	in := column.Batch{Rows: v.Len, Columns: []column.Column{{Len: v.Len, Values: v}}}
	run := func() {
		if _, err := s.Run(in, nil); err != nil {
			t.Fatal(err)
		}
	}
	run()
	if n := testing.AllocsPerRun(5, run); n > 0 {
		t.Fatalf("%v allocations per run", n)
	}
}

// Sessions of one executable run at the same time and do not see each other.
func TestSessionsAreIndependent(t *testing.T) {
	for seed := range uint64(8) {
		rng := newRand(seed)
		p := programtest.Random(rng, programtest.Schema(rng, 12))
		e, err := New().Compile(p)
		if err != nil {
			t.Fatal(err)
		}
		var group sync.WaitGroup
		for worker := range uint64(8) {
			s := e.NewSession().(*handle)
			group.Go(func() {
				rng := newRand(1000*seed + worker)
				for range 4 {
					check(t, seed, s, programtest.RandomBatch(rng, p.Inputs, 1+rng.IntN(150)))
				}
				s.Close()
			})
		}
		group.Wait()
	}
}

// Faults of constants count for batches with rows only.
func TestConstantFault(t *testing.T) {
	b := program.NewBuilder(column.Schema{{Name: "x", Type: column.Int64}})
	bad := b.Emit(program.Neg, program.Imm{}, b.ConstInt(math.MinInt64))
	b.Output("bad", bad, program.RoleFeature)
	b.Output("sum", b.Emit(program.Add, program.Imm{}, bad, b.Load(0)), program.RoleFeature)
	s := start(t, b.Finish(), 64)
	for _, rows := range []int{0, 1, 70} {
		check(t, 0, s, programtest.RandomBatch(newRand(1), s.program.Inputs, rows))
	}
}

// Division of the least integer by -1 is the one fault that random programs hardly
// ever meet.
func TestFloorDivFault(t *testing.T) {
	b := program.NewBuilder(column.Schema{{Name: "x", Type: column.Int64}, {Name: "y", Type: column.Int64}})
	b.Output("q", b.Emit(program.FloorDiv, program.Imm{}, b.Load(0), b.Load(1)), program.RoleFeature)
	s := start(t, b.Finish(), 64)
	x := program.StoredVector(column.Int64, program.Value{Int: math.MinInt64}, program.Value{Int: math.MinInt64}, program.Value{Int: 7})
	y := program.StoredVector(column.Int64, program.Value{Int: 0}, program.Value{Int: -1}, program.Value{Int: -1})
	in := column.Batch{Rows: 3, Columns: []column.Column{{Len: 3, Values: x}, {Len: 3, Values: y}}}
	check(t, 0, s, in)
	if _, err := s.Run(in, nil); err == nil || err.(*program.RowError).Row != 1 {
		t.Fatalf("error %v, want a fault in row 1", err)
	}
}

// What leaves has the form that the package promises.
func TestForms(t *testing.T) {
	b := program.NewBuilder(column.Schema{{Name: "s", Type: column.String}, {Name: "x", Type: column.Float32}})
	s, x := b.Load(0), b.Load(1)
	b.Output("same", s, program.RoleKeep)
	b.Output("coded", b.Emit(program.Length, program.Imm{}, s), program.RoleFeature)
	b.Output("plain", b.Emit(program.Round32, program.Imm{}, b.Emit(program.Neg, program.Imm{}, x)), program.RoleFeature)
	b.Output("constant", b.ConstInt(3), program.RoleFeature)
	session := start(t, b.Finish(), 64)
	texts := program.StoredVector(column.String, program.Value{Str: []byte("ab")}, program.NullValue())
	index := []int32{0, 1, 1}
	floats := program.StoredVector(column.Float32, program.Value{Float: 1}, program.Value{Float: 2}, program.Value{Float: 3})
	in := column.Batch{Rows: 3, Columns: []column.Column{{Len: 3, Values: texts, Index: index}, {Len: 3, Values: floats}}}
	out, err := session.Run(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	same, coded, plain, constant := out.Columns[0], out.Columns[1], out.Columns[2], out.Columns[3]
	if &same.Index[0] != &index[0] || &same.Values.Text.Bytes[0] != &texts.Text.Bytes[0] {
		t.Error("a kept column is not the input's memory")
	}
	if !coded.Dict() || coded.Values.Len != 2 || &coded.Index[0] != &index[0] {
		t.Errorf("a function of a dictionary column is not one: %+v", coded)
	}
	if plain.Dict() || !reflect.DeepEqual(plain.Values.Float32s, []float32{-1, -2, -3}) {
		t.Errorf("a function of a plain column is not plain: %+v", plain)
	}
	if constant.Values.Len != 1 || !reflect.DeepEqual(constant.Index, []int32{0, 0, 0}) {
		t.Errorf("a constant is not a dictionary of one slot: %+v", constant)
	}
	// A dictionary with far more slots than rows is read through its index.
	in.Rows = 0
	in.Columns[0].Len, in.Columns[0].Index = 0, index[:0]
	in.Columns[1] = column.Column{Values: column.Vector{Type: column.Float32}}
	if out, err = session.Run(in, nil); err != nil || out.Columns[1].Dict() {
		t.Errorf("a dictionary of unused slots was evaluated: %+v, %v", out.Columns[1], err)
	}
}

// Ill-typed programs do not compile, and misuse is a bug of the caller.
func TestMisuse(t *testing.T) {
	if _, err := New().Compile(&program.Program{Code: []program.Instr{{Op: program.Add}}}); err == nil {
		t.Error("an ill-typed program compiles")
	}
	if New().Name() != "cpu" {
		t.Error("the name is not cpu")
	}
	b := program.NewBuilder(column.Schema{{Name: "x", Type: column.Float64}})
	b.Observe(0, b.Load(0))
	p := b.Finish()
	x := column.Column{Len: 1, Values: program.StoredVector(column.Float64, program.Value{Float: 1})}
	one := []stat.Statistic{&counter{}}
	closed := start(t, p, 64)
	closed.Close()
	for name, run := range map[string]func(){
		"closed":        func() { closed.Run(column.Batch{Rows: 1, Columns: []column.Column{x}}, one) },
		"no column":     func() { start(t, p, 64).Run(column.Batch{Rows: 1}, one) },
		"wrong rows":    func() { start(t, p, 64).Run(column.Batch{Rows: 2, Columns: []column.Column{x}}, one) },
		"no statistics": func() { start(t, p, 64).Run(column.Batch{Rows: 1, Columns: []column.Column{x}}, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if text, _ := recover().(string); !strings.HasPrefix(text, "quern: bug: cpu: ") {
					t.Errorf("recovered %q", text)
				}
			}()
			run()
		})
	}
}

// Strings that offsets would not reach are an error, in the register that leaves
// and in one that does not. The limit of 4 GiB is lowered for it.
func TestTooLong(t *testing.T) {
	for _, leaves := range []bool{false, true} {
		b := program.NewBuilder(column.Schema{{Name: "s", Type: column.String}})
		r := b.Emit(program.Upper, program.Imm{}, b.Load(0))
		if !leaves {
			r = b.Emit(program.Length, program.Imm{}, r)
		}
		b.Output("r", r, program.RoleFeature)
		s := start(t, b.Finish(), 64)
		in := column.Batch{Rows: 1, Columns: []column.Column{{Len: 1, Values: program.StoredVector(column.String, program.Value{Str: []byte("abcd")})}}}
		for _, limit := range []int{4, 3} {
			s.limit = limit
			_, err := s.Run(in, nil)
			var long *diag.Error
			if errors.As(err, &long) != (limit == 3) {
				t.Fatalf("limit %d: error %v", limit, err)
			}
			if long == nil {
				continue
			}
			if _, ok := diag.Lookup(long.Code); !ok {
				t.Errorf("%s is not in the catalogue", long.Code)
			}
		}
	}
}
