package stat

import (
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
	local  []uint32 // per local id: the id of its key plus 1; zero between batches
	used   []uint32 // the local ids of the batch
	cells  []int64  // per row of the batch: the place of its group, or -1
	groups groups
	seen   uint64 // rows that are in a group
}

func newKeyedSums(h header, res Resources) *KeyedSums {
	k := &KeyedSums{header: h}
	k.groups = groups{folds: h.spec.Folds, spilled: make([]Group, h.spec.Folds)}
	k.keyed = keyed{load: &k.groups, res: res}
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
		for _, r := range k.sorted() {
			if k.groups.present(r.id) && !f(k.key(r.id), k.groups.of(r.id)) {
				break
			}
		}
		return nil
	}
	buffer := make([]Group, k.spec.Folds)
	return k.each(func(key, body []byte) (bool, error) {
		readGroups(&reader{data: body}, buffer)
		return f(key, buffer), nil
	})
}

// unordered is Each without the order, which costs a sort.
func (k *KeyedSums) unordered(f func(key []byte, folds []Group) bool) error {
	if k.err != nil || len(k.runs) > 0 {
		return k.Each(f)
	}
	for id := range k.len() {
		if k.groups.present(id) && !f(k.key(id), k.groups.of(id)) {
			break
		}
	}
	return nil
}

// Observe implements Statistic.
func (k *KeyedSums) Observe(args []column.Column, weights []uint64) {
	k.check(args, weights)
	target, folds := k.target.plain(&args[0]), k.fold.plain(&args[1])
	if folds.Nulls() > 0 {
		panic("quern: bug: null fold")
	}
	k.place(target, folds.Int64s[:folds.Len], args[2:])
	if target.Type.Real() {
		k.groups.addFloats(k.cells, target.Float64s)
	} else {
		k.groups.addInts(k.cells, target.Int64s)
	}
	k.bounded()
}

// place finds the group of every row. Finding first and adding afterwards lets
// the processor overlap the cache misses of both.
func (k *KeyedSums) place(target *column.Vector, folds []int64, keys []column.Column) {
	size := k.keys.begin(keys)
	if len(k.local) < size {
		k.local = make([]uint32, size)
	}
	k.cells = resize(k.cells, target.Len)
	real, cells, n := target.Type.Real(), k.cells, int64(k.spec.Folds)
	for row := range cells {
		if target.Null(row) || real && target.Float64s[row] != target.Float64s[row] {
			cells[row] = -1
			continue
		}
		fold := folds[row]
		if uint64(fold) >= uint64(n) {
			panic("quern: bug: fold out of range")
		}
		var id int64
		if size == 0 {
			id = int64(k.insert(k.keys.rowKey(row)))
		} else if id = int64(k.local[k.keys.local[row]]) - 1; id < 0 {
			id = k.meet(k.keys.local[row])
		}
		cells[row] = id*n + fold
		k.seen++
	}
	for _, local := range k.used {
		k.local[local] = 0
	}
	k.used = k.used[:0]
}

// meet returns the id of a local id that the batch has not used before.
func (k *KeyedSums) meet(local uint32) int64 {
	id := k.insert(k.keys.localKey(local))
	k.local[local] = uint32(id + 1)
	k.used = append(k.used, local)
	return int64(id)
}

// insert returns the id of key, which has groups from now on.
func (k *KeyedSums) insert(key []byte) int {
	id, fresh := k.id(key)
	if fresh {
		k.groups.grow()
	}
	return id
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
	err := o.unordered(func(key []byte, folds []Group) bool {
		k.addGroups(key, folds)
		return k.bounded() == nil
	})
	k.err = cmp.Or(k.err, err) // a part may have been merged: k is of no use any more
	return k.err
}

// addGroups merges folds into the groups of key.
func (k *KeyedSums) addGroups(key []byte, folds []Group) {
	cells := k.groups.of(k.insert(key))
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
	err := o.unordered(func(key []byte, folds []Group) bool {
		id := k.find(key)
		if id < 0 {
			enough = false
			return false
		}
		for f, g := range k.groups.of(id) {
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
	k.err = o.unordered(func(key []byte, folds []Group) bool {
		cells := k.groups.of(k.find(key))
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
func (k *KeyedSums) UnmarshalBinary(data []byte) error {
	r, err := k.state(data)
	if err != nil {
		return err
	}
	d := newKeyedSums(k.header, k.res)
	types := k.spec.Types[2:]
	folds := make([]Group, k.spec.Folds)
	err = readEntries(r, types, make([]Cell, len(types)), func(key []byte) error {
		rows := readGroups(r, folds)
		if r.bad || rows == 0 || mergeable(d.seen, rows) != nil {
			return corrupt("group that cannot be")
		}
		d.addGroups(key, folds)
		return d.bounded()
	})
	if err != nil {
		d.close()
		return err
	}
	k.close()
	*k = *d
	k.keyed.load = &k.groups
	return nil
}

// Close implements Statistic.
func (k *KeyedSums) Close() error { return k.close() }
