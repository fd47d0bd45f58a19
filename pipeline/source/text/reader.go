package text

import (
	"context"
	"hash/maphash"

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
	builders []builder
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
	r.batch.Columns = make([]column.Column, len(columns))
	for _, name := range columns {
		at := t.schema.Find(name)
		if at < 0 {
			return nil, t.missing(name)
		}
		if k, ok := t.keys[name]; ok {
			r.outputs = append(r.outputs, -1-len(r.keys))
			r.keys = append(r.keys, keyOutput{from: k})
			continue
		}
		i := r.fields.Find(name)
		if i < 0 {
			i = len(r.fields)
			r.fields = append(r.fields, t.schema[at])
		}
		r.outputs = append(r.outputs, i)
	}
	r.builders = make([]builder, len(r.fields))
	return r, nil
}

// Read returns the rows of a chunk.
func (r *reader) Read(ctx context.Context, chunk source.Chunk) (column.Batch, error) {
	if chunk.Index < 0 || chunk.Index >= len(r.chunks) {
		panic("quern: bug: chunk of another source")
	}
	c := &r.chunks[chunk.Index]
	if err := r.build(ctx, c); err != nil {
		return column.Batch{}, place(err, r.table.files[c.file].Name, c.first)
	}
	r.batch.Rows = int(c.rows)
	for i, out := range r.outputs {
		if out < 0 {
			r.batch.Columns[i] = r.constant(&r.keys[-1-out], c)
		}
	}
	for b := range r.builders {
		built := r.builders[b].finish()
		for i, out := range r.outputs {
			if out == b {
				r.batch.Columns[i] = built
			}
		}
	}
	return r.batch, nil
}

// build fills the builders.
func (r *reader) build(ctx context.Context, c *chunk) error {
	if need := 4 * c.rows * int64(len(r.fields)); need > r.Memory || c.rows > 1<<31-1 {
		e := diag.New("Q249", "%d rows of %d columns take more than the limit of %d bytes", c.rows, len(r.fields), r.Memory)
		e.Next = "read fewer columns, or raise --memory"
		return e
	}
	for i := range r.builders {
		r.builders[i].reset(r.fields[i].Type, int(c.rows), r.seed)
	}
	if len(r.fields) == 0 {
		return ctx.Err() // the scan knows how many rows there are
	}
	if names := r.table.files[c.file].names; r.of < 0 || names != nil && r.of != c.file {
		r.parser, r.of = r.format.NewParser(r.table.files[c.file].Name, names), c.file
		r.targets = r.targets[:0]
	}
	if err := r.records.open(ctx, r.table, &r.handle, c); err != nil {
		return err
	}
	for row := 0; ; row++ {
		data, cells, err := r.next(ctx)
		if err != nil {
			return err
		}
		if (cells == nil) != (int64(row) == c.rows) {
			return diag.New("Q214", "the file had %d rows here and now has others", c.rows)
		}
		if cells == nil {
			return nil
		}
		if len(r.targets) < len(r.parser.Names()) {
			r.findTargets()
		}
		if err := r.add(row, data, cells); err != nil {
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

// add adds the cells of a row.
func (r *reader) add(row int, data []byte, cells []Cell) error {
	for _, cell := range cells {
		target := r.targets[cell.Column]
		if target < 0 || cell.Kind == Null {
			continue
		}
		text := data[cell.Start:cell.End]
		switch cell.Kind {
		case Escaped:
			r.scratch = r.parser.Unescape(r.scratch[:0], text)
			text = r.scratch
		case Nested:
			return diag.New("Q214", "column %s had no arrays or objects and now has", r.fields[target].Name)
		}
		if !r.builders[target].add(row, text) {
			f := r.fields[target]
			return wrongValue(text, f.Name, f.Type).In(diag.Data{RowGroup: -1, Row: int64(row), Column: f.Name})
		}
	}
	return nil
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
