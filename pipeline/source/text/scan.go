package text

import (
	"context"
	"hash/maphash"

	"github.com/zeebo/xxh3"

	"quern/features/column"
	"quern/features/diag"
	"quern/pipeline/source"
	"quern/pipeline/source/internal/inorder"
)

// scanned is what the records of a chunk teach.
type scanned struct {
	rows, decoded int64
	elements      int64    // of all lists
	names         []string // the columns, in order of first appearance
	columns       []scannedColumn
	kept          []kept // as columns; nil: nothing is kept
	digest        string // of the bytes and the header's names
}

// scannedColumn is what the cells of a column teach.
type scannedColumn struct {
	classes  classes // of the cells
	elements classes // of the elements of those that are lists
	example  string  // the first of either that only a string can hold
}

// scanChunks parses all records, and learns how many there are and of what types.
func (t *table) scanChunks(ctx context.Context) error {
	if err := t.columns.init(t); err != nil {
		return err
	}
	t.spare.left.Store(t.Limits.Keep)
	workers := t.scanners()
	scans := make([]chunkScan, workers)
	for w := range scans {
		scans[w] = chunkScan{table: t, handle: handle{files: t.files}, seed: newSeed()}
		scans[w].window, scans[w].maxRow, scans[w].hasher = t.Limits.Window, t.Limits.Row, xxh3.New()
		defer scans[w].finish()
	}
	return inorder.Run(workers, len(t.chunks),
		func(w, i int) (scanned, error) { return scans[w].chunk(ctx, &t.chunks[i]) },
		func(i int, found scanned, err error) error {
			c := &t.chunks[i]
			f := &t.files[c.file]
			c.first, c.rows, c.decoded, c.columns = f.rows, found.rows, found.decoded, len(found.columns)
			c.digest, c.elements, c.whole = found.digest, found.elements, found.kept != nil
			if err == nil {
				f.rows += found.rows
				err = t.columns.add(c, &found)
			}
			return place(err, f.Name, c.first)
		})
}

// scanners returns how many chunks are scanned at the same time. Where they are small and
// the store is far away, what takes time is waiting for them.
func (t *table) scanners() int {
	const small, waiting = 256 << 10, 32
	if !source.Far(t.Files) {
		return t.Workers
	}
	bytes := int64(0)
	for i := range t.chunks {
		bytes += t.chunks[i].to - t.chunks[i].from
	}
	if bytes > small*int64(len(t.chunks)) {
		return t.Workers
	}
	return max(t.Workers, waiting)
}

// chunkScan scans chunks; each worker has one.
type chunkScan struct {
	*table
	handle
	records
	result    scanned
	gatherers []gatherer // per column of the parser
	active    int        // how many of them the chunk has
	keep      bool       // what the chunk holds, as far as it has been read
	seed      maphash.Seed
	scratch   []byte
}

func (s *chunkScan) finish() {
	s.handle.close() //nolint:errcheck // nothing was written
	s.stream.close()
}

// open begins to read the records of a chunk, and to hash them if there is a hasher.
func (r *records) open(ctx context.Context, t *table, h *handle, c *chunk) error {
	f := &t.files[c.file]
	from, err := h.file(ctx, c.file)
	if err != nil {
		return err
	}
	r.row, r.limit = 0, t.limit(f.packing)
	r.sum = nil // until the header of a packed file is skipped
	if err := r.begin(f.packing, from, c.from, c.to); err != nil {
		return err
	}
	if f.packing != unpacked {
		err = r.skip(ctx, f.start)
	}
	if r.hasher != nil {
		r.beginDigest(f.names)
	}
	return err
}

// chunk scans a chunk.
func (s *chunkScan) chunk(ctx context.Context, c *chunk) (scanned, error) {
	s.result = scanned{}
	if c.from == c.to {
		return s.result, ctx.Err()
	}
	f := &s.table.files[c.file]
	s.parser = s.format.NewParser(f.Name, f.names)
	if err := s.records.open(ctx, s.table, &s.handle, c); err != nil {
		return s.result, err
	}
	start := s.read - int64(len(s.data))
	if err := s.gather(ctx); err != nil {
		return s.result, err
	}
	s.result.names, s.result.rows, s.result.decoded = s.parser.Names(), s.row, s.read-start
	s.result.digest = s.digest()
	s.finishColumns()
	return s.result, nil
}

// gather gives the cells of all records to the columns' gatherers.
func (s *chunkScan) gather(ctx context.Context) error {
	s.active, s.keep = 0, s.spare.left.Load() > 0
	for row := 0; ; row = int(s.row) {
		data, err := s.next(ctx)
		if data == nil || err != nil {
			return err
		}
		if names := s.parser.Names(); s.active < len(names) {
			s.begin(names)
		}
		if s.keep {
			s.stopKeeping(row)
		}
		s.addBlock(row, data)
	}
}

// addBlock gives the cells of a block to the gatherers, column by column if it can: a
// column's dictionary and the processor's guesses then stay warm.
func (s *chunkScan) addBlock(row int, data []byte) {
	b := &s.block
	if width := b.width(); width > 0 {
		for i := range width {
			s.addColumn(row, data, b.Cells[i:], width)
		}
		return
	}
	from := 0
	for _, end := range b.Ends {
		for i := from; i < end; i++ {
			s.add(row, data, &b.Cells[i])
		}
		row, from = row+1, end
	}
}

// addColumn adds every width-th cell, which are those of one column.
func (s *chunkScan) addColumn(row int, data []byte, cells []Cell, width int) {
	g := &s.gatherers[cells[0].Column]
	for i := 0; i < len(cells); i += width {
		if g.state == gatherCoded {
			if known := g.addKnown(row, data, cells[i:], width); known > 0 {
				row, i = row+known, i+known*width
				if i >= len(cells) {
					return
				}
			}
		}
		c := &cells[i]
		if c.Kind == Bare || c.Kind == Quoted {
			g.add(row, data[c.Start:c.End], c.Kind == Quoted)
		} else {
			s.add(row, data, c)
		}
		row++
	}
}

// begin readies gatherers for the columns that the parser came across.
func (s *chunkScan) begin(names []string) {
	for ; s.active < len(names); s.active++ {
		if s.active == len(s.gatherers) {
			s.gatherers = append(s.gatherers, gatherer{})
		}
		given := column.Invalid
		if at := s.Types.Find(names[s.active]); at >= 0 {
			given = s.Types[at].Type
		}
		s.gatherers[s.active].reset(given, s.format.Strict(), s.keep && !given.IsList(), s.seed)
	}
}

// stopKeeping gives up what has been kept of the chunk if it grows too large.
func (s *chunkScan) stopKeeping(rows int) {
	size := int64(0)
	for i := range s.gatherers[:s.active] {
		size += s.gatherers[i].size()
	}
	if s.keep = size <= s.spare.left.Load() && rows < 1<<31-1024; !s.keep {
		for i := range s.gatherers[:s.active] {
			s.gatherers[i].forget()
		}
	}
}

// finishColumns hands over what the columns have learnt, and what is kept of them if
// there is memory for it.
func (s *chunkScan) finishColumns() {
	size := int64(0)
	for i := range s.gatherers[:s.active] {
		g := &s.gatherers[i]
		s.result.columns = append(s.result.columns, g.scannedColumn)
		if s.keep {
			s.result.kept = append(s.result.kept, g.finish(int(s.row)))
			size += s.result.kept[i].size()
		}
	}
	if !s.keep || !s.spare.take(size) {
		s.result.kept = nil
	}
}

// add learns from a cell. Those that are no scalars are not kept.
func (s *chunkScan) add(row int, data []byte, cell *Cell) {
	g := &s.gatherers[cell.Column]
	switch cell.Kind {
	case Null:
	case Nested:
		g.classes |= nestedCell
		g.lose()
	case List:
		g.classes |= listCell
		g.lose()
		for e, ok := s.parser.Element(data, cell.Start); ok; e, ok = s.parser.Element(data, e.End) {
			s.result.elements++
			if e.Kind != Null {
				g.element(s.text(data, &e), e.Kind != Bare)
			}
		}
	default:
		g.add(row, s.text(data, cell), cell.Kind != Bare)
	}
}

// text returns the text of a scalar that is not null; it is valid until the next call.
func (s *chunkScan) text(data []byte, cell *Cell) []byte {
	text := data[cell.Start:cell.End]
	if cell.Kind == Escaped {
		s.scratch = s.parser.Unescape(s.scratch[:0], text)
		text = s.scratch
	}
	return text
}

// other keeps the first text that only a string can hold.
func (c *scannedColumn) other(text []byte) {
	if (c.classes|c.elements)&otherCell == 0 {
		c.example = Shorten(text)
	}
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
	typ   column.Type // once it is judged; Invalid: nobody can read it
	files int         // how many files with rows have it
	last  int         // the last of these
	gap   int         // the first file with rows that lacks it; -1: none so far
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
		if (at.classes|at.elements)&otherCell == 0 {
			at.example = found.columns[i].example
		}
		if found.kept != nil {
			place := r.places[found.names[i]]
			for len(c.kept) <= place {
				c.kept = append(c.kept, kept{})
			}
			c.kept[place] = found.kept[i]
		}
		at.classes |= found.columns[i].classes
		at.elements |= found.columns[i].elements
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
