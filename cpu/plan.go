package cpu

import (
	"quern/cpu/kernel"
	"quern/features/program"
)

// plan is the work of a batch whose columns have given encodings. Batches of one
// source nearly always have the same, so a plan is kept until one differs.
type plan struct {
	made  bool
	coded []bool     // by input column: evaluated per slot of its dictionary
	index []bool     // by input column: a dictionary that is read through its index
	slots [][]action // by input column, if coded
	rows  []action
}

// action is one thing to do to each block of a pass.
type action struct {
	register program.Register
	run      evaluate // nil: a load or a gather
	strict   bool
	gather   bool // bring the slots' whole register to the rows
	dst      *lane
	args     []*lane
	keep     *whole // nil: the result does not leave the pass
	memory   *memory
	column   int // a load's or a gather's input column
}

// crowded is how many slots per row make a dictionary cheaper to read row by row:
// then at least half of its slots are used by no row of this batch.
const crowded = 2

// arrange makes the plan for the batch at hand, unless the last one fits.
func (s *session) arrange() {
	p := &s.plan
	same := p.made
	if !p.made {
		p.coded = make([]bool, len(s.in.Columns))
		p.index = make([]bool, len(s.in.Columns))
		p.slots = make([][]action, len(s.in.Columns))
		p.made = true
	}
	for c := range s.in.Columns {
		col := &s.in.Columns[c]
		coded := col.Dict() && col.Values.Len <= crowded*col.Len
		index := col.Dict() && !coded
		same = same && coded == p.coded[c] && index == p.index[c]
		p.coded[c], p.index[c] = coded, index
	}
	if !same {
		s.schedule()
	}
}

// schedule sorts the steps into passes.
func (s *session) schedule() {
	p := &s.plan
	p.rows = p.rows[:0]
	for c := range p.slots {
		p.slots[c] = p.slots[c][:0]
	}
	gathered := make([]bool, len(s.registers))
	for i := range s.steps {
		step := &s.steps[i]
		if d := step.domain; d >= 0 && p.coded[d] {
			p.slots[d] = append(p.slots[d], s.action(step, nil))
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

// bySlot reports whether register r is evaluated per slot of a dictionary.
func (s *session) bySlot(r program.Register) bool {
	d := s.registers[r].domain
	return d >= 0 && s.plan.coded[d]
}

// action returns the work of a step. gathered tells which arguments the rows have
// gathered; it is nil in a pass over slots.
func (s *session) action(step *step, gathered []bool) action {
	r := step.register
	reg := &s.registers[r]
	a := action{
		register: r, run: step.run, strict: step.strict,
		dst: &s.lanes[r], memory: &s.memory[reg.memory],
		args: make([]*lane, len(step.args)),
	}
	if step.load {
		a.column = int(reg.domain)
	}
	for i, arg := range step.args {
		switch {
		case s.registers[arg].domain == program.Constant:
			a.args[i] = &s.constants[arg]
		case gathered != nil && gathered[arg]:
			a.args[i] = &s.gathered[arg]
		default:
			a.args[i] = &s.lanes[arg]
		}
	}
	leaves := reg.observed || reg.output && !step.load // outputs that are loads come from the input
	if leaves || reg.crosses && s.bySlot(r) {
		a.keep = &s.wholes[r]
	}
	return a
}

// gather returns the work of bringing register r from slots to rows.
func (s *session) gather(r program.Register) action {
	reg := &s.registers[r]
	return action{
		register: r, gather: true, column: int(reg.domain),
		dst: &s.gathered[r], memory: &s.memory[reg.gathered],
	}
}

// counts is how many rows use each slot of a dictionary.
type counts struct {
	fresh bool // of the batch at hand
	slots []uint64
}

// usage returns the counts of input column c, a dictionary.
func (s *session) usage(c int) []uint64 {
	u := &s.counts[c]
	if !u.fresh {
		col := &s.in.Columns[c]
		u.slots = grow(u.slots, col.Values.Len)
		clear(u.slots)
		kernel.Count(u.slots, col.Index)
		u.fresh = true
	}
	return u.slots
}
