package stat

import (
	"cmp"
	"encoding/binary"

	"quern/features/column"
)

// ValueCounts counts how often each value of a column, or each tuple of values
// of several columns, occurs. Null is a value, NaN is one value, and 0 and -0
// are the same. Keys are bytes whose order is that of the values (see DecodeKey).
//
// Past Resources.Bytes it spills sorted runs to disk; results and bytes are the
// same. An error of the disk shows in the next method that returns an error.
type ValueCounts struct {
	header
	keyed
	rows   keyer
	dense  []uint32 // per local id, how often; zero between batches
	used   []uint32 // the local ids of the batch
	counts valueCounts
	total  uint64
	nulls  uint64
}

func newValueCounts(h header, res Resources) *ValueCounts {
	v := &ValueCounts{header: h}
	v.keyed = keyed{load: &v.counts, res: res}
	return v
}

// Total returns how many rows there were, nulls included.
func (v *ValueCounts) Total() uint64 { return v.total }

// NullCount returns how many rows of a single column were null; 0 for tuples.
func (v *ValueCounts) NullCount() uint64 { return v.nulls }

// Len returns how many distinct values there are, null included. When runs were
// spilled it reads them.
func (v *ValueCounts) Len() int { return v.count() }

// Each calls f with every value's key and count, in ascending order of the keys,
// until f returns false. key is valid until f returns.
func (v *ValueCounts) Each(f func(key []byte, count uint64) bool) error {
	if v.err == nil && len(v.runs) == 0 {
		for _, r := range v.sorted() {
			if c := v.counts[r.id]; c > 0 && !f(v.key(r.id), c) {
				break
			}
		}
		return nil
	}
	return v.each(func(key, body []byte) (bool, error) {
		count, _ := binary.Uvarint(body)
		return f(key, count), nil
	})
}

// unordered is Each without the order, which costs a sort.
func (v *ValueCounts) unordered(f func(key []byte, count uint64) bool) error {
	if v.err != nil || len(v.runs) > 0 {
		return v.Each(f)
	}
	for id, count := range v.counts {
		if count > 0 && !f(v.key(id), count) {
			break
		}
	}
	return nil
}

// Observe implements Statistic.
func (v *ValueCounts) Observe(args []column.Column, weights []uint64) {
	v.check(args, weights)
	n := args[0].Len
	if size := v.rows.begin(args); size > 0 {
		v.observeLocal(size)
	} else {
		for row := range n {
			times := uint64(1)
			if weights != nil {
				times = weights[row]
			}
			if times > 0 {
				v.add(v.rows.rowKey(row), times)
			}
		}
	}
	v.bounded()
}

// observeLocal counts local ids first and looks each used one up once.
func (v *ValueCounts) observeLocal(size int) {
	if len(v.dense) < size {
		v.dense = make([]uint32, size)
	}
	dense, used := v.dense, v.used[:0]
	for _, local := range v.rows.local {
		if dense[local] == 0 {
			used = append(used, local)
		}
		dense[local]++
	}
	for _, local := range used {
		v.add(v.rows.localKey(local), uint64(dense[local]))
		dense[local] = 0
	}
	v.used = used
}

// add counts key times times.
func (v *ValueCounts) add(key []byte, times uint64) {
	v.total = addRows(v.total, times)
	if isNull(key) {
		v.nulls += times
	}
	id, fresh := v.id(key)
	if fresh {
		v.counts = append(v.counts, 0)
	}
	v.counts[id] += times
}

// isNull reports whether key is the null of a single column.
func isNull(key []byte) bool { return len(key) == 1 && key[0] == tagNull }

// Merge implements Statistic.
func (v *ValueCounts) Merge(other Statistic) error {
	o, ok := other.(*ValueCounts)
	if !ok || !v.same(&o.header) {
		return ErrMismatch
	}
	return v.mergeCounts(o)
}

func (v *ValueCounts) mergeCounts(o *ValueCounts) error {
	if err := mergeable(v.total, o.total); err != nil {
		return err
	}
	if err := cmp.Or(v.err, o.err); err != nil {
		return err
	}
	if v == o {
		return v.double()
	}
	err := o.unordered(func(key []byte, count uint64) bool {
		v.add(key, count)
		return v.bounded() == nil
	})
	if v.err == nil {
		v.err = err // a part may have been merged: v is of no use any more
	}
	return v.err
}

// double merges v with itself.
func (v *ValueCounts) double() error {
	copied := newValueCounts(v.header, v.res)
	defer copied.close()
	if err := copied.mergeCounts(v); err != nil {
		return err
	}
	return v.mergeCounts(copied)
}

// Subtract implements Statistic.
func (v *ValueCounts) Subtract(other Statistic) error {
	o, ok := other.(*ValueCounts)
	if !ok || !v.same(&o.header) {
		return ErrMismatch
	}
	return v.subtractCounts(o)
}

func (v *ValueCounts) subtractCounts(o *ValueCounts) error {
	if err := cmp.Or(v.err, o.err); err != nil {
		return err
	}
	if o.total > v.total || o.nulls > v.nulls {
		return ErrNotInvertible
	}
	subtract := v.subtractMemory
	if len(v.runs) > 0 {
		subtract = func(o *ValueCounts) error { return v.keyed.subtract(&o.keyed) }
	}
	if err := subtract(o); err != nil {
		return err
	}
	v.total -= o.total
	v.nulls -= o.nulls
	return nil
}

// subtractMemory subtracts o from a table without runs, after a first pass that
// checks that it can be done.
func (v *ValueCounts) subtractMemory(o *ValueCounts) error {
	enough := true
	err := o.unordered(func(key []byte, count uint64) bool {
		id := v.find(key)
		enough = id >= 0 && v.counts[id] >= count
		return enough
	})
	if err != nil {
		return err
	}
	if !enough {
		return ErrNotInvertible
	}
	err = o.unordered(func(key []byte, count uint64) bool {
		v.counts[v.find(key)] -= count
		return true
	})
	v.err = err
	return err
}

// AppendBinary implements Statistic. The state is, per key in ascending order,
// a uvarint length, the key, and the uvarint count.
func (v *ValueCounts) AppendBinary(b []byte) ([]byte, error) {
	return v.appendEntries(append(b, v.head...))
}

// UnmarshalBinary implements Statistic.
func (v *ValueCounts) UnmarshalBinary(data []byte) error {
	r, err := v.state(data)
	if err != nil {
		return err
	}
	d := newValueCounts(v.header, v.res)
	if err := d.readCounts(r, func([]Cell) bool { return true }); err != nil {
		d.close()
		return err
	}
	v.replace(d)
	return nil
}

// replace makes v what d is; d is of no use any more.
func (v *ValueCounts) replace(d *ValueCounts) {
	v.close()
	*v = *d
	v.keyed.load = &v.counts
}

// readCounts reads entries whose values may says are allowed.
func (v *ValueCounts) readCounts(r *reader, may func([]Cell) bool) error {
	cells := make([]Cell, len(v.spec.Types))
	return readEntries(r, v.spec.Types, cells, func(key []byte) error {
		count := r.counter()
		if r.bad || count == 0 || mergeable(v.total, count) != nil || !may(cells) {
			return corrupt("count or value that cannot be")
		}
		v.add(key, count)
		return v.bounded()
	})
}

// readEntries reads ascending keys, takes each apart into cells, and lets body read the rest.
func readEntries(r *reader, types []column.Type, cells []Cell, body func(key []byte) error) error {
	var last []byte
	for len(r.data) > 0 {
		key := r.take(r.uvarint())
		if r.bad || last != nil && string(key) <= string(last) {
			return corrupt("keys are not ascending")
		}
		if err := DecodeKey(types, key, cells); err != nil {
			return err
		}
		if err := body(key); err != nil {
			return err
		}
		last = key
	}
	return r.end()
}

// Close implements Statistic.
func (v *ValueCounts) Close() error { return v.close() }

// valueCounts is the payload: a count per key.
type valueCounts []uint64

func (c *valueCounts) present(id int) bool { return (*c)[id] > 0 }

func (c *valueCounts) appendBody(b []byte, id int) []byte {
	return binary.AppendUvarint(b, (*c)[id])
}

func (c *valueCounts) combine(b []byte, add, take [][]byte) ([]byte, error) {
	plus, minus := sumCounts(add), sumCounts(take)
	switch {
	case minus > plus:
		return b, ErrNotInvertible
	case minus == plus:
		return b, nil
	}
	return binary.AppendUvarint(b, plus-minus), nil
}

func sumCounts(bodies [][]byte) (sum uint64) {
	for _, body := range bodies {
		c, _ := binary.Uvarint(body)
		sum += c
	}
	return sum
}

func (c *valueCounts) reset()       { *c = nil }
func (c *valueCounts) bytes() int64 { return 8 * int64(cap(*c)) }
