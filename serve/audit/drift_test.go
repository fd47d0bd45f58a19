package audit

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"quern/features/column"
	"quern/serve/view"
)

// TestDrift measures values of the published distribution, and of others.
func TestDrift(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	published := make([]float64, 1<<16)
	for i := range published {
		published[i] = rnd.NormFloat64()
	}
	slices.Sort(published)
	stat := view.Stat{Name: "x"}
	for _, p := range []float64{0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99} {
		stat.Quantiles = append(stat.Quantiles, published[int(p*float64(len(published)-1))])
	}
	m := &view.Manifest{Stats: []view.Stat{stat, {Name: "same", Quantiles: make([]float64, 7)}, {Name: "text"}}}
	measure := func(name string, n int, shift, scale float64) *float64 {
		d := newDrift(m, name)
		v := column.Vector{Type: column.Float64, Len: 1, Float64s: make([]float64, 1)}
		for range n {
			v.Float64s[0] = rnd.NormFloat64()*scale + shift
			d.add(&v, 0)
		}
		v.Float64s[0] = math.NaN()
		d.add(&v, 0) // counts for nothing
		return d.psi()
	}
	for _, c := range []struct {
		shift, scale, least, most float64
	}{{0, 1, 0, 0.01}, {0.1, 1, 0, 0.1}, {1, 1, 0.5, 2}, {0, 2, 0.25, 2}, {10, 1, 5, math.Inf(1)}} {
		if got := measure("x", 20_000, c.shift, c.scale); got == nil || *got < c.least || *got > c.most {
			t.Errorf("shift %v, scale %v: PSI %v, want %v to %v", c.shift, c.scale, got, c.least, c.most)
		}
	}
	if got := measure("x", 100, 0, 1); got != nil {
		t.Errorf("a hundred values have a PSI of %v", *got)
	}
	for _, name := range []string{"same", "text", "none"} {
		if got := measure(name, 1000, 0, 1); got != nil {
			t.Errorf("%s has a PSI of %v", name, *got)
		}
	}
}

// TestNothingIsLostUncounted: what many requests at one time have sampled is in the log, or
// counted as dropped.
func TestNothingIsLostUncounted(t *testing.T) {
	m, _ := small()
	l := open(t, Options{Share: 1, Queue: 1 << 14, RollRows: 1000})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			k, b := answer(t, m, 100, "x", "words")
			for range 50 {
				l.Served("", k, b)
			}
		})
	}
	all.Wait()
	l.Close()
	logged, dropped := l.counts.Logged.Load(), l.counts.Dropped.Load()
	if logged+dropped != 8*50*100 || l.waiting.Load() != 0 || int64(len(rowsIn(t, l.o.Folder))) != logged {
		t.Errorf("%d rows logged, %d dropped, %d cells still wait", logged, dropped, l.waiting.Load())
	}
}
