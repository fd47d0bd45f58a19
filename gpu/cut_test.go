package gpu

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"quern/features/column"
	"quern/features/program"
	"quern/features/program/programtest"
	"quern/features/stat"
	"quern/gpu/code"
)

var rewrite = flag.Bool("rewrite", false, "write golden files anew instead of comparing with them")

// cutFor cuts as a back end does.
func cutFor(p *program.Program, coded []bool, specs []stat.Spec) *cut {
	return cutProgram(p, coded, abilities(func(n int) stat.Spec { return specs[n] }))
}

// The golden file shows to people who computes what.
func TestCuts(t *testing.T) {
	const path = "testdata/cut.txt"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sections := strings.Split(string(text), "\n== ")
	out := strings.TrimRight(sections[0], "\n") + "\n"
	for _, s := range sections[1:] {
		given, _, _ := strings.Cut(s, "\n----\n")
		given = strings.TrimRight(given, "\n")
		out += "\n== " + given + "\n----\n" + cutOf(t, given)
	}
	if *rewrite {
		if err := os.WriteFile(path, []byte(out), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if out != string(text) {
		t.Errorf("%s differs; got\n%s", path, out)
	}
}

// cutOf returns the cut of a section, as text.
func cutOf(t *testing.T, section string) string {
	t.Helper()
	title, rest, _ := strings.Cut(section, "\n")
	var coded []string
	var specs []stat.Spec
	source := "quern program 1\n"
	for line := range strings.Lines(rest) {
		switch name, list, _ := strings.Cut(strings.TrimSpace(line), ": "); name {
		case "coded":
			coded = strings.Fields(list)
		case "statistics":
			for _, s := range strings.Fields(list) {
				kind, folds, _ := strings.Cut(s, "/")
				n, _ := strconv.Atoi(folds)
				specs = append(specs, stat.Spec{Kind: stat.Kind(kind), Folds: n})
			}
		default:
			source += line
		}
	}
	p, err := program.Parse(source)
	if err == nil {
		err = program.Verify(p)
	}
	if err != nil {
		t.Fatalf("%s: %v", title, err)
	}
	is := make([]bool, len(p.Inputs))
	for i, f := range p.Inputs {
		is[i] = slices.Contains(coded, f.Name)
	}
	return cutFor(p, is, specs).text(p)
}

// text writes a cut for people.
func (c *cut) text(p *program.Program) string {
	var b strings.Builder
	code := func(p *program.Program) {
		_, lines, _ := strings.Cut(p.Text(), "\n")
		for line := range strings.Lines(lines) {
			b.WriteString("  " + line)
		}
	}
	for i, n := range c.outputs {
		from := "host"
		if n < 0 {
			from = "a pass"
		}
		fmt.Fprintf(&b, "%s comes from %s\n", p.Outputs[i].Name, from)
	}
	if c.host != nil {
		b.WriteString("host\n")
		code(c.host)
	}
	for _, x := range c.passes {
		space := "rows"
		if x.space != program.Rows {
			space = "elements"
		}
		fmt.Fprintf(&b, "pass over %s\n", space)
		for i, f := range x.feeds {
			from, what := fmt.Sprintf("output %d of the host", f.output), "codes"
			if f.column >= 0 {
				from = strconv.Quote(p.Inputs[f.column].Name)
			}
			if f.values {
				what = "values"
			}
			fmt.Fprintf(&b, "  feed %d: %s, %s\n", i, from, what)
		}
		if x.program != nil {
			code(x.program)
		}
		for i, l := range x.leaves {
			to := "stays"
			if l.output >= 0 {
				to = "is " + strconv.Quote(p.Outputs[l.output].Name)
			}
			fmt.Fprintf(&b, "  leave %d: %s\n", i, to)
		}
		for _, t := range x.tuples {
			fmt.Fprintf(&b, "  statistic %d observes%s\n", t.stat, x.names(t.args))
		}
	}
	return b.String()
}

// names returns what the arguments of a tuple are.
func (x *pass) names(args []int) (text string) {
	for _, a := range args {
		switch {
		case a == fixed:
			text += " a constant"
		case a < len(x.feeds):
			text += fmt.Sprintf(" feed %d", a)
		default:
			text += fmt.Sprintf(" leave %d", a-len(x.feeds))
		}
	}
	return text
}

// observeAll makes p observe every register that leaves with every statistic that takes
// it, and pairs of them, and returns the specs.
func observeAll(p *program.Program) []stat.Spec {
	var specs []stat.Spec
	watch := func(spec stat.Spec, args ...program.Register) {
		for _, r := range args {
			spec.Types = append(spec.Types, p.Code[r].Type.Elem())
		}
		s, err := stat.New(spec, stat.Resources{})
		if err != nil {
			return
		}
		s.Close()
		p.Observes = append(p.Observes, program.Observed{Stat: len(specs), Args: args})
		if program.Verify(p) != nil {
			p.Observes = p.Observes[:len(specs)]
			return
		}
		specs = append(specs, spec)
	}
	last := p.Outputs[0].Register
	for _, o := range p.Outputs {
		for _, spec := range []stat.Spec{
			{Kind: stat.KindTally}, {Kind: stat.KindSums}, {Kind: stat.KindExtremes}, {Kind: stat.KindHistogram},
			{Kind: stat.KindValueCounts}, {Kind: stat.KindEntries, Limit: 20},
			{Kind: stat.KindBinCounts, Bins: []uint32{0x7fff, 0x8000, 0xbf80, 0xc000}},
		} {
			watch(spec, o.Register)
		}
		watch(stat.Spec{Kind: stat.KindValueCounts}, last, o.Register)
		last = o.Register
	}
	return specs
}

// Random programs: both parts are programs, a device can run what it is given, everything
// is served once, and run by the scalar meaning the parts give what the whole gives.
func TestCutsOfRandomPrograms(t *testing.T) {
	passes := 0
	for seed := range uint64(400) {
		rng := rand.New(rand.NewPCG(seed, 3))
		schema := programtest.Schema(rng, 8)
		if seed%2 == 0 {
			schema = programtest.ListSchema(rng, 3)
		}
		p := programtest.Random(rng, schema)
		specs := observeAll(p)
		in := programtest.RandomBatch(rng, p.Inputs, 1+rng.IntN(20))
		coded := make([]bool, len(in.Columns))
		for i := range in.Columns {
			c := &in.Columns[i]
			if c.Type().IsList() {
				c = c.Values.Elements
			}
			coded[i] = c.Dict()
		}
		c := cutFor(p, coded, specs)
		passes += len(c.passes)
		if err := c.verify(p); err != nil {
			t.Fatalf("seed %d: %v\n%s\n%s", seed, err, p, c.text(p))
		}
		if err := c.agrees(p, in); err != nil {
			t.Fatalf("seed %d: %v\n%s\n%s", seed, err, p, c.text(p))
		}
	}
	if passes < 300 {
		t.Errorf("only %d passes", passes)
	}
}

// verify checks the form of a cut.
func (c *cut) verify(p *program.Program) error {
	outputs, observed := make([]int, len(p.Outputs)), make([]int, len(p.Observes))
	for i, n := range c.outputs {
		if n >= 0 {
			outputs[i]++
		}
	}
	if c.host != nil {
		if err := program.Verify(c.host); err != nil {
			return fmt.Errorf("host: %w", err)
		}
		for _, o := range c.host.Observes {
			n := slices.IndexFunc(p.Observes, func(x program.Observed) bool { return x.Stat == o.Stat })
			observed[n]++
		}
	}
	for _, x := range c.passes {
		for _, l := range x.leaves {
			if l.output >= 0 {
				outputs[l.output]++
			}
		}
		for _, t := range x.tuples {
			observed[t.observed]++
			if p.Observes[t.observed].Stat != t.stat || len(t.args) != len(p.Observes[t.observed].Args) {
				return fmt.Errorf("tuple %+v is of another observation", t)
			}
		}
		if x.program == nil {
			continue
		}
		if err := program.Verify(x.program); err != nil {
			return fmt.Errorf("pass: %w", err)
		}
		if _, err := code.Encode(x.program, resultsOf(x.program)); err != nil {
			return fmt.Errorf("pass: %w", err)
		}
	}
	for _, n := range append(outputs, observed...) {
		if n != 1 {
			return fmt.Errorf("outputs are served %v times, observations %v", outputs, observed)
		}
	}
	return nil
}

// agrees runs the parts over in by the scalar meaning and compares with the whole.
func (c *cut) agrees(p *program.Program, in column.Batch) error {
	plain := *p
	plain.Observes = nil
	want, err := programtest.Run(&plain, in)
	if err != nil {
		return nil // a fault has no outputs
	}
	var host column.Batch
	if c.host != nil {
		part := column.Batch{Rows: in.Rows}
		for _, n := range c.inputs {
			part.Columns = append(part.Columns, in.Columns[n])
		}
		if host, err = programtest.Run(c.host, part); err != nil {
			return err
		}
	}
	for i, n := range c.outputs {
		if n >= 0 && !programtest.Equal(&host.Columns[n], &want.Columns[i]) {
			return fmt.Errorf("the host's output %d differs", i)
		}
	}
	for _, x := range c.passes {
		if err := x.agrees(in, host, want); err != nil {
			return err
		}
	}
	return nil
}

// agrees is the same of a pass.
func (x *pass) agrees(in, host, want column.Batch) error {
	if x.program == nil {
		return nil
	}
	elements := func(c *column.Column) *column.Column {
		if x.space != program.Rows {
			return c.Values.Elements
		}
		return c
	}
	var part column.Batch
	for _, f := range x.feeds {
		from := &host
		n := f.output
		if f.column >= 0 {
			from, n = &in, f.column
		}
		c := elements(&from.Columns[n])
		part.Rows, part.Columns = c.Len, append(part.Columns, *c)
	}
	got, err := programtest.Run(x.program, part)
	if err != nil {
		return err
	}
	for i, l := range x.leaves {
		if l.output >= 0 && !programtest.Equal(&got.Columns[i], elements(&want.Columns[l.output])) {
			return fmt.Errorf("output %d, which a pass leaves, differs", l.output)
		}
	}
	return nil
}
