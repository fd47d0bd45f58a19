//go:build linux && cuda && cgo

package gpu

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"

	"quern/cpu"
	"quern/features/backend"
	"quern/features/column"
	"quern/features/program"
	"quern/features/stat"
	"quern/gpu/cuda"
	"quern/gpu/fake/control"
)

// small opens a device that is not checked, with slots of so many bytes.
func small(t *testing.T, bytes int, reference backend.Backend) *Backend {
	t.Helper()
	b, err := unchecked(Options{Reference: reference, Slots: 2, SlotBytes: bytes, LeastRows: 1, Notice: func(text string) { t.Error(text) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// watched is a program that outputs x + 1 and observes its inputs.
type watched struct {
	b     *program.Builder
	specs []stat.Spec
}

func watch(schema column.Schema) *watched { return &watched{b: program.NewBuilder(schema)} }

// observe has a statistic see inputs.
func (w *watched) observe(s stat.Spec, inputs ...int) {
	var args []program.Register
	for _, i := range inputs {
		r := w.b.Load(i)
		args, s.Types = append(args, r), append(s.Types, w.b.Type(r))
	}
	w.b.Observe(len(w.specs), args...)
	w.specs = append(w.specs, s)
}

// same runs batches on b and on the CPU, in one session each, and compares.
func (w *watched) same(t *testing.T, b *Backend, p *program.Program, batches ...column.Batch) {
	t.Helper()
	x, err := b.Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := cpu.New().Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := x.NewSession(), whole.NewSession()
	defer ours.Close()
	defer theirs.Close()
	a, z := newStatistics(w.specs), newStatistics(w.specs)
	for i, in := range batches {
		got, err := ours.Run(in, a)
		if err != nil {
			t.Fatal(err)
		}
		want, err := theirs.Run(in, z)
		if err != nil {
			t.Fatal(err)
		}
		compare(t, uint64(i), p, got, want, a, z)
	}
}

// inCodes returns a column of n rows over slots values.
func inCodes(n, slots int) column.Column {
	v := column.Vector{Type: column.Int64}
	for i := range slots {
		program.AppendStored(&v, program.Value{Int: int64(i) * 3, Null: i == 5})
	}
	c := column.Column{Len: n, Values: v, Index: make([]int32, n)}
	for i := range c.Index {
		c.Index[i] = int32(i * 7919 % slots)
	}
	return c
}

// reals returns n values i * step.
func reals(n int, step float64) column.Column {
	v := column.Vector{Type: column.Float64, Len: n, Float64s: make([]float64, n)}
	for i := range v.Float64s {
		v.Float64s[i] = float64(i) * step
	}
	return column.Column{Len: n, Values: v}
}

func integers(n int, f func(i int) int64) column.Column {
	v := column.Vector{Type: column.Int64, Len: n, Int64s: make([]int64, n)}
	for i := range v.Int64s {
		v.Int64s[i] = f(i)
	}
	return column.Column{Len: n, Values: v}
}

func batchOf(columns ...column.Column) column.Batch {
	return column.Batch{Rows: columns[0].Len, Columns: columns}
}

// counted compares what became of slices with what should.
func counted(t *testing.T, b *Backend, want Counts) {
	t.Helper()
	if got := b.Counts(); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestTooLittleMemory(t *testing.T) {
	if !control.Set("memory=1M") {
		t.Skip("a real device has more")
	}
	defer control.Set("memory=1G")
	b, err := Open(Options{Reference: cpu.New()})
	if b != nil || !errors.Is(err, cuda.ErrOutOfMemory) {
		t.Errorf("%v, %v", b, err)
	}
}

// Statistics that take more than a slot are the host's, from the second batch on; those
// beside them stay on the device.
func TestStatisticsWithoutRoom(t *testing.T) {
	b := small(t, 1<<19, cpu.New())
	w := watch(column.Schema{{Name: "k", Type: column.Int64}, {Name: "x", Type: column.Float64}})
	w.observe(stat.Spec{Kind: stat.KindValueCounts}, 0)
	w.observe(stat.Spec{Kind: stat.KindSums}, 1)
	w.observe(stat.Spec{Kind: stat.KindTally}, 1)
	w.b.Output("y", w.b.Emit(program.Add, program.Imm{}, w.b.Load(1), w.b.ConstFloat(1)), program.RoleFeature)
	in := batchOf(inCodes(5000, 200_000), reals(5000, 0.25))
	w.same(t, b, w.b.Finish(), in, in, in)
	counted(t, b, Counts{Device: 2, Reference: 1})
}

// Codes whose tuples are too many for counters, whatever the slot.
func TestTooManyTuples(t *testing.T) {
	b := small(t, 4<<20, cpu.New())
	w := watch(column.Schema{{Name: "k", Type: column.Int64}, {Name: "l", Type: column.Int64}, {Name: "x", Type: column.Float64}})
	w.observe(stat.Spec{Kind: stat.KindValueCounts}, 0, 1)
	w.observe(stat.Spec{Kind: stat.KindKeyedSums, Folds: 3}, 2, 0, 0, 1)
	w.observe(stat.Spec{Kind: stat.KindSums}, 2)
	k, l := inCodes(4000, 2), inCodes(4000, 900_000)
	k.Values.Int64s[1], k.Values.Valid = 2, nil // folds
	w.same(t, b, w.b.Finish(), batchOf(k, l, reals(4000, 1)), batchOf(k, l, reals(4000, 2)))
	counted(t, b, Counts{Device: 1, Reference: 1})
}

// A huge column that the program needs itself never fits.
func TestFeedsWithoutRoom(t *testing.T) {
	b := small(t, 1<<19, cpu.New())
	w := watch(column.Schema{{Name: "k", Type: column.Int64}, {Name: "i", Type: column.Int64}})
	w.b.Output("y", w.b.Emit(program.Add, program.Imm{}, w.b.Load(0), w.b.Load(1)), program.RoleFeature)
	in := batchOf(inCodes(5000, 200_000), integers(5000, func(i int) int64 { return int64(i) }))
	w.same(t, b, w.b.Finish(), in, in)
	counted(t, b, Counts{Reference: 2})
}

// Sums that need more bits than labels have widen their window: the slices that are in
// flight are the host's, later ones have it.
func TestWindowsWiden(t *testing.T) {
	b := small(t, 1<<20, cpu.New())
	w := watch(column.Schema{{Name: "x", Type: column.Float64}, {Name: "f", Type: column.Int64}, {Name: "k", Type: column.Int64}})
	w.observe(stat.Spec{Kind: stat.KindKeyedSums, Folds: 2}, 0, 1, 2)
	folds := integers(2000, func(i int) int64 { return int64(i % 2) })
	in := func(step float64) column.Batch { return batchOf(reals(2000, step), folds, inCodes(2000, 30)) }
	w.same(t, b, w.b.Finish(), in(1), in(1e-3), in(1e-3), in(1e-12), in(1e-12))
	counted(t, b, Counts{Device: 5, Tuples: 2})
	x := reals(2000, 1)
	x.Values.Float64s[7], x.Values.Float64s[8] = 1e300, 1e-300 // no window is as wide
	x.Values.Float64s[9] = math.NaN()
	w.same(t, b, w.b.Finish(), batchOf(x, folds, inCodes(2000, 30)))
	if c := b.Counts(); c.Tuples != 3 {
		t.Errorf("%+v", c)
	}
}

// Tables of keys: more keys than come down at a time, the greatest integer, which stands
// beside the table, nulls, and entries past their limit.
func TestManyKeys(t *testing.T) {
	b := small(t, 16<<20, cpu.New())
	w := watch(column.Schema{{Name: "k", Type: column.Int64}, {Name: "x", Type: column.Float64}})
	w.observe(stat.Spec{Kind: stat.KindValueCounts}, 0)
	w.observe(stat.Spec{Kind: stat.KindEntries, Limit: 100}, 0)
	w.observe(stat.Spec{Kind: stat.KindEntries, Limit: 1 << 20}, 1)
	const n = 3*listed/2 + 13
	keys := integers(n, func(i int) int64 { return int64(i) * 0x9e3779b97f4a7c1 })
	keys.Values.Int64s[11], keys.Values.Int64s[12] = math.MaxInt64, math.MinInt64
	keys.Values.Valid = column.NewBitmap(n)
	keys.Values.Valid.Fill(n)
	keys.Values.Valid.Clear(100)
	x := reals(n, 0.5)
	x.Values.Float64s[3], x.Values.Float64s[4] = math.NaN(), math.Copysign(0, -1)
	w.same(t, b, w.b.Finish(), batchOf(keys, x))
	if c := b.Counts(); c.Device == 0 || c.Reference+c.Tuples > 0 {
		t.Errorf("%+v", c)
	}
}

// flattener is a reference that leaves no dictionaries.
type flattener struct{ backend.Backend }

func (f flattener) Compile(p *program.Program) (backend.Executable, error) {
	x, err := f.Backend.Compile(p)
	return flatExecutable{x}, err
}

type flatExecutable struct{ backend.Executable }

func (x flatExecutable) NewSession() backend.Session { return flatSession{x.Executable.NewSession()} }

type flatSession struct{ backend.Session }

func (s flatSession) Run(in column.Batch, into []stat.Statistic) (column.Batch, error) {
	out, err := s.Session.Run(in, into)
	flat := column.Batch{Rows: out.Rows, Columns: make([]column.Column, len(out.Columns))}
	for i := range out.Columns {
		c := &out.Columns[i]
		flat.Columns[i] = column.Column{Len: c.Len, Values: column.Vector{Type: c.Type()}}
		for row := range c.Len {
			program.AppendStored(&flat.Columns[i].Values, program.ValueAt(&c.Values, c.Slot(row)))
		}
	}
	return flat, err
}

// What was to come as codes and does not: numbers go up as they are, tuples and texts are
// the host's.
func TestPlainForCodes(t *testing.T) {
	for _, text := range []bool{false, true} {
		b := small(t, 1<<20, flattener{cpu.New()})
		w := watch(column.Schema{{Name: "k", Type: column.Int64}, {Name: "x", Type: column.Float64}})
		odd := w.b.Emit(program.Abs, program.Imm{}, w.b.Load(0))
		if text {
			odd = w.b.Emit(program.Format, program.Imm{}, w.b.Load(0))
		}
		w.b.Observe(0, odd)
		w.specs = append(w.specs, stat.Spec{Kind: stat.KindValueCounts, Types: []column.Type{w.b.Type(odd)}})
		w.observe(stat.Spec{Kind: stat.KindSums}, 1)
		in := batchOf(inCodes(1500, 40), reals(1500, 1))
		w.same(t, b, w.b.Finish(), in, in)
		want := Counts{Device: 2}
		if text {
			want = Counts{Reference: 2}
		}
		counted(t, b, want)
	}
	b := small(t, 1<<20, flattener{cpu.New()})
	w := watch(column.Schema{{Name: "k", Type: column.Int64}, {Name: "l", Type: column.Int64}})
	k, l := w.b.Emit(program.Abs, program.Imm{}, w.b.Load(0)), w.b.Load(1)
	w.b.Observe(0, k, l)
	w.specs = append(w.specs, stat.Spec{Kind: stat.KindValueCounts, Types: []column.Type{column.Int64, column.Int64}})
	w.same(t, b, w.b.Finish(), batchOf(inCodes(1500, 40), inCodes(1500, 7)))
	counted(t, b, Counts{Reference: 1})
}

// Sessions of one program, of which each meets another encoding, on two slots: nobody
// waits for ever, and nobody sees another's rows.
func TestSessionsAtOnce(t *testing.T) {
	b := small(t, 1<<20, cpu.New())
	b.most = 128
	w := watch(column.Schema{{Name: "x", Type: column.Float64}, {Name: "f", Type: column.Int64}, {Name: "k", Type: column.Int64}})
	w.observe(stat.Spec{Kind: stat.KindKeyedSums, Folds: 2}, 0, 1, 2)
	w.observe(stat.Spec{Kind: stat.KindValueCounts}, 2)
	w.b.Output("y", w.b.Emit(program.Log1p, program.Imm{}, w.b.Load(0)), program.RoleFeature)
	p := w.b.Finish()
	x, err := b.Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := cpu.New().Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	failed := make([]error, 8)
	var wait sync.WaitGroup
	for g := range failed {
		wait.Go(func() { failed[g] = oneOfMany(g, x, whole, w.specs) })
	}
	wait.Wait()
	if err := errors.Join(failed...); err != nil {
		t.Error(err)
	}
	if c := b.Counts(); c.Device == 0 || c.Reference > 0 {
		t.Errorf("%+v", c)
	}
}

func oneOfMany(g int, x, whole backend.Executable, specs []stat.Spec) error {
	ours, theirs := x.NewSession(), whole.NewSession()
	defer ours.Close()
	defer theirs.Close()
	a, z := newStatistics(specs), newStatistics(specs)
	for round := range 4 {
		n := 300 + 50*g
		keys := inCodes(n, 5+g)
		if (g+round)%3 == 0 {
			keys = integers(n, func(i int) int64 { return int64(i % 9) })
		}
		in := batchOf(reals(n, math.Pow(10, -float64(g%3))), integers(n, func(i int) int64 { return int64(i % 2) }), keys)
		got, err := ours.Run(in, a)
		if err != nil {
			return err
		}
		want, err := theirs.Run(in, z)
		if err != nil {
			return err
		}
		if !sameColumn(&got.Columns[0], &want.Columns[0]) {
			return fmt.Errorf("session %d, round %d differs", g, round)
		}
	}
	return sameStatistics(a, z)
}
