package gpu

import (
	"fmt"
	"math"
	"slices"

	"quern/features/column"
	"quern/features/program"
)

// cut is a program cut in two: what the reference back end computes and what the
// device computes. Which is which depends on how a batch encodes its columns, so an
// executable has one cut per combination that it has met.
//
// The device computes per row: what costs per slot of a dictionary, strings, and what
// sees lists whole stay with the host. A register that both need is computed twice;
// the bits are the same.
type cut struct {
	host    *program.Program // nil: the device does everything
	inputs  []int            // the batch's columns that host reads, in its order
	outputs []int            // by output of the program: the host's output, or -1: a pass leaves it
	passes  []pass
}

// pass is a program over the rows, or over the elements of lists of one shape, that
// the device runs. All of its registers are scalars.
type pass struct {
	space   program.Domain   // Rows, or that of the lists
	program *program.Program // nil: statistics only
	feeds   []feed           // by input of program; then those that only statistics see
	leaves  []leave          // by output of program
	tuples  []tuple
}

// feed says where an input of a pass comes from.
type feed struct {
	column int  // the batch's column, or -1
	output int  // the host's output, if column is -1
	values bool // what is in the slots is needed: not only the codes
}

// leave is a register that outlives its pass on the device.
type leave struct {
	output int // of the program, or -1: only statistics see it
}

// tuple is what a statistic of the device observes: each number is a feed's, or
// len(feeds) more than a leave's, or fixed.
type tuple struct {
	observed int // which of the program's observations it is
	stat     int
	args     []int
}

// able says what the device can do.
type able struct {
	// instruction: given the types of its arguments; lists stand for their elements.
	instruction func(in *program.Instr, args []column.Type) bool
	// statistic: number stat over these registers.
	statistic func(stat int, args []argument) bool
	// values: argument i of statistic number stat must have its values, and not only
	// its codes.
	values func(stat, i int) bool
}

// argument is a register that a statistic observes.
type argument struct {
	typ      column.Type // of the elements, if it is of lists
	coded    bool        // it comes as codes
	constant bool
}

// fixed stands for a constant in a tuple.
const fixed = math.MinInt

// cutter makes a cut.
type cutter struct {
	p       *program.Program
	coded   []bool // by input: its values, or those of its elements, are dictionary-coded
	can     able
	domains []program.Domain
	device  []bool // by register: the device computes it, if anyone does
	known   []bool // by register: a constant that the device computes or is told
	host    program.Program
	number  map[program.Register]int // of the host's outputs
	found   map[program.Domain]*passMaker
	order   []*passMaker
}

// cutProgram cuts p for batches encoded as coded says.
func cutProgram(p *program.Program, coded []bool, can able) *cut {
	c := &cutter{
		p: p, coded: coded, can: can, domains: p.Domains(),
		device: make([]bool, len(p.Code)), known: make([]bool, len(p.Code)),
		host:   program.Program{Inputs: p.Inputs, Tables: p.Tables, Code: p.Code, Origins: p.Origins},
		number: map[program.Register]int{}, found: map[program.Domain]*passMaker{},
	}
	for i := range p.Code {
		c.device[i] = c.capable(program.Register(i))
	}
	outputs := c.shareOutputs()
	c.shareObserves()
	result := &cut{outputs: outputs}
	for _, m := range c.order {
		result.passes = append(result.passes, m.finish())
	}
	if len(c.host.Outputs) > 0 || len(c.host.Observes) > 0 {
		result.host = c.host.Pruned()
		for _, f := range result.host.Inputs {
			result.inputs = append(result.inputs, p.Inputs.Find(f.Name))
		}
	}
	return result
}

// capable reports whether a kernel can compute register r, and should. It notes which
// constants a kernel can compute.
func (c *cutter) capable(r program.Register) bool {
	in := &c.p.Code[r]
	c.known[r] = in.Op == program.Const
	if in.Op == program.Load || in.Op == program.Const || in.Op.Whole() || c.bySlot(r) {
		return false
	}
	constants := true
	for _, a := range in.Args {
		if c.domains[a] == program.Constant && !c.known[a] && in.Type.IsList() {
			return false // the host has it as a column of rows
		}
		constants = constants && c.known[a]
	}
	can := c.can.instruction(in, c.p.ArgTypes(r))
	if c.domains[r] == program.Constant {
		c.known[r] = can && constants
		return false
	}
	return can
}

// bySlot reports whether register r costs per slot of a dictionary.
func (c *cutter) bySlot(r program.Register) bool {
	d := c.domains[r]
	return d >= 0 && c.coded[d]
}

// space returns where register r has its slots: the rows, or lists of one shape.
func (c *cutter) space(r program.Register) program.Domain {
	if c.p.Code[r].Type.IsList() {
		return c.domains[r]
	}
	return program.Rows
}

// shareOutputs gives every output to the host or to a pass.
func (c *cutter) shareOutputs() []int {
	outputs := make([]int, len(c.p.Outputs))
	for i, o := range c.p.Outputs {
		if c.device[o.Register] {
			outputs[i] = -1
			m := c.pass(c.space(o.Register))
			m.leave(o.Register, i)
			continue
		}
		outputs[i] = len(c.host.Outputs)
		c.host.Outputs = append(c.host.Outputs, o)
	}
	return outputs
}

// shareObserves gives every observation to the host or to a pass.
func (c *cutter) shareObserves() {
	for n, o := range c.p.Observes {
		if !c.reducible(o) {
			c.host.Observes = append(c.host.Observes, o)
			continue
		}
		m := c.pass(c.spaceOf(o.Args))
		t := tuple{observed: n, stat: o.Stat, args: make([]int, len(o.Args))}
		for i, r := range o.Args {
			t.args[i] = m.argument(r, c.can.values(o.Stat, i))
		}
		m.tuples = append(m.tuples, t)
	}
}

// spaceOf returns where a tuple of registers has its slots.
func (c *cutter) spaceOf(registers []program.Register) program.Domain {
	for _, r := range registers {
		if s := c.space(r); s != program.Rows {
			return s
		}
	}
	return program.Rows
}

// reducible reports whether the device can observe a tuple.
func (c *cutter) reducible(o program.Observed) bool {
	args := make([]argument, len(o.Args))
	constants := 0
	for i, r := range o.Args {
		a := argument{c.p.Code[r].Type.Elem(), c.bySlot(r), c.domains[r] == program.Constant}
		if !a.coded && !a.constant && a.typ == column.String {
			return false
		}
		if args[i] = a; a.constant {
			constants++
		}
	}
	return constants < len(args) && c.can.statistic(o.Stat, args)
}

// pass returns the maker of the pass over space.
func (c *cutter) pass(space program.Domain) *passMaker {
	m := c.found[space]
	if m == nil {
		m = &passMaker{c: c, pass: pass{space: space}, register: map[program.Register]program.Register{}, feed: map[program.Register]int{}}
		m.left = map[program.Register]int{}
		c.found[space] = m
		c.order = append(c.order, m)
	}
	return m
}

// handed returns the number of the host's output that is register r.
func (c *cutter) handed(r program.Register) int {
	n, ok := c.number[r]
	if !ok {
		n = len(c.host.Outputs)
		c.number[r] = n
		c.host.Outputs = append(c.host.Outputs, program.Output{
			Name: fmt.Sprintf("\x00%d", r), Register: r, Role: program.RoleKeep,
		})
	}
	return n
}

// passMaker collects what a pass computes.
type passMaker struct {
	pass
	c        *cutter
	code     program.Program
	register map[program.Register]program.Register // the pass's, by the program's
	feed     map[program.Register]int
	left     map[program.Register]int
}

// value returns the pass's register that computes, loads or is r.
func (m *passMaker) value(r program.Register) program.Register {
	if at, ok := m.register[r]; ok {
		return at
	}
	in := m.c.p.Code[r]
	switch {
	case m.c.device[r] || m.c.known[r] && in.Op != program.Const:
		args := make([]program.Register, len(in.Args))
		for i, a := range in.Args {
			args[i] = m.value(a)
		}
		in.Args = args
	case in.Op == program.Const:
	default:
		i := m.source(r)
		m.feeds[i].values = true
		in = program.Instr{Op: program.Load, Imm: program.Imm{Int: int64(i)}, Type: in.Type, Origin: -1}
	}
	in.Type = in.Type.Elem()
	if in.Op == program.Lookup {
		in.Imm.Int = m.table(in.Imm.Int)
	}
	at := program.Register(len(m.code.Code))
	m.code.Code = append(m.code.Code, in)
	m.register[r] = at
	return at
}

// table returns the pass's number of a table of the program.
func (m *passMaker) table(n int64) int64 {
	t := m.c.p.Tables[n]
	at := slices.IndexFunc(m.code.Tables, func(x program.Table) bool { return x.Name == t.Name })
	if at < 0 {
		at = len(m.code.Tables)
		m.code.Tables = append(m.code.Tables, t)
	}
	return int64(at)
}

// source returns the feed that hands r over: an input as it is, or what the host
// computes.
func (m *passMaker) source(r program.Register) int {
	if i, ok := m.feed[r]; ok {
		return i
	}
	f := feed{column: -1}
	if in := &m.c.p.Code[r]; in.Op == program.Load {
		f.column = int(in.Imm.Int)
	} else {
		f.output = m.c.handed(r)
	}
	m.feed[r] = len(m.feeds)
	m.feeds = append(m.feeds, f)
	return m.feed[r]
}

// leave makes r, which the device computes, outlive the pass.
func (m *passMaker) leave(r program.Register, output int) int {
	if i, ok := m.left[r]; ok && (output < 0 || m.leaves[i].output < 0) {
		m.leaves[i].output = max(output, m.leaves[i].output)
		return i
	}
	i := len(m.leaves)
	m.leaves = append(m.leaves, leave{output: output})
	m.code.Outputs = append(m.code.Outputs, program.Output{
		Name: fmt.Sprint(i), Register: m.value(r), Role: program.RoleFeature,
	})
	m.left[r] = i
	return i
}

// argument returns the number of r in a tuple; those of leaves are negative until
// the feeds are all known.
func (m *passMaker) argument(r program.Register, values bool) int {
	switch {
	case m.c.domains[r] == program.Constant:
		return fixed
	case m.c.device[r]:
		return -1 - m.leave(r, -1)
	}
	i := m.source(r)
	if values || !m.c.bySlot(r) {
		m.feeds[i].values = true
	}
	return i
}

// finish returns the pass.
func (m *passMaker) finish() pass {
	for _, t := range m.tuples {
		for i, a := range t.args {
			if a < 0 && a != fixed {
				t.args[i] = len(m.feeds) + (-1 - a)
			}
		}
	}
	if len(m.code.Outputs) == 0 {
		return m.pass
	}
	for i := range m.feeds {
		m.code.Inputs = append(m.code.Inputs, column.Field{Name: fmt.Sprint(i), Type: m.typeOf(i)})
	}
	p := m.code
	p.Origins = m.c.p.Origins
	m.pass.program = &p
	return m.pass
}

// typeOf returns the type of feed i.
func (m *passMaker) typeOf(i int) column.Type {
	for r, at := range m.feed {
		if at == i {
			return m.c.p.Code[r].Type.Elem()
		}
	}
	panic("quern: bug: gpu: a feed of no register")
}
