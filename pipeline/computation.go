package pipeline

import (
	"quern/features/column"
	"quern/features/diag"
	"quern/features/program"
	"quern/pipeline/model"
	"quern/pipeline/sink"
)

// computation is what outputs are computed by: a model's programs, as far as a source
// has their columns.
type computation struct {
	whole  *program.Program // features, labels and kept columns
	where  *program.Program // rows to read at all; nil: all
	taken  *program.Program // rows that were learnt from; nil unless the manifest should tell
	fields []sink.Field     // of whole
}

// newComputation checks a source's schema against a model. Labels and kept columns whose
// source columns are missing are left out, with a notice.
func newComputation(m *model.Model, have column.Schema, training bool, o Options) (*computation, error) {
	values, taken := m.Serving, (*program.Program)(nil)
	if training {
		values, taken = m.Training, m.Taken
	}
	if err := provides(have, values, m.Where, taken); err != nil {
		return nil, err
	}
	extra := m.Extra
	if extra != nil {
		extra = available(extra, have, o)
	}
	c := &computation{whole: program.Join(values, extra), where: m.Where, taken: taken}
	widths := c.whole.Widths()
	for i, f := range c.whole.Fields() {
		c.fields = append(c.fields, sink.Field{Field: f, Role: c.whole.Outputs[i].Role, Width: widths[i]})
	}
	return c, nil
}

// provides checks that a source has every column that the programs read, of the model's
// types.
func provides(have column.Schema, programs ...*program.Program) error {
	var mistakes diag.List
	for _, p := range programs {
		if p == nil {
			continue
		}
		for _, f := range p.Inputs {
			at := have.Find(f.Name)
			switch {
			case at < 0:
				mistakes = append(mistakes, diag.New("Q305", "the source has no column %q, which the model reads", f.Name))
			case have[at].Type != f.Type:
				mistakes = append(mistakes, diag.New("Q306", "column %q is %v in the source and %v in the model", f.Name, have[at].Type, f.Type).
					WithHint("give it its type with schema: {%s: %v}", f.Name, f.Type))
			}
		}
	}
	return mistakes.Err()
}

// available returns extra without the outputs that read columns which a source lacks;
// nil if nothing is left.
func available(extra *program.Program, have column.Schema, o Options) *program.Program {
	cut := *extra
	cut.Outputs = nil
	for _, out := range extra.Outputs {
		missing := ""
		for _, f := range onlyOutput(extra, out).Inputs {
			if at := have.Find(f.Name); at < 0 || have[at].Type != f.Type {
				missing = f.Name
			}
		}
		if missing != "" {
			o.notice("the source has no column " + missing + " of the model's type: " + string(out.Role) + " " + out.Name + " is left out")
			continue
		}
		cut.Outputs = append(cut.Outputs, out)
	}
	if len(cut.Outputs) == 0 {
		return nil
	}
	return cut.Pruned()
}

// onlyOutput returns p cut down to one of its outputs.
func onlyOutput(p *program.Program, out program.Output) *program.Program {
	cut := *p
	cut.Outputs, cut.Observes = []program.Output{out}, nil
	return cut.Pruned()
}
