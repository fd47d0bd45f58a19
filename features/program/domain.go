package program

// Domain says on what a register depends, and so how often it must be evaluated.
type Domain int32

// The domains. Any value >= 0 is the number of the one input column that the
// register depends on: it is evaluated once per slot of that column, or of its
// elements if it is a column of lists. Values below Rows are made by Made.
const (
	Constant Domain = -1 // once
	Rows     Domain = -2 // once per row: several input columns meet
)

// Made returns the domain of what instruction r, which sees lists whole, makes: the
// rows, or the elements of lists of a new shape.
func Made(r Register) Domain { return Rows - 1 - Domain(r) }

// Maker returns the instruction that d is Made of, or None.
func (d Domain) Maker() Register {
	if d >= Rows {
		return None
	}
	return Register(Rows - 1 - d)
}

// Domains returns the domain of every register.
func (p *Program) Domains() []Domain {
	domains := make([]Domain, len(p.Code))
	for i, in := range p.Code {
		d := Constant
		if in.Op == Load {
			d = Domain(in.Imm.Int)
		}
		for _, a := range in.Args {
			d = d.Join(domains[a])
		}
		if in.Op.Whole() {
			d = Made(Register(i))
		}
		domains[i] = d
	}
	return domains
}

// Join returns the smallest domain that holds both.
func (d Domain) Join(e Domain) Domain {
	switch {
	case d == Constant || d == e:
		return e
	case e == Constant:
		return d
	}
	return Rows
}

// Root returns the domain of r, and where an instruction made that of lists, the
// domain of those: Constant, Rows, or the one input column that r depends on.
func (p *Program) Root(r Register) Domain {
	domains := p.Domains()
	d := domains[r]
	for d.Maker() != None {
		d = domains[p.Code[d.Maker()].Args[0]]
	}
	return d
}
