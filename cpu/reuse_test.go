package cpu

import (
	"fmt"
	"math"
	"runtime"
	"sync"
	"testing"

	"quern/features/column"
	"quern/features/program"
	"quern/features/program/programtest"
)

// Sessions of many programs take each other's buffers, one after the other and at the
// same time, and no result shows it.
func TestSessionsReuseBuffers(t *testing.T) {
	be := NewWith(Options{Block: 64})
	var programs []*program.Program
	for seed := range uint64(12) {
		rng := newRand(seed)
		p := programtest.Random(rng, programtest.Schema(rng, 12))
		observeOutputs(p)
		programs = append(programs, p)
	}
	b := program.NewBuilder(column.Schema{{Name: "x", Type: column.Int32}})
	b.Output("constant", b.ConstInt(3), program.RoleFeature)
	b.Output("x", b.Load(0), program.RoleKeep)
	programs = append(programs, b.Finish())
	executables := make([]*executable, len(programs))
	for i, p := range programs {
		e, err := be.Compile(p)
		if err != nil {
			t.Fatal(err)
		}
		executables[i] = e.(*executable)
	}
	var group sync.WaitGroup
	for worker := range uint64(4) {
		group.Go(func() {
			rng := newRand(worker)
			for range 60 {
				e := executables[rng.IntN(len(executables))]
				s := e.NewSession().(*handle)
				check(t, worker, s, programtest.RandomBatch(rng, e.program.Inputs, rng.IntN(200)))
				litterStock(s)
				s.Close()
				s.Close() // does nothing
			}
		})
	}
	group.Wait()
}

// litterStock writes garbage into all that the session computed in.
func litterStock(s *handle) {
	for i := range s.wholes {
		w := &s.wholes[i]
		fillWith(w.bits, 0xAAAAAAAAAAAAAAAA)
		fillWith(w.own.Int64s, -1)
		fillWith(w.own.Float64s, math.Inf(1))
		fillWith(w.own.Float32s, -1)
		fillWith(w.own.Int32s, -1)
		fillWith(w.own.Text.Offsets, 1<<31)
	}
	for i := range s.memory {
		m := &s.memory[i]
		fillWith(m.ints, -2)
		fillWith(m.floats, math.NaN())
		fillWith(m.bits, 0x5555555555555555)
	}
	fillWith(s.zeros, 3)
}

func fillWith[T any](s []T, x T) {
	s = s[:cap(s)]
	for i := range s {
		s[i] = x
	}
}

// A session costs no buffer once another was closed, whatever its program.
func TestSessionsAreCheap(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool forget at random")
	}
	const rows = 1 << 15
	be := New()
	var all []func()
	for i := range 4 {
		b := program.NewBuilder(column.Schema{{Name: "x", Type: column.Float32}})
		x := b.Load(0)
		for range i {
			x = b.Emit(program.Round32, program.Imm{}, b.Emit(program.Log1p, program.Imm{}, x))
		}
		b.Output("x", b.Emit(program.Round32, program.Imm{}, b.Emit(program.Exp, program.Imm{}, x)), program.RoleFeature)
		e, err := be.Compile(b.Finish())
		if err != nil {
			t.Fatal(err)
		}
		in := batchOf(column.Column{Len: rows, Values: column.Vector{Type: column.Float32, Len: rows, Float32s: make([]float32, rows)}})
		all = append(all, func() {
			s := e.NewSession()
			defer s.Close()
			if _, err := s.Run(in, nil); err != nil {
				t.Fatal(err)
			}
		})
	}
	round := func() {
		for _, run := range all {
			run()
		}
	}
	round()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 20 {
		round()
	}
	runtime.ReadMemStats(&after)
	if n := (after.TotalAlloc - before.TotalAlloc) / 80; n > 16<<10 { // a block alone has 16 KiB
		t.Errorf("a session allocates %d bytes", n)
	}
}

// Spare buffers are the smallest that suffice, and no more than a bound.
func TestSpare(t *testing.T) {
	var f spare[int64]
	for _, n := range []int{100, 10, 1000} {
		s := make([]int64, n)
		f.give(&s)
		if s != nil {
			t.Error("a buffer that was given is still there")
		}
	}
	if s := f.grow(nil, 11); cap(s) != 100 || len(s) != 11 {
		t.Errorf("%d of %d for 11", len(s), cap(s))
	}
	if s := f.grow(make([]int64, 5), 3); cap(s) != 5 || len(s) != 3 {
		t.Errorf("%d of %d for 3", len(s), cap(s))
	}
	if s := f.open(nil); cap(s) != 1000 || len(s) != 0 {
		t.Errorf("%d of %d to append to", len(s), cap(s))
	}
	if s := f.grow(nil, 11); cap(s) < 11 || len(f.buffers) != 1 || f.bytes != 80 {
		t.Errorf("%d spare buffers of %d bytes", len(f.buffers), f.bytes)
	}
	big := make([]int64, maxSpare/8)
	f.give(&big)
	if len(f.buffers) != 1 || big != nil {
		t.Error("too much is kept")
	}
}

// Executables of a back end share a table that programs have in common, as long as
// one of them is there.
func TestTablesAreShared(t *testing.T) {
	be := New()
	keys, values := column.Vector{Type: column.String}, column.Vector{Type: column.Int64}
	for i := range 100 {
		program.AppendRegister(&keys, program.Value{Str: fmt.Appendf(nil, "k%d", i)})
		program.AppendRegister(&values, program.Value{Int: int64(i * i)})
	}
	shared, apart := program.NewTable("t", keys, values), program.Table{Name: "t", Keys: keys, Values: values}
	compile := func(t program.Table) *table {
		b := program.NewBuilder(column.Schema{{Name: "s", Type: column.String}})
		b.Output("id", b.Lookup(b.AddTable(t), b.Load(0)), program.RoleFeature)
		p := b.Finish()
		return newBinder(p, be.set, be.shelf).tables[0]
	}
	var group sync.WaitGroup
	tables := make([]*table, 8)
	for i := range tables {
		group.Go(func() { tables[i] = compile(shared) })
	}
	group.Wait()
	for _, other := range tables {
		if other != tables[0] {
			t.Error("a table was prepared twice")
		}
	}
	if first, second := compile(apart), compile(apart); first == second {
		t.Error("tables without an identity are one")
	}
	runtime.KeepAlive(tables)
	clear(tables)
	for range 100 {
		runtime.GC()
		be.shelf.lock.Lock()
		n := len(be.shelf.places)
		be.shelf.lock.Unlock()
		if n == 0 {
			return
		}
		runtime.Gosched()
	}
	t.Error("a table that nobody uses is kept")
}
