package program

import (
	"errors"
	"fmt"

	"quern/features/column"
)

// Verify returns nil for a program that a back end may run, or says what is wrong
// with it, as a plain sentence. It takes any value of Program, however damaged:
// it does not panic and does not use more memory than a small multiple of the
// program's own.
//
// In a verified program every register is defined before it is used, has the
// type that Infer says, and is needed by an output or an observation; immediates
// are in range and zero where the operation has none; patterns compile and zones
// load; tables are maps from distinct keys to numbers; names are unique; lists that
// meet have one shape, and those of a row that are padded have no more than
// maxPadded elements together.
func Verify(p *Program) error {
	if p == nil {
		return errors.New("no program")
	}
	if err := p.checkSizes(); err != nil {
		return err
	}
	checks := []func() error{p.checkInputs, p.checkTables, p.checkOrigins, p.checkCode, p.checkOutputs, p.checkObserves, p.checkShapes, p.checkPadding, p.checkLive}
	for _, check := range checks {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (p *Program) checkSizes() error {
	sizes := []struct {
		what string
		n    int
	}{
		{"inputs", len(p.Inputs)}, {"tables", len(p.Tables)}, {"instructions", len(p.Code)},
		{"outputs", len(p.Outputs)}, {"observations", len(p.Observes)}, {"origins", len(p.Origins)},
	}
	for _, s := range sizes {
		if s.n > maxCode {
			return fmt.Errorf("%d %s; %d are allowed", s.n, s.what, maxCode)
		}
	}
	return nil
}

func (p *Program) checkInputs() error {
	names := map[string]bool{}
	for i, f := range p.Inputs {
		if names[f.Name] {
			return fmt.Errorf("input %d: a second column called %q", i, f.Name)
		}
		names[f.Name] = true
		if f.Type.Kind() == column.NoKind {
			return fmt.Errorf("input %q has no type", f.Name)
		}
	}
	return nil
}

func (p *Program) checkTables() error {
	names := map[string]bool{}
	for i := range p.Tables {
		t := &p.Tables[i]
		if names[t.Name] {
			return fmt.Errorf("a second table called %q", t.Name)
		}
		names[t.Name] = true
		if err := checkTable(t); err != nil {
			return err
		}
	}
	return nil
}

func (p *Program) checkOrigins() error {
	for i, o := range p.Origins {
		if o.Line < 0 || o.Col < 0 {
			return fmt.Errorf("origin %d: a negative place", i)
		}
	}
	return nil
}

func (p *Program) checkCode() error {
	for i := range p.Code {
		if err := p.checkInstr(i); err != nil {
			return fmt.Errorf("%%%d: %w", i, err)
		}
	}
	return nil
}

func (p *Program) checkInstr(i int) error {
	in := &p.Code[i]
	if len(in.Args) > maxArgs {
		return fmt.Errorf("%d arguments; %d are allowed", len(in.Args), maxArgs)
	}
	types := make([]column.Type, len(in.Args))
	for k, r := range in.Args {
		if r < 0 || int(r) >= i {
			return fmt.Errorf("%s: argument %%%d is not defined before", in.Op, r)
		}
		types[k] = p.Code[r].Type
	}
	if in.Type.Kind() == column.NoKind {
		return fmt.Errorf("%s: no result type", in.Op)
	}
	if in.Origin < -1 || int(in.Origin) >= len(p.Origins) {
		return fmt.Errorf("%s: no origin %d", in.Op, in.Origin)
	}
	if _, err := Infer(in.Op, in.Imm, types, in.Type); err != nil {
		return err
	}
	return checkPlace(p, in, types)
}

// checkPlace checks what an instruction says of its program: its input column, or
// its table.
func checkPlace(p *Program, in *Instr, args []column.Type) error {
	switch in.Op {
	case Load:
		if in.Imm.Int >= int64(len(p.Inputs)) {
			return fmt.Errorf("load: no input %d", in.Imm.Int)
		}
		if f := p.Inputs[in.Imm.Int]; f.Type != in.Type {
			return fmt.Errorf("load: input %q is %s, not %s", f.Name, f.Type, in.Type)
		}
	case Lookup:
		if in.Imm.Int >= int64(len(p.Tables)) {
			return fmt.Errorf("lookup: no table %d", in.Imm.Int)
		}
		t := &p.Tables[in.Imm.Int]
		if t.Values.Type != in.Type.Elem() || !Comparable(t.Keys.Type, args[0].Elem()) {
			return fmt.Errorf("lookup: table %q maps %s to %s, not %s to %s", t.Name, t.Keys.Type, t.Values.Type, args[0], in.Type)
		}
	}
	return nil
}

func (p *Program) checkOutputs() error {
	names := map[string]bool{}
	for _, o := range p.Outputs {
		switch {
		case o.Name == "":
			return errors.New("an output has no name")
		case names[o.Name]:
			return fmt.Errorf("a second output called %q", o.Name)
		case o.Register < 0 || int(o.Register) >= len(p.Code):
			return fmt.Errorf("output %q: no register %%%d", o.Name, o.Register)
		case o.Role != RoleFeature && o.Role != RoleLabel && o.Role != RoleKeep:
			return fmt.Errorf("output %q: unknown role %q", o.Name, o.Role)
		}
		names[o.Name] = true
	}
	return nil
}

func (p *Program) checkObserves() error {
	for i, o := range p.Observes {
		if o.Stat < 0 || o.Stat >= maxCode {
			return fmt.Errorf("observation %d: no statistic %d", i, o.Stat)
		}
		if len(o.Args) == 0 || len(o.Args) > maxArgs {
			return fmt.Errorf("observation %d: %d registers", i, len(o.Args))
		}
		for _, r := range o.Args {
			if r < 0 || int(r) >= len(p.Code) {
				return fmt.Errorf("observation %d: no register %%%d", i, r)
			}
		}
	}
	return nil
}

// checkLive refuses instructions that nothing needs: whether their faults count
// would be unclear.
func (p *Program) checkLive() error {
	for i, needed := range p.live() {
		if !needed {
			return fmt.Errorf("%%%d: %s is needed by nothing", i, p.Code[i].Op)
		}
	}
	return nil
}
