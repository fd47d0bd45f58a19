package pipeline

import (
	"context"
	"errors"
	"slices"

	"quern/features/backend"
	"quern/features/column"
	"quern/features/program"
	"quern/pipeline/output"
	"quern/pipeline/source"
)

// counted is how many rows of a part came in and went out.
type counted struct{ in, out int64 }

// writer is one worker of a transform.
type writer struct {
	*transformer
	reader source.Reader
	where  *filter
	taken  *filter
	picker picker
	args   []column.Column
	single bool             // the part has one chunk
	whole  backend.Session  // of the one component; nil where there are several
	casts  []*column.Column // buffers of narrowed columns
	at     []int            // numbers of a target's fields
	out    []column.Column  // and their columns
}

func (t *transformer) newWriter() (*writer, error) {
	reader, err := t.src.NewReader(t.rows[0].columns)
	if err != nil {
		return nil, err
	}
	w := &writer{transformer: t, reader: reader, where: t.where.filter(), taken: t.taken.filter()}
	if !t.apart {
		w.whole = t.rows[0].exe.NewSession()
	}
	return w, nil
}

func (w *writer) close() error {
	if w.whole != nil {
		w.whole.Close()
	}
	w.where.close()
	w.taken.close()
	return w.reader.Close()
}

// part writes part i to the targets that lack it and publishes it.
func (w *writer) part(ctx context.Context, i int, n *counted, meter *Progress) (err error) {
	open := make([]*output.Part, len(w.targets))
	defer func() {
		for _, p := range open {
			if p != nil {
				p.Abort() // after Commit it does nothing
			}
		}
	}()
	for j, t := range w.targets {
		if t.parts.Finished(w.first + i) {
			continue
		}
		if open[j], err = t.parts.Part(ctx, w.first+i); err != nil {
			return err
		}
	}
	if !slices.ContainsFunc(open, func(p *output.Part) bool { return p != nil }) {
		w.skip(i, n, meter) // an interrupted run wrote it
		return nil
	}
	w.single = len(w.parts[i]) == 1
	for _, c := range w.parts[i] {
		in, err := w.chunk(ctx, &c, open, n)
		if err != nil {
			return err
		}
		n.in += int64(in)
		meter.done(c, in)
	}
	for _, p := range open {
		if p != nil {
			if err := p.Commit(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// skip counts the rows of a part that is there already.
func (w *writer) skip(i int, n *counted, meter *Progress) {
	for _, c := range w.parts[i] {
		n.in += max(0, c.Rows)
		meter.done(c, int(max(0, c.Rows)))
	}
}

// chunk computes one chunk and appends it to the open parts. It returns how many
// rows were read.
func (w *writer) chunk(ctx context.Context, c *source.Chunk, open []*output.Part, n *counted) (rows int, err error) {
	var kept chosen
	if w.apart && len(w.gates) > 0 {
		batch, err := w.read(ctx, c, w.gates)
		if err != nil {
			return 0, err
		}
		if kept, _, _, err = w.gate(batch, c, open, n); err != nil {
			return 0, err
		}
	}
	for i := range w.rows {
		batch, err := w.read(ctx, c, w.rows[i].columns)
		if err != nil {
			return 0, err
		}
		rows = batch.Rows
		var picked column.Batch
		var which []int32
		if i == 0 && (!w.apart || len(w.gates) == 0) {
			if kept, picked, which, err = w.gate(batch, c, open, n); err != nil {
				return 0, err
			}
		} else {
			picked, which = w.picker.pick(batch, &kept)
		}
		if err := w.compute(&w.rows[i], picked, c, which, open); err != nil {
			return 0, err
		}
	}
	for _, p := range open {
		if p != nil {
			if err := p.End(); err != nil {
				return 0, err
			}
		}
	}
	n.out += int64(kept.rows)
	return rows, nil
}

// read returns columns of a chunk.
func (w *writer) read(ctx context.Context, c *source.Chunk, columns []string) (column.Batch, error) {
	if w.apart {
		if err := w.reader.(source.Selector).Select(columns); err != nil {
			return column.Batch{}, err
		}
	}
	return w.reader.Read(ctx, *c)
}

// gate decides which rows of a chunk are written, and begins them in the open parts.
// It returns them, those of batch, and which they are (nil: all).
func (w *writer) gate(batch column.Batch, c *source.Chunk, open []*output.Part, n *counted) (kept chosen, picked column.Batch, which []int32, err error) {
	rows, all, err := w.where.rows(batch)
	if err != nil {
		return kept, picked, nil, w.locate(err, w.transformer.where.program, c, nil)
	}
	kept = newChosen(batch.Rows, rows, all)
	picked, which = w.picker.pick(batch, &kept)
	outside, err := w.outside(picked, c, which)
	if err != nil {
		return kept, picked, nil, err
	}
	for _, p := range open {
		if p == nil {
			continue
		}
		for _, r := range outside {
			p.Outside(n.out+r[0], n.out+r[1])
		}
		if w.single {
			p.Expect(kept.rows)
		}
		if err := p.Begin(kept.rows); err != nil {
			return kept, picked, nil, err
		}
	}
	return kept, picked, which, nil
}

// outside returns the runs of rows of batch that were not learnt from. which are the
// rows of the chunk.
func (w *writer) outside(batch column.Batch, c *source.Chunk, which []int32) (runs [][2]int64, err error) {
	kept, all, err := w.taken.rows(batch)
	if err != nil {
		return nil, w.locate(err, w.transformer.taken.program, c, which)
	}
	if all {
		return nil, nil
	}
	next := int64(0)
	for _, r := range append(kept, int32(batch.Rows)) {
		if int64(r) > next {
			runs = append(runs, [2]int64{next, int64(r)})
		}
		next = int64(r) + 1
	}
	return runs, nil
}

// compute runs a component over rows of a chunk and appends what it gives to the open
// parts. which are the rows of the chunk; nil: all.
func (w *writer) compute(part *transformPart, batch column.Batch, c *source.Chunk, which []int32, open []*output.Part) error {
	session := w.whole
	if session == nil {
		session = part.exe.NewSession()
		defer session.Close()
	}
	step := stepOf(batch, part.inputs, w.apart)
	for from := 0; from < batch.Rows; from += step {
		to := min(batch.Rows, from+step)
		w.args = w.args[:0]
		for _, at := range part.inputs {
			w.args = append(w.args, column.Cut(&batch.Columns[at], from, to))
		}
		result, err := session.Run(column.Batch{Rows: to - from, Columns: w.args}, nil)
		if err != nil {
			return w.locate(shifted(err, from), part.program, c, which)
		}
		for j, p := range open {
			if p == nil {
				continue
			}
			at, columns := w.narrowed(j, part.outputs, result.Columns)
			if err := p.Columns(at, columns); err != nil {
				return inChunk(err, c, which)
			}
		}
	}
	return nil
}

// sliceRows is how many rows of plain columns are computed at a time: what they take
// stays in the cache of a core.
const sliceRows = 1 << 15

// stepOf returns how many rows of a batch to compute at a time: dictionary-coded
// columns are cheapest all at once, and so are lists, which cannot be cut for nothing.
func stepOf(batch column.Batch, inputs []int, apart bool) int {
	for _, at := range inputs {
		if c := &batch.Columns[at]; c.Dict() || c.Type().IsList() || !apart {
			return max(1, batch.Rows)
		}
	}
	return sliceRows
}

// shifted returns err with the row of a fault moved by rows.
func shifted(err error, rows int) error {
	var fault *program.RowError
	if errors.As(err, &fault) {
		fault.Row += rows
	}
	return err
}
