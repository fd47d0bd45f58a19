package cpu

import (
	"fmt"
	"math"

	"quern/features/column"
	"quern/features/program"
	"quern/features/stat"
)

// handle is a session until it is closed: others may have what is behind it then.
type handle struct{ *session }

// Run evaluates the program over in; see backend.Session.
func (h *handle) Run(in column.Batch, into []stat.Statistic) (column.Batch, error) {
	if h.session == nil {
		panic("quern: bug: cpu: Run after Close")
	}
	return h.session.run(in, into)
}

// Close gives the buffers back.
func (h *handle) Close() {
	if h.session != nil {
		h.session.close()
		h.session = nil
	}
}

// session runs batches one after the other, in buffers that it keeps.
type session struct {
	*executable
	stock    *stock
	plan     plan
	memory   []memory
	lanes    []lane  // by register: the block at hand, in the register's own pass
	gathered []lane  // by register: the block at hand of the rows
	wholes   []whole // by register

	in       column.Batch
	sources  []source
	counts   []counts // by source
	zeros    []int32  // the index of constants that leave as dictionaries
	inputs   []canonical
	elements []column.Column // by output, if it is of lists
	out      column.Batch
	args     []column.Column
	once     [1]uint64
	limit    int // bytes that the strings of a register may have: what offsets reach
	most     int // elements that lists may have together: what an index reaches
}

func newSession(e *executable) *session {
	return &session{
		executable: e,
		memory:     make([]memory, e.memories),
		lanes:      make([]lane, len(e.registers)),
		gathered:   make([]lane, len(e.registers)),
		wholes:     make([]whole, len(e.registers)),
		limit:      math.MaxUint32,
		most:       maxElements,
		sources:    make([]source, len(e.definitions)),
		counts:     make([]counts, len(e.definitions)),
		elements:   make([]column.Column, len(e.program.Outputs)),
		inputs:     make([]canonical, len(e.program.Inputs)),
		out:        column.Batch{Columns: make([]column.Column, len(e.program.Outputs))},
		args:       make([]column.Column, 0, e.maxObserved()),
	}
}

// open takes a stock.
func (s *session) open() {
	s.stock = s.stocks.Get().(*stock)
	s.stock.call.fit(s.maxArgs)
}

// close gives the stock back with all buffers, and the session to the next that is
// made. It drops what belongs to batches.
func (s *session) close() {
	st := s.stock
	for i := range s.memory {
		st.giveMemory(&s.memory[i])
	}
	for i := range s.wholes {
		w := &s.wholes[i]
		st.words.give(&w.bits)
		st.giveVector(&w.own)
		w.vector, w.stored = column.Vector{}, column.Vector{}
	}
	for i := range s.sources {
		src := &s.sources[i]
		st.giveSource(&src.memory)
		*src = source{encoding: src.encoding}
		st.words.give(&s.counts[i].slots)
	}
	for i := range s.inputs {
		c := &s.inputs[i]
		st.floats.give(&c.float64)
		st.float32s.give(&c.float32)
		*c = canonical{}
	}
	st.int32s.give(&s.zeros)
	clear(s.lanes)
	clear(s.gathered)
	clear(s.elements)
	clear(s.out.Columns)
	clear(s.args[:cap(s.args)])
	s.in = column.Batch{}
	st.call.forget()
	s.stock = nil
	s.stocks.Put(st)
	s.sessions.Put(s)
}

// maxObserved returns the length of the longest tuple that is observed.
func (e *executable) maxObserved() int {
	n := 0
	for _, o := range e.program.Observes {
		n = max(n, len(o.Args))
	}
	return n
}

// run evaluates the program over in; see backend.Session.
func (s *session) run(in column.Batch, into []stat.Statistic) (column.Batch, error) {
	s.check(in, into)
	s.in = in
	if s.constFault && in.Rows > 0 {
		return column.Batch{}, s.explain()
	}
	if err := s.passes(); err != nil {
		return column.Batch{}, err
	}
	s.observe(into)
	return s.outputs(), nil
}

// passes makes the passes: those of the sources, each of which may be made of what
// the ones before it have left, and that of the rows.
func (s *session) passes() error {
	if err := s.find(); err != nil {
		return err
	}
	s.arrange()
	for i := range s.sources {
		if err := s.fill(i); err != nil {
			return err
		}
		if i := place(i); s.apart(i) {
			if err := s.pass(s.plan.apart[i], s.sources[i].slots(), i); err != nil {
				return err
			}
		}
	}
	return s.pass(s.plan.rows, s.in.Rows, perRow)
}

// check panics on a batch or on statistics that do not fit the program: callers
// bind schemas before they run.
func (s *session) check(in column.Batch, into []stat.Statistic) {
	if len(in.Columns) != len(s.program.Inputs) {
		panic(fmt.Sprintf("quern: bug: cpu: %d columns for %d inputs", len(in.Columns), len(s.program.Inputs)))
	}
	for i := range in.Columns {
		c, f := &in.Columns[i], s.program.Inputs[i]
		if c.Type() != f.Type || c.Len != in.Rows || !wellFormed(c) {
			panic(fmt.Sprintf("quern: bug: cpu: column %q is not %d rows of %s", f.Name, in.Rows, f.Type))
		}
	}
	if len(into) < s.statistic {
		panic(fmt.Sprintf("quern: bug: cpu: %d statistics for a program that observes %d", len(into), s.statistic))
	}
}

// wellFormed reports whether a column has as many slots and offsets as its rows need.
func wellFormed(c *column.Column) bool {
	switch {
	case c.Dict():
		return len(c.Index) == c.Len && !c.Type().IsList()
	case c.Values.Len != c.Len:
		return false
	case !c.Type().IsList():
		return true
	}
	elements := c.Values.Elements
	return elements != nil && elements.Type() == c.Type().Elem() && wellFormed(elements) && wellShaped(&c.Values)
}

// wellShaped reports whether the offsets of lists divide all elements among the lists
// that are not null.
func wellShaped(v *column.Vector) bool {
	if len(v.Offsets) != v.Len+1 || v.Offsets[0] != 0 || int(v.Offsets[v.Len]) != v.Elements.Len {
		return false
	}
	for i := range v.Len {
		if lo, hi := v.Offsets[i], v.Offsets[i+1]; hi < lo || hi > lo && v.Null(i) {
			return false
		}
	}
	return true
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
