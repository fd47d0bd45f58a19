package featurestest

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"

	"quern/features"
	"quern/features/column"
	"quern/features/program"
	"quern/features/stat"
)

// statistics: what the operator observes is an exact algebra on bytes, and learning
// by hand, round by round, gives the outputs that the planner's model gives.
func statistics(c *Case) {
	bound, err := c.learn("ordinary", c.calm)
	if err != nil {
		c.Errorf("learning by hand: %v", err)
		return
	}
	c.comparesWithModel(bound)
	if _, err := c.learn("wild", wildTable(newRand(c.seed+10), c.schema, 60)); err != nil {
		if _, other := userError(err); other != nil {
			c.Errorf("wild values: %v", other)
		}
	}
}

// learn goes through the rounds as the planner does, with three partials each, whose
// algebra it checks.
func (c *Case) learn(name string, rows table) (features.Bound, error) {
	rng, bound := newRand(c.seed+11), c.bound
	for round := 0; bound.Rounds() > 0; round++ {
		if round > 10 {
			return nil, fmt.Errorf("quern: bug: never done with learning")
		}
		p, specs := c.observing(bound)
		third := len(rows.rows) / 3
		var partials [][]stat.Statistic
		for i := range 3 {
			end := (i + 1) * third
			if i == 2 {
				end = len(rows.rows)
			}
			stats, err := c.observe(p, specs, rows.part(i*third, end).batch(rng, form(i)))
			if err != nil {
				return nil, err
			}
			partials = append(partials, stats)
		}
		learnt := make([]stat.Statistic, len(specs))
		for i := range specs {
			at := fmt.Sprintf("%s, round %d, %s", name, round+1, specs[i].Kind)
			learnt[i] = c.algebra(at, partials[0][i], partials[1][i], partials[2][i])
		}
		c.weighs(fmt.Sprintf("%s, round %d", name, round+1), rng, p, specs, rows)
		left := bound.Rounds()
		var err error
		if bound, err = bound.Fit(learnt); err != nil {
			return nil, err
		}
		if bound.Rounds() >= left {
			return nil, fmt.Errorf("quern: bug: fitting does not bring it nearer to its end")
		}
	}
	return bound, nil
}

// observing returns the program of the next round and what it observes into.
func (c *Case) observing(bound features.Bound) (*program.Program, []stat.Spec) {
	b := program.NewBuilder(c.schema)
	var specs []stat.Spec
	for i, w := range bound.Wants(b, c.loads(b, features.Training)) {
		for _, args := range w.Args {
			b.Observe(i, args...)
		}
		specs = append(specs, w.Spec)
	}
	return b.Finish(), specs
}

// loads returns the inputs as registers; labels are not served.
func (c *Case) loads(b *program.Builder, mode features.Mode) []program.Register {
	var refs []features.Reference
	if r, ok := c.sample.Operator.(features.Reader); ok {
		refs = r.Reads()
	}
	in := make([]program.Register, len(c.schema))
	for i := range in {
		if ref := i - c.lanes; ref >= 0 && refs[ref].Label && mode == features.Serving {
			in[i] = program.None
			continue
		}
		in[i] = b.Load(i)
	}
	return in
}

// observe shows a batch to new statistics.
func (c *Case) observe(p *program.Program, specs []stat.Spec, batch column.Batch) ([]stat.Statistic, error) {
	into := make([]stat.Statistic, len(specs))
	for i, s := range specs {
		var err error
		if into[i], err = stat.New(s, stat.Resources{}); err != nil {
			return nil, err
		}
	}
	exe, err := c.be.Compile(p)
	if err != nil {
		return nil, err
	}
	session := exe.NewSession()
	defer session.Close()
	_, err = session.Run(columnsNamed(c.schema, batch, p), into)
	return into, err
}

// algebra checks what merging promises of three partials and returns their sum.
func (c *Case) algebra(at string, x, y, z stat.Statistic) stat.Statistic {
	fresh, err := stat.New(x.Spec(), stat.Resources{})
	if err != nil {
		panic(err)
	}
	before := [][]byte{c.binary(x), c.binary(y), c.binary(z), c.binary(fresh)}
	sum := c.merged(c.merged(x, y), z)
	same := func(law string, a, b stat.Statistic) {
		if !bytes.Equal(c.binary(a), c.binary(b)) {
			c.Errorf("%s: %s does not hold", at, law)
		}
	}
	same("(x+y)+z = x+(y+z)", sum, c.merged(x, c.merged(y, z)))
	same("x+y = y+x", c.merged(x, y), c.merged(y, x))
	same("0+x = x", c.merged(fresh, x), x)
	same("x+0 = x", c.merged(x, fresh), x)
	for i, s := range []stat.Statistic{x, y, z, fresh} {
		if !bytes.Equal(c.binary(s), before[i]) {
			c.Errorf("%s: merging changed what was merged", at)
		}
	}
	rest := c.merged(sum, fresh)
	switch err := rest.Subtract(z); {
	case err == nil:
		same("(x+y+z)-z = x+y", rest, c.merged(x, y))
	case !errors.Is(err, stat.ErrNotInvertible):
		c.Errorf("%s: subtracting: %v", at, err)
	}
	return sum
}

// merged returns a + b, by way of their bytes.
func (c *Case) merged(a, b stat.Statistic) stat.Statistic {
	data := c.binary(a)
	s, err := stat.Decode(data, stat.Resources{})
	if err != nil {
		panic(fmt.Sprintf("own bytes do not decode: %v", err))
	}
	if !bytes.Equal(c.binary(s), data) {
		c.Errorf("%s: other bytes after encoding and decoding", a.Spec().Kind)
	}
	if err := s.Merge(b); err != nil {
		panic(fmt.Sprintf("merging: %v", err))
	}
	return s
}

func (c *Case) binary(s stat.Statistic) []byte {
	b, err := s.AppendBinary(nil)
	if err != nil {
		panic(fmt.Sprintf("encoding: %v", err))
	}
	return b
}

// weighs: what a column's slots teach, with their counts, is what its rows teach.
func (c *Case) weighs(at string, rng *rand.Rand, p *program.Program, specs []stat.Spec, rows table) {
	for _, o := range p.Observes {
		if len(o.Args) != 1 || tuples(p, o.Stat) > 1 {
			continue
		}
		out, err := c.run(c.observed(p, o.Args[0]), rows.batch(rng, messy))
		if err != nil {
			c.Errorf("%s: %v", at, err)
			continue
		}
		shown := &out[0]
		if shown.Type().IsList() {
			shown = shown.Values.Elements // statistics observe these
		}
		values := column.Vector{Type: shown.Type()}
		weights := make([]uint64, shown.Len+1)
		repeated := column.Vector{Type: shown.Type()}
		for i := range shown.Len {
			x := program.ValueAt(&shown.Values, shown.Slot(i))
			program.AppendRegister(&values, x)
			weights[i] = uint64(i % 3)
			for range i % 3 {
				program.AppendRegister(&repeated, x)
			}
		}
		program.AppendRegister(&values, calmValue(rng, values.Type)) // counts nothing: its weight is 0
		a, b := c.fresh(specs[o.Stat]), c.fresh(specs[o.Stat])
		a.Observe([]column.Column{{Len: values.Len, Values: values}}, weights)
		b.Observe([]column.Column{{Len: repeated.Len, Values: repeated}}, nil)
		if !bytes.Equal(c.binary(a), c.binary(b)) {
			c.Errorf("%s: %s of values with their counts is not that of the rows", at, specs[o.Stat].Kind)
		}
	}
}

// observed returns a program whose one output is register r of p.
func (c *Case) observed(p *program.Program, r program.Register) *program.Program {
	bare := *p
	bare.Outputs, bare.Observes = []program.Output{{Name: "value", Register: r, Role: program.RoleFeature}}, nil
	b := program.NewBuilder(p.Inputs)
	loads := make([]program.Register, len(p.Inputs))
	for i := range loads {
		loads[i] = b.Load(i)
	}
	b.Output("value", b.Append(&bare, loads)[0], program.RoleFeature)
	return b.Finish()
}

// tuples returns how many tuples feed a statistic.
func tuples(p *program.Program, s int) (n int) {
	for _, o := range p.Observes {
		if o.Stat == s {
			n++
		}
	}
	return n
}

func (c *Case) fresh(spec stat.Spec) stat.Statistic {
	s, err := stat.New(spec, stat.Resources{})
	if err != nil {
		panic(err)
	}
	return s
}

// comparesWithModel lowers what was learnt by hand and compares its outputs with
// those of the model that the planner made of the same rows.
func (c *Case) comparesWithModel(bound features.Bound) {
	for i, mode := range []features.Mode{features.Serving, features.Training} {
		b := program.NewBuilder(c.schema)
		for j, r := range bound.Lower(b, c.loads(b, mode), mode) {
			b.Output(fmt.Sprint("out", j), r, program.RoleFeature)
		}
		byHand, err := c.run(b.Finish(), c.calm.batch(newRand(1), mixed))
		if err != nil {
			c.Errorf("%s by hand: %v", modes()[i], err)
			return
		}
		planned, err := c.run(programs(c.model)[modes()[i]], c.calm.batch(newRand(2), mixed))
		if err != nil {
			c.Errorf("%s: %v", modes()[i], err)
			return
		}
		if len(byHand) != len(planned) {
			c.Errorf("%s: %d outputs by hand, %d in the model", modes()[i], len(byHand), len(planned))
			return
		}
		if where := differ(byHand, planned, nil); where != "" {
			c.Errorf("%s: learnt by hand it gives other values than the model: %s", modes()[i], where)
		}
	}
}
