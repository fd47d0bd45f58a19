package cpu

import (
	"quern/features/column"
	"quern/features/program"
)

// span is the run of steps during which a value is alive: made at step first,
// needed until step last.
type span struct{ first, last int }

// allot gives every register of the steps a memory for the time it is alive, and
// one more for its gathered form to registers that cross into the rows. It
// returns how many memories there are.
//
// Passes run subsets of the steps, in the same order, so spans over all steps hold
// for each pass. Memories are kept apart by kind.
func (b *binder) allot(steps []step, regs []register) int {
	own, gathered := b.spans(steps, regs)
	var free [column.Strings + 1][]int
	count := 0
	take := func(k column.Kind) int {
		if n := len(free[k]); n > 0 {
			m := free[k][n-1]
			free[k] = free[k][:n-1]
			return m
		}
		count++
		return count - 1
	}
	ends := make([][]program.Register, len(steps)) // whose own memory is free after a step
	done := make([][]program.Register, len(steps)) // whose gathered memory is
	for i, s := range steps {
		for _, a := range s.args {
			if g := gathered[a]; g.last > 0 && g.first == i && regs[a].gathered < 0 {
				regs[a].gathered = take(b.kind(a))
				done[g.last] = append(done[g.last], a)
			}
		}
		r := s.register
		regs[r].memory = take(b.kind(r))
		ends[own[r].last] = append(ends[own[r].last], r)
		for _, r := range ends[i] {
			free[b.kind(r)] = append(free[b.kind(r)], regs[r].memory)
		}
		for _, r := range done[i] {
			free[b.kind(r)] = append(free[b.kind(r)], regs[r].gathered)
		}
	}
	return count
}

// spans returns for each register how long its own value is alive, and its
// gathered one (last 0: never gathered; step 0 is a load and gathers nothing).
func (b *binder) spans(steps []step, regs []register) (own, gathered []span) {
	own, gathered = make([]span, len(regs)), make([]span, len(regs))
	for i, s := range steps {
		own[s.register] = span{i, i}
		for _, a := range s.args {
			own[a].last = i
			if s.place != perRow || !regs[a].crosses {
				continue
			}
			if gathered[a].last == 0 {
				gathered[a].first = i
			}
			gathered[a].last = i
		}
	}
	// What is part of another register's memory needs that as long as it lives itself.
	// From the last step on back, what a part needs is already known.
	for i := len(steps) - 1; i >= 0; i-- {
		s := steps[i]
		if !s.shares {
			continue
		}
		// (No need for a's gathered form: of one variable only text has one, and parts
		// of text are not in the memory of that form.)
		a := s.args[0]
		own[a].last = max(own[a].last, own[s.register].last)
	}
	return own, gathered
}
