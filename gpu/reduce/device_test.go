//go:build linux && cuda && cgo

package reduce

import (
	"encoding/binary"
	"fmt"
	"testing"

	"quern/features/column"
	"quern/features/stat"
	"quern/gpu/cuda"
)

// each calls f with columns of every kind, in two batches.
func each(g *rig, types []column.Type, f func(what string, batches []column.Column)) {
	for _, t := range types {
		for _, shape := range shapes() {
			for _, n := range sizes() {
				coded := g.r.Intn(4) == 0
				f(fmt.Sprintf("%v, %s, %d rows, coded %v", t, shape, n, coded), []column.Column{
					random(g.r, t, shape, n, coded), random(g.r, t, shape, n/2, coded)})
				g.free()
			}
		}
	}
}

func TestTally(t *testing.T) {
	g := newRig(t)
	types := []column.Type{column.Bool, column.Int32, column.Int64, column.Float32, column.Float64}
	each(g, types, func(what string, batches []column.Column) {
		typ := []column.Type{batches[0].Type()}
		want, wantEnds := made(t, stat.Spec{Kind: stat.KindTally, Types: typ}), made(t, stat.Spec{Kind: stat.KindExtremes, Types: typ})
		got, gotEnds := made(t, want.Spec()), made(t, wantEnds.Spec())
		state := g.filled(TallyBytes, 0)
		for i := range batches {
			want.Observe(batches[i:i+1], nil)
			wantEnds.Observe(batches[i:i+1], nil)
			g.run("quern_tally", g.plainTask(&batches[i], state))
		}
		read := g.get(state, TallyBytes)
		g.must(Tally(got.(*stat.Tally), read))
		g.must(Extremes(gotEnds.(*stat.Extremes), read))
		same(t, what+": tally", want, got)
		same(t, what+": extremes", wantEnds, gotEnds)
	})
}

func TestSums(t *testing.T) {
	g := newRig(t)
	each(g, []column.Type{column.Int32, column.Int64, column.Float32, column.Float64}, func(what string, batches []column.Column) {
		want := made(t, stat.Spec{Kind: stat.KindSums, Types: []column.Type{batches[0].Type()}})
		got := made(t, want.Spec())
		kernel := "quern_sums_integer"
		if batches[0].Type().Real() {
			kernel = "quern_sums_real"
		}
		state := g.filled(SumsBytes, 0)
		for i := range batches {
			want.Observe(batches[i:i+1], nil)
			g.run(kernel, g.plainTask(&batches[i], state))
		}
		g.must(Sums(got.(*stat.Sums), g.get(state, SumsBytes)))
		same(t, what, want, got)
	})
}

func TestHistogram(t *testing.T) {
	g := newRig(t)
	each(g, []column.Type{column.Date, column.Int64, column.Float32, column.Float64}, func(what string, batches []column.Column) {
		want := made(t, stat.Spec{Kind: stat.KindHistogram, Types: []column.Type{batches[0].Type()}})
		got := made(t, want.Spec())
		state := g.filled(HistogramBytes, 0)
		for i := range batches {
			want.Observe(batches[i:i+1], nil)
			g.run("quern_histogram", g.plainTask(&batches[i], state))
		}
		g.must(Histogram(got.(*stat.Histogram), g.get(state, HistogramBytes)))
		same(t, what, want, got)
	})
}

// TestLimbsDoNotOverflow: the greatest limbs that there are, in more rows than a thread
// adds up at a time.
func TestLimbsDoNotOverflow(t *testing.T) {
	g := newRig(t)
	const n = 4096*64 + 77
	for _, c := range []struct {
		typ  column.Type
		bits uint64
	}{
		{column.Int64, 1<<63 - 1}, {column.Int64, 1 << 63}, {column.Int32, ^uint64(1<<31 - 1)},
		{column.Float32, 0x477fffffe0000000}, {column.Float64, 0x40ffffffffffffff}, {column.Float64, 0xc0ffffffffffffff},
	} {
		bits := make([]uint64, n)
		for i := range bits {
			bits[i] = c.bits
		}
		for i := 0; i < 128 && c.typ.Real(); i++ {
			bits[n*i/128] -= 9 << 52 // the sample: what it misses is at the window's upper end
		}
		x := column.Column{Len: n, Values: Values(c.typ, bits)}
		want := made(t, stat.Spec{Kind: stat.KindSums, Types: []column.Type{c.typ}})
		got := made(t, want.Spec())
		want.Observe([]column.Column{x}, nil)
		kernel := "quern_sums_integer"
		if c.typ.Real() {
			kernel = "quern_sums_real"
		}
		task := Task{X: g.column(&x, true), Rows: n, State: g.filled(SumsBytes, 0)}
		args := g.tasks(0, task)
		g.do(func(q *cuda.Queue) { q.Launch(g.s, g.kernels[kernel], 1, 32, args...) })
		g.must(Sums(got.(*stat.Sums), g.get(task.State, SumsBytes)))
		same(t, fmt.Sprintf("%v %x", c.typ, c.bits), want, got)
		g.free()
	}
}

// TestManyTasks: one launch works at several columns, whatever the grid.
func TestManyTasks(t *testing.T) {
	g := newRig(t)
	for _, grid := range []int{1, 2, 6, 7, 20} {
		var tasks []Task
		var want, got []stat.Statistic
		for i := range 7 {
			c := random(g.r, column.Float64, shapes()[i], 300*i, false)
			s := made(t, stat.Spec{Kind: stat.KindSums, Types: []column.Type{column.Float64}})
			s.Observe([]column.Column{c}, nil)
			want, got = append(want, s), append(got, made(t, s.Spec()))
			tasks = append(tasks, g.plainTask(&c, g.filled(SumsBytes, 0)))
		}
		g.launchOn("quern_sums_real", grid, g.tasks(g.filled(4, 0), tasks...)...)
		for i, s := range got {
			g.must(Sums(s.(*stat.Sums), g.get(tasks[i].State, SumsBytes)))
			same(t, fmt.Sprintf("grid %d, task %d", grid, i), want[i], s)
		}
		g.free()
	}
}

// TestAFaultStopsEverything: a batch that will be computed elsewhere teaches nothing.
func TestAFaultStopsEverything(t *testing.T) {
	g := newRig(t)
	c := random(g.r, column.Float64, "any", 100, false)
	fault := g.put(binary.LittleEndian.AppendUint32(nil, 1))
	for _, k := range []string{"quern_tally", "quern_sums_real", "quern_histogram", "quern_keyed_sums"} {
		state := g.filled(SumsBytes, 0)
		g.launch(k, g.tasks(fault, Task{X: g.column(&c, false), Rows: 100, State: state})...)
		for _, b := range g.get(state, SumsBytes) {
			if b != 0 {
				t.Fatalf("%s works in spite of a fault", k)
			}
		}
	}
}
