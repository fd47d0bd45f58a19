package code

import "math"

// Registers is how many values a thread holds at a time; Block is how many threads a
// block of the interpreter has. gpu/kernels/program.cuh has the same numbers.
const (
	Registers = 16
	Block     = 128

	immediateRegister = 31
	never             = math.MaxInt
)

// allocator gives the results of steps registers. Where there are none left, the value
// that is needed last goes: inputs are simply loaded again, others are spilled first.
type allocator struct {
	steps  []step
	uses   map[operand][]int // steps that still use a value, ascending
	holds  [Registers]operand
	places map[operand]uint64 // of spilled values
	free   []uint64           // places that can be used again
	spills uint64             // places in all
	code   []instruction
	now    int
}

// instruction is a step with registers.
type instruction struct {
	op        Op
	result    uint8
	registers [3]uint8
	bits      [3]uint64
}

// allocate returns the instructions of steps and how many places their spills need.
func allocate(steps []step) (code []instruction, spills int) {
	a := &allocator{steps: steps, uses: map[operand][]int{}, places: map[operand]uint64{}}
	for i, s := range steps {
		for _, o := range s.args {
			if u := a.uses[o]; o.isValue() && (len(u) == 0 || u[len(u)-1] != i) {
				a.uses[o] = append(u, i)
			}
		}
	}
	for i := range steps {
		a.now = i
		a.place(&steps[i])
	}
	return a.code, int(a.spills)
}

// place writes the instruction of a step, and before it what brings its operands into
// registers.
func (a *allocator) place(s *step) {
	in := instruction{op: s.op}
	for i, o := range s.args {
		in.registers[i], in.bits[i] = immediateRegister, o.bits
		if o.isValue() {
			in.registers[i] = a.bring(o, s)
		}
	}
	for _, o := range s.args {
		a.used(o)
	}
	if s.made >= 0 {
		result := s.operand()
		r := a.take(nil) // perhaps an operand's: it is read before it is written
		in.result = uint8(r)
		if len(a.uses[result]) > 0 { // else it is there for its faults
			a.holds[r] = result
		}
	}
	a.code = append(a.code, in)
}

// bring returns the register of a value, into which it is loaded if it is in none.
func (a *allocator) bring(o operand, s *step) uint8 {
	for r, held := range a.holds {
		if held == o {
			return uint8(r)
		}
	}
	r := a.take(s)
	load := instruction{op: Null, result: uint8(r), registers: [3]uint8{immediateRegister, immediateRegister, immediateRegister}}
	switch o.from {
	case input:
		load.op, load.bits[0] = Load, uint64(o.at)
	case made:
		load.op, load.bits[0] = Fill, a.places[o]
	}
	a.code = append(a.code, load)
	a.holds[r] = o
	return uint8(r)
}

// used notes that the step that is placed has used a value, and frees its register if
// no other does.
func (a *allocator) used(o operand) {
	u := a.uses[o]
	if len(u) == 0 || u[0] != a.now {
		return
	}
	a.uses[o] = u[1:]
	if len(u) > 1 {
		return
	}
	for r := range a.holds {
		if a.holds[r] == o {
			a.holds[r] = operand{}
		}
	}
	if place, ok := a.places[o]; ok {
		a.free = append(a.free, place)
	}
}

// take returns a register that is free, or freed now: not one of the operands of s.
func (a *allocator) take(s *step) int {
	best, far := -1, -1
	for r, held := range a.holds {
		if held.from == nothing {
			return r
		}
		if s != nil && (held == s.args[0] || held == s.args[1] || held == s.args[2]) {
			continue
		}
		if next := a.nextUse(held); next > far {
			best, far = r, next
		}
	}
	a.spill(best)
	a.holds[best] = operand{}
	return best
}

func (a *allocator) nextUse(o operand) int {
	if u := a.uses[o]; len(u) > 0 {
		return u[0]
	}
	return never
}

// spill saves what a register holds, unless it can be had again.
func (a *allocator) spill(r int) {
	o := a.holds[r]
	if _, ok := a.places[o]; ok || o.from != made {
		return
	}
	place := a.spills
	if n := len(a.free); n > 0 {
		place, a.free = a.free[n-1], a.free[:n-1]
	} else {
		a.spills++
	}
	a.places[o] = place
	a.code = append(a.code, instruction{
		op: Spill, registers: [3]uint8{uint8(r), immediateRegister, immediateRegister}, bits: [3]uint64{0, place, 0},
	})
}
