package cpu

import (
	"fmt"
	"math"

	"quern/features/column"
	"quern/features/program"
	"quern/features/stat"
)

// session runs batches one after the other, in buffers that it keeps.
type session struct {
	*executable
	plan     plan
	memory   []memory
	lanes    []lane  // by register: the block at hand, in the register's own pass
	gathered []lane  // by register: the block at hand of the rows
	wholes   []whole // by register
	call     call

	in     column.Batch
	counts []counts // by input column
	zeros  []int32  // the index of constants that leave as dictionaries
	inputs []canonical
	out    column.Batch
	args   []column.Column
	once   [1]uint64
	limit  int // bytes that the strings of a register may have: what offsets reach
}

func newSession(e *executable) *session {
	s := &session{
		executable: e,
		memory:     make([]memory, e.memories),
		lanes:      make([]lane, len(e.registers)),
		gathered:   make([]lane, len(e.registers)),
		wholes:     make([]whole, len(e.registers)),
		call:       newCall(e.block, e.maxArgs),
		limit:      math.MaxUint32,
		counts:     make([]counts, len(e.program.Inputs)),
		inputs:     make([]canonical, len(e.program.Inputs)),
		out:        column.Batch{Columns: make([]column.Column, len(e.program.Outputs))},
		args:       make([]column.Column, 0, e.maxObserved()),
	}
	for r := range e.registers {
		s.wholes[r].output = e.registers[r].output && e.registers[r].op != program.Load
	}
	return s
}

// maxObserved returns the length of the longest tuple that is observed.
func (e *executable) maxObserved() int {
	n := 0
	for _, o := range e.program.Observes {
		n = max(n, len(o.Args))
	}
	return n
}

// Run evaluates the program over in; see backend.Session.
func (s *session) Run(in column.Batch, into []stat.Statistic) (column.Batch, error) {
	s.check(in, into)
	s.in = in
	if s.constFault && in.Rows > 0 {
		return column.Batch{}, s.explain()
	}
	for c := range s.counts {
		s.counts[c].fresh = false
	}
	s.arrange()
	for c := range in.Columns {
		if s.plan.coded[c] {
			if err := s.pass(s.plan.slots[c], in.Columns[c].Values.Len, program.Domain(c)); err != nil {
				return column.Batch{}, err
			}
		}
	}
	if err := s.pass(s.plan.rows, in.Rows, program.Rows); err != nil {
		return column.Batch{}, err
	}
	s.observe(into)
	return s.outputs(), nil
}

// Close drops the buffers.
func (s *session) Close() { *s = session{executable: s.executable} }

// check panics on a batch or on statistics that do not fit the program: callers
// bind schemas before they run.
func (s *session) check(in column.Batch, into []stat.Statistic) {
	if s.lanes == nil {
		panic("quern: bug: cpu: Run after Close")
	}
	if len(in.Columns) != len(s.program.Inputs) {
		panic(fmt.Sprintf("quern: bug: cpu: %d columns for %d inputs", len(in.Columns), len(s.program.Inputs)))
	}
	for i := range in.Columns {
		c, f := &in.Columns[i], s.program.Inputs[i]
		if c.Type() != f.Type || c.Len != in.Rows || c.Dict() && len(c.Index) != c.Len || !c.Dict() && c.Values.Len != c.Len {
			panic(fmt.Sprintf("quern: bug: cpu: column %q is not %d rows of %s", f.Name, in.Rows, f.Type))
		}
	}
	if len(into) < s.statistic {
		panic(fmt.Sprintf("quern: bug: cpu: %d statistics for a program that observes %d", len(into), s.statistic))
	}
}

// explain returns the error of the first row that faults, as the scalar meaning
// has it.
func (s *session) explain() error {
	evaluator := s.evaluator()
	row := make([]program.Value, len(s.in.Columns))
	for i := range s.in.Rows {
		for c := range s.in.Columns {
			col := &s.in.Columns[c]
			row[c] = program.ValueAt(&col.Values, col.Slot(i))
		}
		if _, err := evaluator.Row(row); err != nil {
			fault := err.(*program.RowError) // the only error that Row has
			fault.Row = i
			return fault
		}
	}
	panic("quern: bug: cpu: a kernel faulted where the scalar meaning does not")
}
