package pipeline

import (
	"context"
	"errors"
	"strings"

	"quern/features"
	"quern/features/column"
	"quern/features/diag"
	"quern/features/program"
)

// featurePrefix marks the name of an earlier feature: features.NAME.
const featurePrefix = "features."

// lowering walks the chains of a plan and appends their instructions to a
// builder, as far as what has been learnt allows.
type lowering struct {
	plan  *Plan
	b     *program.Builder
	mode  features.Mode
	lanes map[string]lane // outputs of finished features, by name
	wants []want          // statistics of the steps that stopped their chain
}

// want is one statistic of one step, waiting for a scan.
type want struct {
	features.Want
	step  *step
	group int // which of step.bound
}

func newLowering(p *Plan, mode features.Mode) *lowering {
	return &lowering{plan: p, b: program.NewBuilder(p.Schema), mode: mode, lanes: map[string]lane{}}
}

// all walks every chain, in the recipe's order. finished[i] is nil where chain i
// still has something to learn.
func (w *lowering) all() (finished [][]lane, err error) {
	for _, c := range w.plan.chains {
		lanes, err := w.chain(c)
		if err != nil {
			return nil, err
		}
		for _, l := range lanes {
			w.lanes[l.Name] = l
		}
		finished = append(finished, lanes)
	}
	return finished, nil
}

// chain appends the steps of c up to the first that has not learnt all it wants,
// whose wants are noted. It returns nil lanes if it stopped.
func (w *lowering) chain(c *chain) ([]lane, error) {
	w.b.SetOrigin(c.origin)
	var lanes []lane
	for _, in := range c.inputs {
		reg, ok := in.lower(w)
		if !ok {
			return nil, nil // waits for an earlier feature
		}
		lanes = append(lanes, lane{Field: column.Field{Name: in.name, Type: w.b.Type(reg)}, reg: reg})
	}
	for _, s := range c.steps {
		refs, ok := w.refs(s)
		if !ok {
			return nil, nil
		}
		taken, aside := split(lanes)
		if err := s.bind(taken, refs); err != nil {
			return nil, err
		}
		w.b.SetOrigin(s.origin)
		if s.rounds() > 0 {
			w.want(s, taken, refs)
			return nil, nil
		}
		lanes = append(s.out(c, taken, w.lower(s, taken, refs)), aside...)
	}
	return c.finish(lanes), nil
}

// refs resolves what the step reads beside its lanes; false if that is a feature
// which is not finished.
func (w *lowering) refs(s *step) (refs []lane, ok bool) {
	for _, r := range s.refs {
		if f, isLabel := w.plan.labelField(r.Name); isLabel && r.Label {
			refs = append(refs, lane{Field: f, reg: w.label(r.Name)})
			continue
		}
		reg, typ, ok := w.resolve(r.Name)
		if !ok {
			return nil, false
		}
		refs = append(refs, lane{Field: column.Field{Name: r.Name, Type: typ}, reg: reg})
	}
	return refs, true
}

// resolve returns the register of a source column or of a finished feature.
func (w *lowering) resolve(name string) (program.Register, column.Type, bool) {
	if feature, ok := strings.CutPrefix(name, featurePrefix); ok {
		l, ok := w.lanes[feature]
		return l.reg, l.Type, ok
	}
	i := w.plan.Schema.Find(name)
	if i < 0 {
		panic("quern: bug: column " + name + " was not checked")
	}
	if w.mode == features.Serving && w.plan.labelColumns[name] {
		return program.None, w.plan.Schema[i].Type, true
	}
	return w.b.Load(i), w.plan.Schema[i].Type, true
}

// label returns the register of a label; none is served.
func (w *lowering) label(name string) program.Register {
	if w.mode == features.Serving {
		return program.None
	}
	for _, l := range w.plan.labels {
		if l.name == name {
			return w.expression(l.expr)
		}
	}
	panic("quern: bug: label " + name + " was not checked")
}

// want notes the statistics that the step's unfitted operators want next.
func (w *lowering) want(s *step, lanes, refs []lane) {
	for i, g := range s.groups(lanes) {
		if s.bound[i].Rounds() == 0 {
			continue
		}
		for _, x := range s.bound[i].Wants(w.b, registersOf(g, refs)) {
			w.wants = append(w.wants, want{x, s, i})
		}
	}
}

// lower appends a fitted step and returns the registers of all its outputs.
func (w *lowering) lower(s *step, lanes, refs []lane) []program.Register {
	var regs []program.Register
	for i, g := range s.groups(lanes) {
		out := s.bound[i].Lower(w.b, registersOf(g, refs), w.mode)
		if len(out) != len(s.bound[i].Out()) {
			panic("quern: bug: operator " + s.name + " lowers to another number of outputs than it says")
		}
		for j, f := range s.bound[i].Out() {
			if got := w.b.Type(out[j]); got != f.Type {
				panic("quern: bug: operator " + s.name + " lowers to " + got.String() + " where it says " + f.Type.String())
			}
		}
		regs = append(regs, out...)
	}
	return regs
}

// placed gives err a place in the recipe: an *diag.Error keeps its own if it has
// one, a List is placed one by one, anything else gets the code.
// An interruption stays what it is.
func placed(err error, code diag.Code, place diag.Place, edit func(*diag.Error) *diag.Error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	var list diag.List
	list.Add(err, code)
	for i, e := range list {
		if edit != nil {
			e = edit(e)
		}
		list[i] = e.At(place)
	}
	if len(list) == 1 {
		return list[0]
	}
	return list.Err()
}
