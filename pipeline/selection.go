package pipeline

import (
	"context"

	"quern/features/column"
	"quern/features/program"
	"quern/pipeline/source"
)

// selection is which rows of each chunk a condition keeps, for passes that read the
// columns of a chunk at different times.
type selection struct {
	chunks []chosen
}

// chosen is which rows of a chunk are kept: a bit each, or all.
type chosen struct {
	all  bool
	rows int // how many
	bits column.Bitmap
}

// choose evaluates a condition on all chunks, of which it reads the columns that the
// condition needs.
func (p *Plan) choose(ctx context.Context, src source.Source, chunks []source.Chunk, where *program.Program, o Options) (*selection, error) {
	s := &selection{chunks: make([]chosen, len(chunks))}
	columns := where.Inputs.Names()
	condition, err := newStage(o.Backend, where, columns)
	if err != nil {
		return nil, err
	}
	type worker struct {
		reader source.Reader
		filter *filter
	}
	err = forEach(ctx, o.workersFor(chunks, len(chunks), 1), len(chunks),
		func() (worker, error) {
			r, err := src.NewReader(columns)
			return worker{r, condition.filter()}, err
		},
		func(ctx context.Context, w worker, i int) error {
			batch, err := w.reader.Read(ctx, chunks[i])
			if err != nil {
				return err
			}
			kept, all, err := w.filter.rows(batch)
			s.chunks[i] = newChosen(batch.Rows, kept, all)
			return p.locateRun(err, where, &chunks[i], nil)
		},
		func(w worker) error {
			w.filter.close()
			return w.reader.Close()
		})
	return s, err
}

func newChosen(rows int, kept []int32, all bool) chosen {
	if all {
		return chosen{all: true, rows: rows}
	}
	c := chosen{rows: len(kept), bits: column.NewBitmap(rows)}
	for _, r := range kept {
		c.bits.Set(int(r))
	}
	return c
}

// picker takes rows out of batches. Its results are valid until the next call; its
// buffers are reused.
type picker struct {
	kept []int32
	out  []column.Column
}

// pick returns the chosen rows of batch and which they are; nil: all.
func (p *picker) pick(batch column.Batch, c *chosen) (column.Batch, []int32) {
	if c.all {
		return batch, nil
	}
	p.kept = p.kept[:0]
	for i := range batch.Rows {
		if c.bits.Get(i) {
			p.kept = append(p.kept, int32(i))
		}
	}
	return p.take(batch, p.kept), p.kept
}

// take returns the given rows of batch.
func (p *picker) take(batch column.Batch, rows []int32) column.Batch {
	for len(p.out) < len(batch.Columns) {
		p.out = append(p.out, column.Column{})
	}
	for i := range batch.Columns {
		column.Take(&p.out[i], &batch.Columns[i], rows)
	}
	return column.Batch{Rows: len(rows), Columns: p.out[:len(batch.Columns)]}
}
