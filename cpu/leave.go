package cpu

import (
	"quern/cpu/kernel"
	"quern/features/column"
	"quern/features/program"
	"quern/features/stat"
)

// observe feeds the statistics.
func (s *session) observe(into []stat.Statistic) {
	if s.in.Rows == 0 {
		return
	}
	for _, o := range s.program.Observes {
		s.args = s.args[:0]
		if len(o.Args) > 1 {
			for _, r := range o.Args {
				s.args = append(s.args, s.rowColumn(r))
			}
			into[o.Stat].Observe(s.args, nil)
			continue
		}
		arg, weights := s.slotColumn(o.Args[0])
		s.args = append(s.args, arg)
		into[o.Stat].Observe(s.args, weights)
	}
}

// slotColumn returns a register in its own domain, and how often each slot counts.
func (s *session) slotColumn(r program.Register) (column.Column, []uint64) {
	switch {
	case s.registers[r].domain == program.Constant:
		s.once[0] = uint64(s.in.Rows)
		return column.Column{Len: 1, Values: s.vectors[r]}, s.once[:]
	case s.bySlot(r):
		v := s.wholes[r].vector
		return column.Column{Len: v.Len, Values: v}, s.usage(int(s.registers[r].domain))
	}
	return column.Column{Len: s.in.Rows, Values: s.wholes[r].vector}, nil
}

// rowColumn returns a register as a column of all rows, in register form.
func (s *session) rowColumn(r program.Register) column.Column {
	c := column.Column{Len: s.in.Rows}
	switch {
	case s.registers[r].domain == program.Constant:
		c.Values, c.Index = s.vectors[r], s.zeroIndex()
	case s.bySlot(r):
		c.Values, c.Index = s.wholes[r].vector, s.in.Columns[s.registers[r].domain].Index
	default:
		c.Values = s.wholes[r].vector
	}
	return c
}

// zeroIndex returns the index of rows that all have slot 0.
func (s *session) zeroIndex() []int32 {
	if len(s.zeros) < s.in.Rows || s.zeros == nil {
		s.zeros = make([]int32, s.in.Rows+1)
	}
	return s.zeros[:s.in.Rows]
}

// outputs returns the outputs in storage form.
func (s *session) outputs() column.Batch {
	s.out.Rows = s.in.Rows
	for i := range s.inputs {
		s.inputs[i].fresh = false
	}
	for i, o := range s.program.Outputs {
		s.out.Columns[i] = s.output(o.Register)
	}
	return s.out
}

func (s *session) output(r program.Register) column.Column {
	reg := &s.registers[r]
	if reg.op == program.Load {
		return s.inputs[reg.domain].of(&s.in.Columns[reg.domain])
	}
	c := column.Column{Len: s.in.Rows}
	switch {
	case reg.domain == program.Constant:
		c.Values, c.Index = s.stored[r], s.zeroIndex()
	case s.bySlot(r):
		c.Values, c.Index = s.wholes[r].leaves(), s.in.Columns[reg.domain].Index
	default:
		c.Values = s.wholes[r].leaves()
	}
	return c
}

// canonical is an input that leaves as it came, but for its NaNs.
type canonical struct {
	fresh   bool // of the batch at hand
	vector  column.Vector
	float64 []float64
	float32 []float32
}

// of returns the column with canonical NaNs. What is not float is not copied.
func (c *canonical) of(col *column.Column) column.Column {
	out := *col
	if !col.Type().Real() {
		return out
	}
	if !c.fresh {
		c.fresh, c.vector = true, col.Values
		if v := &c.vector; v.Type == column.Float32 {
			c.float32 = grow(c.float32, v.Len)
			kernel.Canonical32(c.float32, v.Float32s)
			v.Float32s = c.float32
		} else {
			c.float64 = grow(c.float64, v.Len)
			kernel.Canonical(c.float64, v.Float64s)
			v.Float64s = c.float64
		}
	}
	out.Values = c.vector
	return out
}
