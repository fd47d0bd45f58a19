package featurestest

import (
	"context"
	"fmt"

	"quern/features/column"
	"quern/pipeline/source"
)

// Source is a source.Source of batches in memory, one chunk each, that keeps to the
// letter of the contract: a batch is valid until the reader's next call, and then
// overwritten, so that whoever keeps it learns garbage; a consumer that writes to a
// batch is found out.
type Source struct {
	schema column.Schema
	chunks []column.Batch
}

// NewSource returns a source of the given chunks, whose columns are those of
// schema, in storage form. It keeps the chunks and never changes them.
func NewSource(schema column.Schema, chunks ...column.Batch) *Source {
	for i, b := range chunks {
		if len(b.Columns) != len(schema) {
			panic(fmt.Sprintf("quern: bug: chunk %d has %d columns for %d fields", i, len(b.Columns), len(schema)))
		}
		for j := range b.Columns {
			if b.Columns[j].Len != b.Rows || b.Columns[j].Type() != schema[j].Type {
				panic(fmt.Sprintf("quern: bug: chunk %d, column %s: wrong length or type", i, schema[j].Name))
			}
		}
	}
	return &Source{schema, chunks}
}

// Schema implements source.Source.
func (s *Source) Schema() column.Schema { return s.schema }

// Unusable implements source.Source: every column is usable.
func (s *Source) Unusable() map[string]string { return nil }

// Notices implements source.Source: there are none.
func (s *Source) Notices() []string { return nil }

// Close implements source.Source.
func (s *Source) Close() error { return nil }

// Chunks implements source.Source.
func (s *Source) Chunks() []source.Chunk {
	all := make([]source.Chunk, len(s.chunks))
	for i, b := range s.chunks {
		size := int64(8 * b.Rows * len(s.schema))
		all[i] = source.Chunk{Index: i, File: "memory", Group: i, Rows: int64(b.Rows), Bytes: size, Memory: size}
	}
	return all
}

// NewReader implements source.Source.
func (s *Source) NewReader(columns []string) (source.Reader, error) {
	r := &reader{source: s, at: make([]int, len(columns))}
	for i, name := range columns {
		if r.at[i] = s.schema.Find(name); r.at[i] < 0 {
			return nil, fmt.Errorf("the source has no column %q", name)
		}
	}
	return r, nil
}

// reader hands out copies.
type reader struct {
	source *Source
	at     []int
	last   int // chunk that lent was copied from
	lent   []column.Column
}

// Read implements source.Reader.
func (r *reader) Read(ctx context.Context, chunk source.Chunk) (column.Batch, error) {
	if err := r.takeBack(); err != nil {
		return column.Batch{}, err
	}
	if err := ctx.Err(); err != nil {
		return column.Batch{}, err
	}
	from := r.source.chunks[chunk.Index]
	r.last, r.lent = chunk.Index, make([]column.Column, len(r.at))
	for i, at := range r.at {
		r.lent[i] = cloneColumn(&from.Columns[at])
	}
	return column.Batch{Rows: from.Rows, Columns: r.lent}, nil
}

// takeBack checks that the last batch was not written to, and overwrites it.
func (r *reader) takeBack() error {
	for i := range r.lent {
		if !sameMemory(&r.lent[i], &r.source.chunks[r.last].Columns[r.at[i]]) {
			return fmt.Errorf("column %s of a batch was written to by its reader", r.source.schema[r.at[i]].Name)
		}
		trash(&r.lent[i])
	}
	r.lent = nil
	return nil
}

// Close implements source.Reader.
func (r *reader) Close() error { return r.takeBack() }
