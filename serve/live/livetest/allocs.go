package livetest

import (
	"context"
	"testing"

	"quern/serve/lookup"
)

// LookupAllocs returns how often a look-up of a hundred keys of v allocates in the steady state.
func LookupAllocs(t testing.TB, v *lookup.View, pin func() lookup.Catalog) float64 {
	t.Helper()
	c := pin()
	defer c.Release()
	q, err := lookup.Compile(c, Refs(v), false)
	if err != nil {
		t.Fatal(err)
	}
	var keys lookup.Keys
	var block lookup.Block
	keys.Reset(q)
	for i := range 100 {
		keys.Columns[0].AddInt(int64(11 * i))
	}
	keys.Rows = 100
	return testing.AllocsPerRun(100, func() {
		p := pin()
		if err := p.Lookup(context.Background(), q, &keys, &block); err != nil {
			t.Fatal(err)
		}
		p.Release()
	})
}
