package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"quern/cmd/quern/phrase"
	"quern/features/column"
	"quern/pipeline"
	"quern/shard/work"
)

func (a *app) planCommand() *cobra.Command {
	var asJSON bool
	var processes int
	c := &cobra.Command{
		Use:   "plan RECIPE",
		Short: "Show what a run would read, learn and write, and what it takes",
		Long: `Binds a recipe to its source and shows what a run would do, without reading rows:
the columns, how many scans learning takes and why, the statistics of the first
scan, the features in the order in which they are computed, the outputs, the
memory that this takes, and what computes.`,
		Example:           "  quern plan recipe.yaml --workers 4 --memory 1GiB",
		Args:              takes("RECIPE"),
		ValidArgsFunction: completeRecipe(),
		RunE: func(c *cobra.Command, args []string) error {
			o, err := a.options()
			if err != nil {
				return err
			}
			if err := a.compute(&o); err != nil {
				return err
			}
			d, err := a.describe(c.Context(), args[0], o)
			if err != nil {
				return err
			}
			on := deviceChoices(o.Backend, a.flags.device, d)
			if asJSON {
				return a.printJSON(planOf(d, on))
			}
			_, err = fmt.Fprint(a.out, planText(d, processes, on))
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	c.Flags().IntVar(&processes, "procs", 0, "say too how so many processes would share the work")
	a.deviceFlag(c)
	return c
}

// planText writes a plan as a page.
func planText(d *pipeline.Description, processes int, on []deviceChoice) string {
	p := &page{}
	p.read(d)
	p.learn(d)
	p.features(d)
	var rows [][]string
	for _, o := range d.Outputs {
		rows = append(rows, []string{relative(o.Path), o.Format, phrase.Counted(d.Parts, "part"), phrase.Counted(len(o.Fields), "column")})
	}
	p.section("write", "%s", phrase.Counted(len(d.Outputs), "output"))
	p.rows(rows)
	p.section("run", "%s, about %d MiB for the rows in flight", phrase.Counted(d.Workers, "worker"), max(1, d.Memory>>20))
	if d.Spill > 0 {
		p.note("statistics beyond %d MiB go to disk", d.Spill>>20)
	}
	p.split(d, processes)
	p.device(on)
	return p.text.String()
}

// split says into how many shards many processes would cut the work.
func (p *page) split(d *pipeline.Description, processes int) {
	if processes <= 0 {
		return
	}
	shards := work.Shards(d.Bytes, d.Parts, processes)
	p.section("split", "%s of about %.1f MB, for --procs %d", phrase.Counted(shards, "shard"), float64(d.Bytes)/1e6/float64(max(1, shards)), processes)
	if d.Parts < processes {
		p.note("a shard is one part or more, and there are %d: more processes would wait", d.Parts)
	}
}

// page is the text of a plan.
type page struct{ text strings.Builder }

// section starts a section.
func (p *page) section(title, format string, args ...any) {
	fmt.Fprintf(&p.text, "%-6s %s\n", title, fmt.Sprintf(format, args...))
}

// note adds a line to the section.
func (p *page) note(format string, args ...any) {
	p.section("", "%s", fmt.Sprintf(format, args...))
}

// rows adds lines whose cells stand in columns.
func (p *page) rows(rows [][]string) {
	w := tabwriter.NewWriter(&p.text, 0, 8, 2, ' ', 0)
	for _, cells := range rows {
		fmt.Fprintf(w, "         %s\n", strings.Join(cells, "\t"))
	}
	w.Flush()
}

func (p *page) read(d *pipeline.Description) {
	rows := "rows not counted yet"
	if d.Rows >= 0 {
		rows = phrase.Thousands(d.Rows) + " rows"
	}
	p.section("read", "%s, %s, %s, %.1f MB", phrase.Counted(d.Files, "file"), phrase.Counted(d.Chunks, "chunk"), rows, float64(d.Bytes)/1e6)
	if d.Where != "" {
		p.note("rows where %s", d.Where)
	}
	p.rows(fieldRows(d.Columns))
}

func fieldRows(s column.Schema) [][]string {
	var rows [][]string
	for _, f := range s {
		rows = append(rows, []string{f.Name, f.Type.String()})
	}
	return rows
}

func (p *page) learn(d *pipeline.Description) {
	if len(d.First) == 0 {
		p.section("learn", "nothing")
		return
	}
	p.section("learn", "in at most %s, because a step learns from what the steps before it give", phrase.Counted(d.Scans, "scan"))
	if d.Scans > 1 {
		p.note("a column of at most %s values is scanned once: later steps learn from its table", phrase.Thousands(int64(d.Table)))
	}
	if d.Taken != "" {
		p.note("from rows where %s", d.Taken)
	}
	p.note("scan 1")
	var rows [][]string
	tallied := 0
	for _, s := range d.First {
		if s.For == "" {
			tallied++
			continue
		}
		rows = append(rows, []string{s.Kind, strings.Join(s.Columns, ", "), "for " + s.For})
	}
	if tallied > 0 {
		rows = append(rows, []string{"tally", phrase.Counted(tallied, "column"), "for the model's report of its data"})
	}
	p.rows(rows)
}

func (p *page) features(d *pipeline.Description) {
	p.section("make", "%s, in this order", phrase.Counted(countOutputs(d), "feature"))
	for _, c := range d.Chains {
		var steps []string
		for _, s := range c.Steps {
			steps = append(steps, s.Operator+scansText(s))
		}
		if len(steps) == 0 {
			steps = []string{"unchanged"}
		}
		p.note("%s: %s", c.From, strings.Join(steps, ", "))
		p.rows(fieldRows(c.Outputs))
	}
}

// scansText says in which scans a step learns.
func scansText(s pipeline.StepDescription) string {
	switch {
	case s.First == 0:
		return ""
	case s.First == s.Last:
		return fmt.Sprintf(" (scan %d)", s.First)
	}
	return fmt.Sprintf(" (scans %d-%d)", s.First, s.Last)
}

// planJSON is the JSON of `plan`. rows is -1 where they are not counted yet; bytes
// are as stored; scans count from 1.
type planJSON struct {
	Read struct {
		Files   int         `json:"files"`
		Chunks  int         `json:"chunks"`
		Rows    int64       `json:"rows"`
		Bytes   int64       `json:"bytes"`
		Where   string      `json:"where,omitempty"`
		Columns []fieldJSON `json:"columns"`
	} `json:"read"`
	Learn struct {
		Where string          `json:"where,omitempty"`
		Scans int             `json:"scans"`
		First []statisticJSON `json:"first_scan"`
	} `json:"learn"`
	Features []chainJSON    `json:"features"`
	Outputs  []outputJSON   `json:"outputs"`
	Workers  int            `json:"workers"`
	Memory   int64          `json:"memory_bytes"`
	Spill    int64          `json:"statistics_bytes"`
	Device   []deviceChoice `json:"device"`
}

type fieldJSON struct {
	Name string `json:"name"`
	Type string `json:"type"`
	Ids  int64  `json:"ids,omitempty"`
	Role string `json:"role,omitempty"`
}

type statisticJSON struct {
	Kind    string   `json:"kind"`
	Columns []string `json:"columns"`
	For     string   `json:"for,omitempty"`
}

type chainJSON struct {
	Name    string      `json:"name"`
	From    string      `json:"from"`
	Steps   []stepJSON  `json:"steps"`
	Outputs []fieldJSON `json:"outputs"`
}

type stepJSON struct {
	Operator  string `json:"operator"`
	FirstScan int    `json:"first_scan,omitempty"`
	LastScan  int    `json:"last_scan,omitempty"`
}

type outputJSON struct {
	Path   string      `json:"path"`
	Format string      `json:"format"`
	Parts  int         `json:"parts"`
	Fields []fieldJSON `json:"fields"`
}

// planOf returns a plan as it is written as JSON.
func planOf(d *pipeline.Description, on []deviceChoice) *planJSON {
	x := &planJSON{Workers: d.Workers, Memory: d.Memory, Spill: d.Spill, Device: on}
	x.Read.Files, x.Read.Chunks, x.Read.Rows, x.Read.Bytes, x.Read.Where = d.Files, d.Chunks, d.Rows, d.Bytes, d.Where
	x.Read.Columns = fieldsJSON(d.Columns)
	x.Learn.Where, x.Learn.Scans = d.Taken, d.Scans
	for _, s := range d.First {
		x.Learn.First = append(x.Learn.First, statisticJSON(s))
	}
	for _, c := range d.Chains {
		chain := chainJSON{Name: c.Name, From: c.From, Steps: []stepJSON{}, Outputs: fieldsJSON(c.Outputs)}
		for _, s := range c.Steps {
			chain.Steps = append(chain.Steps, stepJSON{s.Operator, s.First, s.Last})
		}
		x.Features = append(x.Features, chain)
	}
	for _, o := range d.Outputs {
		out := outputJSON{Path: relative(o.Path), Format: o.Format, Parts: d.Parts}
		for _, f := range o.Fields {
			out.Fields = append(out.Fields, fieldJSON{Name: f.Name, Type: f.Type.String(), Role: string(f.Role)})
		}
		x.Outputs = append(x.Outputs, out)
	}
	return x
}

// fieldsJSON returns a schema as it is written as JSON.
func fieldsJSON(s column.Schema) []fieldJSON {
	out := make([]fieldJSON, len(s))
	for i, f := range s {
		out[i] = fieldJSON{Name: f.Name, Type: f.Type.String()}
	}
	return out
}
