package parquet

import (
	"context"
	"slices"
	"strings"

	"quern/features/column"
	"quern/features/diag"
	"quern/pipeline/source"
	"quern/pipeline/store"
)

// reader is a source.Reader. It holds at most one open file.
type reader struct {
	*table
	fields  column.Schema
	origins []origin
	outputs []output
	spare   column.Vector // memory of outputs that now have other types, at most one slice of each kind
	batch   column.Batch
	decoder decoder
	zeros   []int32 // the indexes of constant columns
	open    store.Reader
	at      int // the number of the file that is open
}

// NewReader returns a reader of the named columns. Unknown names are Q212,
// unusable columns Q211.
func (t *table) NewReader(columns []string) (source.Reader, error) {
	r := &reader{table: t}
	r.decoder.block = newBlock(t.kernels)
	return r, r.Select(columns)
}

// Select implements source.Selector.
func (r *reader) Select(columns []string) error {
	r.fields, r.origins = r.fields[:0], r.origins[:0]
	find := r.schema.Finder(len(columns))
	for i, name := range columns {
		at := find(name)
		if at < 0 {
			return r.missing(name)
		}
		r.fields = append(r.fields, r.schema[at])
		r.origins = append(r.origins, r.table.origins[at])
		if i == len(r.outputs) {
			r.outputs = append(r.outputs, output{})
		}
		r.outputs[i].become(r.schema[at].Type, &r.spare)
	}
	if size(&r.spare) > r.memory/8 {
		r.spare = column.Vector{}
	}
	r.batch.Columns = slices.Grow(r.batch.Columns[:0], len(columns))[:len(columns)]
	return nil
}

// ColumnBytes implements source.Columnar.
func (t *table) ColumnBytes(columns []string) int64 {
	var total int64
	find := t.schema.Finder(len(columns))
	for _, name := range columns {
		from := &t.origins[find(name)]
		if from.key != nil {
			continue
		}
		for i := range t.chunks {
			f := t.fileOf[i]
			if from.at[f] >= 0 {
				leaf := t.files[f].columns[from.at[f]].leaf
				total += t.files[f].groups[t.chunks[i].Group].columns[leaf].uncompressed
			}
		}
	}
	return total
}

// missing explains why there is no column called name.
func (t *table) missing(name string) error {
	if reason, ok := t.unusable[name]; ok {
		return diag.New("Q211", "column %s cannot be used: %s", name, reason)
	}
	e := diag.New("Q212", "there is no column %s", name)
	names := make([]string, len(t.schema))
	for i, f := range t.schema {
		names[i] = f.Name
	}
	if near := diag.Nearest(name, names); near != "" {
		return e.WithHint("did you mean %q?", near)
	}
	return e.WithHint("the columns are: %s", strings.Join(names[:min(len(names), 20)], ", "))
}

// Read returns the rows of a row group.
func (r *reader) Read(ctx context.Context, c source.Chunk) (column.Batch, error) {
	at, ok := source.Find(r.chunks, c.Index)
	if !ok {
		panic("quern: bug: chunk of another source")
	}
	c = r.chunks[at]
	f := r.fileOf[at]
	g := &r.files[f].groups[c.Group]
	r.decoder.left = r.memory
	r.batch.Rows = int(g.rows)
	for i := range r.fields {
		if err := r.column(ctx, i, f, g); err != nil {
			return column.Batch{}, place(r.asPlanned(err, f), diag.Data{File: c.File, RowGroup: c.Group, Row: -1, Column: r.fields[i].Name})
		}
		r.batch.Columns[i] = r.outputs[i].column
	}
	return r.batch, nil
}

// column reads column i of the batch from row group g of file f.
func (r *reader) column(ctx context.Context, i, f int, g *group) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	defer recoverFault(&err)
	from, typ, out := &r.origins[i], r.fields[i].Type, &r.outputs[i]
	if from.key != nil {
		return r.constant(out, typ, from.key, r.files[f].number, int(g.rows))
	}
	if from.at[f] < 0 {
		return r.constant(out, typ, nil, 0, int(g.rows))
	}
	open, err := r.file(ctx, f)
	if err != nil {
		return err
	}
	col := &r.files[f].columns[from.at[f]]
	return r.decoder.read(open, &g.columns[col.leaf], col, typ, int(g.rows), out)
}

// constant makes a column of one slot: slot of key, or null if key is nil. Lists,
// which have no dictionaries, are as many nulls.
func (r *reader) constant(out *output, typ column.Type, key *column.Vector, slot, rows int) error {
	if typ.IsList() {
		l := lists{wanted: rows}
		if r.decoder.left -= l.size(); r.decoder.left < 0 {
			return tooLarge("the row group", r.memory)
		}
		nullLists(out, typ.Elem(), rows)
		return nil
	}
	if len(r.zeros) < rows {
		if r.decoder.left -= 4 * int64(rows); r.decoder.left < 0 {
			return tooLarge("the row group", r.memory)
		}
		r.zeros = make([]int32, rows)
	}
	v := &out.values
	resetVector(v, typ, 1)
	null := key == nil || key.Null(slot)
	switch {
	case null:
		if typ == column.String {
			v.Text.Append(nil)
		}
		v.Valid = column.NewBitmap(1)
	case typ == column.String:
		v.Text.Append(key.Text.At(slot))
	case typ == column.Date:
		v.Int32s[0] = key.Int32s[slot]
	default:
		v.Int64s[0] = key.Int64s[slot]
	}
	out.column = column.Column{Len: rows, Values: *v, Index: r.zeros[:rows:rows]}
	return nil
}

// file returns file f, open.
func (r *reader) file(ctx context.Context, f int) (store.Reader, error) {
	if r.open != nil && r.at == f {
		return r.open, nil
	}
	if err := r.closeFile(); err != nil {
		return nil, diag.New("Q202", "cannot close the file").Because(err)
	}
	open, err := r.files[f].Open(ctx)
	if err != nil {
		return nil, diag.New("Q202", "cannot open the file").Because(err)
	}
	if open.Size() != r.files[f].size {
		open.Close()
		return nil, diag.New("Q214", "the file had %d bytes and now has %d", r.files[f].size, open.Size())
	}
	r.open, r.at = open, f
	return open, nil
}

// Close closes the file that is open.
func (r *reader) Close() error {
	r.decoder.codecs.close()
	return r.closeFile()
}

func (r *reader) closeFile() error {
	if r.open == nil {
		return nil
	}
	err := r.open.Close()
	r.open = nil
	return err
}
