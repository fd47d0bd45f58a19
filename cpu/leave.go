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
		n := s.observations(o.Args)
		s.args = s.args[:0]
		if n == 0 {
			continue
		}
		if len(o.Args) > 1 {
			for _, r := range o.Args {
				s.args = append(s.args, s.rowColumn(r, n))
			}
			into[o.Stat].Observe(s.args, nil)
			continue
		}
		arg, weights := s.slotColumn(o.Args[0])
		s.args = append(s.args, arg)
		into[o.Stat].Observe(s.args, weights)
	}
}

// observations returns how many tuples of registers there are to observe: one per
// row, or per element of their lists.
func (s *session) observations(registers []program.Register) int {
	for _, r := range registers {
		if reg := &s.registers[r]; reg.list {
			return s.sources[reg.place].column.Len
		}
	}
	return s.in.Rows
}

// slotColumn returns a register where it was evaluated, and how often each slot counts.
func (s *session) slotColumn(r program.Register) (column.Column, []uint64) {
	switch {
	case s.registers[r].place == once:
		s.once[0] = uint64(s.in.Rows)
		return column.Column{Len: 1, Values: s.vectors[r]}, s.once[:]
	}
	v := s.wholes[r].vector
	if s.bySlot(r) {
		return column.Column{Len: v.Len, Values: v}, s.usage(s.registers[r].place)
	}
	return column.Column{Len: v.Len, Values: v}, nil
}

// rowColumn returns a register as a column of n rows, or of n elements of its lists, in
// register form.
func (s *session) rowColumn(r program.Register, n int) column.Column {
	c := column.Column{Len: n}
	switch {
	case s.registers[r].place == once:
		c.Values, c.Index = s.vectors[r], s.zeroIndex(n)
	case s.bySlot(r):
		c.Values, c.Index = s.wholes[r].vector, s.sources[s.registers[r].place].column.Index
	default:
		c.Values = s.wholes[r].vector
	}
	return c
}

// zeroIndex returns the index of n rows that all have slot 0.
func (s *session) zeroIndex(n int) []int32 {
	if len(s.zeros) < n || s.zeros == nil {
		s.zeros = s.stock.int32s.grow(s.zeros, n+1)
		clear(s.zeros)
	}
	return s.zeros[:n]
}

// outputs returns the outputs in storage form.
func (s *session) outputs() column.Batch {
	s.out.Rows = s.in.Rows
	for i := range s.inputs {
		s.inputs[i].fresh = false
	}
	for i, o := range s.program.Outputs {
		s.out.Columns[i] = s.output(o.Register)
		if reg := &s.registers[o.Register]; reg.list && reg.output {
			s.elements[i] = s.out.Columns[i]
			s.out.Columns[i] = s.lists(reg.place, &s.elements[i])
		}
	}
	return s.out
}

// lists returns the lists of source i, with elements in their place.
func (s *session) lists(i place, elements *column.Column) column.Column {
	src := &s.sources[i]
	return column.Column{Len: s.in.Rows, Values: column.Vector{
		Type: column.ListOf(elements.Type()), Len: s.in.Rows,
		Valid: src.valid, Offsets: src.offsets, Elements: elements,
	}}
}

// output returns a register in storage form: if it holds lists, and is not an input, as
// their elements.
func (s *session) output(r program.Register) column.Column {
	switch reg := &s.registers[r]; {
	case reg.place == once:
		return column.Column{Len: s.in.Rows, Values: s.stored[r], Index: s.zeroIndex(s.in.Rows)}
	case !reg.output:
		return s.inputs[reg.place].of(s, &s.in.Columns[reg.place])
	case reg.place == perRow:
		return column.Column{Len: s.in.Rows, Values: s.wholes[r].leaves()}
	default:
		src := &s.sources[reg.place]
		return column.Column{Len: src.column.Len, Values: s.wholes[r].leaves(), Index: src.index()}
	}
}

// canonical is an input that leaves as it came, but for its NaNs.
type canonical struct {
	fresh    bool // of the batch at hand
	vector   column.Vector
	elements column.Column // of lists
	float64  []float64
	float32  []float32
}

// of returns the column with canonical NaNs. What is not float is not copied.
func (c *canonical) of(s *session, col *column.Column) column.Column {
	out := *col
	switch {
	case !col.Type().Elem().Real():
		return out
	case col.Type().IsList():
		c.elements = c.of(s, col.Values.Elements)
		out.Values.Elements = &c.elements
		return out
	}
	if !c.fresh {
		c.fresh, c.vector = true, col.Values
		if v := &c.vector; v.Type == column.Float32 {
			c.float32 = s.stock.float32s.grow(c.float32, v.Len)
			kernel.Canonical32(c.float32, v.Float32s)
			v.Float32s = c.float32
		} else {
			c.float64 = s.stock.floats.grow(c.float64, v.Len)
			s.set.Canonical(c.float64, v.Float64s)
			v.Float64s = c.float64
		}
	}
	out.Values = c.vector
	return out
}
