package stat

import (
	"slices"

	"quern/features/column"
)

// Exact is what someone else has added up: a device, which keeps exact sums as integers
// of its own form. It is for finite values and infinities; nulls and NaNs are apart.
type Exact struct {
	N                uint64 // finite values
	PosInfs, NegInfs uint64 // infinities, which are in no sum
	Sum, Squares     []Scaled
}

// Scaled is a part of a sum: a 128-bit integer in two's complement times 2^Exp.
type Scaled struct {
	Lo, Hi uint64
	Exp    int
}

// empty reports whether x has seen nothing.
func (x *Exact) empty() bool { return x.N|x.PosInfs|x.NegInfs == 0 }

// group returns x as a Group, or false if no values have these counts and sums.
func (x *Exact) group() (Group, bool) {
	if x.N > maxRows || x.PosInfs > maxRows-x.N || x.NegInfs > maxRows-x.N-x.PosInfs {
		return Group{}, false
	}
	g := Group{n: x.N}
	if i1, ok := integer(x.Sum); ok {
		if i2, ok := integer(x.Squares); ok && i2 < smallLimit && i1 <= i2 && -i1 <= i2 && x.PosInfs|x.NegInfs == 0 {
			g.i1, g.i2 = i1, uint64(i2)
			return g, g.valid()
		}
	}
	w := g.widen()
	w.pos, w.neg = x.PosInfs, x.NegInfs
	if !w.s1.addScaled(x.Sum, lowest) || !w.s2.addScaled(x.Squares, 2*lowest) {
		return Group{}, false
	}
	g.compact()
	return g, g.valid()
}

// integer returns the sum of parts that are integers of 64 bits, if it is one: labels
// and counts, which need no window.
func integer(parts []Scaled) (sum int64, ok bool) {
	var s int128
	for _, p := range parts {
		if p.Exp != 0 {
			return 0, false
		}
		s.add(int128{p.Lo, p.Hi})
	}
	return int64(s.lo), len(parts) <= 16 && s.hi == uint64(int64(s.lo)>>63)
}

// addScaled adds parts, or returns false for one that no float64 can be part of.
func (w *window) addScaled(parts []Scaled, lowest int) bool {
	for _, p := range parts {
		if p.Exp < lowest || p.Exp > 2*highest {
			return false
		}
		w.addSigned(p.Lo, p.Hi, p.Exp)
	}
	return true
}

// AddExact learns what someone else has added up, as if its values had been observed,
// and nans rows that are NaN. Counts and sums that no values have are ErrCorrupt: s
// stays as it was.
func (s *Sums) AddExact(x *Exact, nans uint64) error {
	g, ok := x.group()
	if !ok {
		return corrupt("sums of no values")
	}
	if nans > maxRows || mergeable(nans, g.rows()) != nil || mergeable(s.rows(), nans+g.rows()) != nil {
		return ErrOverflow
	}
	s.nans += nans
	s.group().merge(&g)
	return nil
}

// AddExact learns what someone else has added up, as if the values had been observed.
// Row i of keys, the columns of the key in register form, is a key, and
// cells[i*Folds+f] what it has in fold f; keys without values teach nothing. Counts and
// sums that no values have are ErrCorrupt: k stays as it was.
func (k *KeyedSums) AddExact(keys []column.Column, cells []Exact) error {
	k.checkKeys(keys, len(cells))
	groups := make([]Group, len(cells))
	rows := k.seen
	for i := range cells {
		if cells[i].empty() {
			continue
		}
		g, ok := cells[i].group()
		if !ok {
			return corrupt("sums of no values")
		}
		if mergeable(rows, g.rows()) != nil {
			return ErrOverflow
		}
		groups[i], rows = g, rows+g.rows()
	}
	folds := k.spec.Folds
	k.keys.begin(keys)
	var b block
	var at [blockLen]int
	for row := 0; row < keys[0].Len; {
		b.reset()
		for ; row < keys[0].Len && !b.full(); row++ {
			if !slices.ContainsFunc(groups[row*folds:(row+1)*folds], func(g Group) bool { return g.rows() > 0 }) {
				continue
			}
			b.ids[b.n], at[b.n] = uint32(row), row
			b.n++
		}
		k.keys.load(&b, false)
		k.insert(&b)
		for i, number := range b.held[:b.n] {
			k.mergeGroups(int(number), groups[at[i]*folds:(at[i]+1)*folds])
		}
		if err := k.bounded(); err != nil {
			return err
		}
	}
	return nil
}

// checkKeys panics unless keys are the spec's, with a cell for each fold.
func (k *KeyedSums) checkKeys(keys []column.Column, cells int) {
	types := k.spec.Types[2:]
	if len(keys) != len(types) || cells != keys[0].Len*k.spec.Folds {
		panic("quern: bug: keyed sums are given the wrong number of keys or cells")
	}
	checkTuples(types, keys)
}

// checkTuples panics unless args have these types and one length, in register form.
func checkTuples(types []column.Type, args []column.Column) {
	for i := range args {
		if v := &args[i].Values; v.Type != types[i] || args[i].Len != args[0].Len || v.Stored() {
			panic("quern: bug: a statistic is given a column of another type, length or form")
		}
	}
}

// ObserveTuples learns the rows of args, in register form and perhaps dictionary-coded;
// row i counts as often as times[i] says. It is Observe with weights, of one column or
// more; zero weights teach nothing.
func (v *ValueCounts) ObserveTuples(args []column.Column, times []uint64) error {
	if len(args) != len(v.spec.Types) || len(times) != args[0].Len {
		panic("quern: bug: value counts are given the wrong number of columns or weights")
	}
	checkTuples(v.spec.Types, args)
	v.rows.begin(args)
	var b block
	for row := 0; row < len(times); {
		b.reset()
		row = b.rows(row, len(times), times)
		v.rows.load(&b, false)
		if err := v.put(&b); err != nil {
			return err
		}
	}
	return v.err
}
