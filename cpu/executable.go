package cpu

import (
	"sync"

	"quern/cpu/kernel"
	"quern/features/backend"
	"quern/features/column"
	"quern/features/program"
)

// executable is a compiled program. Nothing in it changes once it is made, but for
// what sessions leave for others.
type executable struct {
	program     *program.Program
	block       int
	set         *kernel.Set
	stocks      *sync.Pool // the back end's
	sessions    sync.Pool  // of sessions that were closed, without their stocks
	steps       []step
	definitions []definition // of the sources
	registers   []register
	memories    int
	maxArgs     int
	statistic   int // how many statistics the program observes

	constants  []lane          // by register: a constant in every slot of a block
	vectors    []column.Vector // by register: a constant that leaves, in one slot, in register form
	stored     []column.Vector // by register: the same in storage form
	constFault bool            // a constant faults: so does every row

	// evaluator explains faults; it is made when the first one happens.
	evaluator func() *program.Evaluator
}

func newExecutable(p *program.Program, by *Backend) *executable {
	b := newBinder(p, by.set, by.shelf)
	e := &executable{
		program: p, block: by.block, set: by.set, stocks: by.stocks,
		steps: b.steps(), definitions: b.definitions, constFault: b.fault,
	}
	e.registers = b.registers(e.steps)
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

// NewSession returns a session. Its buffers are those of sessions that were closed,
// and grow with the first batches.
func (e *executable) NewSession() backend.Session {
	s, _ := e.sessions.Get().(*session)
	if s == nil {
		s = newSession(e)
	}
	s.open()
	return &handle{s}
}

// prepareConstants prepares the constants that steps take as lanes, and those that leave.
func (e *executable) prepareConstants(b *binder) {
	n := len(e.program.Code)
	made := make([]bool, n)
	e.constants = make([]lane, n)
	e.vectors, e.stored = make([]column.Vector, n), make([]column.Vector, n)
	for _, s := range e.steps {
		for _, a := range s.args {
			if e.registers[a].place == once && !made[a] {
				made[a] = true
				e.constants[a] = broadcast(b.kind(a), b.values[a], e.block)
			}
		}
	}
	for r := range e.registers {
		if reg := &e.registers[r]; reg.place == once && (reg.output || reg.observed) {
			e.vectors[r] = program.RegisterVector(reg.typ, b.values[r])
			e.stored[r] = program.StoredVector(reg.typ, b.values[r])
		}
	}
}
