package cpu

import (
	"quern/cpu/kernel"
	"quern/features/program"
)

// plan is the work of a batch whose sources have given encodings. Batches of one
// reader nearly always have the same, so a plan is kept until one differs.
type plan struct {
	encodings []encoding // by source; nil: there is no plan yet
	apart     [][]action // by source, if it has a pass of its own
	rows      []action
}

// action is one thing to do to each block of a pass.
type action struct {
	register program.Register
	run      evaluate // nil: a load or a gather
	strict   bool
	gather   bool // bring the slots' whole register to the rows
	stored   bool // the storage form of what it computes is all that is needed
	borrow   bool // a load of what needs no change: the source's own memory
	dst      *lane
	args     []*lane
	keep     *whole // nil: the result does not leave the pass
	memory   *memory
	source   place // a load's or a gather's
}

// arrange makes the plan for the batch at hand, unless the last one fits.
func (s *session) arrange() {
	p := &s.plan
	same := p.encodings != nil
	if !same {
		p.encodings = make([]encoding, len(s.sources))
		p.apart = make([][]action, len(s.sources))
	}
	for i := range s.sources {
		e := s.sources[i].encoding
		same = same && e == p.encodings[i]
		p.encodings[i] = e
	}
	if !same {
		s.schedule()
	}
}

// schedule sorts the steps into passes.
func (s *session) schedule() {
	p := &s.plan
	p.rows = p.rows[:0]
	for i := range p.apart {
		p.apart[i] = p.apart[i][:0]
	}
	gathered := make([]bool, len(s.registers))
	for i := range s.steps {
		step := &s.steps[i]
		if !s.needed(step) {
			continue
		}
		if i := step.place; i >= 0 && s.apart(i) {
			p.apart[i] = append(p.apart[i], s.action(step, nil))
			continue
		}
		for _, a := range step.args {
			if s.bySlot(a) && !gathered[a] {
				gathered[a] = true
				p.rows = append(p.rows, s.gather(a))
			}
		}
		p.rows = append(p.rows, s.action(step, gathered))
	}
}

// needed reports whether there is anything to do for a step: there is not for the load
// of an input that just leaves.
func (s *session) needed(step *step) bool {
	reg := &s.registers[step.register]
	return step.run != nil || reg.used || reg.leaves()
}

// leaves reports whether a register is needed outside of its pass, wherever that is.
func (r *register) leaves() bool { return r.output || r.observed || r.taken }

// bySlot reports whether register r is evaluated per slot of a dictionary.
func (s *session) bySlot(r program.Register) bool {
	i := s.registers[r].place
	return i >= 0 && s.sources[i].encoding == coded
}

// action returns the work of a step. gathered tells which arguments the rows have
// gathered; it is nil in a pass of a source.
func (s *session) action(step *step, gathered []bool) action {
	r := step.register
	reg := &s.registers[r]
	a := action{
		register: r, run: step.run, strict: step.strict,
		dst: &s.lanes[r], memory: &s.memory[reg.memory],
		args: make([]*lane, len(step.args)), source: reg.place,
	}
	for i, arg := range step.args {
		switch {
		case s.registers[arg].place == once:
			a.args[i] = &s.constants[arg]
		case gathered != nil && gathered[arg]:
			a.args[i] = &s.gathered[arg]
		default:
			a.args[i] = &s.lanes[arg]
		}
	}
	crosses := reg.crosses && s.bySlot(r)
	if reg.leaves() || crosses {
		a.keep = &s.wholes[r]
		a.keep.form(reg, crosses)
		a.stored = !a.keep.wide && !reg.used
	}
	a.borrow = step.run == nil && s.borrows(reg)
	return a
}

// borrows reports whether a load needs neither a gather nor widening nor another form
// to leave in. What instructions make is in register form.
func (s *session) borrows(reg *register) bool {
	switch {
	case s.sources[reg.place].encoding == indexed:
		return false
	case s.definitions[reg.place].maker == nil:
		return !reg.typ.Narrow()
	}
	return !reg.output || !reg.typ.Narrow() && !reg.typ.Real()
}

// gather returns the work of bringing register r from slots to rows.
func (s *session) gather(r program.Register) action {
	reg := &s.registers[r]
	return action{
		register: r, gather: true, source: reg.place,
		dst: &s.gathered[r], memory: &s.memory[reg.gathered],
	}
}

// counts is how many rows use each slot of a dictionary.
type counts struct {
	fresh bool // of the batch at hand
	slots []uint64
}

// usage returns the counts of source i, a dictionary.
func (s *session) usage(i place) []uint64 {
	u := &s.counts[i]
	if !u.fresh {
		col := s.sources[i].column
		u.slots = s.stock.words.grow(u.slots, col.Values.Len)
		clear(u.slots)
		kernel.Count(u.slots, col.Index)
		u.fresh = true
	}
	return u.slots
}
