package cpu

import (
	"quern/features/column"
	"quern/features/program"
)

// binder turns a verified program into steps.
type binder struct {
	p       *program.Program
	domains []program.Domain
	tables  []*table
	zones   map[string]*program.Zone
	values  []program.Value // of the constants
	fault   bool            // a constant faults: so does every row
}

func newBinder(p *program.Program) *binder {
	b := &binder{
		p:       p,
		domains: p.Domains(),
		tables:  make([]*table, len(p.Tables)),
		zones:   map[string]*program.Zone{},
	}
	b.fold()
	return b
}

func (b *binder) kind(r program.Register) column.Kind { return b.p.Code[r].Type.Kind() }

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

// step is an instruction that is evaluated at run time.
type step struct {
	register program.Register
	args     []program.Register
	domain   program.Domain
	strict   bool
	load     bool
	run      evaluate // nil for a load
}

// steps returns the instructions that are not constant, each right before the
// first one that needs it: few registers are then alive at a time, and what was
// just computed is still in the cache.
func (b *binder) steps() []step {
	var steps []step
	done := make([]bool, len(b.p.Code))
	var visit func(r program.Register)
	visit = func(r program.Register) {
		if done[r] || b.domains[r] == program.Constant {
			return
		}
		done[r] = true
		in := &b.p.Code[r]
		for _, a := range in.Args {
			visit(a)
		}
		steps = append(steps, b.step(r, in))
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
	return steps
}

// step returns what there is to do for an instruction that is not constant.
func (b *binder) step(r program.Register, in *program.Instr) step {
	s := step{register: r, args: in.Args, domain: b.domains[r], strict: in.Op.Strict(), load: in.Op == program.Load}
	if s.load {
		return s
	}
	if run, variable := b.withConstants(in); run != nil {
		s.run, s.args = run, []program.Register{variable}
		return s
	}
	s.run = b.choose(in)
	return s
}

// register says what becomes of a register at run time.
type register struct {
	typ      column.Type
	domain   program.Domain
	op       program.Op
	output   bool
	observed bool
	crosses  bool // an instruction of the rows needs it, whose own domain is a column's
	memory   int  // which memory of the session holds it during a block
	gathered int  // which memory holds it once gathered by rows, or -1
}

// registers returns what is known of each register, memory excepted.
func (b *binder) registers() []register {
	regs := make([]register, len(b.p.Code))
	for i, in := range b.p.Code {
		regs[i] = register{typ: in.Type, domain: b.domains[i], op: in.Op, memory: -1, gathered: -1}
		for _, a := range in.Args {
			if b.domains[i] == program.Rows && b.domains[a] >= 0 {
				regs[a].crosses = true
			}
		}
	}
	for _, o := range b.p.Outputs {
		regs[o.Register].output = true
	}
	for _, o := range b.p.Observes {
		for _, r := range o.Args {
			regs[r].observed = true
		}
	}
	return regs
}
