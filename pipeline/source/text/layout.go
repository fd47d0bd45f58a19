package text

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"

	"quern/features/column"
	"quern/pipeline/source"
)

// Layout implements source.Planner.
func (t *table) Layout() *source.Layout {
	l := &source.Layout{Format: t.format.Name(), Schema: slices.Clone(t.schema), Chunks: slices.Clone(t.listed)}
	if len(t.unusable) > 0 {
		l.Unusable = make(map[string]string, len(t.unusable))
		for name, reason := range t.unusable {
			l.Unusable[name] = reason
		}
	}
	headers := map[string]int{}
	for i := range t.files {
		f := &t.files[i]
		planned := source.LayoutFile{Name: f.Name, Location: f.Location, Size: f.size, Version: f.version,
			Packing: uint8(f.packing), Start: f.start, Header: -1}
		if f.names != nil {
			key := fmt.Sprintf("%q", f.names)
			at, ok := headers[key]
			if !ok {
				at = len(l.Headers)
				headers[key] = at
				l.Headers = append(l.Headers, f.names)
			}
			planned.Header = at
		}
		l.Files = append(l.Files, planned)
	}
	for i := range t.chunks {
		c := &t.chunks[i]
		l.Spans = append(l.Spans, source.Span{File: c.file, From: c.from, To: c.to})
	}
	return l
}

// Reopen returns a source of some chunks of a layout, by their numbers, ascending. Its
// schema, and what its readers return, are those of the source that the layout is of;
// its chunks keep their Index. opts are those that the source was opened with; its Files
// are those of the layout, with or without others than these chunks lie in.
//
// Nothing is read: a file that changed is noticed (Q216) when its chunks are read, by the
// digest of their bytes and before any row of them is returned.
func Reopen(_ context.Context, opts Options, format Format, l *source.Layout, chunks []int) (source.Source, error) {
	if err := l.Check(format.Name(), opts.Files, chunks); err != nil {
		return nil, err
	}
	t := &table{Options: opts.withDefaults(), format: format, planned: true, schema: l.Schema, unusable: l.Unusable}
	for i := range l.Files {
		f := &l.Files[i]
		if f.Packing > uint8(packedZstd) {
			return nil, fmt.Errorf("%w: compression %d", source.ErrLayout, f.Packing)
		}
		t.files = append(t.files, file{File: opts.Files[i], packing: packing(f.Packing), size: f.Size, start: f.Start, version: f.Version})
		if f.Header >= 0 {
			t.files[i].names = l.Headers[f.Header]
		}
	}
	if err := t.planKeys(); err != nil {
		return nil, err
	}
	for i := range l.Chunks {
		f := &t.files[l.Spans[i].File]
		rows := l.Chunks[i].Rows
		if rows <= 0 || rows > 1<<62-f.rows {
			return nil, fmt.Errorf("%w: %d rows", source.ErrLayout, rows)
		}
		if len(chunks) > 0 && chunks[0] == i {
			chunks = chunks[1:]
			t.listed = append(t.listed, l.Chunks[i])
			t.chunks = append(t.chunks, chunk{file: l.Spans[i].File, from: l.Spans[i].From, to: l.Spans[i].To,
				first: f.rows, rows: rows, digest: l.Chunks[i].Digest})
		}
		f.rows += rows
	}
	return t, nil
}

// planKeys finds the columns that the folders' names give, of all files: their types
// follow from the names of all.
func (t *table) planKeys() error {
	keys, err := t.keyColumns()
	if err != nil {
		return err
	}
	t.keys = map[string]*column.Column{}
	for i := range keys {
		at := t.schema.Find(keys[i].name)
		if at < 0 || t.schema[at].Type != keys[i].column.Type() {
			return fmt.Errorf("%w: column %s does not follow from the folders' names", source.ErrLayout, keys[i].name)
		}
		t.keys[keys[i].name] = &keys[i].column
	}
	return nil
}

// asPlanned says what an error of a chunk means that was planned. One that the bytes
// deserve stays, if they are those of the plan.
func (r *reader) asPlanned(ctx context.Context, c *chunk, err error) error {
	if err == nil || !r.planned || ctx.Err() != nil {
		return err
	}
	name := r.table.files[c.file].Name
	if met, changed := source.AsPlanned(err, name); changed || !source.Damaged(err) {
		return met
	}
	switch met := r.verify(ctx, c); {
	case met == nil:
		return err
	case !source.Damaged(met):
		return met // what the bytes are is not known now
	default:
		return source.Changed(name, "what was read well is not any more").Because(err)
	}
}

// verify reads the bytes of a chunk once more and holds them against its digest.
func (r *reader) verify(ctx context.Context, c *chunk) error {
	if err := r.records.open(ctx, r.table, &r.handle, c); err != nil {
		return err
	}
	for !r.last {
		r.data = nil
		if err := r.more(ctx); err != nil {
			return err
		}
	}
	return r.compare(c)
}

// compare holds the bytes of a chunk that was read against its digest.
func (r *reader) compare(c *chunk) error {
	if sum := r.digest(); sum != c.digest {
		return source.Changed(r.table.files[c.file].Name, "it has other bytes")
	}
	return nil
}

// beginDigest makes the stream hash the records that follow the header: those that
// are decoded already, and the rest as it is decoded. So windows, workers and
// compression do not show. It does not defend against anybody: a fast hash will do.
func (r *records) beginDigest(names []string) {
	r.sum = r.hasher
	r.sum.Reset()
	fmt.Fprintf(r.sum, "%q\n", names)
	r.sum.Write(r.data) //nolint:errcheck // it has none
}

// digest returns what has been hashed.
func (r *records) digest() string {
	sum := r.sum.Sum128().Bytes()
	return hex.EncodeToString(sum[:])
}
