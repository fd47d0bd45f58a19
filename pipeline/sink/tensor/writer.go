package tensor

import (
	"io"

	"quern/features/column"
	"quern/features/diag"
	"quern/pipeline/sink"
)

// Writer turns batches into the bytes of arrays: it collects those of many batches, or
// streams those of one. It is used by one goroutine.
type Writer struct {
	fields []sink.Field
	arrays []Array
	data   [][]byte // per array
	rows   int
	cells  cells
	block  []byte // of Stream
}

// NewWriter returns a writer of the arrays that Layout gives.
func NewWriter(fields []sink.Field, columns bool) (*Writer, error) {
	arrays, err := Layout(fields, columns)
	if err != nil {
		return nil, err
	}
	w := &Writer{fields: fields, arrays: arrays, data: make([][]byte, len(arrays))}
	w.Reset()
	return w, nil
}

// Arrays returns the arrays.
func (w *Writer) Arrays() []Array { return w.arrays }

// Data returns the bytes of array i so far. They belong to the writer.
func (w *Writer) Data(i int) []byte { return w.data[i] }

// Sizes returns the bytes of every array so far.
func (w *Writer) Sizes() []int64 {
	sizes := make([]int64, len(w.data))
	for i, d := range w.data {
		sizes[i] = int64(len(d))
	}
	return sizes
}

// Rows returns how many rows there are so far.
func (w *Writer) Rows() int { return w.rows }

// Reset forgets all rows and keeps the memory.
func (w *Writer) Reset() {
	w.rows = 0
	for i := range w.data {
		w.data[i] = w.data[i][:0]
		if w.arrays[i].Lists == Offsets {
			w.data[i] = append(w.data[i], 0, 0, 0, 0, 0, 0, 0, 0) // where the first row starts
		}
	}
}

// Append appends the rows of batch. A null is NaN in an array of reals; elsewhere it
// is an error (Q421) that names the row within the batch.
func (w *Writer) Append(batch column.Batch) error {
	for i := range w.arrays {
		a := &w.arrays[i]
		if a.Lists != NoLists {
			if err := w.appendLists(i, &batch.Columns[a.Fields[0]]); err != nil {
				return err
			}
			continue
		}
		if err := w.prepare(a, batch); err != nil {
			return err
		}
		start := len(w.data[i])
		w.data[i] = grow(w.data[i], a.stride()*batch.Rows)
		w.fill(a, w.data[i][start:], 0, batch.Rows)
	}
	w.rows += batch.Rows
	return nil
}

// SizesOf returns the bytes of every array of a batch that is all there is.
func (w *Writer) SizesOf(batch column.Batch) []int64 {
	sizes := make([]int64, len(w.arrays))
	for i := range w.arrays {
		a := &w.arrays[i]
		elements := batch.Rows * len(a.Fields)
		switch a.Lists {
		case Matrix, Values:
			elements = batch.Columns[a.Fields[0]].Values.Elements.Len
		case Offsets:
			elements = batch.Rows + 1
		}
		sizes[i] = int64(elements) * int64(a.DType.Size())
	}
	return sizes
}

// Stream writes the arrays of a batch that is all there is, one after the other, and
// collects nothing: SizesOf tells how long they are. Errors as those of Append, or of to.
func (w *Writer) Stream(to io.Writer, batch column.Batch) error {
	for i := range w.arrays {
		a := &w.arrays[i]
		if a.Lists != NoLists {
			if err := w.appendLists(i, &batch.Columns[a.Fields[0]]); err != nil {
				return err
			}
			if _, err := to.Write(w.data[i]); err != nil {
				return err
			}
			continue
		}
		if err := w.prepare(a, batch); err != nil {
			return err
		}
		if err := w.stream(to, a, batch.Rows); err != nil {
			return err
		}
	}
	w.Reset()
	return nil
}

// stream writes array a, which is prepared, block by block.
func (w *Writer) stream(to io.Writer, a *Array, rows int) error {
	stride := a.stride()
	step := max(1, blockBytes/stride)
	w.block = resize(w.block, step*stride)
	for from := 0; from < rows; from += step {
		next := min(rows, from+step)
		block := w.block[:(next-from)*stride]
		w.fill(a, block, from, next)
		if _, err := to.Write(block); err != nil {
			return err
		}
	}
	return nil
}

// blockBytes is how much is streamed at a time: it stays in the cache of a core until
// it is digested and written.
const blockBytes = 1 << 18

// prepare makes the elements of the columns of array a.
func (w *Writer) prepare(a *Array, batch column.Batch) error {
	w.cells.begin(len(a.Fields))
	for j, f := range a.Fields {
		if row := w.cells.prepare(j, a.DType, &batch.Columns[f]); row >= 0 {
			return w.nullError(a, f, row)
		}
	}
	return nil
}

// fill writes rows [from, to) of array a, which is prepared, to dst.
func (w *Writer) fill(a *Array, dst []byte, from, to int) {
	size, stride := a.DType.Size(), a.stride()
	for ; from < to; from += tile {
		next := min(to, from+tile)
		for j := range a.Fields {
			w.cells.put(dst[j*size:], stride, j, from, next)
		}
		dst = dst[(next-from)*stride:]
	}
}

// stride returns the bytes of a row of the array, which has no lists.
func (a *Array) stride() int { return a.DType.Size() * len(a.Fields) }

// nullError says that a row of field f is, or has, a null that array a cannot hold.
func (w *Writer) nullError(a *Array, f, row int) error {
	return diag.New("Q421", "a null has no integer to stand for it in tensor %q", a.Name).
		In(diag.Data{RowGroup: -1, Row: int64(row), Column: w.fields[f].Name}).
		WithHint("fill it before, or write Parquet")
}

// tile is how many rows are filled column by column before the next ones: few
// enough that their bytes stay in a cache near the core.
const tile = 256

// grow returns b with n more bytes, whose contents are arbitrary.
func grow(b []byte, n int) []byte {
	if need := len(b) + n; need <= cap(b) {
		return b[:need]
	}
	bigger := make([]byte, len(b)+n, len(b)+n+len(b)/2)
	copy(bigger, b)
	return bigger
}
