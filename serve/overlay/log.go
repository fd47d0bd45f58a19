package overlay

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"quern/features/diag"
)

const (
	lockName       = "lock"
	checkpointName = "checkpoint"
	checkpointTemp = "checkpoint.new"
	walPrefix      = "wal-"
)

// walName returns the name of the file whose first row has a sequence.
func walName(first uint64) string { return fmt.Sprintf("%s%020d", walPrefix, first) }

// log is the write-ahead log. It belongs to one goroutine at a time.
type log struct {
	disk   disk
	schema [32]byte
	limit  int64     // bytes from which on a file gets no more frames
	files  []walFile // with durable rows, oldest first
	check  checkpoint

	active file // that is written to; nil: the next frame makes one
	id     uint64
	end    int64  // bytes of active that are durable
	dirty  bool   // there may be something behind end, from a write that failed
	next   uint64 // sequence of the next row
	failed error  // why nothing is written any more
	buffer []byte
}

// walFile is a file of rows.
type walFile struct {
	name        string
	first, last uint64
	bytes       int64
}

// unwritten is Q672: nothing of this was acknowledged, and it may be tried again.
func unwritten(what string, err error) error { return diag.New("Q672", "%s", what).Because(err) }

// fail makes the log refuse everything from now on.
func (w *log) fail(what string, err error) error {
	w.failed = diag.New("Q673", "%s", what).Because(err)
	return w.failed
}

// begin lets the sequences of a log that has no rows follow another one's.
func (w *log) begin(after uint64) error {
	switch {
	case after >= maxSeq:
		return damaged(checkpointName, 0, "it would begin at a sequence that nobody reaches")
	case w.next > after || len(w.files) > 0:
		return nil
	}
	if err := w.note(checkpoint{Seq: after, Note: w.check.Note}); err != nil {
		return err
	}
	w.next = after + 1
	return nil
}

// append makes rows durable as one frame. fill appends them to a buffer, given the
// sequence of the first. When it fails, the log is as it was before, or refuses everything.
func (w *log) append(rows uint32, fill func(b []byte, first uint64) []byte) error {
	if w.failed != nil {
		return w.failed
	}
	if err := w.prepare(); err != nil {
		return err
	}
	fresh := w.end == 0
	frame := w.encode(rows, fill)
	if _, err := w.active.WriteAt(frame, w.end); err != nil {
		w.dirty = true
		return unwritten("rows cannot be written to the log", err)
	}
	if err := w.active.Sync(); err != nil {
		return w.fail("the log could not be made durable", err)
	}
	if fresh {
		if err := w.disk.Sync(); err != nil {
			return w.fail("the name of a log file could not be made durable", err)
		}
		w.files = append(w.files, walFile{name: walName(w.next), first: w.next})
	}
	w.dirty = false
	w.end += int64(len(frame))
	w.next += uint64(rows)
	f := &w.files[len(w.files)-1]
	f.last, f.bytes = w.next-1, w.end
	return nil
}

// prepare sees to it that there is a file, and nothing behind its end.
func (w *log) prepare() error {
	if w.active != nil && w.end >= w.limit {
		w.leave()
	}
	if w.active == nil {
		f, err := w.disk.Create(walName(w.next))
		if err != nil {
			return unwritten("a log file cannot be made", err)
		}
		w.active, w.id, w.end, w.dirty = f, rand.Uint64(), 0, false
	}
	if w.dirty {
		// What a failed write left is not made durable as nothing here, but with the
		// next frame.
		if err := w.active.Truncate(w.end); err != nil {
			return unwritten("the log cannot be cut", err)
		}
	}
	return nil
}

// leave closes the active file, so that the next frame makes another. Nothing is behind its
// end that could be taken for damage: after a failed write, the next frame goes to the same
// file, unless all rows of the file are in segments and nobody reads it again.
func (w *log) leave() {
	if w.active != nil {
		w.active.Close() // what counts is durable
		w.active = nil
	}
}

// keepBuffer is how large a buffer may be that is kept for the next frame.
const keepBuffer = 16 << 20

// encode returns the bytes of a frame, and of the header where it is the first.
func (w *log) encode(rows uint32, fill func([]byte, uint64) []byte) []byte {
	b := w.buffer[:0]
	if w.end == 0 {
		b = header{id: w.id, first: w.next, schema: w.schema}.append(b)
	}
	at := len(b)
	b = fill(append(b, make([]byte, headSize)...), w.next)
	payload := b[at+headSize:]
	if len(payload) > maxPayload {
		panic("quern: bug: a frame is too large")
	}
	h := head{length: uint32(len(payload)), first: w.next, id: w.id, rows: rows, sum: checksum(payload)}
	h.put(b[at:])
	b = append(b, make([]byte, -len(b)&7)...)
	if w.buffer = b; cap(b) > keepBuffer {
		w.buffer = nil
	}
	return b
}

// note makes it durable that rows are in segments.
func (w *log) note(c checkpoint) error {
	if w.failed != nil {
		return w.failed
	}
	if err := c.write(w.disk); err != nil {
		return err
	}
	w.check = c
	return nil
}

// trim removes the files whose rows are all in segments. Those that cannot be removed now
// are by the next call, or when the log is opened.
func (w *log) trim() {
	if n := len(w.files); n > 0 && w.files[n-1].last <= w.check.Seq {
		w.leave()
	}
	w.files = slices.DeleteFunc(w.files, func(f walFile) bool {
		return f.last <= w.check.Seq && w.disk.Remove(f.name) == nil
	})
}

// bytes returns how large the files are.
func (w *log) bytes() (n int64) {
	for _, f := range w.files {
		n += f.bytes
	}
	return n
}

// close closes the log. What was acknowledged is durable anyway.
func (w *log) close() error {
	if w.failed == nil {
		w.failed = errors.New("the overlay is closed")
	}
	if w.active == nil {
		return nil
	}
	err := w.active.Close()
	w.active = nil
	return err
}
