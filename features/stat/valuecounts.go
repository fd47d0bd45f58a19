package stat

import (
	"bytes"
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
	rows  keyer
	local []uint32 // per local id, how often; zero between batches
	total uint64
	nulls uint64
	most  int // keys that may be there before Observe stops early; 0: any number
}

func newValueCounts(h header, res Resources) *ValueCounts {
	v := &ValueCounts{header: h}
	v.keyed = keyed{load: valueCounts{}, res: res}
	v.single, v.budget, v.seed = len(h.spec.Types) == 1, res.Bytes, res.Seed
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
		v.sortByKey()
		return v.unordered(f)
	}
	return v.each(func(key, body []byte) (bool, error) {
		count, _ := binary.Uvarint(body)
		return f(key, count), nil
	})
}

// unordered is Each in the order in which the table is, of one without runs.
func (v *ValueCounts) unordered(f func(key []byte, count uint64) bool) error {
	var key []byte
	v.entries(func(e *entry) bool {
		if e.held == 0 {
			return true
		}
		key = v.appendKey(key[:0], e)
		return f(key, e.held)
	})
	return nil
}

// Observe implements Statistic.
func (v *ValueCounts) Observe(args []column.Column, weights []uint64) {
	v.check(args, weights)
	if size := v.rows.begin(args); size > 0 {
		v.observeLocal(size)
		return
	}
	var b block
	for row := 0; row < args[0].Len && !v.enough(); {
		b.reset()
		row = b.rows(row, args[0].Len, weights)
		v.rows.load(&b, false)
		v.put(&b)
	}
}

// enough reports whether there are too many keys already for others to matter.
func (v *ValueCounts) enough() bool { return v.most > 0 && v.len() > v.most && v.Len() > v.most }

// observeLocal counts local ids first and looks each used one up once.
func (v *ValueCounts) observeLocal(size int) {
	if len(v.local) < size {
		v.local = make([]uint32, size)
	}
	if v.expected == 0 {
		v.expected = min(size, v.rows.columns[0].Len)
	}
	local, rows := v.local[:size], v.rows.locals()
	for _, id := range rows {
		local[id]++
	}
	var b block
	take := func(id uint32) {
		b.ids[b.n], b.times[b.n] = id, uint64(local[id])
		local[id] = 0
		if b.n++; b.full() {
			v.rows.load(&b, true)
			v.put(&b)
			b.reset()
		}
	}
	if size <= 4*len(rows) { // else most local ids are in no row
		for id, n := range local {
			if n > 0 {
				take(uint32(id))
			}
		}
	} else {
		for _, id := range rows {
			if local[id] > 0 {
				take(uint32(id))
			}
		}
	}
	v.rows.load(&b, true)
	v.put(&b)
}

// put counts the keys of b, which may then be filled again, and spills if the
// budget is spent.
func (v *ValueCounts) put(b *block) error {
	if b.n == 0 {
		return v.err
	}
	v.place(b)
	for _, times := range b.times[:b.n] {
		v.total = addRows(v.total, times)
	}
	if b.nulls {
		for i, times := range b.times[:b.n] {
			if b.keys[i].null() {
				v.nulls += times
			}
		}
	}
	return v.bounded()
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
	if len(o.runs) > 0 && v.res.Bytes == 0 && o.onDisk() {
		v.err = v.readRuns(o) // a part may have been merged: v is of no use any more
		return v.err
	}
	if len(o.runs) > 0 {
		v.total += o.total - o.inTable()
		v.nulls += o.nulls - o.nullsInTable()
		if v.err = v.adopt(&o.keyed); v.err != nil {
			return v.err
		}
	}
	if v.absorbs(&o.table) {
		v.total += o.inTable()
		v.nulls += o.nullsInTable()
		v.absorb(&o.table)
		return nil
	}
	var b block
	o.entries(func(e *entry) bool {
		if e.held > 0 {
			key, long := o.packed(e)
			if b.add(key, long, e.held); b.full() {
				v.put(&b)
				b.reset()
			}
		}
		return v.err == nil
	})
	return v.put(&b)
}

// readRuns merges all of o, which has runs, into memory.
func (v *ValueCounts) readRuns(o *ValueCounts) error {
	var f filler
	err := o.Each(func(key []byte, count uint64) bool { return f.add(v, key, count) == nil })
	return cmp.Or(err, f.flush(v))
}

// inTable returns how many rows the table has counted since it was last spilled.
func (v *ValueCounts) inTable() (rows uint64) {
	if len(v.runs) == 0 {
		return v.total
	}
	v.entries(func(e *entry) bool {
		rows += e.held
		return true
	})
	return rows
}

// nullsInTable returns how many of these were null.
func (v *ValueCounts) nullsInTable() uint64 {
	if e := v.find(packed{0, nullWord}, nil); v.single && e != nil {
		return e.held
	}
	return 0
}

// filler puts keys given as bytes, a block at a time. Its bytes are its own.
type filler struct {
	block
	bytes []byte
}

func (f *filler) add(v *ValueCounts, key []byte, count uint64) error {
	if len(key) > cap(f.bytes)-len(f.bytes) {
		f.bytes = make([]byte, 0, max(1<<14, len(key))) // earlier keys keep the old ones
	}
	from := len(f.bytes)
	f.bytes = append(f.bytes, key...)
	p, long := v.pack(f.bytes[from:])
	f.block.add(p, long, count)
	if f.full() {
		return f.flush(v)
	}
	return v.err
}

func (f *filler) flush(v *ValueCounts) error {
	err := v.put(&f.block)
	f.reset()
	f.bytes = f.bytes[:0]
	return err
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
	parts := func(f func(key packed, long []byte, count uint64) bool) error {
		if len(o.runs) == 0 {
			o.entries(func(e *entry) bool {
				key, long := o.packed(e)
				return e.held == 0 || f(key, long, e.held)
			})
			return nil
		}
		return o.Each(func(key []byte, count uint64) bool {
			p, long := v.pack(key)
			return f(p, long, count)
		})
	}
	err := parts(func(key packed, long []byte, count uint64) bool {
		e := v.find(key, long)
		enough = e != nil && e.held >= count
		return enough
	})
	if err != nil {
		return err
	}
	if !enough {
		return ErrNotInvertible
	}
	v.err = parts(func(key packed, long []byte, count uint64) bool {
		v.find(key, long).held -= count
		return true
	})
	return v.err
}

// AppendBinary implements Statistic. The state is, per key in ascending order,
// a uvarint length, the key, and the uvarint count.
func (v *ValueCounts) AppendBinary(b []byte) ([]byte, error) {
	return v.appendEntries(append(b, v.head...))
}

// UnmarshalBinary implements Statistic.
func (v *ValueCounts) UnmarshalBinary(data []byte) error { return v.decode(bytes.Clone(data)) }

// decode is UnmarshalBinary that keeps data.
func (v *ValueCounts) decode(data []byte) error {
	r, err := v.state(data)
	if err != nil {
		return err
	}
	d := newValueCounts(v.header, v.res)
	if err := d.read(wholePieces(r.data), uint64(len(r.data))); err != nil {
		d.close()
		return err
	}
	v.replace(d)
	return nil
}

// replace makes v what d is; d is of no use any more.
func (v *ValueCounts) replace(d *ValueCounts) {
	v.close()
	d.most = v.most
	*v = *d
}

// read reads size bytes of entries into a statistic that is empty.
func (v *ValueCounts) read(p *Pieces, size uint64) error {
	return v.readCounts(p, size, nil)
}

// readCounts is read of values that may says are allowed; nil: all.
func (v *ValueCounts) readCounts(p *Pieces, size uint64, may func([]Cell) bool) error {
	s := newKeyScan(v.spec.Types)
	return v.readAll(p, size, func(entries []byte) (taken int, err error) {
		last := s.last
		for taken < len(entries) {
			key, at, err := s.next(entries[taken:], last)
			if err != nil {
				return taken, err
			}
			count, n := uvarint(entries[taken+at:])
			if at == 0 || n == 0 {
				break
			}
			if err := s.decode(key); err != nil {
				return taken, err
			}
			if count == 0 || mergeable(v.total, count) != nil || count > maxRows || may != nil && !may(s.cells) {
				return taken, corrupt("count or value that cannot be")
			}
			v.total += count
			if v.single && isNull(key) {
				v.nulls += count
			}
			last, taken = key, taken+at+n
		}
		s.last = last
		return taken, nil
	})
}

// Close implements Statistic.
func (v *ValueCounts) Close() error { return v.close() }

// valueCounts is the payload: entries hold counts.
type valueCounts struct{}

func (valueCounts) present(held int) bool { return held > 0 }

func (valueCounts) appendBody(b []byte, held int) []byte {
	return binary.AppendUvarint(b, uint64(held))
}

func (valueCounts) length(data []byte) int {
	_, n := uvarint(data)
	return n
}

func (valueCounts) combine(b []byte, add, take [][]byte) ([]byte, error) {
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
		if len(body) == 1 {
			sum += uint64(body[0])
			continue
		}
		c, _ := binary.Uvarint(body)
		sum += c
	}
	return sum
}

func (valueCounts) reset()       {}
func (valueCounts) bytes() int64 { return 0 }
