package text

import (
	"bytes"
	"context"
	"math"

	"quern/features/diag"
	"quern/pipeline/source"
	"quern/pipeline/source/internal/inorder"
	"quern/pipeline/store"
)

// readHeaders reads what precedes the records of each file.
func (t *table) readHeaders(ctx context.Context) error {
	t.files = make([]file, len(t.Files))
	return inorder.Run(max(t.Workers, source.Openers(t.Files)), len(t.Files),
		func(_, f int) (file, error) { return t.readHeader(ctx, f) },
		func(f int, read file, err error) error {
			t.files[f] = read
			return place(err, t.Files[f].Name, 0)
		})
}

// readHeader opens a file, tells its compression and reads its header.
func (t *table) readHeader(ctx context.Context, f int) (file, error) {
	at := file{File: t.Files[f]}
	open, err := at.Open(ctx)
	if err != nil {
		return at, diag.New("Q202", "cannot open the file").Because(err)
	}
	defer open.Close()
	at.size, at.version = open.Size(), store.VersionOf(open)
	front := make([]byte, min(at.size, 4))
	if _, err := open.ReadAt(front, 0); err != nil && len(front) == 4 {
		return at, diag.New("Q202", "cannot read the file").Because(err)
	}
	at.packing = packingOf(front)
	s := stream{window: min(t.Limits.Window, 64<<10), limit: t.limit(at.packing)}
	defer s.close()
	if err := s.begin(at.packing, open, 0, at.size); err != nil {
		return at, err
	}
	for {
		if err := s.more(ctx); err != nil {
			return at, err
		}
		view := s.data[:min(len(s.data), t.Limits.Row+1)] // as in records.next
		last := s.last && len(view) == len(s.data)
		names, size, err := t.format.Header(at.Name, view, last)
		if err != nil {
			return at, err
		}
		if size >= 0 {
			at.names, at.start = names, int64(size)
			return at, t.checkNames(names)
		}
		if last {
			panic("quern: bug: the header is not decided at the end of the file")
		}
		if len(view) > t.Limits.Row {
			return at, diag.New("Q244", "the header is longer than %d bytes", t.Limits.Row)
		}
	}
}

// limit returns how many decoded bytes a file may have; 0: any. A column of strings
// holds less than 4 GiB, and a packed file is one chunk.
func (t *table) limit(p packing) int64 {
	if p == unpacked {
		return 0
	}
	return min(t.Memory, math.MaxUint32)
}

// checkNames refuses headers that name a column twice, or too many.
func (t *table) checkNames(names []string) error {
	if len(names) > t.Limits.Columns {
		return TooManyColumns(t.Limits.Columns)
	}
	seen := make(map[string]int, len(names))
	for i, name := range names {
		if first, ok := seen[name]; ok && name != "" {
			return diag.New("Q247", "the header names %q twice, for columns %d and %d", name, first+1, i+1).
				In(diag.Data{RowGroup: -1, Row: -1, Column: name})
		}
		seen[name] = i
	}
	return nil
}

// block is a stretch of a file in which the border between two chunks is looked for.
type block struct {
	file     int
	first    bool // of its file
	from, to int64
}

// borders is what a block teaches without knowing what came before it.
type borders struct {
	odd bool // it has an odd number of quotes
	// after[0] is the place behind the first line end with an even number of quotes
	// before it in the block, after[1] with an odd number; 0: there is none.
	after [2]int64
}

// findBorders cuts the files into chunks. Quotes come in pairs, so a line end ends a
// record if the number of quotes before it is even. Blocks count their quotes in
// parallel; the sums then tell for each block which of its line ends to take. If
// quotes do not come in pairs, the borders may be wrong; then the records between
// the true ones and the first quote that is out of place parse as they should, and
// that quote is the error.
func (t *table) findBorders(ctx context.Context) error {
	var blocks []block
	for f := range t.files {
		blocks = t.appendBlocks(blocks, f)
	}
	scans := make([]borderScan, t.Workers)
	for w := range scans {
		scans[w] = borderScan{handle: handle{files: t.files}, stream: stream{window: t.Limits.Window}, quotes: t.format.Quotes()}
		defer scans[w].finish()
	}
	odd := false
	return inorder.Run(t.Workers, len(blocks),
		func(w, i int) (borders, error) {
			return scans[w].block(ctx, blocks[i])
		},
		func(i int, found borders, err error) error {
			if err != nil {
				return place(err, t.files[blocks[i].file].Name, 0)
			}
			odd = t.cut(blocks[i], found, odd)
			return nil
		})
}

// appendBlocks cuts a file into blocks: one, of no bytes, if it is packed or if it
// fits into one chunk, since then there is nothing to look for.
func (t *table) appendBlocks(blocks []block, f int) []block {
	at, end := t.files[f].start, t.files[f].size
	if t.files[f].packing != unpacked || end-at <= t.Limits.Chunk {
		return append(blocks, block{file: f, first: true})
	}
	for from := at; from < end; from += t.Limits.Chunk {
		blocks = append(blocks, block{f, from == at, from, min(from+t.Limits.Chunk, end)})
	}
	return blocks
}

// cut begins a chunk at the border that a block holds, if it holds one, and returns
// whether the number of quotes up to the block's end is odd. odd says so of its start.
func (t *table) cut(b block, found borders, odd bool) bool {
	f := &t.files[b.file]
	if b.first {
		c := chunk{file: b.file, from: f.start, to: f.size}
		if f.packing != unpacked {
			c.from = 0
		}
		t.chunks = append(t.chunks, c)
		return found.odd
	}
	after := found.after[0]
	if odd {
		after = found.after[1]
	}
	if after > 0 && b.from+after < f.size {
		t.chunks[len(t.chunks)-1].to = b.from + after
		t.chunks = append(t.chunks, chunk{file: b.file, from: b.from + after, to: f.size})
	}
	return odd != found.odd
}

// borderScan looks for borders; each worker has one.
type borderScan struct {
	handle
	stream
	quotes bool
}

func (s *borderScan) finish() {
	s.handle.close() //nolint:errcheck // nothing was written
	s.stream.close()
}

// block reads a block.
func (s *borderScan) block(ctx context.Context, b block) (found borders, err error) {
	if b.from == b.to {
		return found, ctx.Err()
	}
	open, err := s.handle.file(ctx, b.file)
	if err != nil {
		return found, err
	}
	if err := s.begin(unpacked, open, b.from, b.to); err != nil {
		return found, err
	}
	for at := int64(0); !s.last; at += int64(len(s.data)) {
		s.data = nil
		if err := s.more(ctx); err != nil {
			return found, err
		}
		if found.add(s.data, at, s.quotes) {
			break
		}
	}
	return found, nil
}

// add looks at data, which lies at offset at of the block, and returns whether the
// rest of the block cannot tell any more.
func (b *borders) add(data []byte, at int64, quotes bool) bool {
	if !quotes {
		b.line(data, at)
		return b.after[0] > 0
	}
	for len(data) > 0 {
		if b.after[0] > 0 && b.after[1] > 0 {
			b.odd = b.odd != (bytes.Count(data, []byte{'"'})%2 == 1)
			return false
		}
		end := bytes.IndexByte(data, '"')
		if end < 0 {
			b.line(data, at)
			return false
		}
		b.line(data[:end], at)
		b.odd = !b.odd
		data, at = data[end+1:], at+int64(end)+1
	}
	return false
}

// line notes the first line end of data, if none with such a number of quotes before
// it is known.
func (b *borders) line(data []byte, at int64) {
	after := &b.after[0]
	if b.odd {
		after = &b.after[1]
	}
	if *after == 0 {
		if end := bytes.IndexByte(data, '\n'); end >= 0 {
			*after = at + int64(end) + 1
		}
	}
}
