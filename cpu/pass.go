package cpu

import (
	"quern/cpu/kernel"
	"quern/features/column"
)

// pass does the actions over the n slots of a place, block by block.
func (s *session) pass(actions []action, n int, at place) error {
	for i := range actions {
		s.begin(&actions[i], n)
	}
	for lo := 0; lo < n; lo += s.block {
		hi := min(lo+s.block, n)
		for i := range actions {
			if err := s.do(&actions[i], lo, hi, at); err != nil {
				return err
			}
		}
	}
	for i := range actions {
		if a := &actions[i]; a.keep != nil && !a.borrow {
			a.keep.finish()
		}
	}
	return nil
}

// begin readies what leaves the pass.
func (s *session) begin(a *action, n int) {
	switch {
	case a.keep == nil:
	case a.borrow:
		a.keep.borrow(&s.sources[a.source].column.Values)
	default:
		a.keep.reset(s.stock, s.registers[a.register].typ, n)
	}
}

// do computes the slots from lo to hi.
func (s *session) do(a *action, lo, hi int, at place) error {
	switch {
	case a.gather:
		a.memory.aim(s.stock, a.dst, s.registers[a.register].typ.Kind(), hi-lo)
		a.dst.gather(&s.wholes[a.register].vector, s.sources[a.source].column.Index[lo:hi])
		s.compact(a.dst, hi-lo)
		return nil
	case a.borrow:
		a.dst.view(&s.sources[a.source].column.Values, lo, hi)
		return nil
	}
	if a.keep != nil {
		a.keep.aim(s.stock, a.dst, a.memory, lo, hi)
	} else {
		a.memory.aim(s.stock, a.dst, s.registers[a.register].typ.Kind(), hi-lo)
	}
	if a.run == nil {
		s.load(a, lo, hi)
	} else if err := s.compute(a, lo, hi, at); err != nil {
		return err
	}
	s.compact(a.dst, hi-lo)
	if a.keep != nil {
		return a.keep.settle(s.set, a.dst, lo, hi, s.limit)
	}
	return nil
}

// compact drops a bitmap that has no null.
func (s *session) compact(l *lane, n int) {
	if l.valid != nil && kernel.AllBits(l.valid, n) {
		l.valid = nil
	}
}

// load widens or copies a source's column, or gathers it where it is read through its
// index.
func (s *session) load(a *action, lo, hi int) {
	src := s.sources[a.source].column
	if s.sources[a.source].encoding == indexed {
		a.dst.gather(&src.Values, src.Index[lo:hi])
		return
	}
	a.dst.copy(s.set, &src.Values, lo, hi)
}

// compute evaluates an instruction.
func (s *session) compute(a *action, lo, hi int, at place) error {
	c := &s.stock.call
	c.n, c.dst, c.args, c.failed = hi-lo, a.dst, a.args, c.failed[:0]
	c.own, c.stored = a.keep != nil && a.keep.wide, a.stored
	if a.strict {
		c.strict()
	}
	a.run(c)
	if len(c.failed) > 0 && s.faults(lo, at) {
		return s.explain()
	}
	if a.dst.arena != nil && len(*a.dst.arena) > s.limit {
		return tooLong()
	}
	return nil
}

// faults reports whether one of the slots that failed, in a block that starts at
// lo, is a value that a row uses, or an element of its lists.
func (s *session) faults(lo int, at place) bool {
	valid := column.Bitmap(s.stock.call.dst.valid)
	for _, slot := range s.stock.call.failed {
		switch {
		case !valid.Get(int(slot)):
		case at == perRow || s.sources[at].encoding != coded || s.usage(at)[lo+int(slot)] > 0:
			return true
		}
	}
	return false
}
