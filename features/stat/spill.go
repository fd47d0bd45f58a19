package stat

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// payload gives what the entries of a table hold its meaning: a count, or the
// number of its groups.
type payload interface {
	// present reports whether there is anything; keys without content do not count.
	present(held int) bool
	// appendBody appends the canonical bytes of the content.
	appendBody(b []byte, held int) []byte
	// length returns how many bytes the body has that data begins with, which appendBody
	// wrote; 0: it is damaged.
	length(data []byte) int
	// combine appends the canonical bytes of the sum of the bodies add without
	// those of take, or nothing if that is empty. It may return ErrNotInvertible.
	combine(b []byte, add, take [][]byte) ([]byte, error)
	// reset forgets everything and gives the memory back.
	reset()
	// bytes returns how much heap the payload holds beside the table.
	bytes() int64
}

// keyed is a map from keys to payloads: a table, to which is added what is observed, and
// sorted runs, which come from canonical bytes, from merging, and from the table once the
// budget is spent. Runs are in memory as long as the budget lets them, then in files. A
// key may have content in several of them; the state is their sum. The first error of
// the disk sticks: everything later returns it.
type keyed struct {
	table
	load payload
	res  Resources
	runs []*run
	heap int64 // bytes of the runs in memory
	err  error
}

// maxRuns is how many runs of one level there may be before they are merged.
const maxRuns = 32

// bounded spills if the budget is spent. Places and numbers are invalid afterwards.
func (k *keyed) bounded() error {
	if k.err == nil && k.res.Bytes > 0 && (k.len() > 0 || k.heap > 0) && k.heap+k.table.bytes()+k.load.bytes() > k.res.Bytes {
		k.err = k.spill()
	}
	return k.err
}

// spill writes the table and the runs in memory to a file, as one run.
func (k *keyed) spill() error {
	var parts []cursor
	if k.len() > 0 {
		slots := k.index
		parts = append(parts, k.memory())
		k.index = slots // it is there for what comes
	}
	within, files := k.split()
	for _, r := range within {
		parts = append(parts, k.cursor(r))
	}
	w, err := newRun(k.res.Dir, 0, k.block())
	if err != nil {
		return err
	}
	r, err := k.write(w, parts, 0)
	if err != nil {
		return err
	}
	closeRuns(within)
	k.runs, k.heap = append(files, r), 0
	k.shrink()
	return k.settle()
}

// split returns the runs in memory, and those in files.
func (k *keyed) split() (within, files []*run) {
	for _, r := range k.runs {
		if r.file == nil {
			within = append(within, r)
		} else {
			files = append(files, r)
		}
	}
	return within, files
}

// onDisk reports whether there are runs in files.
func (k *keyed) onDisk() bool {
	return slices.ContainsFunc(k.runs, func(r *run) bool { return r.file != nil })
}

// adopt makes the runs of o runs of k, too.
func (k *keyed) adopt(o *keyed) error {
	for _, r := range o.runs {
		k.own(r.share())
	}
	k.err = cmp.Or(k.gather(), k.settle())
	return k.bounded()
}

// own takes over a run.
func (k *keyed) own(r *run) {
	k.runs = append(k.runs, r)
	if r.file == nil {
		k.heap += r.size
	}
}

// gather merges runs in memory when they are many, or take much more memory than what
// would come of them: so however many are merged into a statistic, it holds a few times
// its size at most, and of what it holds little is merged often.
func (k *keyed) gather() error {
	within, files := k.split()
	if len(within) < 2 {
		return nil
	}
	slices.SortStableFunc(within, func(a, b *run) int { return cmp.Compare(a.size, b.size) })
	largest := within[len(within)-1].size
	if len(within) < maxRuns && k.heap-largest <= 2*largest {
		return nil
	}
	n, size := 2, within[0].size+within[1].size
	for n < len(within) && within[n].size <= 2*size {
		size += within[n].size
		n++
	}
	return k.join(within[:n], append(files, within[n:]...), size)
}

// join replaces some runs in memory, of so many bytes, by their sum.
func (k *keyed) join(some, others []*run, size int64) error {
	parts := make([]cursor, len(some))
	for i, r := range some {
		parts[i] = k.cursor(r)
	}
	r, err := k.write(newHeapRun(size), parts, 0)
	if err != nil {
		return err
	}
	closeRuns(some)
	k.runs, k.heap = others, k.heap-size
	k.own(r)
	return nil
}

// settle merges the files of a level when they are many.
func (k *keyed) settle() error {
	for level := 0; ; level++ {
		var same []cursor
		var others, merged []*run
		higher := false
		for _, r := range k.runs {
			higher = higher || r.level > level
			if r.file != nil && r.level == level {
				same, merged = append(same, k.cursor(r)), append(merged, r)
			} else {
				others = append(others, r)
			}
		}
		if len(same) < maxRuns {
			if higher {
				continue
			}
			return nil
		}
		w, err := newRun(k.res.Dir, level+1, k.block())
		if err != nil {
			return err
		}
		r, err := k.write(w, same, 0)
		if err != nil {
			return err
		}
		closeRuns(merged)
		k.runs = append(others, r)
	}
}

// shrink empties what is in memory. The table keeps the memory for what comes.
func (k *keyed) shrink() {
	k.table.empty()
	k.load.reset()
}

// write writes the entries of cursors; the last taken are subtracted.
func (k *keyed) write(w *runWriter, cursors []cursor, taken int) (*run, error) {
	err := k.merge(cursors, taken, func(key, body []byte) (bool, error) { return true, w.add(key, body) })
	if err != nil {
		w.run.close()
		return nil, err
	}
	return w.finish()
}

// block returns how large the blocks of runs are: all those that are read at the
// same time take a fraction of the budget.
func (k *keyed) block() int {
	return int(min(max(k.res.Bytes/(4*maxRuns), minRunBlock), maxRunBlock))
}

// cursor returns a cursor over a run.
func (k *keyed) cursor(r *run) cursor { return &runCursor{run: r, load: k.load} }

// cursors returns all parts of the state.
func (k *keyed) cursors() []cursor {
	var all []cursor
	for _, r := range k.runs {
		all = append(all, k.cursor(r))
	}
	if k.len() > 0 {
		all = append(all, k.memory())
	}
	return all
}

// each calls f with the entries of the state in ascending order of the keys,
// until it returns false. key and body are valid until f returns.
func (k *keyed) each(f func(key, body []byte) (bool, error)) error {
	if k.err != nil {
		return k.err
	}
	return k.merge(k.cursors(), 0, f)
}

// count returns how many keys there are. An error of the disk sticks.
func (k *keyed) count() int {
	n := 0
	if len(k.runs) == 0 {
		k.entries(func(e *entry) bool {
			if k.load.present(int(e.held)) {
				n++
			}
			return true
		})
		return n
	}
	k.err = k.each(func(key, body []byte) (bool, error) {
		n++
		return true, nil
	})
	return n
}

// subtract replaces the state by itself without o's: in memory if all of it is there.
func (k *keyed) subtract(o *keyed) (err error) {
	w := newHeapRun(k.heap)
	if k.onDisk() {
		if w, err = newRun(k.res.Dir, 1, k.block()); err != nil {
			return err
		}
	}
	theirs := o.cursors()
	r, err := k.write(w, append(k.cursors(), theirs...), len(theirs))
	if err != nil {
		return err
	}
	closeRuns(k.runs)
	k.runs, k.heap = nil, 0
	k.own(r)
	k.shrink()
	return nil
}

// appendEntries appends the canonical bytes: per key, ascending, a uvarint
// length, the key, and the body.
func (k *keyed) appendEntries(b []byte) ([]byte, error) {
	switch {
	case k.err != nil:
		return b, k.err
	case len(k.runs) == 0:
		return k.appendTable(b), nil
	case len(k.runs) == 1 && k.len() == 0 && k.runs[0].file == nil:
		for _, entries := range k.runs[0].blocks {
			b = append(b, entries...)
		}
		return b, nil
	}
	err := k.each(func(key, body []byte) (bool, error) {
		b = append(binary.AppendUvarint(b, uint64(len(key))), key...)
		b = append(b, body...)
		return true, nil
	})
	return b, err
}

// appendTable appends the entries of the table.
func (k *keyed) appendTable(b []byte) []byte {
	k.sortByKey()
	tag := 0
	if k.single {
		tag = 1
	}
	for place := range uint32(k.n) {
		e := k.at(place)
		if !k.load.present(int(e.held)) {
			continue
		}
		if e.null() {
			b = append(b, 1)
		} else {
			b = binary.AppendUvarint(b, uint64(tag+e.size(&k.chunks)))
		}
		b = k.load.appendBody(k.appendKey(b, e), int(e.held))
	}
	return b
}

// Extent returns about how many bytes AppendBinary appends, or more, as far as they are in
// memory. It counts contents as a few bytes each.
func (k *keyed) Extent() int {
	const head = 2 + binary.MaxVarintLen32
	n := int(k.heap) + int(k.chunks.bytes())
	k.entries(func(e *entry) bool {
		n += head
		if !e.long() {
			n += e.size(&k.chunks)
		}
		return true
	})
	return n
}

// close gives the runs back.
func (k *keyed) close() error {
	closeRuns(k.runs)
	k.runs, k.heap = nil, 0
	return nil
}

// closeRuns gives runs up.
func closeRuns(runs []*run) {
	for _, r := range runs {
		r.close()
	}
}
