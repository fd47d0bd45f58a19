package text

import (
	"context"
	"hash/maphash"

	"github.com/zeebo/xxh3"

	"quern/features/column"
	"quern/features/diag"
	"quern/pipeline/source"
)

// reader is a source.Reader. It holds at most one open file.
type reader struct {
	*table
	handle
	records
	seed     maphash.Seed
	fields   column.Schema // the columns to build, each once
	builders []builder     // per field: of its values, or of the elements of its lists
	lists    []lists       // per field that is a list
	places   []int         // per field: among what is kept of a chunk; -1: in no file
	parse    []bool        // per field: its cells must be parsed
	built    []column.Column
	elements int64 // of the chunk so far, and its rows times its fields
	keys     []keyOutput
	outputs  []int // per column of the batch: a builder, or -1 - a key
	targets  []int // per column of the parser: a builder, or -1
	of       int   // the file that the parser is for; -1: none
	zeros    []int32
	scratch  []byte
	batch    column.Batch
}

// keyOutput is a column that the folders' names give.
type keyOutput struct {
	from *column.Column // a row per file
	slot column.Vector  // of the file
}

// NewReader returns a reader of the named columns. Unknown names are Q212, unusable
// columns Q211.
func (t *table) NewReader(columns []string) (source.Reader, error) {
	r := &reader{table: t, handle: handle{files: t.files}, seed: newSeed(), of: -1}
	r.window, r.maxRow = t.Limits.Window, t.Limits.Row
	if t.planned {
		r.hasher = xxh3.New()
	}
	r.batch.Columns = make([]column.Column, len(columns))
	find, taken := t.schema.Finder(len(columns)), map[string]int{}
	for _, name := range columns {
		at := find(name)
		if at < 0 {
			return nil, t.missing(name)
		}
		if k, ok := t.keys[name]; ok {
			r.outputs = append(r.outputs, -1-len(r.keys))
			r.keys = append(r.keys, keyOutput{from: k})
			continue
		}
		i, twice := taken[name]
		if !twice {
			i = len(r.fields)
			taken[name] = i
			r.fields = append(r.fields, t.schema[at])
			place, ok := t.places[name]
			if !ok {
				place = -1
			}
			r.places = append(r.places, place)
		}
		r.outputs = append(r.outputs, i)
	}
	r.builders, r.lists = make([]builder, len(r.fields)), make([]lists, len(r.fields))
	r.parse, r.built = make([]bool, len(r.fields)), make([]column.Column, len(r.fields))
	return r, nil
}

// Read returns the rows of a chunk.
func (r *reader) Read(ctx context.Context, chunk source.Chunk) (column.Batch, error) {
	at, ok := source.Find(r.listed, chunk.Index)
	if !ok {
		panic("quern: bug: chunk of another source")
	}
	c := &r.chunks[at]
	if err := r.asPlanned(ctx, c, r.build(ctx, c)); err != nil {
		return column.Batch{}, place(err, r.table.files[c.file].Name, c.first)
	}
	r.batch.Rows = int(c.rows)
	for i, out := range r.outputs {
		if out < 0 {
			r.batch.Columns[i] = r.constant(&r.keys[-1-out], c)
		} else {
			r.batch.Columns[i] = r.built[out]
		}
	}
	return r.batch, nil
}

// finish returns the column of a field.
func (r *reader) finish(field, rows int) column.Column {
	if r.fields[field].Type.IsList() {
		return r.lists[field].finish(rows, &r.builders[field])
	}
	return r.builders[field].finish(rows)
}

// build fills the builders.
func (r *reader) build(ctx context.Context, c *chunk) error {
	if need := 4 * c.rows * int64(len(r.fields)); need > r.Memory || c.rows > 1<<31-1 {
		e := diag.New("Q249", "%d rows of %d columns take more than the limit of %d bytes", c.rows, len(r.fields), r.Memory)
		e.Next = "read fewer columns, or raise --memory"
		return e
	}
	if err := ctx.Err(); err != nil || r.recall(c) {
		return err
	}
	if err := r.parseChunk(ctx, c); err != nil {
		return err
	}
	for i := range r.fields {
		if r.parse[i] {
			r.built[i] = r.finish(i, int(c.rows))
		}
	}
	return nil
}

// recall builds the columns that are kept, and reports whether these are all.
func (r *reader) recall(c *chunk) (all bool) {
	all = true
	for i, f := range r.fields {
		r.parse[i] = !c.whole
		if c.whole {
			k := &kept{}
			if at := r.places[i]; at >= 0 && at < len(c.kept) {
				k = &c.kept[at]
			}
			var ok bool
			r.built[i], ok = r.builders[i].recall(k, f.Type, int(c.rows))
			r.parse[i] = !ok
		}
		all = all && !r.parse[i]
	}
	return all
}

// parseChunk fills the builders of those columns that are not kept.
func (r *reader) parseChunk(ctx context.Context, c *chunk) error {
	r.elements = c.rows * int64(len(r.fields)) // an offset is as long as the code of an element
	for i := range r.builders {
		if !r.parse[i] {
			continue
		}
		if f := r.fields[i]; f.Type.IsList() {
			r.lists[i].reset(int(c.rows))
			r.builders[i].reset(f.Type.Elem(), 0, r.seed) // it grows
		} else {
			r.builders[i].reset(f.Type, int(c.rows), r.seed)
		}
	}
	if len(r.fields) == 0 && !r.planned {
		return ctx.Err() // the scan knows how many rows there are
	}
	if names := r.table.files[c.file].names; r.of < 0 || names != nil && r.of != c.file {
		r.parser, r.of = r.format.NewParser(r.table.files[c.file].Name, names), c.file
		r.targets = r.targets[:0]
	}
	if err := r.records.open(ctx, r.table, &r.handle, c); err != nil {
		return err
	}
	for row := 0; ; row = int(r.row) {
		data, err := r.next(ctx)
		if err != nil {
			return err
		}
		if (data == nil) != (int64(row) == c.rows) || r.row > c.rows {
			return diag.New("Q214", "the file had %d rows here and now has others", c.rows)
		}
		if data == nil && r.planned {
			return r.compare(c)
		}
		if data == nil {
			return nil
		}
		if len(r.targets) < len(r.parser.Names()) {
			r.findTargets()
		}
		if err := r.addBlock(row, data); err != nil {
			return err
		}
	}
}

// findTargets looks up the columns that the parser came across.
func (r *reader) findTargets() {
	for _, name := range r.parser.Names()[len(r.targets):] {
		r.targets = append(r.targets, r.fields.Find(name))
	}
}

// addBlock adds the cells of a block, column by column if it can. The error is that of
// the first row, and of its first cell, that have one.
func (r *reader) addBlock(row int, data []byte) error {
	b := &r.block
	width := b.width()
	if width == 0 {
		from := 0
		for _, end := range b.Ends {
			if _, err := r.addCells(row, data, b.Cells[from:end], 1, 0); err != nil {
				return err
			}
			row, from = row+1, end
		}
		return nil
	}
	var first *diag.Error
	cells := b.Cells
	for i := range width {
		if i >= len(cells) {
			break // only cells before a mistake are left
		}
		at, err := r.addCells(row, data, cells[i:], width, 1)
		if err != nil {
			first, cells = err, cells[:i+at]
		}
	}
	if first != nil {
		return first
	}
	return nil
}

// addCells adds every step-th cell; each lies so many rows below the one before. It
// returns the place of the first one that has a mistake.
func (r *reader) addCells(row int, data []byte, cells []Cell, step, rows int) (int, *diag.Error) {
	for i := 0; i < len(cells); i += step {
		cell := &cells[i]
		target := r.targets[cell.Column]
		if (target < 0 || !r.parse[target]) && rows > 0 {
			return 0, nil // nor are the other cells of the column wanted
		}
		if target >= 0 && r.parse[target] && cell.Kind != Null {
			if err := r.addCell(row, data, *cell, target); err != nil {
				return i, err.In(diag.Data{RowGroup: -1, Row: int64(row), Column: r.fields[target].Name})
			}
		}
		row += rows
	}
	return 0, nil
}

// addCell adds a cell that is not null to the column of a field.
func (r *reader) addCell(row int, data []byte, cell Cell, field int) *diag.Error {
	f := &r.fields[field]
	if cell.Kind == Nested || cell.Kind == List && !f.Type.IsList() {
		return diag.New("Q214", "column %s holds arrays or objects that it did not hold before", f.Name)
	}
	if cell.Kind == List {
		return r.addList(row, data, cell, field)
	}
	text := r.text(data, cell)
	switch {
	case f.Type.IsList():
		return noList(text, f.Type)
	case !r.builders[field].add(row, text):
		return wrongValue(text, f.Name, f.Type)
	}
	return nil
}

// text returns the text of a scalar that is not null; it is valid until the next call.
func (r *reader) text(data []byte, cell Cell) []byte {
	text := data[cell.Start:cell.End]
	if cell.Kind == Escaped {
		r.scratch = r.parser.Unescape(r.scratch[:0], text)
		text = r.scratch
	}
	return text
}

// constant makes a column of one slot: that of the chunk's file.
func (r *reader) constant(k *keyOutput, c *chunk) column.Column {
	if len(r.zeros) < int(c.rows) {
		r.zeros = make([]int32, c.rows)
	}
	rows := [1]int32{int32(k.from.Slot(c.file))}
	plain := column.Column{Len: k.from.Values.Len, Values: k.from.Values}
	one := column.Column{Values: k.slot}
	column.Take(&one, &plain, rows[:])
	k.slot = one.Values
	return column.Column{Len: int(c.rows), Values: k.slot, Index: r.zeros[:c.rows:c.rows]}
}

// Close closes the file that is open.
func (r *reader) Close() error {
	r.stream.close()
	return r.handle.close()
}
