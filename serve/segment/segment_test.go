package segment

import (
	"bytes"
	"context"
	"math/rand/v2"
	"reflect"
	"sync"
	"testing"

	"quern/features/column"
	"quern/serve/row"
	"quern/serve/row/rowtest"
)

// table is a random table, encoded, and what is known of it without package segment.
type table struct {
	layout *row.Layout
	in     row.Input
	rows   row.Rows
	best   map[string][]int // of each key, the rows with the greatest times and sequence
}

func newTable(tb testing.TB, rnd *rand.Rand, s row.Schema, rows, distinct int) *table {
	tb.Helper()
	l, err := row.NewLayout(s)
	if err != nil {
		tb.Fatal(err)
	}
	t := &table{layout: l, in: rowtest.Table(rnd, s, rows, distinct), best: map[string][]int{}}
	if err := l.Encode(t.in, &t.rows); err != nil {
		tb.Fatal(err)
	}
	for r := range rows {
		key := rowtest.Key(t.in, r)
		c := 1
		if old := t.best[key]; old != nil {
			c = t.later(r, old[0])
		}
		if c > 0 {
			t.best[key] = nil
		}
		if c >= 0 {
			t.best[key] = append(t.best[key], r)
		}
	}
	return t
}

// later compares the times and sequences of rows a and b.
func (t *table) later(a, b int) int {
	of := func(r int) [3]int64 {
		stamp := func(c *column.Column) int64 {
			if c == nil {
				return row.NoTime
			}
			v, ok := rowtest.Value(c, r).(int64)
			if !ok {
				return row.NoTime
			}
			return v // days sort as microseconds do
		}
		s := [3]int64{row.NoTime, stamp(t.in.Created), int64(t.in.Seq)}
		if t.layout.Schema().Time {
			s[0] = stamp(t.in.Event)
		}
		if t.in.Numbered {
			s[2] += int64(r)
		}
		return s
	}
	x, y := of(a), of(b)
	for i := range x {
		if x[i] != y[i] {
			if x[i] < y[i] {
				return -1
			}
			return 1
		}
	}
	return 0
}

// build makes the segment's bytes of the rows in some order, added by some goroutines.
func (t *table) build(tb testing.TB, o BuildOptions, order []int, workers int) ([]byte, Info, int64) {
	tb.Helper()
	b, err := NewBuilder(t.layout, o)
	if err != nil {
		tb.Fatal(err)
	}
	defer b.Close()
	var wait sync.WaitGroup
	for w := range workers {
		wait.Go(func() {
			var some row.Rows
			some.Reset(t.layout)
			for i := w; i < len(order); i += workers {
				some.Append(t.rows.At(order[i]))
				if some.Len() == 7 || i+workers >= len(order) {
					if err := b.Add(&some); err != nil {
						tb.Error(err)
					}
					some.Reset(t.layout)
				}
			}
		})
	}
	wait.Wait()
	var out bytes.Buffer
	info, dropped, err := b.Write(&out)
	if err != nil {
		tb.Fatal(err)
	}
	return out.Bytes(), info, dropped
}

func openBytes(b []byte) (*Segment, error) { return open("test", mapping{bytes: b}) }

// check looks every key of t up in segments, which are all shards, and keys that are none.
func (t *table) check(tb testing.TB, segments ...*Segment) {
	tb.Helper()
	var keys row.Keys
	keys.Reset(t.layout)
	var names []string
	for r := range t.in.Rows {
		rowtest.Put(&keys, t.in, r)
		names = append(names, rowtest.Key(t.in, r))
	}
	other := rowtest.Table(rand.New(rand.NewPCG(1, 9)), t.layout.Schema(), 50, 1<<30)
	for r := range other.Rows {
		rowtest.Put(&keys, other, r)
		names = append(names, rowtest.Key(other, r))
	}
	rows := make([]row.Row, keys.Len())
	for _, s := range segments {
		if err := s.Lookup(&keys, rows); err != nil {
			tb.Fatal(err)
		}
	}
	for i, name := range names {
		if best := t.best[name]; !t.oneOf(rows[i], best) {
			tb.Fatalf("key %s: got row %x %x, which is none of %v", name, rows[i].Fixed, rows[i].Heap, best)
		}
	}
}

// oneOf reports whether r is one of the rows of the table; missing, if there are none.
func (t *table) oneOf(r row.Row, of []int) bool {
	if len(of) == 0 || r.Missing() {
		return r.Missing() && len(of) == 0
	}
next:
	for _, i := range of {
		want := t.rows.At(i)
		if t.layout.Event(r) != t.layout.Event(want) || t.layout.Seq(r) != t.layout.Seq(want) || t.layout.Created(r) != t.layout.Created(want) {
			continue
		}
		for f, c := range t.in.Fields {
			if got, err := rowtest.Cell(t.layout, r, f); err != nil || !reflect.DeepEqual(got, rowtest.Value(c, i)) {
				continue next
			}
		}
		return true
	}
	return false
}

// order returns 0 to n-1; shuffled, if there is a source of chance.
func order(n int, rnd *rand.Rand) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	if rnd != nil {
		rnd.Shuffle(n, func(i, j int) { all[i], all[j] = all[j], all[i] })
	}
	return all
}

// TestAgainstAMap: whatever the schema, the order, the goroutines, the memory and the runs,
// the same rows give the same bytes, and look-ups give what a map says.
func TestAgainstAMap(t *testing.T) {
	sizes := []int{0, 1, 2, 3, 63, 64, 65, 127, 128, 129, 257, 600}
	for seed := range uint64(150) {
		rnd := rand.New(rand.NewPCG(seed, 4))
		n := sizes[rnd.IntN(len(sizes))]
		tab := newTable(t, rnd, rowtest.Schema(rnd), n, 1+rnd.IntN(2*n+1))
		o := BuildOptions{Seed: rnd.Uint64(), View: "v", Version: "7", Model: [32]byte{1}, wide: rnd.IntN(2) == 0, Temp: t.TempDir()}
		want, info, dropped := tab.build(t, o, order(n, nil), 1)
		if int(info.Rows) != len(tab.best) || int(dropped) != n-len(tab.best) || int(info.Bytes) != len(want) {
			t.Fatalf("seed %d: %d rows, %d dropped, %d bytes of %d", seed, info.Rows, dropped, info.Bytes, len(want))
		}
		for range 3 {
			o.Memory, o.fanIn, o.buffer = int64(1+rnd.IntN(60_000)), 2+rnd.IntN(4), 16+rnd.IntN(3000)
			got, _, _ := tab.build(t, o, order(n, rnd), 1+rnd.IntN(3))
			if !bytes.Equal(got, want) {
				t.Fatalf("seed %d: the order of rows or the memory (%d) changed the bytes", seed, o.Memory)
			}
		}
		s, err := openBytes(want)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(s.Info(), info) {
			t.Fatalf("seed %d: opened %+v, written %+v", seed, s.Info(), info)
		}
		if err := s.Verify(context.Background()); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		tab.check(t, s)
		tab.checkInfo(t, s)
	}
}

// checkInfo counts nulls and times by reading all rows.
func (t *table) checkInfo(tb testing.TB, s *Segment) {
	tb.Helper()
	info := s.Info()
	nulls := make([]int64, len(info.Schema.Fields))
	least, greatest := int64(row.NoTime), int64(row.NoTime)
	for i := range info.Rows {
		r, err := s.Row(i)
		if err != nil {
			tb.Fatal(err)
		}
		for f := range nulls {
			if t.layout.Null(r, f) {
				nulls[f]++
			}
		}
		if e := t.layout.Event(r); e != row.NoTime {
			if least == row.NoTime {
				least = e
			}
			least, greatest = min(least, e), max(greatest, e)
		}
	}
	if !(len(nulls) == 0 && len(info.Nulls) == 0) && !reflect.DeepEqual(nulls, info.Nulls) || least != info.MinEvent || greatest != info.MaxEvent {
		tb.Fatalf("%v %d %d, not %v %d %d", info.Nulls, info.MinEvent, info.MaxEvent, nulls, least, greatest)
	}
}

// TestShards: each key is in one of them, and asking all in turn finds all.
func TestShards(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 5))
	for range 10 {
		tab := newTable(t, rnd, rowtest.Schema(rnd), 300, 400)
		var all []*Segment
		rows := int64(0)
		for shard := range 3 {
			b, info, _ := tab.build(t, BuildOptions{Shard: shard, Shards: 3, Seed: 9}, order(300, rnd), 2)
			s, err := openBytes(b)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Verify(context.Background()); err != nil {
				t.Fatal(err)
			}
			rows += info.Rows
			all = append(all, s)
		}
		if rows != int64(len(tab.best)) {
			t.Fatalf("%d rows in all shards, not %d", rows, len(tab.best))
		}
		tab.check(t, all...)
	}
}

// TestFoundRowsStay: what an overlay has found is not looked up again.
func TestFoundRowsStay(t *testing.T) {
	rnd := rand.New(rand.NewPCG(6, 6))
	tab := newTable(t, rnd, rowtest.Schema(rnd), 50, 500)
	b, _, _ := tab.build(t, BuildOptions{}, order(50, nil), 1)
	s, err := openBytes(b)
	if err != nil {
		t.Fatal(err)
	}
	var keys row.Keys
	keys.Reset(tab.layout)
	rowtest.Put(&keys, tab.in, 0)
	rowtest.Put(&keys, tab.in, 1)
	mine := row.Row{Fixed: make([]byte, tab.layout.Stride())}
	rows := []row.Row{mine, {}}
	if err := s.Lookup(&keys, rows); err != nil || &rows[0].Fixed[0] != &mine.Fixed[0] || rows[1].Missing() {
		t.Errorf("%v, %v", rows, err)
	}
}

// TestEqualTags: keys with equal tags of 24 bits and homes that are close are told apart by
// their bytes.
func TestEqualTags(t *testing.T) {
	l := wideLayout(t)
	tags := map[uint64]int64{}
	var twins []int64
	for i := int64(0); len(twins) < 20; i++ {
		var k row.Keys
		k.Reset(l)
		k.PutInt(i)
		h := k.Hashes(0)[0]
		name := h.Lo<<wideRows ^ h.Hi>>54 // equal tags, and homes that are close in a small file
		if j, ok := tags[name]; ok {
			twins = append(twins, i, j)
		}
		tags[name] = i
	}
	b, err := NewBuilder(l, BuildOptions{wide: true})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for i, key := range twins {
		if i%3 == 0 {
			continue // these are looked up and not there
		}
		addKey(t, b, l, key, float32(key))
	}
	s, err := Open(writeFile(t, b))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var k row.Keys
	k.Reset(l)
	for _, key := range twins {
		k.PutInt(key)
	}
	rows := make([]row.Row, k.Len())
	if err := s.Lookup(&k, rows); err != nil {
		t.Fatal(err)
	}
	for i, key := range twins {
		if rows[i].Missing() != (i%3 == 0) || !rows[i].Missing() && l.Float32(rows[i], 3) != float32(key) {
			t.Errorf("key %d: %x", key, rows[i].Fixed)
		}
	}
}

// addKey adds a row with one value in all fields.
func addKey(tb testing.TB, b *Builder, l *row.Layout, key int64, value float32) {
	in := row.Input{Rows: 1, Keys: []*column.Column{{Len: 1, Values: column.Vector{Type: column.Int64, Len: 1, Int64s: []int64{key}}}}}
	for range l.Schema().Fields {
		in.Fields = append(in.Fields, &column.Column{Len: 1, Values: column.Vector{Type: column.Float32, Len: 1, Float32s: []float32{value}}})
	}
	var rows row.Rows
	if err := l.Encode(in, &rows); err != nil {
		tb.Fatal(err)
	}
	if err := b.Add(&rows); err != nil {
		tb.Fatal(err)
	}
}

// TestLookupAllocatesNothing, in the steady state.
func TestLookupAllocatesNothing(t *testing.T) {
	rnd := rand.New(rand.NewPCG(8, 8))
	tab := newTable(t, rnd, rowtest.Schema(rnd), 300, 300)
	b, _, _ := tab.build(t, BuildOptions{}, order(300, nil), 1)
	s, err := openBytes(b)
	if err != nil {
		t.Fatal(err)
	}
	var keys row.Keys
	rows := make([]row.Row, 300)
	values := make([][]any, 300)
	for r := range values {
		for _, c := range tab.in.Keys {
			values[r] = append(values[r], rowtest.Value(c, r))
		}
	}
	f := func() error {
		keys.Reset(tab.layout)
		for _, of := range values {
			for _, v := range of {
				switch v := v.(type) {
				case int64:
					keys.PutInt(v)
				case string:
					keys.PutBytes([]byte(v))
				case bool:
					keys.PutInt(0)
				}
			}
		}
		clear(rows)
		return s.Lookup(&keys, rows)
	}
	if n := testing.AllocsPerRun(20, func() {
		if err := Guard(f); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
