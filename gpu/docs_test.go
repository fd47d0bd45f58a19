package gpu

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"quern/cpu"
	"quern/features"
	"quern/features/column"
	"quern/features/program"
	"quern/features/stat"
)

// What a device does of an operator, from most to least.
const (
	gpuAll   = "all"   // instructions and statistics: all that there is per row
	gpuCodes = "codes" // what comes as dictionaries: the CPU does the entries, the device counts and gathers the codes
	gpuSome  = "some"  // some instructions or statistics; the CPU does the others
	gpuNo    = "no"
)

// TestOperatorsOnGPU compares the column "GPU" of docs/OPERATORS.md, which package
// features reads from gpu.txt, with what the back end does: every sample of every operator
// is fitted, and each of its programs is cut as for a device.
func TestOperatorsOnGPU(t *testing.T) {
	var text strings.Builder
	for _, e := range features.Catalogue() {
		numbers, texts := map[string]bool{}, map[string]bool{}
		for _, s := range e.Samples() {
			found := onGPU(t, s)
			if slices.ContainsFunc(s.Fields(), func(f column.Field) bool { return f.Type.Elem() == column.String }) {
				texts[found] = true
			} else {
				numbers[found] = true
			}
			t.Logf("%s/%s: %s", e.Name, s.Name, found)
		}
		fmt.Fprintf(&text, "%s\t%s\n", e.Name, cell(numbers, texts))
	}
	const path = "../features/gpu.txt"
	if *rewrite {
		if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want, err := os.ReadFile(path); err != nil || string(want) != text.String() {
		t.Errorf("%s is stale (make generate writes it), %v:\n%s", path, err, text.String())
	}
}

// cell puts what samples of numbers and of texts have into few words.
func cell(numbers, texts map[string]bool) string {
	one := func(found map[string]bool) string {
		delete(found, "")
		switch {
		case len(found) == 0:
			return ""
		case len(found) == 1 && !found[gpuSome]:
			for x := range found {
				return x
			}
		case len(found) == 2 && found[gpuAll] && found[gpuCodes]:
			return gpuAll + " or " + gpuCodes
		}
		return gpuSome
	}
	n, s := one(numbers), one(texts)
	switch {
	case n == "" && s == "":
		return "-"
	case n == s || s == "":
		return n
	case n == "":
		return s
	}
	return n + "; texts: " + s
}

// onGPU fits a sample and returns the least that a device does of its programs; "" if
// there is nothing to compute.
func onGPU(t *testing.T, s features.Sample) string {
	t.Helper()
	schema := column.Schema(s.Fields())
	bound, err := features.Bind(s.Operator, s.Fields())
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for bound.Rounds() > 0 {
		b := program.NewBuilder(schema)
		var specs []stat.Spec
		for i, w := range bound.Wants(b, loads(b, schema)) {
			specs = append(specs, w.Spec)
			for _, args := range w.Args {
				b.Observe(i, args...)
			}
		}
		p := b.Finish()
		found[share(p, specs)] = true
		if bound, err = bound.Fit(learnt(t, p, specs)); err != nil {
			t.Fatalf("%s: %v", s.Name, err)
		}
	}
	b := program.NewBuilder(schema)
	for i, r := range bound.Lower(b, loads(b, schema), features.Training) {
		b.Output(fmt.Sprint(i), r, program.RoleFeature)
	}
	found[share(b.Finish(), nil)] = true
	switch {
	case found[gpuSome] || found[gpuNo] && (found[gpuAll] || found[gpuCodes]):
		return gpuSome
	case found[gpuNo]:
		return gpuNo
	case found[gpuCodes]:
		return gpuCodes
	case found[gpuAll]:
		return gpuAll
	}
	return ""
}

func loads(b *program.Builder, schema column.Schema) []program.Register {
	in := make([]program.Register, len(schema))
	for i := range in {
		in[i] = b.Load(i)
	}
	return in
}

// share returns what a device does of p: if texts are dictionaries, or, where that does
// not suffice, if all columns are.
func share(p *program.Program, specs []stat.Spec) string {
	coded, all := make([]bool, len(p.Inputs)), make([]bool, len(p.Inputs))
	for i, f := range p.Inputs {
		coded[i], all[i] = f.Type.Elem() == column.String, true
	}
	found := shareOf(p, specs, coded)
	if (found == gpuSome || found == gpuNo) && len(specs) > 0 && shareOf(p, specs, all) == gpuCodes {
		return gpuCodes
	}
	return found
}

// shareOf returns what a device does of p if the columns are dictionaries as coded says.
func shareOf(p *program.Program, specs []stat.Spec, coded []bool) string {
	c := cutProgram(p, coded, abilities(func(n int) stat.Spec { return specs[n] }))
	perRow, perSlot := false, false
	if c.host != nil {
		domains := c.host.Domains()
		for i, in := range c.host.Code {
			if in.Op == program.Load || in.Op == program.Const || domains[i] == program.Constant {
				continue
			}
			if root := c.host.Root(program.Register(i)); root >= 0 && coded[p.Inputs.Find(c.host.Inputs[root].Name)] && !in.Op.Whole() {
				perSlot = true
			} else {
				perRow = true
			}
		}
		for _, o := range c.host.Observes {
			for _, r := range o.Args {
				perRow = perRow || domains[r] != program.Constant
			}
		}
	}
	computes := slices.ContainsFunc(c.passes, func(p pass) bool { return p.program != nil || len(p.tuples) > 0 })
	switch {
	case perRow && computes:
		return gpuSome
	case perRow:
		return gpuNo
	case !perSlot && !computes:
		return ""
	case slices.Contains(coded, true):
		return gpuCodes
	}
	return gpuAll
}

// learnt observes some calm rows.
func learnt(t *testing.T, p *program.Program, specs []stat.Spec) []stat.Statistic {
	t.Helper()
	stats := newStatistics(specs)
	exe, err := cpu.New().Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	session := exe.NewSession()
	defer session.Close()
	if _, err := session.Run(calmBatch(p.Inputs), stats); err != nil {
		t.Fatal(err)
	}
	return stats
}

// calmBatch returns rows whose values repeat and of which none is special.
func calmBatch(schema column.Schema) column.Batch {
	const rows = 300
	rng := rand.New(rand.NewPCG(1, 2))
	batch := column.Batch{Rows: rows}
	for _, f := range schema {
		values := make([]program.Value, rows)
		for i := range values {
			values[i] = calmValue(rng, f.Type)
		}
		v := column.Vector{Type: f.Type}
		for _, x := range values {
			program.AppendStored(&v, x)
		}
		batch.Columns = append(batch.Columns, column.Column{Len: rows, Values: v})
	}
	return batch
}

func calmValue(rng *rand.Rand, t column.Type) program.Value {
	if t.IsList() {
		return program.Value{List: []program.Value{calmValue(rng, t.Elem()), calmValue(rng, t.Elem())}}
	}
	n := rng.IntN(20)
	switch {
	case t == column.Bool:
		return program.Value{Bool: n > 9}
	case t == column.String:
		return program.Value{Str: fmt.Appendf(nil, "word %d", n)}
	case t.Real():
		return program.Value{Float: float64(n) / 4}
	}
	return program.Value{Int: int64(n)}
}
