package audit

import (
	"bytes"
	"context"
	"sync"

	"quern/pipeline"
	"quern/pipeline/model"
	"quern/pipeline/recipe"
	"quern/serve/row"
	"quern/serve/view"
)

// truth is what should be served of some keys: rows by the hash of their key.
type truth struct {
	layout *row.Layout
	rows   *row.Rows
	at     map[row.Hash]int // -1: the source has no such key
}

// row returns the row of a key, a missing one where there is none.
func (t *truth) row(h row.Hash) row.Row {
	if i, ok := t.at[h]; ok && i >= 0 {
		return t.rows.At(i)
	}
	return row.Row{}
}

// winner is the row that wins among those of its key, and what it is made of.
type winner struct {
	hash   row.Hash
	row    row.Row
	inputs view.SourceRow
}

// recomputation computes the rows of wanted keys, from a source.
type recomputation struct {
	model  *model.Model
	stream *pipeline.Stream
	layout *row.Layout
	mu     sync.Mutex
	best   map[row.Hash]*winner // of the wanted keys; nil: none yet
}

// recompute reads the source of r and computes what a version of m's has for the keys in
// wanted. digest is what the source's must be, "" for any; if it is not, changed is true.
//
// The source's rows are chosen as a publish does, and then computed one by one by the
// interpreter of the model's program, which shares nothing with the code that made the
// version but the meaning of programs.
func recompute(ctx context.Context, m *model.Model, r *recipe.Recipe, digest string, wanted map[row.Hash]int, o pipeline.Options) (t *truth, changed bool, err error) {
	stream, err := pipeline.OpenStream(ctx, m, r, o)
	if err != nil {
		return nil, false, err
	}
	defer stream.Close()
	if digest != "" && stream.SourceDigest() != digest {
		return nil, true, nil
	}
	layout, err := row.NewLayout(row.Schema{Keys: stream.Keys, Fields: stream.Features, Time: stream.Timed})
	if err != nil {
		return nil, false, err
	}
	c := &recomputation{model: m, stream: stream, layout: layout, best: make(map[row.Hash]*winner, len(wanted))}
	for h := range wanted {
		c.best[h] = &winner{hash: h}
	}
	if _, err := stream.Run(ctx, c.add); err != nil {
		return nil, false, err
	}
	t, err = c.compute()
	return t, false, err
}

// add looks at a run of rows.
func (c *recomputation) add(from *pipeline.StreamRows) error {
	rows := &row.Rows{}
	in := row.Input{Rows: from.Rows, Keys: from.Keys, Fields: from.Features, Event: from.Event}
	if err := c.layout.Encode(in, rows); err != nil {
		return err
	}
	for i, r := range rows.From {
		one := rows.At(i)
		if w := c.best[row.HashKey(c.layout.Key(one), 0)]; w != nil {
			c.offer(w, one, from, r)
		}
	}
	return nil
}

// offer makes a row the winner of its key, if it is.
func (c *recomputation) offer(w *winner, one row.Row, from *pipeline.StreamRows, r int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if w.inputs != nil && c.layout.Compare(one, w.row) <= 0 {
		return
	}
	w.row = row.Row{Fixed: bytes.Clone(one.Fixed), Heap: bytes.Clone(one.Heap)}
	w.inputs = view.CopyRow(from, r)
}

// compute makes the rows of the winners anew, from the source's values.
func (c *recomputation) compute() (*truth, error) {
	t := &truth{layout: c.layout, rows: &row.Rows{}, at: make(map[row.Hash]int, len(c.best))}
	var source []view.SourceRow
	for h, w := range c.best {
		if t.at[h] = -1; w.inputs != nil {
			t.at[h] = len(source)
			source = append(source, w.inputs)
		}
	}
	if len(source) == 0 {
		return t, nil
	}
	e, err := c.model.Serving.Evaluator()
	if err != nil {
		return nil, err
	}
	features, err := view.Interpret(e, c.model, c.stream, source)
	if err != nil {
		return nil, err
	}
	t.rows, err = view.Compose(c.layout, c.model, c.stream, features, source)
	return t, err
}
