package parquet

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"quern/features/column"
	"quern/features/diag"
	"quern/internal/simd"
	"quern/pipeline/source"
)

// layoutFormat is the format's name in a layout.
const layoutFormat = "parquet"

// Layout implements source.Planner. A source that was reopened has the layout of all.
func (t *table) Layout() *source.Layout {
	if t.planned != nil {
		return t.planned
	}
	l := &source.Layout{Format: layoutFormat, Schema: slices.Clone(t.schema), Chunks: slices.Clone(t.chunks)}
	if len(t.unusable) > 0 {
		l.Unusable = maps.Clone(t.unusable)
	}
	for i := range t.files {
		f := &t.files[i]
		l.Files = append(l.Files, source.LayoutFile{Name: f.Name, Location: f.Location, Size: f.size, Version: f.version, Header: -1})
	}
	for _, f := range t.fileOf {
		l.Spans = append(l.Spans, source.Span{File: f})
	}
	return l
}

// Reopen returns a source of some chunks of a layout, by their numbers, ascending. It reads
// the footers of the files that they lie in, and of no others. Its schema, and what its
// readers return, are those of the source that the layout is of; its chunks keep their
// Index. Of opts, Files are the layout's (see source.Layout.Open), and the rest what the
// source was opened with. A file that has another size or footer than it had is Q216.
func Reopen(ctx context.Context, opts Options, l *source.Layout, chunks []int) (source.Source, error) {
	if opts.Memory == 0 {
		opts.Memory = DefaultMemory
	}
	if err := l.Check(layoutFormat, opts.Files, chunks); err != nil {
		return nil, err
	}
	t := &table{memory: opts.Memory, kernels: simd.Best(), planned: l, schema: l.Schema, unusable: l.Unusable}
	for _, at := range chunks {
		f := l.Spans[at].File
		if n := len(t.files); n == 0 || t.files[n-1].number != f {
			t.files = append(t.files, file{File: opts.Files[f], number: f})
		}
		t.chunks = append(t.chunks, l.Chunks[at])
		t.fileOf = append(t.fileOf, len(t.files)-1)
	}
	if err := t.readFooters(ctx); err != nil {
		return nil, err
	}
	for i := range t.chunks {
		if err := t.files[t.fileOf[i]].has(&t.chunks[i]); err != nil {
			return nil, err
		}
	}
	keys := source.KeyColumns(opts.Files)
	if err := t.assignPlanned(opts.Types, keys); err != nil {
		return nil, err
	}
	return t, t.findOrigins(keys)
}

// asPlanned says what the outcome of opening a planned file means: its size must be what
// it was, and its footer as sound.
func (f *file) asPlanned(err error, l *source.LayoutFile) error {
	if err == nil && f.size == l.Size {
		return nil
	}
	if err == nil || f.size != l.Size && source.Damaged(err) {
		return source.Changed(f.Name, "it had %d bytes and now has %d", l.Size, f.size).Because(err)
	}
	met, changed := source.AsPlanned(err, f.Name)
	if !changed && source.Damaged(err) {
		return source.Changed(f.Name, "its footer was read well and now cannot be").Because(err)
	}
	return met
}

// has checks that a planned chunk is in the file, as it was.
func (f *file) has(c *source.Chunk) error {
	if c.Group < 0 || c.Group >= len(f.groups) || f.chunk(c.Index, c.Group) != *c {
		return source.Changed(f.Name, "it has another footer")
	}
	return nil
}

// assignPlanned is assign for files that were part of a source: what Types says was right.
func (t *table) assignPlanned(types column.Schema, keys []source.KeyColumn) error {
	for f := range t.files {
		for i := range t.files[f].columns {
			c := &t.files[f].columns[i]
			at := types.Find(c.name)
			if at < 0 || isKey(keys, c.name) {
				continue
			}
			if err := c.assign(types[at].Type); err != nil {
				return err.In(diag.Data{File: t.files[f].Name, RowGroup: -1, Row: -1, Column: c.name})
			}
		}
	}
	return nil
}

// findOrigins finds out where the columns of the planned schema come from.
func (t *table) findOrigins(keys []source.KeyColumn) error {
	places := make([]map[string]int, len(t.files))
	for f := range t.files {
		places[f] = make(map[string]int, len(t.files[f].columns))
		for i := range t.files[f].columns {
			places[f][t.files[f].columns[i].name] = i
		}
	}
	for _, field := range t.schema {
		if k := slices.IndexFunc(keys, func(k source.KeyColumn) bool { return k.Name == field.Name }); k >= 0 {
			if keys[k].Values.Type != field.Type {
				return fmt.Errorf("%w: column %s does not follow from the folders' names", source.ErrLayout, field.Name)
			}
			t.origins = append(t.origins, origin{key: &keys[k].Values})
			continue
		}
		from := origin{at: absent(len(t.files))}
		for f := range t.files {
			at, ok := places[f][field.Name]
			if !ok {
				continue
			}
			c := &t.files[f].columns[at]
			if c.reason == "" && c.typ != column.Invalid {
				if typ, ok := widen(field.Type, c.of(c.typ)); ok && typ == field.Type {
					from.at[f] = at
					continue
				}
			}
			return source.Changed(t.files[f].Name, "column %s is not %s", field.Name, field.Type)
		}
		t.origins = append(t.origins, from)
	}
	return nil
}

// asPlanned says what an error of a read of file f means, if the file was planned.
func (t *table) asPlanned(err error, f int) error {
	if t.planned != nil {
		err, _ = source.AsPlanned(err, t.files[f].Name)
	}
	return err
}
