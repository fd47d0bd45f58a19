package cpu

import (
	"quern/cpu/kernel"
	"quern/features/column"
	"quern/features/program"
)

// binder turns a verified program into steps.
type binder struct {
	p           *program.Program
	definitions []definition
	places      []place // by register
	set         *kernel.Set
	tables      []*table
	zones       map[string]*program.Zone
	values      []program.Value // of the constants
	fault       bool            // a constant faults: so does every row
}

func newBinder(p *program.Program, set *kernel.Set, shelf *shelf) *binder {
	b := &binder{p: p, set: set, zones: map[string]*program.Zone{}}
	b.definitions, b.places = b.define()
	b.tables = shelf.prepare(p, b.wanted())
	b.fold()
	for i := range b.definitions {
		if o := &b.definitions[i]; o.maker != nil && o.maker.Op == program.ListPad {
			o.fill = b.values[o.maker.Args[1]]
		}
	}
	return b
}

// wanted returns which tables are looked into at run time.
func (b *binder) wanted() []int {
	var all []int
	seen := make([]bool, len(b.p.Tables))
	for r, in := range b.p.Code {
		if i := int(in.Imm.Int); in.Op == program.Lookup && b.places[r] != once && !seen[i] {
			seen[i] = true
			all = append(all, i)
		}
	}
	return all
}

// typ returns the type of a register's slots: of the elements, if it holds lists.
func (b *binder) typ(r program.Register) column.Type { return b.p.Code[r].Type.Elem() }

func (b *binder) kind(r program.Register) column.Kind { return b.typ(r).Kind() }

// zone loads a zone once. Verify has seen that it loads.
func (b *binder) zone(name string) *program.Zone {
	if b.zones[name] == nil {
		zone, err := program.LoadZone(name)
		if err != nil {
			panic("quern: bug: cpu: " + err.Error())
		}
		b.zones[name] = zone
	}
	return b.zones[name]
}

// step is an instruction that is evaluated at run time, block by block.
type step struct {
	register program.Register
	args     []program.Register // nil for what starts a source, though it be made of lists
	place    place
	strict   bool
	shares   bool     // the result may lie in the first argument's memory
	run      evaluate // nil: the register is its source's column
}

// steps returns the instructions that are not constant, each right before the
// first one that needs it: few registers are then alive at a time, and what was
// just computed is still in the cache.
func (b *binder) steps() []step {
	var steps []step
	done := make([]bool, len(b.p.Code))
	var visit func(r program.Register)
	visit = func(r program.Register) {
		if done[r] || b.places[r] == once {
			return
		}
		done[r] = true
		in := &b.p.Code[r]
		s := b.step(r, in)
		needs := s.args
		if s.run == nil {
			needs = in.Args
		}
		for _, a := range needs {
			visit(a)
		}
		steps = append(steps, s)
	}
	// What nothing else uses first needs the rest: outputs and observed registers.
	used := make([]bool, len(b.p.Code))
	for _, in := range b.p.Code {
		for _, a := range in.Args {
			used[a] = true
		}
	}
	for r := range b.p.Code {
		if !used[r] {
			visit(program.Register(r))
		}
	}
	for _, o := range b.p.Outputs {
		visit(o.Register)
	}
	for _, o := range b.p.Observes {
		for _, r := range o.Args {
			visit(r)
		}
	}
	return steps
}

// step returns what there is to do for an instruction that is not constant.
func (b *binder) step(r program.Register, in *program.Instr) step {
	s := step{register: r, args: in.Args, place: b.places[r], strict: in.Op.Strict(), shares: shares(in)}
	if in.Op == program.Load || in.Op.Whole() {
		s.args, s.shares = nil, false
		return s
	}
	slot := *in // on lists, it is evaluated per slot of their elements
	slot.Type = in.Type.Elem()
	if run, variable, shares := b.fused(in); run != nil {
		s.run, s.args, s.shares = run, []program.Register{variable}, shares
		return s
	}
	if run, variable := b.withConstants(&slot); run != nil {
		s.run, s.args = run, []program.Register{variable}
		return s
	}
	s.run = b.choose(&slot)
	return s
}

// register says what becomes of a register at run time.
type register struct {
	typ      column.Type // of its slots: of the elements, if it holds lists
	list     bool
	place    place
	output   bool // it leaves in a form of its own: it is no input
	observed bool
	taken    bool // an instruction that sees lists whole takes its slots
	used     bool // an instruction takes it block by block
	crosses  bool // and one of those is evaluated per row, but the register per slot of a source
	memory   int  // which memory of the session holds it during a block
	gathered int  // which memory holds it once gathered by rows, or -1
}

// registers returns what is known of each register, memory excepted.
func (b *binder) registers(steps []step) []register {
	regs := make([]register, len(b.p.Code))
	for i, in := range b.p.Code {
		r := program.Register(i)
		regs[i] = register{typ: b.typ(r), list: in.Type.IsList(), place: b.places[r], memory: -1, gathered: -1}
	}
	for _, s := range steps {
		for _, a := range s.args {
			regs[a].used = true
			regs[a].crosses = regs[a].crosses || s.place == perRow && b.places[a] >= 0
		}
	}
	for _, o := range b.definitions {
		if o.maker != nil && o.maker.Op != program.ListLength {
			regs[o.list].taken = true
		}
	}
	for _, o := range b.p.Outputs {
		regs[o.Register].output = b.p.Code[o.Register].Op != program.Load
	}
	for _, o := range b.p.Observes {
		for _, r := range o.Args {
			regs[r].observed = true
		}
	}
	return regs
}
