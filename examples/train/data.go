package main

import (
	"context"
	"errors"
	"fmt"

	"gorgonia.org/tensor"

	"quern/pipeline/store"
	"quern/pipeline/tensors"
)

// block is consecutive rows of one part, with their labels. Both are slices of the
// part's arrays: rows are never copied after they were read.
type block struct {
	x []float32 // row-major, width columns
	y []float32 // 1: late, 0: not
}

// data is a finished output, split as quern has split it: the rows that the features
// were learnt from, and the rest, which are later in time.
type data struct {
	columns     []string // of a row
	train, test []block  // per run of rows
}

// width returns how many columns a row has.
func (d *data) width() int { return len(d.columns) }

// load reads the output of tensors in a folder.
func load(ctx context.Context, folder string) (*data, error) {
	st, err := store.NewLocal(folder)
	if err != nil {
		return nil, err
	}
	out, err := tensors.Open(ctx, st)
	if err != nil {
		return nil, err
	}
	d := &data{}
	for i := range out.Parts() {
		part, err := out.Read(ctx, i)
		if err != nil {
			return nil, err
		}
		whole, columns, err := matrices(part)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", folder, err)
		}
		d.columns = columns
		fit, outside := out.Split(i)
		d.train = append(d.train, whole.cut(fit, d.width())...)
		d.test = append(d.test, whole.cut(outside, d.width())...)
	}
	return d, nil
}

// matrices returns the features and labels of a part. Features are used as they lie
// there; labels are bytes, of which gorgonia makes no loss.
func matrices(part *tensors.Part) (whole block, columns []string, err error) {
	features, labels := part.Array("features"), part.Array("labels")
	if features == nil || labels == nil || len(features.Columns) == 0 || len(labels.Columns) != 1 {
		return block{}, nil, errors.New("features and one label are needed, in layout: rows")
	}
	x, isReals := features.Data.([]float32)
	late, isBools := labels.Data.([]uint8)
	if !isReals || !isBools {
		return block{}, nil, errors.New("features of type float32 and a label of type bool are needed")
	}
	y := make([]float32, len(late))
	for i, v := range late {
		y[i] = float32(v)
	}
	return block{x, y}, features.Columns, nil
}

// cut returns runs [from, to) of the rows of b.
func (b block) cut(runs [][2]int, width int) (blocks []block) {
	for _, r := range runs {
		blocks = append(blocks, block{b.x[r[0]*width : r[1]*width], b.y[r[0]:r[1]]})
	}
	return blocks
}

// batches cuts blocks into batches of n rows each. What is left of a block is left out,
// because a graph of gorgonia has one batch size.
func batches(blocks []block, n, width int) (all []block) {
	for _, b := range blocks {
		for from := 0; from+n <= len(b.y); from += n {
			all = append(all, b.cut([][2]int{{from, from + n}}, width)...)
		}
	}
	return all
}

// dense returns x as a matrix of rows of so many columns, in the same memory: what
// changes one changes the other.
func dense(x []float32, columns int) *tensor.Dense {
	return tensor.New(tensor.WithShape(len(x)/columns, columns), tensor.WithBacking(x))
}
