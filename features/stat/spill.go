package stat

import "encoding/binary"

// payload gives what the entries of a table hold its meaning: a count, or the
// number of its groups.
type payload interface {
	// present reports whether there is anything; keys without content do not count.
	present(held int) bool
	// appendBody appends the canonical bytes of the content.
	appendBody(b []byte, held int) []byte
	// combine appends the canonical bytes of the sum of the bodies add without
	// those of take, or nothing if that is empty. It may return ErrNotInvertible.
	combine(b []byte, add, take [][]byte) ([]byte, error)
	// reset forgets everything and gives the memory back.
	reset()
	// bytes returns how much heap the payload holds beside the table.
	bytes() int64
}

// keyed is a map from keys to payloads: a table in memory, and runs on disk once
// the budget is spent. A key may have content in several of them; the state is
// their sum. The first error of the disk sticks: everything later returns it.
type keyed struct {
	table
	load payload
	res  Resources
	runs []*run
	err  error
}

// maxRuns is how many runs of one level there may be before they are merged.
const maxRuns = 32

// bounded spills if the budget is spent. Places and numbers are invalid afterwards.
func (k *keyed) bounded() error {
	if k.err == nil && k.res.Bytes > 0 && k.len() > 0 && k.table.bytes()+k.load.bytes() > k.res.Bytes {
		k.err = k.spill()
	}
	return k.err
}

// spill writes the table as a run.
func (k *keyed) spill() error {
	slots := k.index
	r, err := k.write([]cursor{k.memory()}, 0, 0)
	if err != nil {
		return err
	}
	k.runs = append(k.runs, r)
	k.index = slots // it is there for what comes
	k.shrink()
	return k.settle()
}

// adopt makes the runs of o runs of k, too.
func (k *keyed) adopt(o *keyed) error {
	for _, r := range o.runs {
		k.runs = append(k.runs, r.share())
	}
	return k.settle()
}

// settle merges the runs of a level when they are many.
func (k *keyed) settle() error {
	for level := 0; ; level++ {
		var same []cursor
		var others, merged []*run
		higher := false
		for _, r := range k.runs {
			higher = higher || r.level > level
			if r.level == level {
				same, merged = append(same, &runCursor{run: r}), append(merged, r)
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
		r, err := k.write(same, 0, level+1)
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

// write makes a run of the entries of cursors; the last taken are subtracted.
func (k *keyed) write(cursors []cursor, taken, level int) (*run, error) {
	w, err := newRun(k.res.Dir, level, k.block())
	if err != nil {
		return nil, err
	}
	err = k.merge(cursors, taken, func(key, body []byte) (bool, error) { return true, w.add(key, body) })
	if err != nil {
		w.run.file.Close()
		return nil, err
	}
	return w.finish()
}

// block returns how large the blocks of runs are: all those that are read at the
// same time take a fraction of the budget.
func (k *keyed) block() int {
	return int(min(max(k.res.Bytes/(4*maxRuns), minRunBlock), maxRunBlock))
}

// cursors returns all parts of the state.
func (k *keyed) cursors() []cursor {
	var all []cursor
	for _, r := range k.runs {
		all = append(all, &runCursor{run: r})
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

// subtract replaces the state by itself without o's, through the disk.
func (k *keyed) subtract(o *keyed) error {
	theirs := o.cursors()
	r, err := k.write(append(k.cursors(), theirs...), len(theirs), 1)
	if err != nil {
		return err
	}
	closeRuns(k.runs)
	k.runs = []*run{r}
	k.shrink()
	return nil
}

// appendEntries appends the canonical bytes: per key, ascending, a uvarint
// length, the key, and the body.
func (k *keyed) appendEntries(b []byte) ([]byte, error) {
	err := k.each(func(key, body []byte) (bool, error) {
		b = append(binary.AppendUvarint(b, uint64(len(key))), key...)
		b = append(b, body...)
		return true, nil
	})
	return b, err
}

// close gives the runs back.
func (k *keyed) close() error {
	closeRuns(k.runs)
	k.runs = nil
	return nil
}

// closeRuns gives runs up.
func closeRuns(runs []*run) {
	for _, r := range runs {
		r.close()
	}
}
