package live_test

import (
	"context"
	"testing"

	"quern/serve/live"
	"quern/serve/live/livetest"
	"quern/serve/lookup"
)

// TestLookupAllocatesNothing in the steady state.
func TestLookupAllocatesNothing(t *testing.T) {
	s := livetest.NewShelf(t)
	v := livetest.Drivers("v1")
	s.Serve(s.Add(v, livetest.RandomRows(&v, 1000, 1), 2))
	g := live.NewGenerations(s, t.Logf)
	defer g.Close()
	reload(t, g)
	n := livetest.LookupAllocs(t, &v, func() lookup.Catalog { return g.Pin() })
	if n > 0 && !raceEnabled {
		t.Errorf("%v allocations per look-up", n)
	}
}

// TestLookupOfPushedRowsAllocatesNothing: with an overlay, and with rows that are carried.
func TestLookupOfPushedRowsAllocatesNothing(t *testing.T) {
	s := livetest.NewStore(t, livetest.Recipe)
	s.PublishRows(100, 1)
	r := newRig(t, s, nil)
	r.push(t, 5, 1)
	r.compact(t)
	s.PublishRows(100, 1)
	reload(t, r.Generations)
	r.push(t, 6, 2)
	c := r.Pin()
	defer c.Release()
	var keys lookup.Keys
	var block lookup.Block
	ids := make([]int64, 100)
	for i := range ids {
		ids[i] = int64(i)
	}
	q := query(t, c, &keys, ids, "p:n", "p:half")
	n := testing.AllocsPerRun(100, func() { check(t, c.Lookup(context.Background(), q, &keys, &block)) })
	if n > 0 && !raceEnabled {
		t.Errorf("%v allocations per look-up", n)
	}
	got := block.Values[0].Int64s
	if got[0] != 1 || got[1] != 5 || got[2] != 6 || block.Parts[0].Pushed[0] || !block.Parts[0].Pushed[1] || !block.Parts[0].Pushed[2] {
		t.Errorf("values %v, pushed %v", got[:3], block.Parts[0].Pushed[:3])
	}
}

// BenchmarkLayers looks 100 keys up: in segments alone, under an overlay with a tenth of the
// keys, and where a tenth is carried from another version.
func BenchmarkLayers(b *testing.B) {
	const rows = 50_000
	s := livetest.NewStore(b, livetest.Recipe)
	s.PublishRows(rows, 1)
	r := newRig(b, s, nil)
	measure := func(name string) {
		b.Run(name, func(b *testing.B) {
			c := r.Pin()
			defer c.Release()
			var keys lookup.Keys
			var block lookup.Block
			q := query(b, c, &keys, nil, "p:n", "p:half")
			for i := range b.N {
				keys.Reset(q)
				for k := range 100 {
					keys.Columns[0].AddInt(int64((i*100 + k*499) % rows))
				}
				keys.Rows = 100
				check(b, c.Lookup(context.Background(), q, &keys, &block))
			}
		})
	}
	measure("segments")
	var tenth []int64
	for id := int64(0); id < rows; id += 10 {
		tenth = append(tenth, id)
	}
	r.push(b, 9, tenth...)
	measure("overlay")
	r.compact(b)
	s.PublishRows(rows, 1)
	reload(b, r.Generations)
	measure("carried")
}
