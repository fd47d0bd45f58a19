package cpu

import (
	"sync"

	"quern/features/backend"
	"quern/features/column"
	"quern/features/program"
)

// executable is a compiled program. Nothing in it changes once it is made.
type executable struct {
	program   *program.Program
	block     int
	steps     []step
	registers []register
	memories  int
	maxArgs   int
	statistic int // how many statistics the program observes

	constants  []lane          // by register: a constant in every slot of a block
	vectors    []column.Vector // by register: a constant that leaves, in one slot, in register form
	stored     []column.Vector // by register: the same in storage form
	constFault bool            // a constant faults: so does every row

	// evaluator explains faults; it is made when the first one happens.
	evaluator func() *program.Evaluator
}

func newExecutable(p *program.Program, block int) *executable {
	b := newBinder(p)
	e := &executable{program: p, block: block, steps: b.steps(), registers: b.registers(), constFault: b.fault}
	e.memories = b.allot(e.steps, e.registers)
	for _, in := range p.Code {
		e.maxArgs = max(e.maxArgs, len(in.Args))
	}
	for _, o := range p.Observes {
		e.statistic = max(e.statistic, o.Stat+1)
	}
	e.prepareConstants(b)
	e.evaluator = sync.OnceValue(func() *program.Evaluator {
		evaluator, err := p.Evaluator()
		if err != nil {
			panic("quern: bug: cpu: verified program has no evaluator: " + err.Error())
		}
		return evaluator
	})
	return e
}

// NewSession returns a session with empty buffers, which grow with the first
// batches.
func (e *executable) NewSession() backend.Session { return newSession(e) }

// prepareConstants prepares the constants that steps take as lanes, and those that leave.
func (e *executable) prepareConstants(b *binder) {
	n := len(e.program.Code)
	made := make([]bool, n)
	e.constants = make([]lane, n)
	e.vectors, e.stored = make([]column.Vector, n), make([]column.Vector, n)
	for _, s := range e.steps {
		for _, a := range s.args {
			if e.registers[a].domain == program.Constant && !made[a] {
				made[a] = true
				e.constants[a] = broadcast(b.kind(a), b.values[a], e.block)
			}
		}
	}
	for r := range e.registers {
		if reg := &e.registers[r]; reg.domain == program.Constant && (reg.output || reg.observed) {
			e.vectors[r] = program.RegisterVector(reg.typ, b.values[r])
			e.stored[r] = program.StoredVector(reg.typ, b.values[r])
		}
	}
}
