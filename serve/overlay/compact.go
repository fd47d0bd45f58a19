package overlay

import (
	"quern/serve/row"
)

// snapshotRows is how many rows Snapshot hands out at once.
const snapshotRows = 4096

// Snapshot hands out the rows of all keys, in batches whose memory is used again, and returns
// the sequence up to which the rows are covered: whoever has these rows, and what is still
// in the overlay after Trim of that sequence, has all. Rows that came later are left out, and
// so is a row that such a one replaced. Puts and look-ups go on meanwhile. An error of
// yield ends it.
func (v *Overlay) Snapshot(yield func(*row.Rows) error) (uint64, error) {
	// Rows up to seq are in the table, or greater ones of their keys: those with a
	// higher sequence stay after Trim.
	seq := v.durable.Load()
	var rows row.Rows
	rows.Reset(v.layout)
	for i := range v.table.parts {
		slots := *v.table.parts[i].slots.Load()
		for k := range slots {
			e := slots[k].Load()
			if e == nil || v.layout.Seq(e.row) > seq {
				continue
			}
			if rows.Append(e.row); rows.Len() < snapshotRows {
				continue
			}
			if err := yield(&rows); err != nil {
				return 0, err
			}
			rows.Reset(v.layout)
		}
	}
	if rows.Len() > 0 {
		if err := yield(&rows); err != nil {
			return 0, err
		}
	}
	return seq, nil
}

// Trim forgets the rows up to a sequence that Snapshot returned, and removes the files of
// the log that have no others. The rows must be in segments that are durable, current, and
// used by every request that is still to look up here. note is kept with the sequence,
// in Stats: what the segments are called, at most 64 KiB. A sequence that was trimmed before is
// nothing new and no error. Q672: nothing happened (a checkpoint needs a block of the disk); Q673: the log takes no more writes.
func (v *Overlay) Trim(seq uint64, note string) error {
	if len(note) > maxNote {
		panic("quern: bug: the note of a checkpoint is too long")
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if seq > v.durable.Load() {
		panic("quern: bug: rows are trimmed that are not there yet")
	}
	if seq < v.log.check.Seq || seq == v.log.check.Seq && note == v.log.check.Note {
		return nil
	}
	if err := v.log.note(checkpoint{Seq: seq, Note: note}); err != nil {
		return err
	}
	v.table.trim(seq)
	v.log.trim()
	return nil
}
