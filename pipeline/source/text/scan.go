package text

import (
	"context"
	"encoding/hex"
	"fmt"

	"github.com/zeebo/xxh3"

	"quern/features/diag"
)

// scanned is what the records of a chunk teach.
type scanned struct {
	rows, decoded int64
	names         []string // the columns, in order of first appearance
	columns       []scannedColumn
	digest        string // of the bytes and the header's names
}

// scannedColumn is what the cells of a column teach.
type scannedColumn struct {
	classes classes
	example string // the first cell that only a string can hold
}

// scanChunks parses all records, and learns how many there are and of what types.
func (t *table) scanChunks(ctx context.Context) error {
	if err := t.columns.init(t); err != nil {
		return err
	}
	scans := make([]chunkScan, t.Workers)
	for w := range scans {
		scans[w] = chunkScan{table: t, handle: handle{files: t.files}}
		scans[w].window, scans[w].maxRow, scans[w].hasher = t.Limits.Window, t.Limits.Row, xxh3.New()
		defer scans[w].finish()
	}
	return inOrder(t.Workers, len(t.chunks),
		func(w, i int) (scanned, error) { return scans[w].chunk(ctx, &t.chunks[i]) },
		func(i int, found scanned, err error) error {
			c := &t.chunks[i]
			f := &t.files[c.file]
			c.first, c.rows, c.decoded, c.columns = f.rows, found.rows, found.decoded, len(found.columns)
			c.digest = found.digest
			if err == nil {
				f.rows += found.rows
				err = t.columns.add(c, &found)
			}
			return place(err, f.Name, c.first)
		})
}

// chunkScan scans chunks; each worker has one.
type chunkScan struct {
	*table
	handle
	records
	result  scanned
	scratch []byte
	hasher  *xxh3.Hasher
}

func (s *chunkScan) finish() {
	s.handle.close() //nolint:errcheck // nothing was written
	s.stream.close()
}

// open begins to read the records of a chunk.
func (r *records) open(ctx context.Context, t *table, h *handle, c *chunk) error {
	f := &t.files[c.file]
	from, err := h.file(ctx, c.file)
	if err != nil {
		return err
	}
	r.row, r.limit = 0, t.limit(f.packing)
	if err := r.begin(f.packing, from, c.from, c.to); err != nil {
		return err
	}
	if f.packing != unpacked {
		return r.skip(ctx, f.start)
	}
	return nil
}

// chunk scans a chunk.
func (s *chunkScan) chunk(ctx context.Context, c *chunk) (scanned, error) {
	s.result = scanned{}
	if c.from == c.to {
		return s.result, ctx.Err()
	}
	f := &s.table.files[c.file]
	s.parser = s.format.NewParser(f.Name, f.names)
	s.sum = nil // until the header of a packed file is skipped
	if err := s.records.open(ctx, s.table, &s.handle, c); err != nil {
		return s.result, err
	}
	s.beginDigest(f.names)
	start := s.read - int64(len(s.data))
	strict := s.format.Strict()
	for {
		data, cells, err := s.next(ctx)
		if err != nil {
			return s.result, err
		}
		if cells == nil {
			break
		}
		for names := s.parser.Names(); len(s.result.columns) < len(names); {
			s.result.columns = append(s.result.columns, scannedColumn{})
		}
		for _, cell := range cells {
			s.result.columns[cell.Column].add(s, data, cell, strict)
		}
	}
	s.result.names, s.result.rows, s.result.decoded = s.parser.Names(), s.row, s.read-start
	sum := s.sum.Sum128().Bytes()
	s.result.digest = hex.EncodeToString(sum[:])
	return s.result, nil
}

// beginDigest makes the stream hash the records that follow the header: those that
// are decoded already, and the rest as it is decoded. So windows, workers and
// compression do not show. It does not defend against anybody: a fast hash will do.
func (s *chunkScan) beginDigest(names []string) {
	s.sum = s.hasher
	s.sum.Reset()
	fmt.Fprintf(s.sum, "%q\n", names)
	s.sum.Write(s.data) //nolint:errcheck // it has none
}

// add learns from a cell.
func (c *scannedColumn) add(s *chunkScan, data []byte, cell Cell, strict bool) {
	text := data[cell.Start:cell.End]
	var class classes
	switch {
	case cell.Kind == Null:
		return
	case cell.Kind == Nested:
		c.classes |= nestedCell
		return
	case cell.Kind == Escaped:
		s.scratch = s.parser.Unescape(s.scratch[:0], text)
		text = s.scratch
	}
	if strict && cell.Kind != Bare {
		class = classifyTime(text)
	} else {
		class = classify(text)
	}
	if class == otherCell && c.classes&otherCell == 0 {
		c.example = Shorten(text)
	}
	c.classes |= class
}

// registry collects the columns of all files, in order of first appearance.
type registry struct {
	limit  int
	places map[string]int
	all    []registered
	filled []int // the files that have rows
}

// registered is a column of some file.
type registered struct {
	name string
	scannedColumn
	files int // how many files with rows have it
	last  int // the last of these
	gap   int // the first file with rows that lacks it; -1: none so far
}

// init registers what headers name, so that the order of columns is that of the
// files, rows or not.
func (r *registry) init(t *table) error {
	r.limit, r.places = t.Limits.Columns, map[string]int{}
	for i := range t.files {
		for _, name := range t.files[i].names {
			if _, err := r.find(name); err != nil {
				return place(err, t.files[i].Name, 0)
			}
		}
	}
	return nil
}

// find returns the column called name, which may be new.
func (r *registry) find(name string) (*registered, error) {
	at, ok := r.places[name]
	if !ok {
		if len(r.all) == r.limit {
			return nil, TooManyColumns(r.limit)
		}
		at = len(r.all)
		r.places[name] = at
		r.all = append(r.all, registered{name: name, last: -1, gap: -1})
	}
	return &r.all[at], nil
}

// TooManyColumns says that a limit on columns is passed: somewhere in the file, since
// the row depends on what comes first.
func TooManyColumns(limit int) *diag.Error {
	e := diag.New("Q245", "there are more than %d columns", limit)
	e.Next = "check the delimiter and the line ends, or that the keys of objects are names and not values"
	return e.In(diag.Data{RowGroup: -1, Row: -1})
}

// add adds what a chunk teaches. Chunks come in order.
func (r *registry) add(c *chunk, found *scanned) error {
	if found.rows == 0 {
		return nil
	}
	if len(r.filled) == 0 || r.filled[len(r.filled)-1] != c.file {
		r.filled = append(r.filled, c.file)
	}
	for i := range found.columns {
		at, err := r.find(found.names[i])
		if err != nil {
			return err
		}
		if at.classes&otherCell == 0 {
			at.example = found.columns[i].example
		}
		at.classes |= found.columns[i].classes
		if at.last != c.file {
			r.fillGap(at)
			at.last = c.file
			at.files++
		}
	}
	return nil
}

// fillGap sets c.gap if a file before the last one with rows lacks c.
func (r *registry) fillGap(c *registered) {
	if before := len(r.filled) - 1; c.gap < 0 && c.files < before {
		c.gap = r.filled[c.files]
	}
}
