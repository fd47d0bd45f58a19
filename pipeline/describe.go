package pipeline

import (
	"slices"
	"strings"

	"quern/features/column"
	"quern/features/program"
	"quern/pipeline/recipe"
	"quern/pipeline/sink"
	"quern/pipeline/source"
)

// Description is what `quern plan` tells: what will be read, learnt and written,
// and what that takes.
type Description struct {
	Columns column.Schema // that will be read
	Files   int
	Chunks  int
	Rows    int64 // -1: not known before they are read
	Bytes   int64 // as stored
	Parts   int
	Where   string // rows that are read at all; "": all
	Taken   string // rows that are learnt from; "": all
	Scans   int    // most that fitting may take
	Table   int    // a column of at most so many values is scanned once only
	First   []StatisticDescription
	Scan    *program.Program   // of the first scan; nil: nothing is learnt
	Chains  []ChainDescription // in the order in which they are computed
	Workers int
	Memory  int64 // estimated bytes of the chunks in flight
	Spill   int64 // bytes that statistics may take before they go to disk; 0: no bound
	Outputs []OutputDescription
}

// StatisticDescription is a statistic of the first scan.
type StatisticDescription struct {
	Kind    string
	Columns []string // on which it depends
	For     string   // the step that wants it; "": what the model reports of its data
}

// ChainDescription is one feature: its steps in order, and its outputs.
type ChainDescription struct {
	Name    string
	From    string // the columns or the expression that it starts with
	Steps   []StepDescription
	Outputs column.Schema
}

// StepDescription is one step, with the scans that it learns from (from 1): none if
// First is 0. The numbers are those of a run in which every scan is needed.
type StepDescription struct {
	Operator    string
	First, Last int
}

// OutputDescription is one output.
type OutputDescription struct {
	Path, Format string
	Fields       []sink.Field
}

// Describe binds r to its source and tells what a run would do. It reads no rows
// beyond what opening the source takes.
func Describe(r *recipe.Recipe, src source.Source, o Options) (*Description, error) {
	p, err := Bind(r, src.Schema(), src.Unusable())
	if err != nil {
		return nil, err
	}
	chunks := src.Chunks()
	d := &Description{Chunks: len(chunks), Parts: len(PartsOf(chunks)), Workers: o.workersFor(chunks, len(chunks), 1), Spill: o.Memory / 4,
		Where: r.Source.Where.Text, Taken: r.Fit.Where.Text, Table: p.tableLimit}
	d.measure(chunks)
	for _, f := range p.Schema {
		if p.used[f.Name] {
			d.Columns = append(d.Columns, f)
		}
	}
	if err := p.describeFirst(d); err != nil {
		return nil, err
	}
	computed := p.describeChains(d)
	for _, s := range targetSpecs(r) {
		fields, _ := s.fields(computed)
		d.Outputs = append(d.Outputs, OutputDescription{s.path, strings.TrimPrefix(s.format.Suffix(), "."), fields})
	}
	return d, nil
}

// measure adds up what is known of the chunks.
func (d *Description) measure(chunks []source.Chunk) {
	files, largest := map[string]bool{}, int64(0)
	for _, c := range chunks {
		files[c.File] = true
		d.Bytes += c.Bytes
		largest = max(largest, c.Memory, c.Bytes)
		if c.Rows < 0 || d.Rows < 0 {
			d.Rows = -1
		} else {
			d.Rows += c.Rows
		}
	}
	d.Files, d.Memory = len(files), largest*expansion*int64(d.Workers)
}

// describeFirst fills in the statistics of the first scan.
func (p *Plan) describeFirst(d *Description) error {
	ph, done, err := p.phase(0)
	if err != nil || done {
		return err
	}
	columns := make([][]string, len(ph.Specs))
	for _, o := range ph.Program.Observes {
		columns[o.Stat] = union(columns[o.Stat], dependsOn(ph.Program, o))
	}
	d.Scan = ph.Program
	for i, s := range ph.Specs {
		x := StatisticDescription{Kind: string(s.Kind), Columns: columns[i]}
		if i < len(ph.wants) {
			x.For = ph.wants[i].step.origin.Path + " " + ph.wants[i].step.name
		}
		d.First = append(d.First, x)
	}
	return nil
}

// dependsOn returns the input columns that an observed tuple depends on, in the
// order of the program's inputs.
func dependsOn(x *program.Program, o program.Observed) []string {
	cut := *x
	cut.Outputs, cut.Observes = nil, []program.Observed{o}
	return cut.Pruned().Inputs.Names()
}

// describeChains fills in the chains and returns the computed columns.
func (p *Plan) describeChains(d *Description) []sink.Field {
	var computed []sink.Field
	d.Scans = p.rounds()
	if len(d.First) > 0 {
		d.Scans = max(1, d.Scans) // tallies are always wanted
	}
	for i, steps := range p.schedule() {
		c := p.chains[i]
		x := ChainDescription{Name: c.title(), From: c.start(&p.Recipe.Features[i]), Steps: steps, Outputs: c.outputs()}
		for _, f := range x.Outputs {
			computed = append(computed, sink.Field{Field: f, Role: program.RoleFeature})
		}
		d.Chains = append(d.Chains, x)
	}
	for _, l := range p.labels {
		computed = append(computed, sink.Field{Field: column.Field{Name: l.name, Type: l.typ}, Role: program.RoleLabel})
	}
	for _, n := range p.Recipe.Keep {
		computed = append(computed, sink.Field{Field: p.Schema[p.Schema.Find(n.Text)], Role: program.RoleKeep})
	}
	return computed
}

// rounds returns the most scans that fitting may still take.
func (p *Plan) rounds() int {
	most := 0
	for _, steps := range p.schedule() {
		for _, s := range steps {
			most = max(most, s.Last)
		}
	}
	return most
}

// schedule returns the scans in which each step of each chain learns: after the
// steps before it, and after the features that it reads.
func (p *Plan) schedule() [][]StepDescription {
	ready := map[string]int{} // features.NAME to the last scan that it takes
	after := func(scan int, names []string) int {
		for _, n := range names {
			scan = max(scan, ready[n])
		}
		return scan
	}
	plan := make([][]StepDescription, len(p.chains))
	for i, c := range p.chains {
		scan := after(0, p.startsWith(i))
		for _, s := range c.steps {
			var refs []string
			for _, r := range s.refs {
				refs = append(refs, r.Name)
			}
			scan = after(scan, refs)
			x := StepDescription{Operator: s.name}
			if n := s.rounds(); n > 0 {
				x.First, x.Last = scan+1, scan+n
				scan = x.Last
			}
			plan[i] = append(plan[i], x)
		}
		for _, f := range c.outputs() {
			ready[featurePrefix+f.Name] = scan
		}
	}
	return plan
}

// startsWith returns what the chain of feature i starts with: columns, and earlier
// features as features.NAME.
func (p *Plan) startsWith(i int) []string {
	f := &p.Recipe.Features[i]
	var names []string
	for _, n := range f.Columns {
		names = append(names, n.Text)
	}
	if x := p.chains[i].expr; x != nil {
		for _, n := range x.Names() {
			names = append(names, n.Text)
		}
	}
	return slices.Compact(names)
}

// outputs returns the fields that leave the chain, as far as types tell.
func (c *chain) outputs() column.Schema {
	var lanes []lane
	for _, in := range c.inputs {
		lanes = append(lanes, lane{Field: column.Field{Name: in.name, Type: in.typ}, reg: program.None})
	}
	for _, s := range c.steps {
		taken, aside := split(lanes)
		lanes = append(s.out(c, taken, nil), aside...)
	}
	var fields column.Schema
	for _, l := range c.finish(lanes) {
		fields = append(fields, l.Field)
	}
	return fields
}

// start writes what a feature is made of.
func (c *chain) start(f *recipe.Feature) string {
	if c.expr != nil {
		return c.expr.Text()
	}
	names := make([]string, len(f.Columns))
	for i, n := range f.Columns {
		names[i] = n.Text
	}
	return strings.Join(names, ", ")
}

// title names a chain for people.
func (c *chain) title() string {
	if c.name != "" {
		return c.name
	}
	names := make([]string, len(c.inputs))
	for i, in := range c.inputs {
		names[i] = in.name
	}
	return strings.Join(names, ", ")
}
