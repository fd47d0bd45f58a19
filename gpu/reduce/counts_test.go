//go:build linux && cuda && cgo

package reduce

import (
	"encoding/binary"
	"fmt"
	"testing"

	"quern/features/column"
	"quern/features/stat"
)

func TestCodes(t *testing.T) {
	g := newRig(t)
	for _, slots := range []int{1, 2, 255, 256, 4096, 4097, 70000} {
		for _, n := range sizes() {
			c := column.Column{Len: n, Values: column.Vector{Type: column.Int64, Len: slots, Int64s: make([]int64, slots)}, Index: make([]int32, n)}
			want := make([]uint64, slots)
			for i := range c.Index {
				c.Index[i] = int32(g.r.Intn(slots))
				if g.r.Intn(2) == 0 {
					c.Index[i] = int32(slots - 1)
				}
				want[c.Index[i]]++
			}
			state := g.filled(4*slots, 0)
			g.run("quern_codes", Task{X: g.column(&c, false), Rows: uint64(n), State: state})
			got, err := Counts(g.get(state, 4*slots), slots, uint64(n))
			if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("%d slots, %d rows: %v", slots, n, err)
			}
			if _, err := Counts(g.get(state, 4*slots), slots, uint64(n)+1); err == nil {
				t.Fatal("a row too few is not noticed")
			}
			g.free()
		}
	}
}

// columns copies key columns to the device, and returns the address of their descriptions.
func (g *rig) columns(c []column.Column) uint64 {
	g.t.Helper()
	var b []byte
	for i := range c {
		d := g.column(&c[i], false)
		b = d.Append(b)
	}
	return g.put(b)
}

func vectors(c []column.Column) (v []column.Vector) {
	for i := range c {
		v = append(v, c[i].Values)
	}
	return v
}

func TestTuples(t *testing.T) {
	g := newRig(t)
	types := []column.Type{column.Int64, column.Bool, column.Float64}
	for _, n := range sizes() {
		c := []column.Column{random(g.r, types[0], "small", n, true), random(g.r, types[1], "any", n, true), random(g.r, types[2], "zeros", n, true)}
		few(&c[1], 3)
		want := made(t, stat.Spec{Kind: stat.KindValueCounts, Types: types})
		want.Observe(c, nil)
		cells, ok := Tuples([]int{c[0].Values.Len, c[1].Values.Len, c[2].Values.Len}, 1<<20)
		if !ok {
			t.Fatal("too many tuples")
		}
		state := g.filled(4*cells, 0)
		g.run("quern_tuples", Task{Rows: uint64(n), State: state, P: [9]uint64{g.columns(c), 3, uint64(cells)}})
		got := made(t, want.Spec())
		g.must(TupleCounts(got.(*stat.ValueCounts), vectors(c), g.get(state, 4*cells), uint64(n)))
		same(t, fmt.Sprintf("%d rows", n), want, got)

		table := newTable(g, 8, true, false)
		table.insert(Task{Rows: uint64(n), P: [9]uint64{3: g.columns(c), 4: 3}})
		got = made(t, want.Spec())
		keys, counts := table.list(8)
		g.must(TupleKeys(got.(*stat.ValueCounts), vectors(c), &table.Table, keys, counts))
		same(t, fmt.Sprintf("%d rows, by a table", n), want, got)
		g.free()
	}
}

// deviceTable is a table as a session would keep it.
type deviceTable struct {
	Table
	g       *rig
	address uint64
	grown   int
}

// newTable makes a table that is soon full.
func newTable(g *rig, places uint64, counts, ids bool) *deviceTable {
	t := &deviceTable{g: g, Table: Table{Places: places, Limit: places / 2, Seed: g.r.Uint64()}}
	t.Keys = g.filled(int(8*places), 0xff)
	if counts {
		t.Counts = g.filled(int(8*places), 0)
	}
	if ids {
		t.IDs = g.filled(int(4*places), 0xcc)
	}
	t.address = g.put(t.Append(nil))
	return t
}

// insert counts the rows of a task, growing the table as often as it must.
func (t *deviceTable) insert(task Task) {
	g := t.g
	words := int(task.Rows+31) / 32
	task.P[0] = g.filled(4*words, 0)
	for {
		left := g.filled(8, 0)
		task.State, task.P[1] = t.address, left
		g.run("quern_table_insert", task)
		t.Read(g.get(t.address, TableBytes))
		if binary.LittleEndian.Uint64(g.get(left, 8)) == 0 {
			return
		}
		t.grow()
	}
}

func (t *deviceTable) grow() {
	g := t.g
	next := newTable(g, 4*t.Places, t.Counts != 0, t.IDs != 0)
	left := g.filled(8, 0)
	g.launch("quern_table_move", t.address, next.address, left)
	if n := binary.LittleEndian.Uint64(g.get(left, 8)); n != 0 {
		g.t.Fatalf("%d keys found no room", n)
	}
	next.grown = t.grown + 1
	*t = *next
	t.Read(g.get(t.address, TableBytes))
}

// list returns the keys and what they have, of size bytes each.
func (t *deviceTable) list(size int) (keys, values []byte) {
	g, n := t.g, int(t.Used)
	k, v, length := g.filled(8*n, 0), g.filled(size*n, 0), g.filled(8, 0)
	g.launch("quern_table_list", t.address, k, v, uint64(n), length)
	if got := binary.LittleEndian.Uint64(g.get(length, 8)); got != uint64(n) {
		g.t.Fatalf("%d keys listed, %d used", got, n)
	}
	return g.get(k, 8*n), g.get(v, size*n)
}

func TestValueCounts(t *testing.T) {
	g := newRig(t)
	most := 0
	each(g, []column.Type{column.Bool, column.Int32, column.Int64, column.Float32, column.Float64}, func(what string, batches []column.Column) {
		want := made(t, stat.Spec{Kind: stat.KindValueCounts, Types: []column.Type{batches[0].Type()}})
		got := made(t, want.Spec())
		table := newTable(g, 8, true, false)
		for i := range batches {
			want.Observe(batches[i:i+1], nil)
			table.insert(g.plainTask(&batches[i], 0))
		}
		keys, counts := table.list(8)
		KeyCounts(got.(*stat.ValueCounts), &table.Table, keys, counts)
		same(t, what, want, got)
		most = max(most, table.grown)
	})
	if most < 4 {
		t.Errorf("tables have grown %d times at most: the test shows nothing", most)
	}
}

func TestBinCounts(t *testing.T) {
	g := newRig(t)
	each(g, []column.Type{column.Int64, column.Float32, column.Float64}, func(what string, batches []column.Column) {
		spec := stat.Spec{Kind: stat.KindBinCounts, Types: []column.Type{batches[0].Type()}}
		bitmap := make([]byte, bins/8)
		for b := range uint32(bins) {
			if g.r.Intn(2) == 0 {
				spec.Bins = append(spec.Bins, b)
				bitmap[b/8] |= 1 << (b % 8)
			}
		}
		want, got := made(t, spec), made(t, spec)
		table, filter := newTable(g, 8, true, false), g.put(bitmap)
		for i := range batches {
			want.Observe(batches[i:i+1], nil)
			task := g.plainTask(&batches[i], 0)
			task.P[2] = filter
			table.insert(task)
		}
		keys, counts := table.list(8)
		KeyCounts(got.(*stat.BinCounts), &table.Table, keys, counts)
		same(t, what, want, got)
	})
}

// TestEntries: a table whose limit is that of the statistic, and no grown one, shows
// whether there are too many values.
func TestEntries(t *testing.T) {
	g := newRig(t)
	for _, distinct := range []int{1, 99, 100, 101, 500} {
		c := random(g.r, column.Int64, "small", 3000, false)
		for i := range c.Values.Int64s {
			c.Values.Int64s[i] = int64(g.r.Intn(distinct))
		}
		c.Values.Valid = nil
		want := made(t, stat.Spec{Kind: stat.KindEntries, Types: []column.Type{column.Int64}, Limit: 100})
		got := made(t, want.Spec())
		want.Observe([]column.Column{c}, nil)
		table := newTable(g, Places(100), true, false)
		table.insert(g.plainTask(&c, 0))
		keys, counts := table.list(8)
		KeyCounts(got.(*stat.Entries), &table.Table, keys, counts)
		same(t, fmt.Sprint(distinct), want, got)
		g.free()
	}
}
