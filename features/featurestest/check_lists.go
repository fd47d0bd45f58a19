package featurestest

import (
	"reflect"

	"quern/features"
	"quern/features/column"
	"quern/features/program"
	"quern/pipeline"
	"quern/pipeline/model"
)

// sample is a sample of the catalogue, or one of these applied to lists.
type sample struct {
	features.Sample
	scalar *features.Sample // what is applied to lists; nil: it is the catalogue's own
}

// withLists returns samples and, of those that can be applied to lists element by
// element, the same on lists.
func withLists(samples []features.Sample) []sample {
	var own, lifted []sample
	for _, s := range samples {
		own = append(own, sample{Sample: s})
		if on, ok := onLists(s); ok {
			lifted = append(lifted, on)
		}
	}
	return append(own, lifted...)
}

// onLists returns a sample of one lane of scalars on lists of them, or false.
func onLists(s features.Sample) (sample, bool) {
	_, whole := s.Operator.(features.ListTaker)
	if whole || len(s.In) != 1 || s.In[0].IsList() {
		return sample{}, false
	}
	on := s
	on.Name, on.In = s.Name+"_in_lists", []column.Type{column.ListOf(s.In[0])}
	if _, err := features.Bind(on.Operator, on.Fields()); err != nil {
		return sample{}, false
	}
	return sample{on, &s}, true
}

// lifted: on lists the operator learns what it learns from their elements, and gives
// for every element what it gives for it alone.
func lifted(c *Case) {
	rng := newRand(c.seed + 110)
	for _, rows := range []table{c.calm, wildTable(rng, c.schema, 30)} {
		c.elementByElement(rows)
	}
}

// flat returns the elements of a table's lists, in order, as a table of scalars.
func flat(t table) table {
	out := table{schema: column.Schema{{Name: t.schema[0].Name, Type: t.schema[0].Type.Elem()}}}
	for _, row := range t.rows {
		for _, e := range row[0].List {
			out.rows = append(out.rows, []program.Value{e})
		}
	}
	return out
}

// elementByElement compares what lists teach, and give, with their elements.
func (c *Case) elementByElement(rows table) {
	rng, elements := newRand(c.seed+111), flat(rows)
	plain := *c.fixture
	plain.sample, plain.schema = *c.scalar, elements.schema
	onElements, wantErr := plain.fit(elements.whole(rng, dictionary), pipeline.Options{Workers: 1})
	onLists, err := c.fit(rows.whole(rng, dictionary), pipeline.Options{Workers: 1})
	if err != nil || wantErr != nil {
		c.sameError(err, wantErr)
		return
	}
	if !reflect.DeepEqual(onLists.Learnt, onElements.Learnt) {
		c.Errorf("lists teach %v, their elements %v", onLists.Learnt, onElements.Learnt)
	}
	for _, mode := range modesOf(onLists) {
		c.sameElements(&plain, onLists, onElements, mode, rows, elements)
	}
}

// sameError checks that two outcomes are errors of one code.
func (c *Case) sameError(err, want error) {
	if err != nil && want != nil {
		code, other := userError(err)
		wantCode, wantOther := userError(want)
		if code == wantCode && other == nil && wantOther == nil {
			return
		}
	}
	c.Errorf("lists teach with error %v, their elements with %v", err, want)
}

// sameElements runs the two models and compares the outputs: as many elements in
// every list, in the same order, and null where the list is.
func (c *Case) sameElements(plain *fixture, onLists, onElements *model.Model, mode string, rows, elements table) {
	rng := newRand(c.seed + 112)
	p, q := programs(onLists)[mode], programs(onElements)[mode]
	got, err := c.run(p, rows.batch(rng, mixed))
	want, wantErr := plain.run(q, elements.batch(rng, mixed))
	if err != nil || wantErr != nil {
		if !isFault(err) || !isFault(wantErr) {
			c.Errorf("%s: lists: %v; their elements: %v", mode, err, wantErr)
		}
		return
	}
	for i, f := range q.Fields() {
		if g := p.Fields()[i]; g.Name != f.Name || g.Type != column.ListOf(f.Type) {
			c.Errorf("%s: output %s %s on lists, %s %s on elements", mode, g.Name, g.Type, f.Name, f.Type)
			return
		}
		at := 0
		for r, row := range rows.rows {
			expected := program.Value{Null: row[0].Null}
			for range row[0].List {
				expected.List = append(expected.List, program.ValueAt(&want[i].Values, at))
				at++
			}
			if y := program.ValueAt(&got[i].Values, r); !program.EqualValues(got[i].Type(), y, expected) {
				c.Errorf("%s: output %s, row %d: %s, by its elements %s", mode, f.Name, r, show(got[i].Type(), y), show(got[i].Type(), expected))
			}
		}
	}
}
