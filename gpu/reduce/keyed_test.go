//go:build linux && cuda && cgo

package reduce

import (
	"encoding/binary"
	"fmt"
	"testing"

	"quern/features/column"
	"quern/features/stat"
)

// keyedCase is a statistic and the batches that it sees: target, fold, keys.
type keyedCase struct {
	g       *rig
	want    *stat.KeyedSums
	batches [][]column.Column
}

func newKeyedCase(g *rig, target column.Type, shape string, n, folds int, keys ...column.Column) *keyedCase {
	types := []column.Type{target, column.Int64}
	for i := range keys {
		types = append(types, keys[i].Type())
	}
	c := &keyedCase{g: g, want: made(g.t, stat.Spec{Kind: stat.KindKeyedSums, Types: types, Folds: folds}).(*stat.KeyedSums)}
	for range 2 {
		fold := column.Column{Len: n, Values: column.Vector{Type: column.Int64, Len: n, Int64s: make([]int64, n)}}
		for i := range fold.Values.Int64s {
			fold.Values.Int64s[i] = int64(g.r.Intn(folds))
		}
		batch := append([]column.Column{random(g.r, target, shape, n, g.r.Intn(3) == 0), fold}, keys...)
		c.want.Observe(batch, nil)
		c.batches = append(c.batches, batch)
	}
	return c
}

// task is the part of a batch's task that is about targets and folds.
func (c *keyedCase) task(batch []column.Column) Task {
	t := c.g.plainTask(&batch[0], 0)
	if c.want.Folds() > 1 {
		t.P[0] = c.g.columns(batch[1:2])
	}
	t.P[3] = uint64(c.want.Folds())
	return t
}

// sum adds tasks up in one window, which their spans ask for.
func (c *keyedCase) sum(tasks []Task, cells int) (w Window, state []byte) {
	g := c.g
	fault, span := g.filled(4, 0), g.filled(SpanBytes, 0)
	for i := range tasks {
		tasks[i].P[4], tasks[i].P[7] = span, uint64(cells)
	}
	for i := range tasks {
		g.launch("quern_keyed_span", g.tasks(fault, tasks[i])...)
	}
	w = w.Widen(g.get(span, SpanBytes))
	size := cells * w.CellBytes()
	address := g.filled(size, 0)
	for i := range tasks {
		tasks[i].State, tasks[i].P[5], tasks[i].P[6] = address, w.Low(), uint64(w.Words)
		args := g.tasks(fault, tasks[i])
		g.launch("quern_keyed_check", args...)
		g.launch("quern_keyed_sums", args...)
	}
	if f := binary.LittleEndian.Uint32(g.get(fault, 4)); f != 0 {
		g.t.Fatalf("fault %d", f)
	}
	return w, g.get(address, size)
}

// few makes c a column of at most n slots.
func few(c *column.Column, n int) {
	v := &c.Values
	v.Len = min(v.Len, n)
	if v.Valid != nil {
		v.Valid = v.Valid[:1]
		v.Valid[0] &= 1<<v.Len - 1
	}
	for i := range c.Index {
		c.Index[i] %= int32(v.Len)
	}
}

func TestKeyedTuples(t *testing.T) {
	g := newRig(t)
	for _, target := range []column.Type{column.Int32, column.Int64, column.Float32, column.Float64} {
		for _, shape := range shapes() {
			for _, n := range []int{0, 1, 33, 700} {
				folds := 1 + g.r.Intn(3)
				a, b := random(g.r, column.Int64, "small", n, true), random(g.r, column.Bool, "any", n, true)
				few(&a, 20)
				few(&b, 3)
				c := newKeyedCase(g, target, shape, n, folds, a, b)
				var tasks []Task
				for _, batch := range c.batches {
					task := c.task(batch)
					task.P[1], task.P[2] = g.columns(batch[2:]), 2
					tasks = append(tasks, task)
				}
				w, cells := c.sum(tasks, a.Values.Len*b.Values.Len*folds)
				got := made(t, c.want.Spec())
				g.must(KeyedTuples(got.(*stat.KeyedSums), w, vectors([]column.Column{a, b}), cells))
				same(t, fmt.Sprintf("%v, %s, %d rows, %+v", target, shape, n, w), c.want, got)
				g.free()
			}
		}
	}
}

func TestKeyedKeys(t *testing.T) {
	g := newRig(t)
	for _, key := range []column.Type{column.Bool, column.Int64, column.Float64} {
		for _, shape := range shapes() {
			n, folds := 1000, 1+g.r.Intn(2)
			k := random(g.r, key, shape, n, false)
			c := newKeyedCase(g, column.Int64, "zeros", n, folds, k)
			table := newTable(g, 16, false, true)
			var tasks []Task
			for _, batch := range c.batches {
				keyTask := g.plainTask(&batch[2], 0)
				table.insert(keyTask)
				task := c.task(batch)
				ids := g.filled(4*n, 0xee)
				task.P[1] = ids
				tasks = append(tasks, task)
				keyTask.State, keyTask.P[0] = table.address, ids
				g.run("quern_table_find", keyTask)
			}
			w, cells := c.sum(tasks, int(table.Used+FirstID)*folds)
			keys, ids := table.list(4)
			got := made(t, c.want.Spec())
			g.must(KeyedKeys(got.(*stat.KeyedSums), w, &table.Table, keys, ids, cells))
			same(t, fmt.Sprintf("%v, %s, %+v", key, shape, w), c.want, got)
			g.free()
		}
	}
}

// TestKeyedFaults: what a window does not hold, a fold and a code that there are not, are
// faults, and nothing is added.
func TestKeyedFaults(t *testing.T) {
	g := newRig(t)
	const n = 100
	key := random(g.r, column.Int64, "small", n, true)
	for name, spoil := range map[string]func(c *keyedCase, task *Task){
		"range": func(c *keyedCase, task *Task) { task.P[6] = 1 },
		"fold":  func(c *keyedCase, task *Task) { task.P[3]-- },
		"code":  func(c *keyedCase, task *Task) { task.P[7] /= 2 },
		"":      func(c *keyedCase, task *Task) {},
	} {
		c := newKeyedCase(g, column.Float64, "normal", n, 3, key)
		task := c.task(c.batches[0])
		task.P[1], task.P[2] = g.columns(c.batches[0][2:]), 1
		fault := g.filled(4, 0)
		task.P[4], task.P[5], task.P[6], task.P[7] = g.filled(SpanBytes, 0), 1075-100, 5, uint64(3*key.Values.Len)
		size := 3 * key.Values.Len * Window{Words: 5}.CellBytes()
		task.State = g.filled(size, 0)
		spoil(c, &task)
		args := g.tasks(fault, task)
		for _, k := range []string{"quern_keyed_span", "quern_keyed_check", "quern_keyed_sums"} {
			g.launch(k, args...)
		}
		raised := binary.LittleEndian.Uint32(g.get(fault, 4)) != 0
		used := false
		for _, b := range g.get(task.State, size) {
			used = used || b != 0
		}
		if raised != (name != "") || used == raised {
			t.Errorf("%q: fault %v, state used %v", name, raised, used)
		}
		g.free()
	}
}
