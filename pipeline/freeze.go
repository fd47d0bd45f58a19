package pipeline

import (
	"quern/features"
	"quern/features/column"
	"quern/features/expr"
	"quern/features/program"
	"quern/pipeline/model"
	"quern/pipeline/recipe"
)

// freeze makes the model of a plan that has nothing left to learn.
func (p *Plan) freeze(seen model.Seen) (*model.Model, error) {
	m := &model.Model{
		Name:   p.Recipe.Name.Text,
		Recipe: recipe.Format(p.Recipe),
		Where:  p.conditionProgram(p.where),
		Taken:  p.conditionProgram(p.fitWhere),
		Extra:  p.extraProgram(),
		Learnt: p.learntSteps(),
		Seen:   seen,
		Time:   p.Recipe.Time.Text,
	}
	for _, n := range p.Recipe.Key {
		m.Key = append(m.Key, n.Text)
	}
	var err error
	if m.Serving, m.Sizes, err = p.servingProgram(); err != nil {
		return nil, err
	}
	if m.Training, err = p.trainingProgram(); err != nil {
		return nil, err
	}
	m.NameTables()
	m.Schema = p.read(m.Where, m.Taken, m.Serving, m.Training, m.Extra)
	return m, m.MakeGolden()
}

// conditionProgram returns a program whose one output is x, or nil.
func (p *Plan) conditionProgram(x *expr.Expr) *program.Program {
	if x == nil {
		return nil
	}
	w := newLowering(p, features.Training)
	w.b.Output("keep", w.expression(x), program.RoleKeep)
	return w.b.Finish()
}

// taken returns the condition under which a row is learnt from: source.where and
// fit.where; nil: always.
func (p *Plan) taken() *program.Program {
	if p.where == nil && p.fitWhere == nil {
		return nil
	}
	w := newLowering(p, features.Training)
	keep := program.None
	for _, x := range []*expr.Expr{p.where, p.fitWhere} {
		switch {
		case x == nil:
		case keep == program.None:
			keep = w.expression(x)
		default:
			keep = w.b.Emit(program.And, program.Imm{}, keep, w.expression(x))
		}
	}
	w.b.Output("keep", keep, program.RoleKeep)
	return w.b.Finish()
}

// servingProgram computes the features as they are served, and says how many ids
// each can have (0: it is not an id).
func (p *Plan) servingProgram() (*program.Program, []int64, error) {
	w := newLowering(p, features.Serving)
	finished, err := w.all()
	if err != nil {
		return nil, nil, err
	}
	var ids []int64
	for _, lanes := range finished {
		for _, l := range lanes {
			w.b.Output(l.Name, l.reg, program.RoleFeature)
			ids = append(ids, l.ids)
		}
	}
	return w.b.Finish(), ids, nil
}

// trainingProgram computes the features with training values in the rows that
// were learnt from and serving values in the others. Both are lowered into one
// builder, which gives equal computations equal registers: only features that
// really differ cost a choice.
func (p *Plan) trainingProgram() (*program.Program, error) {
	train := newLowering(p, features.Training)
	learning, err := train.all()
	if err != nil {
		return nil, err
	}
	serve := newLowering(p, features.Serving)
	serve.b = train.b
	serving, err := serve.all()
	if err != nil {
		return nil, err
	}
	taken := program.None
	if p.fitWhere != nil {
		taken = train.expression(p.fitWhere)
	}
	for i, lanes := range learning {
		for j, l := range lanes {
			reg := l.reg
			if taken != program.None && reg != serving[i][j].reg {
				reg = train.b.Choose(taken, reg, serving[i][j].reg)
			}
			train.b.Output(l.Name, reg, program.RoleFeature)
		}
	}
	return train.b.Finish(), nil
}

// extraProgram computes the labels and copies the kept columns; nil if there are none.
func (p *Plan) extraProgram() *program.Program {
	if len(p.labels)+len(p.Recipe.Keep) == 0 {
		return nil
	}
	w := newLowering(p, features.Training)
	for _, l := range p.labels {
		w.b.Output(l.name, w.expression(l.expr), program.RoleLabel)
	}
	for _, n := range p.Recipe.Keep {
		w.b.Output(n.Text, w.b.Load(p.Schema.Find(n.Text)), program.RoleKeep)
	}
	return w.b.Finish()
}

// read returns the columns that any of the programs reads, by name.
func (p *Plan) read(programs ...*program.Program) column.Schema {
	wanted := map[string]bool{}
	if name := p.Recipe.Time.Text; name != "" {
		wanted[name] = true
	}
	for _, name := range inputsOf(programs...) {
		wanted[name] = true
	}
	for _, n := range p.Recipe.Key {
		wanted[n.Text] = true
	}
	var s column.Schema
	for _, f := range p.Schema {
		if wanted[f.Name] {
			s = append(s, f)
		}
	}
	return s
}

// learntSteps lists what every operator learnt.
func (p *Plan) learntSteps() []model.Step {
	var all []model.Step
	for _, c := range p.chains {
		lanes := make([]string, len(c.inputs))
		for i, in := range c.inputs {
			lanes[i] = in.name
		}
		for _, s := range c.steps {
			for i, b := range s.bound {
				name := c.name
				if i < len(lanes) && !s.all {
					name = lanes[i]
				}
				if numbers := b.Learnt(); len(numbers) > 0 {
					all = append(all, model.Step{Feature: name, Path: s.origin.Path, Operator: s.name, Numbers: numbers})
				}
			}
		}
	}
	return all
}
