package gpu

import (
	"quern/features/column"
	"quern/features/program"
	"quern/gpu/code"
)

// Work is what one pass over a source is, as far as a device could take part in it.
// What costs per entry of a dictionary is not in it: the CPU does that at no cost per
// row, on either side.
type Work struct {
	Rows   int64   // -1: nobody knows yet
	Up     float64 // bytes per row that a device must be given
	Down   float64 // bytes per row that come back
	Values float64 // additions (or what takes as long) per row
}

// What is assumed where only the data know.
const (
	codeBytes    = 4        // of a dictionary's code
	validBytes   = 1. / 8   // of a value that may be null
	listElements = 8        // of a list
	loopWeight   = 8        // of log, exp, sin ...: in additions
	statWeight   = 4        // of a number that a statistic observes
	countWeight  = 1        // of a code that a statistic counts
	tableWeight  = 4        // of a look-up
	slotBytes    = 32 << 20 // of a batch on its way
)

// WorkOf returns what p is, over so many rows. Texts are taken to come as dictionaries,
// and numbers not to.
func WorkOf(p *program.Program, rows int64) Work {
	w := worker{p: p, domains: p.Domains(), sent: map[program.Register]bool{}}
	w.work.Rows = rows
	for i := range p.Code {
		if r := program.Register(i); w.device(r) {
			w.instruction(&p.Code[i], r)
		}
	}
	for _, o := range p.Observes {
		for _, r := range o.Args {
			w.observe(r)
		}
	}
	for _, o := range p.Outputs {
		if w.device(o.Register) {
			w.work.Down += w.bytes(o.Register)
		}
	}
	return w.work
}

// worker adds a Work up.
type worker struct {
	p       *program.Program
	domains []program.Domain
	sent    map[program.Register]bool // goes up
	work    Work
}

// device reports whether a device computes register r.
func (w *worker) device(r program.Register) bool {
	in := &w.p.Code[r]
	if in.Op == program.Load || in.Op == program.Const || w.domains[r] == program.Constant || w.coded(r) {
		return false
	}
	return code.Supports(in, w.p.ArgTypes(r))
}

// coded reports whether register r costs per entry of a dictionary.
func (w *worker) coded(r program.Register) bool {
	root := w.p.Root(r)
	return root >= 0 && w.p.Inputs[root].Type.Elem() == column.String
}

// each returns how many values a register has per row.
func (w *worker) each(r program.Register) float64 {
	if w.p.Code[r].Type.IsList() {
		return listElements
	}
	return 1
}

// Travels reports whether a device can be given values of type t, or of its elements:
// everything but texts.
func Travels(t column.Type) bool {
	_, ok := code.StorageType(t.Elem())
	return ok
}

// BytesOf returns how many bytes a row of type t is on its way to a device, or back.
// Texts are codes.
func BytesOf(t column.Type) float64 {
	size := float64(codeBytes)
	if s, ok := code.StorageType(t.Elem()); ok {
		size = float64(s.Size())
	}
	if t.IsList() {
		return listElements * (size + validBytes)
	}
	return size + validBytes
}

// bytes returns what a register takes per row.
func (w *worker) bytes(r program.Register) float64 {
	if w.coded(r) {
		return w.each(r) * (codeBytes + validBytes)
	}
	return BytesOf(w.p.Code[r].Type)
}

// send notes that a device must be given register r, which it does not compute.
func (w *worker) send(r program.Register) {
	if w.domains[r] != program.Constant && !w.device(r) && !w.sent[r] {
		w.sent[r] = true
		w.work.Up += w.bytes(r)
	}
}

// instruction adds one that a device computes.
func (w *worker) instruction(in *program.Instr, r program.Register) {
	for _, a := range in.Args {
		w.send(a)
	}
	w.work.Values += w.each(r) * weight(in)
}

// observe adds a register that a statistic sees.
func (w *worker) observe(r program.Register) {
	if w.domains[r] == program.Constant {
		return
	}
	w.send(r)
	if w.coded(r) {
		w.work.Values += w.each(r) * countWeight
	} else {
		w.work.Values += w.each(r) * statWeight
	}
}

// weight returns how long an instruction takes, in additions, about.
func weight(in *program.Instr) float64 {
	switch in.Op {
	case program.Log, program.Log1p, program.Exp, program.Expm1, program.Pow, program.Sin, program.Cos,
		program.ToDate, program.ToDatetime, program.ToTimestamp, program.DatePart:
		return loopWeight
	case program.Lookup, program.Bucketize, program.Hash, program.HashMix:
		return tableWeight
	case program.Dot:
		return float64(len(in.Args))
	}
	return 1
}
