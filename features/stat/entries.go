package stat

import "quern/features/column"

// Entries is ValueCounts of one column as long as it has at most Spec.Limit
// distinct values, null included, whose keys have at most keyBytes bytes each on
// average of the limit; past that it gives up and holds nothing. Whether it has given
// up follows from the rows alone, so it merges exactly like the others.
//
// It never spills: the limits bound it.
type Entries struct {
	header
	counts *ValueCounts
	over   bool
}

// keyBytes is how long keys may be: Spec.Limit times keyBytes in all.
const keyBytes = 64

func newEntries(h header) *Entries {
	e := &Entries{header: h, counts: newValueCounts(newHeader(Spec{Kind: KindValueCounts, Types: h.spec.Types}), Resources{})}
	e.counts.most = h.spec.Limit
	return e
}

// Overflowed reports whether there were more than Spec.Limit distinct values.
func (e *Entries) Overflowed() bool { return e.over }

// Each calls f with every value's key and count, in ascending order of the keys,
// until f returns false; with none after an overflow. key is valid until f returns.
func (e *Entries) Each(f func(key []byte, count uint64) bool) error { return e.counts.Each(f) }

// limited gives up if there are too many values.
func (e *Entries) limited() {
	if !e.over && (e.counts.enough() || e.keyBytes() > keyBytes*e.spec.Limit) {
		e.giveUp()
	}
}

// keyBytes returns how long all keys are together.
func (e *Entries) keyBytes() int {
	t := &e.counts.table
	total := int(t.chunks.bytes()) + (maxInline+1)*t.len()
	if total <= keyBytes*e.spec.Limit {
		return total // at most this
	}
	total = 0
	t.entries(func(x *entry) bool {
		switch {
		case x.held == 0: // it was subtracted
		case x.null():
			total++
		default:
			total += 1 + x.size(&t.chunks)
		}
		return true
	})
	return total
}

func (e *Entries) giveUp() {
	e.over = true
	e.counts = newEntries(e.header).counts
}

// Observe implements Statistic.
func (e *Entries) Observe(args []column.Column, weights []uint64) {
	e.check(args, weights)
	if !e.over {
		e.counts.Observe(args, weights)
		e.limited()
	}
}

// Merge implements Statistic.
func (e *Entries) Merge(other Statistic) error {
	o, ok := other.(*Entries)
	if !ok || !e.same(&o.header) {
		return ErrMismatch
	}
	if e.over || o.over {
		e.giveUp()
		return nil
	}
	err := e.counts.mergeCounts(o.counts)
	e.limited()
	return err
}

// Subtract implements Statistic. What was given up cannot be taken back.
func (e *Entries) Subtract(other Statistic) error {
	o, ok := other.(*Entries)
	if !ok || !e.same(&o.header) {
		return ErrMismatch
	}
	if e.over || o.over {
		return ErrNotInvertible
	}
	return e.counts.subtractCounts(o.counts)
}

// AppendBinary implements Statistic. The state is a byte, 1 after an overflow,
// then the entries as in ValueCounts.
func (e *Entries) AppendBinary(b []byte) ([]byte, error) {
	b = append(b, e.head...)
	if e.over {
		return append(b, 1), nil
	}
	return e.counts.appendEntries(append(b, 0))
}

// UnmarshalBinary implements Statistic.
func (e *Entries) UnmarshalBinary(data []byte) error {
	r, err := e.state(data)
	if err != nil {
		return err
	}
	d := newEntries(e.header)
	switch over := r.byte(); {
	case r.bad || over > 1 || over == 1 && len(r.data) > 0:
		return corrupt("entries after an overflow")
	case over == 1:
		d.giveUp()
	default:
		counts := newValueCounts(d.counts.header, Resources{})
		if err := counts.read(wholePieces(r.data), uint64(len(r.data))); err != nil {
			return err
		}
		if err := d.counts.readRuns(counts); err != nil { // the limits look at the table
			return err
		}
	}
	if d.limited(); d.over != (data[len(e.head)] == 1) {
		return corrupt("more entries than the limit")
	}
	e.over, e.counts = d.over, d.counts
	return nil
}

// Close implements Statistic.
func (e *Entries) Close() error { return e.counts.close() }
