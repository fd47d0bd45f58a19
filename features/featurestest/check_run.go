package featurestest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"quern/features/backend"
	"quern/features/column"
	"quern/features/program"
	"quern/features/program/programtest"
	"quern/pipeline"
)

// layout is one way to lay the same rows before the planner.
type layout struct {
	name    string
	as      form
	shuffle bool
	rows    func(*rand.Rand) int // of the next chunk
	options pipeline.Options
}

// layouts returns ways that must not make a difference.
func layouts() []layout {
	rows := func(n int) func(*rand.Rand) int { return func(*rand.Rand) int { return n } }
	workers := func(n int) pipeline.Options { return pipeline.Options{Workers: n} }
	all := []layout{
		{"a dictionary", dictionary, false, rows(1 << 20), workers(1)},
		{"shuffled, chunks of 64, untidy dictionaries, 2 workers", messy, true, rows(64), workers(2)},
		{"shuffled, some empty chunks, 5 workers", mixed, true, func(rng *rand.Rand) int { return rng.IntN(30) }, workers(5)},
		{"shuffled, chunks of one row, 16 workers", mixed, true, rows(1), workers(16)},
		{"shuffled, chunks of 33, 8 workers, hardly any memory", mixed, true, rows(33), pipeline.Options{Workers: 8, Memory: 1 << 13}},
	}
	if testing.Short() {
		return []layout{all[1], all[3]}
	}
	return all
}

// layouts returns those that the sample is checked in: of a lifted one a single one,
// another from sample to sample.
func (c *Case) layouts() []layout {
	all := layouts()
	if c.scalar == nil || Long() {
		return all
	}
	return []layout{all[c.seed%uint64(len(all))]}
}

// invariance: however the rows are laid out, the model has the same bytes and every
// row the same outputs.
func invariance(c *Case) {
	rng := newRand(c.seed + 20)
	c.sameModels("ordinary rows", c.calm, string(c.bytes))
	wild := wildTable(rng, c.schema, 40)
	want, err := c.fitBytes(wild.whole(rng, plain), pipeline.Options{Workers: 1})
	if err != nil {
		c.Errorf("wild rows: %v", err)
		return
	}
	c.sameModels("wild rows", wild, want)
	for _, mode := range modesOf(c.model) {
		c.sameOutputs(mode)
	}
}

// sameModels fits rows in every layout.
func (c *Case) sameModels(what string, rows table, want string) {
	rng := newRand(c.seed + 21)
	for _, l := range c.layouts() {
		t := rows
		if l.shuffle {
			t = rows.pick(rng.Perm(len(rows.rows)))
		}
		chunks := t.cut(rng, l.as, func() int { return l.rows(rng) })
		if got, err := c.fitBytes(chunks, l.options); err != nil || got != want {
			c.Errorf("%s, %s: another outcome (%v): %s", what, l.name, err, firstDifference(got, want))
		}
	}
}

// firstDifference shows where two outcomes begin to differ.
func firstDifference(got, want string) string {
	at := 0
	for at < min(len(got), len(want)) && got[at] == want[at] {
		at++
	}
	around := func(s string) string { return fmt.Sprintf("%.80q", s[max(0, min(len(s), at)-20):]) }
	return fmt.Sprintf("from byte %d: %s, not %s", at, around(got), around(want))
}

// sameOutputs runs the model over the rows in every layout.
func (c *Case) sameOutputs(mode string) {
	rng, p := newRand(c.seed+22), programs(c.model)[mode]
	want, err := c.run(p, c.calm.whole(rng, plain)...)
	if err != nil {
		c.Errorf("%s: %v", mode, err)
		return
	}
	for _, l := range c.layouts() {
		order := upTo(len(c.calm.rows))
		if l.shuffle {
			order = rng.Perm(len(order))
		}
		got, err := c.run(p, c.calm.pick(order).cut(rng, l.as, func() int { return l.rows(rng) })...)
		if err != nil {
			c.Errorf("%s, %s: %v", mode, l.name, err)
			continue
		}
		if where := differ(got, want, inverse(order)); where != "" {
			c.Errorf("%s, %s: %s", mode, l.name, where)
		}
	}
}

// inverse returns where each row went.
func inverse(order []int) []int {
	at := make([]int, len(order))
	for i, r := range order {
		at[r] = i
	}
	return at
}

// untouched: neither fitting nor running writes to its input, not even under nulls.
func untouched(c *Case) {
	rng := newRand(c.seed + 30)
	for _, rows := range []table{c.calm, wildTable(rng, c.schema, 70)} {
		for as := plain; as < mixed; as++ {
			batch := rows.batch(rng, as)
			before := cloneBatch(batch)
			for _, mode := range modesOf(c.model) {
				if _, err := c.run(programs(c.model)[mode], batch); err != nil && !isFault(err) {
					c.Errorf("%s: %v", mode, err)
				}
			}
			if c.bound.Rounds() > 0 {
				p, specs := c.observing(c.bound)
				if _, err := c.observe(p, specs, batch); err != nil && !isFault(err) {
					c.Errorf("observing: %v", err)
				}
			}
			for i := range batch.Columns {
				if !sameMemory(&batch.Columns[i], &before.Columns[i]) {
					c.Errorf("input %s was written to", c.schema[i].Name)
				}
			}
		}
	}
}

// isFault reports whether err is an instruction's fault on a row.
func isFault(err error) bool {
	var fault *program.RowError
	return errors.As(err, &fault)
}

// garbage: other bytes under nulls and in unused slots change nothing.
func garbage(c *Case) {
	tables := []table{wildTable(newRand(c.seed+40), c.schema, 40), c.calm}
	if c.scalar != nil && !Long() {
		tables = tables[:1]
	}
	for _, rows := range tables {
		outcomes := map[form]string{}
		for seed := range c.garbages() {
			for _, as := range []form{plain, messy} {
				got, err := c.fitBytes(rows.whole(newRand(c.seed+41+seed), as), pipeline.Options{Workers: 1})
				if err != nil {
					c.Errorf("%v", err)
				}
				if want, ok := outcomes[as]; ok && got != want {
					c.Errorf("other garbage under nulls teaches something else: %s", firstDifference(got, want))
				}
				outcomes[as] = got
			}
		}
		for _, mode := range modesOf(c.model) {
			c.sameOverGarbage(mode, rows)
		}
	}
}

// garbages is how many kinds of garbage are tried.
func (c *Case) garbages() uint64 {
	if c.scalar != nil && !Long() {
		return 2
	}
	return 3
}

// sameOverGarbage runs the model over rows with different garbage under the nulls.
func (c *Case) sameOverGarbage(mode string, rows table) {
	var first []column.Column
	for seed := range c.garbages() {
		got, err := c.run(programs(c.model)[mode], rows.batch(newRand(c.seed+45+seed), plain))
		if err != nil {
			if !isFault(err) {
				c.Errorf("%s: %v", mode, err)
			}
			return // on the first seed already: a fault is of a value, not of garbage
		}
		if first == nil {
			first = got
		} else if where := differ(got, first, nil); where != "" {
			c.Errorf("%s: other garbage under nulls: %s", mode, where)
		}
	}
}

// rowByRow: in one session, batches of every edge size, single rows and the scalar
// meaning agree bit for bit.
func rowByRow(c *Case) {
	rng := newRand(c.seed + 50)
	for _, mode := range modesOf(c.model) {
		p := programs(c.model)[mode]
		exe, err := c.be.Compile(p)
		if err != nil {
			c.Errorf("%s: %v", mode, err)
			return
		}
		session := exe.NewSession()
		defer session.Close()
		for _, n := range Sizes() {
			if n > 300 && (testing.Short() || mode == "training") && !Long() || n > 70 && c.scalar != nil && !Long() {
				continue
			}
			c.agrees(fmt.Sprintf("%s, %d rows", mode, n), session, p, calmTable(rng, c.schema, n).batch(rng, mixed))
			if n < 70 {
				c.agrees(fmt.Sprintf("%s, %d wild rows", mode, n), session, p, wildTable(rng, c.schema, n).batch(rng, mixed))
			}
		}
		for i := range 20 {
			c.agrees(fmt.Sprintf("%s, row %d alone", mode, i), session, p, c.calm.part(i, i+1).batch(rng, mixed))
		}
	}
}

// agrees compares a batch with the scalar meaning. Where the batch ends in a fault,
// so must the scalar, in the same row; then every row is compared alone.
func (c *Case) agrees(at string, session backend.Session, p *program.Program, batch column.Batch) {
	want, wantErr := programtest.Run(p, columnsNamed(c.schema, batch, p))
	got, err := runSession(session, c.schema, p, batch)
	var fault, wantFault *program.RowError
	switch {
	case err == nil && wantErr == nil:
		if where := differ(got, want.Columns, nil); where != "" {
			c.Errorf("%s: %s by the scalar meaning", at, where)
		}
	case errors.As(err, &fault) && errors.As(wantErr, &wantFault):
		if *fault != *wantFault {
			c.Errorf("%s: fault %+v, by the scalar meaning %+v", at, *fault, *wantFault)
		}
		if batch.Rows > 1 {
			for r := range batch.Rows {
				c.agrees(fmt.Sprintf("%s, row %d", at, r), session, p, oneRow(batch, r))
			}
		}
	default:
		c.Errorf("%s: error %v, by the scalar meaning %v", at, err, wantErr)
	}
}

// oneRow returns row r of a batch.
func oneRow(b column.Batch, r int) column.Batch {
	out := column.Batch{Rows: 1, Columns: make([]column.Column, len(b.Columns))}
	for i := range b.Columns {
		column.Take(&out.Columns[i], &b.Columns[i], []int32{int32(r)})
	}
	return out
}

// ids: the values of an output with a size are in [0, size), or null.
func ids(c *Case) {
	if slices.Max(c.model.Sizes) == 0 {
		c.skip = "no output is an id"
		return
	}
	rng := newRand(c.seed + 60)
	rows := joined(c.schema, c.calm, wildTable(rng, c.schema, 60))
	for _, mode := range modesOf(c.model) {
		exe, err := c.be.Compile(programs(c.model)[mode])
		if err != nil {
			c.Errorf("%s: %v", mode, err)
			return
		}
		session := exe.NewSession()
		for r := range rows.rows {
			c.idsInRange(mode, session, rows.part(r, r+1).batch(rng, plain))
		}
		session.Close()
	}
}

// idsInRange runs one row, which may end in a fault.
func (c *Case) idsInRange(mode string, session backend.Session, row column.Batch) {
	out, err := runSession(session, c.schema, programs(c.model)[mode], row)
	if err != nil {
		if !isFault(err) {
			c.Errorf("%s: %v", mode, err)
		}
		return
	}
	for i, size := range c.model.Sizes {
		if size == 0 || out[i].Null(0) {
			continue
		}
		values := []program.Value{program.ValueAt(&out[i].Values, 0)}
		if out[i].Type().IsList() {
			values = values[0].List
		}
		for _, id := range values {
			if !id.Null && (id.Int < 0 || id.Int >= size) {
				c.Errorf("%s: output %d is %d, but has only %d ids", mode, i, id.Int, size)
			}
		}
	}
}

// concurrent: eight sessions of one executable, at once, give the serial result.
func concurrent(c *Case) {
	for _, mode := range modesOf(c.model) {
		p := programs(c.model)[mode]
		want, err := c.run(p, c.calm.batch(newRand(c.seed), plain))
		if err != nil {
			c.Errorf("%s: %v", mode, err)
			return
		}
		exe, err := c.be.Compile(p)
		if err != nil {
			c.Errorf("%s: %v", mode, err)
			return
		}
		failures := make([]string, 8)
		batch := c.calm.batch(newRand(c.seed+70), mixed) // shared: nobody may write to it
		var group sync.WaitGroup
		for g := range failures {
			group.Go(func() {
				session := exe.NewSession()
				defer session.Close()
				for range 3 {
					got, err := runSession(session, c.schema, p, batch)
					if err != nil {
						failures[g] = err.Error()
					} else if where := differ(got, want, nil); where != "" {
						failures[g] = where
					}
				}
			})
		}
		group.Wait()
		for _, f := range failures {
			if f != "" {
				c.Errorf("%s, one of eight sessions: %s", mode, f)
			}
		}
	}
}

// allocations: a serving session that has seen its largest batch allocates nothing.
func allocations(c *Case) {
	if raceEnabled {
		c.skip = "the race detector allocates"
		return
	}
	if backend.Wholesale(c.be) {
		c.skip = "a device does not serve single rows"
		return
	}
	p := c.model.Serving
	exe, err := c.be.Compile(p)
	if err != nil {
		c.Errorf("%v", err)
		return
	}
	session := exe.NewSession()
	defer session.Close()
	rng := newRand(c.seed + 80)
	all := c.calm.batch(rng, plain)
	coded := c.calm.batch(rng, dictionary)
	for _, x := range []struct {
		name  string
		batch column.Batch
	}{{"one row", oneRow(all, 3)}, {"plain rows", all}, {"a dictionary", coded}, {"one row of a dictionary", oneRow(coded, 3)}} {
		in := columnsNamed(c.schema, x.batch, p)
		run := func() {
			if _, err := session.Run(in, nil); err != nil {
				panic(err)
			}
		}
		run()
		if allocs := testing.AllocsPerRun(5, run); allocs > 0 {
			c.Errorf("%v allocations per batch: %s", allocs, x.name)
		}
	}
}
