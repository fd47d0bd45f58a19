// Package trace evaluates a program on one row and tells, instruction by
// instruction, how each value came about.
package trace

import (
	"errors"
	"fmt"
	"strings"

	"quern/cmd/quern/table"
	"quern/features/program"
)

// Trace is a program with the value of every register on one row.
type Trace struct {
	Program *program.Program
	Values  []program.Value   // up to the fault, if there is one
	Fault   *program.RowError // nil: none
}

// Of evaluates p on a row, whose values are those of p.Inputs.
func Of(p *program.Program, in []program.Value) (*Trace, error) {
	e, err := p.Evaluator()
	if err != nil {
		return nil, err
	}
	t := &Trace{Program: p}
	t.Values, err = e.Row(in)
	if errors.As(err, &t.Fault) {
		return t, t.before(in)
	}
	return t, err
}

// before evaluates the instructions before the fault.
func (t *Trace) before(in []program.Value) error {
	cut := *t.Program
	cut.Code = cut.Code[:t.Fault.Register]
	cut.Outputs, cut.Observes = nil, nil
	for r := range cut.Code {
		cut.Outputs = append(cut.Outputs, program.Output{Name: fmt.Sprint(r), Register: program.Register(r), Role: program.RoleKeep})
	}
	e, err := cut.Evaluator()
	if err != nil {
		return nil // what came before cannot stand alone: the fault says enough
	}
	t.Values, err = e.Row(in)
	return err
}

// Step is the instructions that one place of the recipe wants, in order.
type Step struct {
	Path  string // "features[0].steps[1]"; "" where nobody is named
	Lines []string
}

// Steps lists what output number output depends on (-1: everything), by the place of
// the recipe that wanted it first. Loads and constants are shown where they are used.
func (t *Trace) Steps(output int) []Step {
	p := t.Program
	needed := t.needed(output)
	var steps []Step
	at := map[string]int{}
	for i := range t.evaluated() {
		in := &p.Code[i]
		if !needed[i] || in.Op == program.Load || in.Op == program.Const {
			continue
		}
		path := ""
		if in.Origin >= 0 {
			path = p.Origins[in.Origin].Path
		}
		if _, ok := at[path]; !ok {
			at[path] = len(steps)
			steps = append(steps, Step{Path: path})
		}
		s := &steps[at[path]]
		s.Lines = append(s.Lines, t.line(i))
	}
	return steps
}

// evaluated returns how many instructions were evaluated, the one at fault included.
func (t *Trace) evaluated() int {
	if t.Fault != nil {
		return int(t.Fault.Register) + 1
	}
	return len(t.Values)
}

// needed marks the registers that an output depends on.
func (t *Trace) needed(output int) []bool {
	p := t.Program
	needed := make([]bool, len(p.Code))
	if output < 0 {
		for i := range needed {
			needed[i] = true
		}
		return needed
	}
	needed[p.Outputs[output].Register] = true
	for i := len(p.Code) - 1; i >= 0; i-- {
		if needed[i] {
			for _, a := range p.Code[i].Args {
				needed[a] = true
			}
		}
	}
	return needed
}

// line writes an instruction with the values of its arguments and its own, and why
// where that is not obvious.
func (t *Trace) line(i int) string {
	in := &t.Program.Code[i]
	args := make([]string, len(in.Args))
	for j, r := range in.Args {
		args[j] = t.arg(r)
	}
	if x := t.immediate(in); x != "" {
		args = append(args, x)
	}
	call := fmt.Sprintf("%%%d %s(%s)", i, in.Op, strings.Join(args, ", "))
	if t.Fault != nil && int(t.Fault.Register) == i {
		return call + " has no value: " + t.Fault.Reason
	}
	line := call + " = " + t.value(program.Register(i))
	if why := t.why(i); why != "" {
		line += "   " + why
	}
	return line
}

// arg writes an argument: an input by its name, a constant by its value, another
// register by its number.
func (t *Trace) arg(r program.Register) string {
	in := &t.Program.Code[r]
	switch in.Op {
	case program.Load:
		return fmt.Sprintf("%s: %s", t.Program.Inputs[in.Imm.Int].Name, t.value(r))
	case program.Const:
		return t.value(r)
	}
	return fmt.Sprintf("%%%d: %s", r, t.value(r))
}

func (t *Trace) value(r program.Register) string {
	return table.CellText(t.Program.Code[r].Type, t.Values[r])
}

// immediate writes what the instruction has beside its arguments.
func (t *Trace) immediate(in *program.Instr) string {
	switch in.Op {
	case program.DatePart:
		return in.Imm.Part.String()
	case program.Lookup:
		return "in table " + t.Program.Tables[in.Imm.Int].Name
	case program.Bucket:
		return fmt.Sprintf("of %d", in.Imm.Int)
	case program.Bucketize:
		return fmt.Sprintf("by %d edges", len(in.Imm.Floats))
	case program.Hash, program.Match:
		return in.Imm.Text
	}
	return listImmediate(in)
}

// why explains results that are not plain from the arguments.
func (t *Trace) why(i int) string {
	in := &t.Program.Code[i]
	v := t.Values[i]
	null := func(j int) bool { return t.Values[in.Args[j]].Null }
	switch {
	case in.Type.IsList() && !in.Op.Whole():
		return t.whyElements(i)
	case in.Op == program.ListPad || in.Op.Whole() && len(in.Args) > 0 && !null(0):
		return t.whyList(i)
	}
	switch in.Op {
	case program.Lookup:
		switch {
		case !v.Null:
			return ""
		case null(0):
			return "null is not a key of the table"
		}
		return "not a key of the table: a value that was not learnt"
	case program.Coalesce:
		if null(0) {
			return "the first is null: the second is taken"
		}
		return ""
	case program.Select:
		switch c := t.Values[in.Args[0]]; {
		case c.Null:
			return "the condition is null: the second value"
		case c.Bool:
			return "the condition holds: the first value"
		}
		return "the condition does not hold: the second value"
	case program.Clamp:
		if typ := in.Type; !v.Null && !program.EqualValues(typ, v, t.Values[in.Args[0]]) {
			return "moved to the bound"
		}
	}
	if v.Null && in.Op.Strict() {
		for j := range in.Args {
			if null(j) {
				return "null, as its argument is"
			}
		}
	}
	return ""
}
