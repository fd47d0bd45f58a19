package featurestest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"quern/features/column"
	"quern/features/program"
	"quern/pipeline"
	"quern/pipeline/model"
)

// edge is a kind of column that real tables have and that code forgets.
type edge struct {
	name string
	rows int
	// value makes row i of a column of type t; ok is false for types that have no such values.
	value func(rng *rand.Rand, t column.Type, i int) (v program.Value, ok bool)
	whole bool // value makes lists; else it makes their elements
}

// edgeTables returns every kind.
func edgeTables() []edge {
	null := func(*rand.Rand, column.Type, int) (program.Value, bool) { return program.NullValue(), true }
	calm := func(rng *rand.Rand, t column.Type, _ int) (program.Value, bool) { return calmValue(rng, t), true }
	scalars := []edge{
		{name: "no rows", rows: 0, value: calm},
		{name: "one row", rows: 1, value: calm},
		{name: "one null", rows: 1, value: null},
		{name: "all null", rows: 65, value: null},
		{name: "constant", rows: 40, value: func(_ *rand.Rand, t column.Type, _ int) (program.Value, bool) { return calmValue(newRand(3), t), true }},
		{name: "constant or null", rows: 40, value: func(_ *rand.Rand, t column.Type, i int) (program.Value, bool) {
			if i%3 == 0 {
				return program.NullValue(), true
			}
			return calmValue(newRand(4), t), true
		}},
		{name: "all NaN", rows: 20, value: reals(math.NaN())},
		{name: "some NaN", rows: 50, value: reals(math.NaN(), 1, 2, -3.5, 2)},
		{name: "infinity", rows: 30, value: reals(math.Inf(1), 1, 2)},
		{name: "infinities", rows: 30, value: reals(math.Inf(1), math.Inf(-1), math.NaN(), 4)},
		{name: "only infinities", rows: 30, value: reals(math.Inf(1), math.Inf(-1))},
		{name: "zeros", rows: 30, value: reals(0, math.Copysign(0, -1))},
		{name: "negative zero", rows: 30, value: reals(math.Copysign(0, -1))},
		{name: "denormals", rows: 40, value: reals(0x1p-149, -0x1p-149, 0x1.8p-140, 0x1p-126)},
		{name: "float64 denormals", rows: 40, value: wide(math.SmallestNonzeroFloat64, -0x1p-1060, 0x1p-1022)},
		{name: "float32 extremes", rows: 40, value: reals(math.MaxFloat32, -math.MaxFloat32, 1)},
		{name: "extremes", rows: 40, value: extremes},
		{name: "many categories", rows: 700, value: manyCategories},
		{name: "broken text", rows: 60, value: texts("\xff", "a\xc3", "\xed\xa0\x80", "é\x80é", "\xf0\x9f\x98", "", "a\x00b", "\x00", "a", "b,c", "a\nb", "\ufeff", "\xff")},
		{name: "long text", rows: 12, value: texts(strings.Repeat("x", 70_000), strings.Repeat("x", 70_001), "x", strings.Repeat("ß", 40_000))},
	}
	return append(scalars, listEdges()...)
}

// on returns e for type t: lists have such elements, up to four each.
func (e edge) on(rng *rand.Rand, t column.Type, i int) (v program.Value, ok bool) {
	if !t.IsList() || e.whole {
		return e.value(rng, t, i)
	}
	v = program.Value{List: []program.Value{}}
	for k := range i % 5 {
		element, ok := e.value(rng, t.Elem(), 2*i+k)
		if !ok {
			return v, false
		}
		v.List = append(v.List, element)
	}
	return v, true
}

// listEdges returns kinds of columns of lists.
func listEdges() []edge {
	only := func(name string, rows int, list func(elem program.Value, i int) program.Value) edge {
		return edge{name, rows, func(rng *rand.Rand, t column.Type, i int) (program.Value, bool) {
			if !t.IsList() {
				return program.Value{}, false
			}
			return list(calmValue(rng, t.Elem()), i), true
		}, true}
	}
	repeat := func(x program.Value, n int) program.Value {
		return program.Value{List: slices.Repeat([]program.Value{x}, n)}
	}
	return []edge{
		only("one null list", 1, func(program.Value, int) program.Value { return program.NullValue() }),
		only("null lists", 65, func(program.Value, int) program.Value { return program.NullValue() }),
		only("empty lists", 65, func(x program.Value, _ int) program.Value { return repeat(x, 0) }),
		only("empty or null lists", 20, func(_ program.Value, i int) program.Value { return program.Value{Null: i%3 == 0} }),
		only("lists of nulls", 33, func(_ program.Value, i int) program.Value { return repeat(program.NullValue(), i%4) }),
		only("one long list", 5, func(x program.Value, i int) program.Value { return repeat(x, []int{0, 1, 1500, 3, 4}[i]) }),
	}
}

// concerns reports whether edge number i is tried on the sample: on a lifted one a
// few, others for each sample.
func (c *Case) concerns(i int) bool {
	return c.scalar == nil || Long() || (uint64(i)+c.seed)%9 == 0
}

// reals cycles through values that float32 has too.
func reals(xs ...float64) func(*rand.Rand, column.Type, int) (program.Value, bool) {
	return func(_ *rand.Rand, t column.Type, i int) (program.Value, bool) {
		return program.Value{Float: xs[i%len(xs)]}, t.Real()
	}
}

// wide cycles through values of Float64 only.
func wide(xs ...float64) func(*rand.Rand, column.Type, int) (program.Value, bool) {
	return func(_ *rand.Rand, t column.Type, i int) (program.Value, bool) {
		return program.Value{Float: xs[i%len(xs)]}, t == column.Float64
	}
}

// texts cycles through strings.
func texts(words ...string) func(*rand.Rand, column.Type, int) (program.Value, bool) {
	return func(_ *rand.Rand, t column.Type, i int) (program.Value, bool) {
		return program.Value{Str: []byte(words[i%len(words)])}, t == column.String
	}
}

// extremes are the least and the greatest values of a type.
func extremes(_ *rand.Rand, t column.Type, i int) (program.Value, bool) {
	switch t.Kind() {
	case column.Ints:
		low, high := int64(math.MinInt64), int64(math.MaxInt64)
		if t.Narrow() {
			low, high = math.MinInt32, math.MaxInt32
		}
		return program.Value{Int: []int64{low, high, 0, high - 1, low + 1}[i%5]}, true
	case column.Floats:
		most := math.MaxFloat64
		if t.Narrow() {
			most = math.MaxFloat32
		}
		return program.Value{Float: []float64{most, -most, 0}[i%3]}, true
	}
	return program.Value{}, false
}

// manyCategories has a value of its own in nearly every row.
func manyCategories(rng *rand.Rand, t column.Type, i int) (program.Value, bool) {
	if i%50 == 49 {
		return program.NullValue(), true
	}
	switch t.Kind() {
	case column.Ints:
		return program.Value{Int: int64(i) * 7919}, true
	case column.Floats:
		return program.Value{Float: float64(i) / 16}, true
	case column.Strings:
		return program.Value{Str: fmt.Appendf(nil, "category %d", i*i)}, true
	}
	return calmValue(rng, t), true
}

// table returns the edge's rows: columns of other types are ordinary. It is false
// if no column of the schema has such values.
func (e edge) table(rng *rand.Rand, schema column.Schema) (table, bool) {
	applies := false
	t := tableOf(schema, e.rows, func(f column.Field, i int) program.Value {
		v, ok := e.on(rng, f.Type, i)
		if !ok {
			return calmValue(rng, f.Type)
		}
		return v
	})
	for _, f := range schema {
		_, ok := e.on(rng, f.Type, 1)
		applies = applies || ok
	}
	return t, applies
}

// edges: a model of an edge either is refused with a code, or is sound: it saves,
// loads, does not depend on layout, and runs over every other edge as the scalar
// meaning says.
func edges(c *Case) {
	rng := newRand(c.seed + 90)
	probe := c.probe(rng)
	for i, e := range edgeTables() {
		t, ok := e.table(rng, c.schema)
		if !ok || !c.concerns(i) || raceEnabled && testing.Short() && uint64(i)%3 != c.seed%3 {
			continue // in a short run the race detector sees a third of them per sample
		}
		m, err := c.fit(t.whole(rng, plain), pipeline.Options{Workers: 1})
		want := ""
		if err != nil {
			if want, err = userError(err); err != nil {
				c.Errorf("%s: %v", e.name, err)
				continue
			}
		} else {
			want = c.sound(e.name, m, joined(c.schema, probe, t.part(0, min(len(t.rows), 30))))
		}
		turned := t.pick(rng.Perm(len(t.rows)))
		chunks := turned.cut(rng, messy, func() int { return 1 + len(t.rows)/3 })
		if got, err := c.fitBytes(chunks, pipeline.Options{Workers: 3}); err != nil || got != want {
			c.Errorf("%s: shuffled and in dictionaries it has another outcome (%v): %s", e.name, err, firstDifference(got, want))
		}
	}
}

// probe returns a few rows of every edge, and ordinary ones.
func (c *Case) probe(rng *rand.Rand) table {
	probe := c.calm.part(0, 20)
	for _, e := range edgeTables() {
		if t, ok := e.table(rng, c.schema); ok && e.name != "long text" && e.name != "one long list" {
			probe = joined(c.schema, probe, t.part(0, min(5, len(t.rows))))
		}
	}
	return probe
}

// sound checks a model that was learnt from an edge and returns its bytes.
func (c *Case) sound(name string, m *model.Model, rows table) string {
	data, err := m.Bytes()
	if err != nil {
		c.Errorf("%s: it does not save: %v", name, err)
		return ""
	}
	if _, err := model.Read(data); err != nil {
		c.Errorf("%s: saved, it does not load: %v", name, err)
	}
	for _, mode := range modesOf(m) {
		p := programs(m)[mode]
		exe, err := c.be.Compile(p)
		if err != nil {
			c.Errorf("%s: %v", name, err)
			continue
		}
		session := exe.NewSession()
		for as := plain; as < mixed; as++ {
			if testing.Short() && int(as) != len(data)%int(mixed) {
				continue
			}
			c.agrees(fmt.Sprintf("%s, %s", name, mode), session, p, rows.batch(newRand(c.seed+91), as))
		}
		session.Close()
	}
	return string(data)
}

// huge: more distinct values than the planner keeps tables for, in the first lane,
// in chunks, shuffled and with so little memory that statistics spill.
func huge(c *Case) {
	if testing.Short() || raceEnabled || c.bound.Rounds() == 0 || !Long() && c.firstThatLearns() != c.sample.Name {
		c.skip = "one sample that learns is enough"
		return
	}
	rng := newRand(c.seed + 95)
	const rows = 1<<16 + 5000
	t := tableOf(c.schema, rows, func(f column.Field, i int) program.Value {
		if f.Name == c.schema[0].Name {
			v, _ := manyCategories(rng, f.Type, i)
			return v
		}
		return calmValue(rng, f.Type)
	})
	want, err := c.fitBytes(t.whole(rng, plain), pipeline.Options{Workers: 1})
	if err != nil {
		c.Errorf("%v", err)
		return
	}
	turned := t.pick(rng.Perm(rows))
	got, err := c.fitBytes(turned.cut(rng, dictionary, func() int { return rows / 3 }), pipeline.Options{Workers: 3, Memory: 1 << 20})
	if err != nil || got != want {
		c.Errorf("another outcome in chunks, with little memory (%v): %s", err, firstDifference(got, want))
	}
}

// firstThatLearns names the operator's first sample that learns from a lane which
// can have very many values.
func (c *Case) firstThatLearns() string {
	for _, s := range c.entry.Samples() {
		t := s.In[0]
		bound, err := s.Operator.Bind(s.Fields())
		if err == nil && bound.Rounds() > 0 && (t.Kind() == column.Strings || t == column.Int64 || t == column.Float64) {
			return s.Name
		}
	}
	return ""
}
