package overlay

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"quern/serve/row"
)

// maxSeq is more than any log has.
const maxSeq = 1 << 62

// scan is what reading one file of rows found.
type scan struct {
	header  header
	whole   bool  // the header is one
	end     int64 // of the last frame that is whole
	last    int64 // where that frame starts
	next    uint64
	size    int64
	torn    bool // something that is no frame is behind end
	follows bool // and the head of a frame is somewhere behind that
}

// openLog reads a folder and hands out its rows that are in no segment, in the order of their
// sequences. It cuts a torn tail, and makes durable what it handed out: the process that
// wrote it may have died before it did.
func openLog(d disk, l *row.Layout, limit int64, yield func(row.Row)) (*log, error) {
	w := &log{disk: d, limit: limit, schema: l.Schema().Digest()}
	var err error
	if w.check, err = readCheckpoint(d); err != nil {
		return nil, err
	}
	// The process that named these files may have died before the names were durable. That of
	// the checkpoint must be before files are removed for what it says: if the power went, they
	// could be gone, and the checkpoint before it be back. Those of files of rows must be before
	// their rows are handed out. What is removed from here on may come back: the next who opens
	// the log removes it again, as it does what log.trim removed.
	if err := d.Sync(); err != nil {
		return nil, err
	}
	names, err := d.List()
	if err != nil {
		return nil, err
	}
	if slices.Contains(names, checkpointTemp) {
		if err := d.Remove(checkpointTemp); err != nil {
			return nil, err
		}
	}
	w.next = w.check.Seq + 1
	firsts := walFirsts(names)
	for i, first := range firsts {
		following := uint64(0)
		if i < len(firsts)-1 {
			following = firsts[i+1]
		}
		if err := w.take(l, first, following, yield); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// take reads the file whose first row has a sequence, unless that is not the next one, or
// removes it unread where all its rows are in segments. following is the first sequence of the
// file after it; 0: it is the last.
func (w *log) take(l *row.Layout, first, following uint64, yield func(row.Row)) error {
	name := walName(first)
	switch {
	case following > 0 && following <= w.check.Seq+1:
		return w.disk.Remove(name)
	case first < w.next && len(w.files) > 0:
		return damaged(name, 0, "its rows are in the file before it")
	case first > w.next:
		return damaged(name, 0, fmt.Sprintf("the rows from %d on are missing before it", w.next))
	}
	return w.read(l, first, following, yield)
}

// walFirsts returns the first sequences of the files of rows, in order.
func walFirsts(names []string) (firsts []uint64) {
	for _, name := range names {
		digits, ok := strings.CutPrefix(name, walPrefix)
		if first, err := strconv.ParseUint(digits, 10, 64); ok && err == nil && first < maxSeq && walName(first) == name {
			firsts = append(firsts, first)
		}
	}
	slices.Sort(firsts)
	return firsts
}

// read reads a file, and keeps it, or removes it where it has nothing that is needed.
func (w *log) read(l *row.Layout, first, following uint64, yield func(row.Row)) error {
	name := walName(first)
	f, err := w.disk.Open(name)
	if err != nil {
		return err
	}
	keep := false
	defer func() {
		if !keep {
			f.Close()
		}
	}()
	s, err := w.frames(f, l, name, yield)
	if err != nil {
		return err
	}
	// Behind the last frame there may be what a write left that failed, where the fsync that
	// was to make its being cut durable failed too. No row is missing if the next file goes on
	// where this one ends.
	if s.torn && (s.follows || following > s.next) {
		return damaged(name, s.end, "what was acknowledged is damaged")
	}
	if s.end == 0 { // torn when it was made
		if first != w.next {
			return damaged(name, 0, "what was acknowledged is damaged")
		}
		return w.disk.Remove(name)
	}
	if s.next <= w.next && w.check.Seq >= s.next-1 { // all its rows are in segments
		return w.disk.Remove(name)
	}
	w.files = append(w.files, walFile{name: name, first: first, last: s.next - 1, bytes: s.end})
	w.next = s.next
	if following > 0 {
		return nil
	}
	keep = true
	w.active, w.id, w.end = f, s.header.id, s.end
	return settle(f, s)
}

// settle makes the last file durable as it was read. Its last frame is written again: a
// process whose fsync failed may have left it in memory, marked as if it were on disk.
func settle(f file, s scan) error {
	b := make([]byte, s.end-s.last)
	if _, err := readFull(f, b, s.last); err != nil {
		return err
	}
	if _, err := f.WriteAt(b, s.last); err != nil {
		return unwritten("the end of the log cannot be written again", err)
	}
	if s.size > s.end {
		if err := f.Truncate(s.end); err != nil {
			return unwritten("the log cannot be cut", err)
		}
	}
	if err := f.Sync(); err != nil {
		return unwritten("the log cannot be made durable", err)
	}
	return nil
}

// frames reads the frames of a file up to the first that is none.
func (w *log) frames(f file, l *row.Layout, name string, yield func(row.Row)) (s scan, err error) {
	if s.size, err = f.Size(); err != nil {
		return s, err
	}
	var start [headerSize]byte
	if s.size >= headerSize {
		if _, err := readFull(f, start[:], 0); err != nil {
			return s, err
		}
		s.header, s.whole = parseHeader(start[:])
	}
	if !s.whole {
		s.torn = true
		s.follows, err = headFollows(f, s)
		return s, err
	}
	if walName(s.header.first) != name {
		return s, damaged(name, 0, "the rows of another file")
	}
	if s.header.schema != w.schema {
		return s, otherSchema(name)
	}
	s.next = s.header.first
	for at := int64(headerSize); at < s.size; at = s.end {
		n, err := w.frame(f, l, &s, at, yield)
		if err != nil {
			return s, placed(err, name, at)
		}
		if n == 0 {
			s.torn = true
			break
		}
		if s.end > 0 {
			s.last = at
		}
		s.end = at + n
	}
	if s.end == 0 {
		s.torn = true // a header goes with a frame
	}
	if s.torn {
		s.follows, err = headFollows(f, s)
	}
	return s, err
}

// placed says where a file has rows that are none.
func placed(err error, name string, at int64) error {
	if errors.Is(err, ErrCorrupt) {
		return damaged(name, at, "a frame of rows that are none of the view's")
	}
	return err
}

// frame reads a frame and returns its size; 0: there is no whole one.
func (w *log) frame(f file, l *row.Layout, s *scan, at int64, yield func(row.Row)) (int64, error) {
	var start [headSize]byte
	if s.size-at < headSize {
		return 0, nil
	}
	if _, err := readFull(f, start[:], at); err != nil {
		return 0, err
	}
	h, ok := parseHead(start[:])
	if !ok || h.id != s.header.id {
		return 0, nil
	}
	if h.first != s.next || h.rows == 0 || h.length > maxPayload {
		return 0, ErrCorrupt
	}
	if h.size() > s.size-at {
		return 0, nil
	}
	payload := make([]byte, h.length)
	if _, err := readFull(f, payload, at+headSize); err != nil {
		return 0, err
	}
	if checksum(payload) != h.sum {
		return 0, nil
	}
	if h.first+uint64(h.rows) >= maxSeq {
		return 0, ErrCorrupt
	}
	err := parseRows(l, h, payload, func(r row.Row) {
		if l.Seq(r) > w.check.Seq {
			yield(r)
		}
	})
	s.next += uint64(h.rows)
	return h.size(), err
}

// headFollows reports whether the head of a frame is behind the one that is torn: then that
// one was durable once. Where the header is damaged too, any id will do.
func headFollows(f file, s scan) (bool, error) {
	const window = 1 << 20
	b := make([]byte, window+headSize)
	for from := max(s.end, headerSize) + 8; s.size-from >= headSize; from += window {
		n := min(int64(len(b)), s.size-from)
		if _, err := readFull(f, b[:n], from); err != nil {
			return false, err
		}
		for at := int64(0); at+headSize <= n; at += 8 {
			if h, ok := parseHead(b[at:n]); ok && (!s.whole || h.id == s.header.id) && h.first > s.next {
				return true, nil
			}
		}
	}
	return false, nil
}

// readFull reads all of b.
func readFull(f io.ReaderAt, b []byte, at int64) (int, error) {
	n, err := f.ReadAt(b, at)
	if n == len(b) {
		return n, nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}
