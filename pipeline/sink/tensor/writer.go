package tensor

import (
	"quern/features/column"
	"quern/features/diag"
	"quern/pipeline/sink"
)

// Writer collects batches as the bytes of arrays. It is used by one goroutine.
type Writer struct {
	fields []sink.Field
	arrays []Array
	data   [][]byte // per array
	rows   int
	cells  cells
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
		start, size, stride := len(w.data[i]), a.DType.Size(), a.DType.Size()*len(a.Fields)
		w.data[i] = grow(w.data[i], stride*batch.Rows)
		w.cells.begin(len(a.Fields))
		for j, f := range a.Fields {
			c := &batch.Columns[f]
			if row := w.cells.prepare(j, a.DType, c); row >= 0 {
				return w.nullError(a, f, row)
			}
		}
		for from := 0; from < batch.Rows; from += tile {
			to := min(batch.Rows, from+tile)
			rows := w.data[i][start+from*stride : start+to*stride]
			for j := range a.Fields {
				w.cells.put(rows[j*size:], stride, j, from, to)
			}
		}
	}
	w.rows += batch.Rows
	return nil
}

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
