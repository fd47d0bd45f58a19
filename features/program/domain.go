package program

// Domain says on what a register depends, and so how often it must be evaluated.
type Domain int32

// The domains. Any value >= 0 is the number of the one input column that the
// register depends on: it is evaluated once per slot of that column.
const (
	Constant Domain = -1 // once
	Rows     Domain = -2 // once per row: several input columns meet
)

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
