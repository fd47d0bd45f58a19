package stat

import "encoding/binary"

// appendGroup appends g:
//
//	uvarint 2n      no infinities, integer sums, S2 < 2^62; unless n is 0:
//	                varint S1, uvarint S2
//	uvarint 2n+1    otherwise: uvarint +Inf, uvarint -Inf, dyadic S1, dyadic S2
//
// It leaves the state as it is, in its smallest form.
func appendGroup(b []byte, g *Group) []byte {
	g.compact()
	if g.wide == nil {
		b = binary.AppendUvarint(b, g.n<<1)
		if g.n == 0 {
			return b
		}
		b = binary.AppendVarint(b, g.i1)
		return binary.AppendUvarint(b, g.i2)
	}
	b = binary.AppendUvarint(b, g.n<<1|1)
	b = binary.AppendUvarint(b, g.wide.pos)
	b = binary.AppendUvarint(b, g.wide.neg)
	s1, s2 := g.totals()
	x, exp := s1.big()
	b = appendDyadic(b, x, exp)
	x, exp = s2.big()
	return appendDyadic(b, x, exp)
}

// Weights of the bits of the sums of at most 2^62 finite float64 values.
const (
	lowest  = -1074
	highest = 1024 + 62
)

// readGroup reads what appendGroup wrote.
func readGroup(r *reader) Group {
	v := r.uvarint()
	g := Group{n: v >> 1}
	if v&1 == 0 {
		if g.n > 0 {
			g.i1, g.i2 = r.varint(), r.uvarint()
		}
		if g.n > maxRows || g.i2 >= smallLimit || g.i1 > int64(g.i2) || -g.i1 > int64(g.i2) || !g.valid() {
			r.bad = true
		}
		return g
	}
	g.wide = &wide{pos: r.counter(), neg: r.counter()}
	g.wide.s1.setBig(readDyadic(r, lowest, highest))
	g.wide.s2.setBig(readDyadic(r, 2*lowest, 2*highest))
	if r.bad || g.n > maxRows || g.rows() > maxRows || !g.valid() {
		r.bad = true
		return Group{}
	}
	if g.compact(); g.wide == nil { // it had a shorter form
		r.bad = true
	}
	return g
}

// skipGroup reads what appendGroup wrote without a look at it.
func skipGroup(r *reader) {
	switch v := r.uvarint(); {
	case v&1 == 1:
		r.uvarint()
		r.uvarint()
		skipDyadic(r)
		skipDyadic(r)
	case v > 0:
		r.uvarint()
		r.uvarint()
	}
}
