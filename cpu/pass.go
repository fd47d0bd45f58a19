package cpu

import (
	"quern/cpu/kernel"
	"quern/features/column"
	"quern/features/program"
)

// pass does the actions over n slots of a domain, block by block.
func (s *session) pass(actions []action, n int, domain program.Domain) error {
	for i := range actions {
		s.begin(&actions[i], n)
	}
	for lo := 0; lo < n; lo += s.block {
		hi := min(lo+s.block, n)
		for i := range actions {
			if err := s.do(&actions[i], lo, hi, domain); err != nil {
				return err
			}
		}
	}
	for i := range actions {
		if a := &actions[i]; a.keep != nil && !s.borrows(a) {
			a.keep.finish()
		}
	}
	return nil
}

// begin readies what leaves the pass. A load that needs no conversion leaves as
// the input's own memory.
func (s *session) begin(a *action, n int) {
	switch {
	case a.keep == nil:
	case s.borrows(a):
		a.keep.borrow(&s.in.Columns[a.column].Values)
	default:
		a.keep.reset(s.registers[a.register].typ, n)
	}
}

// borrows reports whether a is a load that needs neither widening nor a gather.
func (s *session) borrows(a *action) bool {
	return a.run == nil && !a.gather && !s.plan.index[a.column] && !s.in.Columns[a.column].Type().Narrow()
}

// do computes the slots from lo to hi.
func (s *session) do(a *action, lo, hi int, domain program.Domain) error {
	switch {
	case a.gather:
		a.memory.aim(a.dst, s.registers[a.register].typ.Kind(), hi-lo)
		a.dst.gather(&s.wholes[a.register].vector, s.in.Columns[a.column].Index[lo:hi])
		s.compact(a.dst, hi-lo)
		return nil
	case s.borrows(a):
		a.dst.view(&s.in.Columns[a.column].Values, lo, hi)
		return nil
	}
	if a.keep != nil {
		a.keep.aim(a.dst, a.memory, lo, hi)
	} else {
		a.memory.aim(a.dst, s.registers[a.register].typ.Kind(), hi-lo)
	}
	if a.run == nil {
		s.load(a, lo, hi)
	} else if err := s.compute(a, lo, hi, domain); err != nil {
		return err
	}
	s.compact(a.dst, hi-lo)
	if a.keep != nil {
		return a.keep.settle(a.dst, lo, hi, s.limit)
	}
	return nil
}

// compact drops a bitmap that has no null.
func (s *session) compact(l *lane, n int) {
	if l.valid != nil && kernel.AllBits(l.valid, n) {
		l.valid = nil
	}
}

// load widens an input, or gathers it where its dictionary is read by rows.
func (s *session) load(a *action, lo, hi int) {
	col := &s.in.Columns[a.column]
	v := &col.Values
	if s.plan.index[a.column] {
		a.dst.gather(v, col.Index[lo:hi])
		return
	}
	if v.Valid != nil {
		a.dst.valid = a.dst.bits[:kernel.Words(hi-lo)]
		kernel.CopyBits(a.dst.valid, v.Valid[lo>>6:], hi-lo)
	}
	if v.Type == column.Float32 {
		kernel.Widen(a.dst.floats, v.Float32s[lo:hi])
	} else {
		kernel.Widen(a.dst.ints, v.Int32s[lo:hi])
	}
}

// compute evaluates an instruction.
func (s *session) compute(a *action, lo, hi int, domain program.Domain) error {
	c := &s.call
	c.n, c.dst, c.args, c.failed = hi-lo, a.dst, a.args, c.failed[:0]
	if a.strict {
		c.strict()
	}
	a.run(c)
	if len(c.failed) > 0 && s.faults(lo, domain) {
		return s.explain()
	}
	if a.dst.arena != nil && len(*a.dst.arena) > s.limit {
		return tooLong()
	}
	return nil
}

// faults reports whether one of the slots that failed, in a block that starts at
// lo, is a value that a row uses.
func (s *session) faults(lo int, domain program.Domain) bool {
	valid := column.Bitmap(s.call.dst.valid)
	for _, slot := range s.call.failed {
		switch {
		case !valid.Get(int(slot)):
		case domain == program.Rows || s.usage(int(domain))[lo+int(slot)] > 0:
			return true
		}
	}
	return false
}
