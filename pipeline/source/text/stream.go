package text

import (
	"context"
	"io"

	"github.com/zeebo/xxh3"

	"quern/features/diag"
	"quern/pipeline/store"
)

// handle holds at most one open file.
type handle struct {
	files []file
	at    int
	open  store.Reader
}

// file returns file f, open.
func (h *handle) file(ctx context.Context, f int) (store.Reader, error) {
	if h.open != nil && h.at == f {
		return h.open, nil
	}
	if err := h.close(); err != nil {
		return nil, diag.New("Q202", "cannot close the file").Because(err)
	}
	open, err := h.files[f].Open(ctx)
	if err != nil {
		return nil, diag.New("Q202", "cannot open the file").Because(err)
	}
	if open.Size() != h.files[f].size {
		open.Close()
		return nil, diag.New("Q214", "the file had %d bytes and now has %d", h.files[f].size, open.Size())
	}
	h.open, h.at = open, f
	return open, nil
}

func (h *handle) close() error {
	if h.open == nil {
		return nil
	}
	err := h.open.Close()
	h.open = nil
	return err
}

// stream gives decoded bytes in windows of whole records, as far as it can. The
// buffer is window bytes long, longer only for records that do not fit.
type stream struct {
	unpacker
	buffer []byte
	data   []byte // of buffer: not consumed yet
	last   bool   // nothing follows data
	failed error  // follows data
	read   int64  // bytes decoded so far
	limit  int64  // of read; 0: none
	window int
	sum    *xxh3.Hasher // takes what is decoded; nil: nobody wants to know
}

// begin starts with the bytes from off to end of a file.
func (s *stream) begin(kind packing, from io.ReaderAt, off, end int64) error {
	s.data, s.last, s.failed, s.read = nil, false, nil, 0
	return s.start(kind, from, off, end)
}

// more adds bytes to data, or sets last. If data fills half of the buffer already,
// that is doubled: so a long record is copied about once.
func (s *stream) more(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.failed != nil {
		return s.failed
	}
	size := max(s.window, 16)
	if s.kind == unpacked { // the end of a small file needs one byte to be seen
		size = int(min(int64(size), max(s.raw.end-s.raw.off+int64(len(s.data))+1, 16)))
	}
	if len(s.buffer) < size {
		s.buffer = make([]byte, size)
	}
	into := s.buffer
	if len(s.data) > len(into)/2 {
		into = make([]byte, 2*len(into))
	}
	n := copy(into, s.data) // which may overlap
	s.buffer = into
	for n < len(into) && !s.last && s.failed == nil {
		n += s.fill(into[n:])
	}
	s.data = into[:n]
	return nil
}

// fill reads once and returns how many bytes there were. An error is kept until what
// was read before it is consumed, so that it comes after the same row for any window.
func (s *stream) fill(into []byte) int {
	n, err := s.Read(into)
	s.read += int64(n)
	switch {
	case s.limit > 0 && s.read > s.limit:
		n -= int(s.read - s.limit)
		s.failed = tooLarge(s.limit, s.kind)
	case err == io.EOF:
		s.last = true
	case err != nil:
		s.failed = err
	}
	if s.sum != nil {
		s.sum.Write(into[:n]) //nolint:errcheck // it has none
	}
	return n
}

// tooLarge says that a packed file is beyond the memory limit.
func tooLarge(limit int64, kind packing) error {
	e := diag.New("Q249", "the file has more than %d bytes when it is decompressed (%v)", limit, kind)
	e.Next = "decompress the file, split it, or raise --memory"
	return e
}

// skip reads and drops n bytes.
func (s *stream) skip(ctx context.Context, n int64) error {
	for n > 0 {
		if len(s.data) == 0 {
			if s.last {
				return diag.New("Q214", "the file is shorter than it was")
			}
			if err := s.more(ctx); err != nil {
				return err
			}
		}
		step := int(min(n, int64(len(s.data))))
		s.data = s.data[step:]
		n -= int64(step)
	}
	return nil
}

// records gives the records of a chunk, block by block.
type records struct {
	stream
	parser Parser
	block  Block
	row    int64 // how many records came before the block, and are in it
	maxRow int
	hasher *xxh3.Hasher // of the chunk; nil: nobody wants to know
}

// next cuts the next block of records and returns the data that their cells lie in; nil
// after the last one. Both are valid until the next call.
func (r *records) next(ctx context.Context) (data []byte, err error) {
	for {
		if len(r.data) > 0 {
			// The parser never sees more than a record may have, so that what it finds
			// does not depend on how much happens to be in the buffer.
			view := r.data[:min(len(r.data), r.maxRow+1)]
			if err := r.parser.Cut(view, r.last && len(view) == len(r.data), &r.block); err != nil {
				return nil, atRow(err, r.row)
			}
			if len(view) > r.maxRow && r.block.Size == 0 || len(r.block.Ends) == 1 && r.block.Size > r.maxRow {
				return nil, atRow(r.tooLong(), r.row)
			}
			data = r.data
			r.data = data[r.block.Size:]
			if rows := len(r.block.Ends); rows > 0 {
				r.row += int64(rows)
				return data, nil
			}
			if r.block.Size > 0 {
				continue
			}
		}
		if r.last {
			if len(r.data) > 0 {
				panic("quern: bug: the parser left a record unfinished")
			}
			return nil, nil
		}
		if err := r.more(ctx); err != nil {
			return nil, atRow(err, r.row)
		}
	}
}

// tooLong says that a record is beyond the limit.
func (r *records) tooLong() error {
	e := diag.New("Q244", "the row is longer than %d bytes", r.maxRow)
	e.Next = "look for a quote that is not closed before this row's end, and for line ends other than LF and CR LF"
	return e
}
