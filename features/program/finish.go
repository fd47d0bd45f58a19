package program

// Finish returns the program: what neither an output nor an observation needs is
// dropped (instructions, input columns, tables, origins), the rest is renumbered
// and keeps its order. The builder stays usable.
func (b *Builder) Finish() *Program { return b.program.Pruned() }

// WithoutOrigins returns p without the places in the recipe that it comes from,
// for digests: moving a line in a recipe does not change what was learnt.
func (p *Program) WithoutOrigins() *Program {
	q := *p
	q.Origins = nil
	q.Code = append([]Instr(nil), p.Code...)
	for i := range q.Code {
		q.Code[i].Origin = -1
	}
	return &q
}

// live reports which registers an output or an observation needs.
func (p *Program) live() []bool {
	needed := make([]bool, len(p.Code))
	for _, o := range p.Outputs {
		needed[o.Register] = true
	}
	for _, o := range p.Observes {
		for _, r := range o.Args {
			needed[r] = true
		}
	}
	for i := len(p.Code) - 1; i >= 0; i-- {
		if !needed[i] {
			continue
		}
		for _, r := range p.Code[i].Args {
			needed[r] = true
		}
	}
	return needed
}

// pruner numbers what is kept.
type pruner struct {
	from, to  *Program
	inputs    []int64 // new numbers, by old number; -1: dropped
	tables    []int64
	origins   []int64
	registers []Register
}

// Pruned returns p without what neither its outputs nor its observations need:
// instructions, input columns, tables, origins. The rest is renumbered and keeps its
// order. It shares none of p's lists.
func (p *Program) Pruned() *Program {
	needed := p.live()
	to := &Program{}
	pr := pruner{from: p, to: to, registers: make([]Register, len(p.Code))}
	pr.keepLists(needed)
	for i, in := range p.Code {
		if needed[i] {
			pr.registers[i] = Register(len(to.Code))
			to.Code = append(to.Code, pr.instr(in))
		}
	}
	for _, o := range p.Outputs {
		o.Register = pr.registers[o.Register]
		to.Outputs = append(to.Outputs, o)
	}
	for _, o := range p.Observes {
		to.Observes = append(to.Observes, Observed{Stat: o.Stat, Args: renumber(o.Args, pr.registers)})
	}
	return to
}

// keepLists numbers the inputs, tables and origins that needed instructions use.
func (pr *pruner) keepLists(needed []bool) {
	pr.inputs = make([]int64, len(pr.from.Inputs))
	pr.tables = make([]int64, len(pr.from.Tables))
	pr.origins = make([]int64, len(pr.from.Origins))
	for i, in := range pr.from.Code {
		switch {
		case !needed[i]:
			continue
		case in.Op == Load:
			pr.inputs[in.Imm.Int] = 1
		case in.Op == Lookup:
			pr.tables[in.Imm.Int] = 1
		}
		if in.Origin >= 0 {
			pr.origins[in.Origin] = 1
		}
	}
	pr.to.Inputs = kept(pr.from.Inputs, pr.inputs)
	pr.to.Tables = kept(pr.from.Tables, pr.tables)
	pr.to.Origins = kept(pr.from.Origins, pr.origins)
}

// kept returns the marked elements of list and replaces marks by new numbers.
func kept[T any](list []T, marks []int64) []T {
	var out []T
	for i, x := range list {
		if marks[i] == 0 {
			marks[i] = -1
			continue
		}
		marks[i] = int64(len(out))
		out = append(out, x)
	}
	return out
}

// instr returns in with new numbers.
func (pr *pruner) instr(in Instr) Instr {
	in.Args = renumber(in.Args, pr.registers)
	switch in.Op {
	case Load:
		in.Imm.Int = pr.inputs[in.Imm.Int]
	case Lookup:
		in.Imm.Int = pr.tables[in.Imm.Int]
	}
	if in.Origin >= 0 {
		in.Origin = int32(pr.origins[in.Origin])
	}
	return in
}
