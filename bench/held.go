package bench

import (
	"context"
	"errors"

	"quern/features/column"
	"quern/gpu"
	"quern/pipeline/source"
)

// held is a source whose rows are decoded in memory: what computes is all that it takes
// time to run over it.
type held struct {
	schema  column.Schema
	batches []column.Batch
	readers []source.Reader // whose memory the batches are
}

// hold reads columns of src, each chunk by a reader of its own.
func hold(ctx context.Context, src source.Source, columns []string) (*held, error) {
	h := &held{}
	for _, name := range columns {
		h.schema = append(h.schema, src.Schema()[src.Schema().Find(name)])
	}
	for _, c := range src.Chunks() {
		r, err := src.NewReader(columns)
		if err != nil {
			return nil, errors.Join(err, h.Close())
		}
		h.readers = append(h.readers, r)
		batch, err := r.Read(ctx, c)
		if err != nil {
			return nil, errors.Join(err, h.Close())
		}
		batch.Columns = append([]column.Column(nil), batch.Columns...)
		h.batches = append(h.batches, batch)
	}
	return h, nil
}

// rows returns how many rows there are.
func (h *held) rows() (n int64) {
	for _, b := range h.batches {
		n += int64(b.Rows)
	}
	return n
}

// Schema implements source.Source, and so do the methods below.
func (h *held) Schema() column.Schema       { return h.schema }
func (h *held) Unusable() map[string]string { return nil }
func (h *held) Notices() []string           { return nil }

// Chunks lists the batches.
func (h *held) Chunks() []source.Chunk {
	chunks := make([]source.Chunk, len(h.batches))
	for i, b := range h.batches {
		chunks[i] = source.Chunk{Index: i, File: "memory", Group: i, Rows: int64(b.Rows), Bytes: 1, Memory: 1}
	}
	return chunks
}

// ColumnBytes implements source.Columnar.
func (h *held) ColumnBytes(columns []string) int64 {
	bytes := 0.0
	for _, name := range columns {
		bytes += gpu.BytesOf(h.schema[h.schema.Find(name)].Type)
	}
	return int64(bytes) * h.rows()
}

// NewReader returns a reader that gives the columns as they are.
func (h *held) NewReader(columns []string) (source.Reader, error) {
	r := &heldReader{of: h}
	return r, r.Select(columns)
}

// Close closes what the memory is from.
func (h *held) Close() error {
	var errs []error
	for _, r := range h.readers {
		errs = append(errs, r.Close())
	}
	return errors.Join(errs...)
}

// heldReader implements source.Selector.
type heldReader struct {
	of      *held
	at      []int
	columns []column.Column
}

// Select changes the columns.
func (r *heldReader) Select(columns []string) error {
	r.at = r.at[:0]
	for _, name := range columns {
		r.at = append(r.at, r.of.schema.Find(name))
	}
	return nil
}

// Read gives a batch.
func (r *heldReader) Read(_ context.Context, c source.Chunk) (column.Batch, error) {
	b := r.of.batches[c.Index]
	r.columns = r.columns[:0]
	for _, at := range r.at {
		r.columns = append(r.columns, b.Columns[at])
	}
	return column.Batch{Rows: b.Rows, Columns: r.columns}, nil
}

// Close implements source.Reader.
func (r *heldReader) Close() error { return nil }
