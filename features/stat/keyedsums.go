package stat

import (
	"bytes"
	"cmp"

	"quern/features/column"
)

// KeyedSums holds exact sums of a target per key and fold: count, sum and sum of
// squares. Its columns are the target (numeric), the fold (integer, in
// [0, Spec.Folds), never null) and one or more key columns. Rows whose target is
// null or NaN are skipped; infinite targets are counted per group and are in no
// sum; a null key is a key.
//
// Past Resources.Bytes it spills sorted runs to disk; results and bytes are the
// same. An error of the disk shows in the next method that returns an error.
type KeyedSums struct {
	header
	keyed
	target single
	fold   single
	keys   keyer
	local  []uint32 // per local id: the number of its groups plus 1; zero between batches
	used   []uint32 // the local ids of the batch
	cells  []int64  // per row of the batch: the place of its group, or -1
	groups groups
	seen   uint64 // rows that are in a group
}

func newKeyedSums(h header, res Resources) *KeyedSums {
	k := &KeyedSums{header: h}
	k.groups = groups{folds: h.spec.Folds, spilled: make([]Group, h.spec.Folds)}
	k.keyed = keyed{load: &k.groups, res: res}
	k.single, k.dense, k.budget = len(h.spec.Types) == 3, true, res.Bytes
	return k
}

// Folds returns how many folds there are.
func (k *KeyedSums) Folds() int { return k.spec.Folds }

// Len returns how many keys there are. When runs were spilled it reads them.
func (k *KeyedSums) Len() int { return k.count() }

// Totals returns, per fold, the sums over all keys.
func (k *KeyedSums) Totals() []Group {
	totals := make([]Group, k.spec.Folds)
	for f, g := range k.groups.spilled {
		totals[f] = totals[f].Plus(g)
	}
	k.groups.addTo(totals)
	return totals
}

// Each calls f with every key and its groups, one per fold, in ascending order
// of the keys (see DecodeKey), until f returns false. key and folds are valid
// until f returns; Plus and Minus make groups that last.
func (k *KeyedSums) Each(f func(key []byte, folds []Group) bool) error {
	if k.err == nil && len(k.runs) == 0 {
		k.sortByKey()
		var key []byte
		k.entries(func(e *entry) bool {
			if !k.groups.present(int(e.held)) {
				return true
			}
			key = k.appendKey(key[:0], e)
			return f(key, k.groups.of(int(e.held)))
		})
		return nil
	}
	buffer := make([]Group, k.spec.Folds)
	return k.each(func(key, body []byte) (bool, error) {
		readGroups(&reader{data: body}, buffer)
		return f(key, buffer), nil
	})
}

// parts calls f with every key, as the table finds it, and its groups, in any
// order, until it returns false.
func (k *KeyedSums) parts(f func(key packed, long []byte, folds []Group) bool) error {
	if k.err != nil || len(k.runs) > 0 {
		return k.Each(func(key []byte, folds []Group) bool {
			p, long := k.pack(key)
			return f(p, long, folds)
		})
	}
	k.entries(func(e *entry) bool {
		if !k.groups.present(int(e.held)) {
			return true
		}
		key, long := k.packed(e)
		return f(key, long, k.groups.of(int(e.held)))
	})
	return nil
}

// Observe implements Statistic.
func (k *KeyedSums) Observe(args []column.Column, weights []uint64) {
	k.check(args, weights)
	target, folds := k.target.plain(&args[0]), k.fold.plain(&args[1])
	if folds.Nulls() > 0 {
		panic("quern: bug: null fold")
	}
	n := target.Len
	k.cells = resize(k.cells, n)
	k.choose(target, folds.Int64s[:n])
	if size := k.keys.begin(args[2:]); size > 0 {
		k.placeLocal(size)
		k.sum(target, 0, n)
		k.bounded()
		return
	}
	const some = 16 * blockLen // rows between two looks at the budget
	for row := 0; row < n; row += some {
		end := min(n, row+some)
		k.placeRows(row, end)
		k.sum(target, row, end)
		k.bounded()
	}
}

// choose sets the cells of all rows to their fold, or -1 for those that are skipped.
func (k *KeyedSums) choose(target *column.Vector, folds []int64) {
	real, nulls, n := target.Type.Real(), target.Valid != nil, uint64(k.spec.Folds)
	for row, fold := range folds {
		if uint64(fold) >= n {
			panic("quern: bug: fold out of range")
		}
		if nulls && target.Null(row) || real && target.Float64s[row] != target.Float64s[row] {
			k.cells[row] = -1
			continue
		}
		k.cells[row] = fold
		k.seen++
	}
}

// placeRows finds the groups of rows, with one lookup each. Finding first and adding
// afterwards lets the processor overlap the cache misses of both.
func (k *KeyedSums) placeRows(row, end int) {
	var b block
	for n := int64(k.spec.Folds); row < end; {
		var at [blockLen]int32
		b.reset()
		for ; row < end && !b.full(); row++ {
			if k.cells[row] >= 0 {
				b.ids[b.n], at[b.n] = uint32(row), int32(row)
				b.n++
			}
		}
		k.keys.load(&b, false)
		k.insert(&b)
		for i, number := range b.held[:b.n] {
			k.cells[at[i]] += int64(number) * n
		}
	}
}

// placeLocal finds the groups of all rows, with one lookup per local id.
func (k *KeyedSums) placeLocal(size int) {
	if len(k.local) < size {
		k.local = make([]uint32, size)
	}
	rows := k.keys.locals()
	k.used = k.used[:0]
	for row, cell := range k.cells {
		if id := rows[row]; cell >= 0 && k.local[id] == 0 {
			k.local[id] = 1
			k.used = append(k.used, uint32(id))
		}
	}
	var b block
	for from := 0; from < len(k.used); from += blockLen {
		b.reset()
		b.n = copy(b.ids[:], k.used[from:])
		k.keys.load(&b, true)
		k.insert(&b)
		for i, number := range b.held[:b.n] {
			k.local[k.used[from+i]] = uint32(number) + 1
		}
	}
	n := int64(k.spec.Folds)
	for row, cell := range k.cells {
		if cell >= 0 {
			k.cells[row] = cell + int64(k.local[rows[row]]-1)*n
		}
	}
	for _, id := range k.used {
		k.local[id] = 0
	}
}

// insert finds the keys of b, which have groups from now on.
func (k *KeyedSums) insert(b *block) {
	known := k.len()
	k.place(b)
	for range k.len() - known {
		k.groups.grow()
	}
}

// sum adds the targets of rows to their groups.
func (k *KeyedSums) sum(target *column.Vector, from, to int) {
	if target.Type.Real() {
		k.groups.addFloats(k.cells[from:to], target.Float64s[from:to])
	} else {
		k.groups.addInts(k.cells[from:to], target.Int64s[from:to])
	}
}

// Merge implements Statistic.
func (k *KeyedSums) Merge(other Statistic) error {
	o, ok := other.(*KeyedSums)
	if !ok || !k.same(&o.header) {
		return ErrMismatch
	}
	if err := mergeable(k.seen, o.seen); err != nil {
		return err
	}
	if err := cmp.Or(k.err, o.err); err != nil {
		return err
	}
	if k == o {
		copied := newKeyedSums(k.header, k.res)
		defer copied.close()
		if err := copied.Merge(k); err != nil {
			return err
		}
		o = copied
	}
	if len(o.runs) > 0 && (k.res.Bytes > 0 || !o.onDisk()) {
		return k.mergeRuns(o)
	}
	if len(o.runs) == 0 {
		return k.mergeTable(o)
	}
	var b block
	err := o.parts(func(key packed, long []byte, folds []Group) bool {
		k.addGroups(&b, key, long, folds)
		return k.bounded() == nil
	})
	k.err = cmp.Or(k.err, err) // a part may have been merged: k is of no use any more
	return k.err
}

// mergeRuns merges o, which has runs: they become k's, too.
func (k *KeyedSums) mergeRuns(o *KeyedSums) error {
	for f := range o.groups.spilled {
		k.groups.spilled[f].merge(&o.groups.spilled[f])
		k.seen += o.groups.spilled[f].rows()
	}
	if k.err = k.adopt(&o.keyed); k.err != nil {
		return k.err
	}
	return k.mergeTable(o)
}

// mergeTable merges what o has in memory.
func (k *KeyedSums) mergeTable(o *KeyedSums) error {
	var b block
	var theirs [blockLen]int // the numbers of their groups
	merge := func() error {
		k.insert(&b)
		for i, number := range b.held[:b.n] {
			k.mergeGroups(int(number), o.groups.of(theirs[i]))
		}
		b.reset()
		return k.bounded()
	}
	o.entries(func(e *entry) bool {
		if !o.groups.present(int(e.held)) {
			return true
		}
		theirs[b.n] = int(e.held)
		key, long := o.packed(e)
		b.add(key, long, 1)
		return !b.full() || merge() == nil
	})
	if k.err != nil {
		return k.err
	}
	return merge()
}

// addGroups merges folds into the groups of a key. b is free to use.
func (k *KeyedSums) addGroups(b *block, key packed, long []byte, folds []Group) {
	b.reset()
	b.add(key, long, 1)
	k.insert(b)
	k.mergeGroups(int(b.held[0]), folds)
}

// mergeGroups merges folds into groups, by their number.
func (k *KeyedSums) mergeGroups(number int, folds []Group) {
	cells := k.groups.of(number)
	for f := range folds {
		cells[f].merge(&folds[f])
		k.groups.wide = k.groups.wide || cells[f].wide != nil
		k.seen += folds[f].rows()
	}
}

// Subtract implements Statistic.
func (k *KeyedSums) Subtract(other Statistic) error {
	o, ok := other.(*KeyedSums)
	if !ok || !k.same(&o.header) {
		return ErrMismatch
	}
	if err := cmp.Or(k.err, o.err); err != nil {
		return err
	}
	if o.seen > k.seen {
		return ErrNotInvertible
	}
	seen := k.seen - o.seen
	var err error
	if len(k.runs) > 0 {
		err = k.subtractSpilled(o)
	} else {
		err = k.subtractMemory(o)
	}
	if err == nil {
		k.seen = seen
	}
	return err
}

func (k *KeyedSums) subtractSpilled(o *KeyedSums) error {
	left, theirs := k.Totals(), o.Totals()
	for f := range left {
		d, ok := left[f].minus(&theirs[f])
		if !ok {
			return ErrNotInvertible
		}
		left[f] = d
	}
	if err := k.keyed.subtract(&o.keyed); err != nil {
		return err
	}
	k.groups.spilled = left
	return nil
}

// subtractMemory subtracts o from a table without runs, after a first pass that
// checks that it can be done.
func (k *KeyedSums) subtractMemory(o *KeyedSums) error {
	enough := true
	err := o.parts(func(key packed, long []byte, folds []Group) bool {
		e := k.find(key, long)
		if e == nil {
			enough = false
			return false
		}
		for f, g := range k.groups.of(int(e.held)) {
			_, ok := g.minus(&folds[f])
			enough = enough && ok
		}
		return enough
	})
	if err != nil {
		return err
	}
	if !enough {
		return ErrNotInvertible
	}
	k.err = o.parts(func(key packed, long []byte, folds []Group) bool {
		cells := k.groups.of(int(k.find(key, long).held))
		for f := range cells {
			cells[f], _ = cells[f].minus(&folds[f])
		}
		return true
	})
	return k.err
}

// AppendBinary implements Statistic. The state is, per key in ascending order, a
// uvarint length, the key, and a group per fold (see appendGroup).
func (k *KeyedSums) AppendBinary(b []byte) ([]byte, error) {
	return k.appendEntries(append(b, k.head...))
}

// UnmarshalBinary implements Statistic.
func (k *KeyedSums) UnmarshalBinary(data []byte) error { return k.decode(bytes.Clone(data)) }

// decode is UnmarshalBinary that keeps data.
func (k *KeyedSums) decode(data []byte) error {
	r, err := k.state(data)
	if err != nil {
		return err
	}
	d := newKeyedSums(k.header, k.res)
	if err := d.read(wholePieces(r.data), uint64(len(r.data))); err != nil {
		d.close()
		return err
	}
	k.close()
	*k = *d
	k.keyed.load = &k.groups
	return nil
}

// read reads size bytes of entries into a statistic that is empty.
func (k *KeyedSums) read(p *Pieces, size uint64) error {
	s, folds := newKeyScan(k.spec.Types[2:]), make([]Group, k.spec.Folds)
	return k.readAll(p, size, func(entries []byte) (taken int, err error) {
		for taken < len(entries) {
			key, n, err := s.next(entries[taken:], s.last)
			if err != nil || n == 0 {
				return taken, err
			}
			r := reader{data: entries[taken+n:]}
			rows := readGroups(&r, folds)
			if r.bad {
				return taken, nil
			}
			if err := s.decode(key); err != nil {
				return taken, err
			}
			if rows == 0 || mergeable(k.seen, rows) != nil {
				return taken, corrupt("group that cannot be")
			}
			k.seen += rows
			for f := range folds {
				k.groups.spilled[f].merge(&folds[f])
			}
			s.last, taken = key, len(entries)-len(r.data)
		}
		return taken, nil
	})
}

// Close implements Statistic.
func (k *KeyedSums) Close() error { return k.close() }
