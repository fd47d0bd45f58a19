package stat

import (
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"

	"quern/features/column"
)

// The Ozaki scheme: a grid number of 40 bits is cut into two slices of 20, high
// and low, which are integers in a float64. A product of slices has at most 40
// bits and the sum of gramBlock = 2^12 of them at most 52, so gonum's floating
// matrix products are exact, in whatever order they add.
const (
	sliceBits = 20
	gridBits  = 2 * sliceBits
	gramBlock = 1 << 12
)

// gramWork multiplies one block of rows.
type gramWork struct {
	columns int
	scale   [][2]float64 // per column: the grid's inverse step, as two factors
	bound   []float64    // per column: 2^grid
	fate    []byte       // per row of the block
	high    []float64    // kept rows x columns
	low     []float64
	hh      []float64 // columns x columns
	hl      []float64
	ll      []float64
	rows    int // kept rows of the block
}

// The fates of a row. The worst of its values decides.
const (
	kept byte = iota
	outside
	skipped
)

func newGramWork(grid []int) *gramWork {
	d := len(grid)
	w := &gramWork{columns: d, fate: make([]byte, gramBlock),
		hh: make([]float64, d*d), hl: make([]float64, d*d), ll: make([]float64, d*d)}
	for _, e := range grid {
		k := gridBits - e
		w.scale = append(w.scale, [2]float64{math.Ldexp(1, k/2), math.Ldexp(1, k-k/2)})
		w.bound = append(w.bound, math.Ldexp(1, e))
	}
	return w
}

// block multiplies rows from to to of args and returns how many of them were
// kept, skipped and outside.
func (w *gramWork) block(args []column.Column, from, to int) (n, skip, out int) {
	fate := w.fate[:to-from]
	clear(fate)
	for j := range args {
		w.judge(&args[j], from, w.bound[j], fate)
	}
	for _, f := range fate {
		switch f {
		case skipped:
			skip++
		case outside:
			out++
		default:
			n++
		}
	}
	w.rows = n
	if n == 0 {
		return n, skip, out
	}
	w.high, w.low = resize(w.high, n*w.columns), resize(w.low, n*w.columns)
	for j := range args {
		w.slice(&args[j], from, j, fate)
	}
	w.multiply()
	return n, skip, out
}

// judge worsens the fates of the rows by the values of one column.
func (w *gramWork) judge(c *column.Column, from int, bound float64, fate []byte) {
	for i := range fate {
		slot := c.Slot(from + i)
		if c.Values.Null(slot) {
			fate[i] = skipped
			continue
		}
		switch x := math.Abs(c.Values.Float64s[slot]); {
		case x < bound && x <= math.MaxFloat64:
		case x-x != 0: // NaN or infinite
			fate[i] = skipped
		default:
			fate[i] = max(fate[i], outside)
		}
	}
}

// slice writes the slices of column j of the kept rows.
func (w *gramWork) slice(c *column.Column, from, j int, fate []byte) {
	at, scale := j, w.scale[j]
	for i, f := range fate {
		if f != kept {
			continue
		}
		q := math.RoundToEven(c.Values.Float64s[c.Slot(from+i)] * scale[0] * scale[1])
		h := math.RoundToEven(q * (1.0 / (1 << sliceBits)))
		w.high[at] = h
		w.low[at] = q - float64(h*(1<<sliceBits))
		at += w.columns
	}
}

func (w *gramWork) multiply() {
	d := w.columns
	matrix := func(data []float64, rows int) blas64.General {
		return blas64.General{Rows: rows, Cols: d, Stride: d, Data: data}
	}
	square := func(data []float64) blas64.Symmetric {
		return blas64.Symmetric{N: d, Stride: d, Data: data, Uplo: blas.Upper}
	}
	high, low := matrix(w.high, w.rows), matrix(w.low, w.rows)
	blas64.Syrk(blas.Trans, 1, high, 0, square(w.hh))
	blas64.Gemm(blas.Trans, blas.NoTrans, 1, high, low, 0, matrix(w.hl, d))
	blas64.Syrk(blas.Trans, 1, low, 0, square(w.ll))
}

// addTo adds the block to the totals.
func (w *gramWork) addTo(sums, products []int128) {
	d, at := w.columns, 0
	for i := range d {
		for j := i; j < d; j++ {
			p := &products[at]
			p.addShifted(int64(w.hh[i*d+j]), 2*sliceBits)
			p.addShifted(int64(w.hl[i*d+j])+int64(w.hl[j*d+i]), sliceBits)
			p.add(int128{lo: uint64(int64(w.ll[i*d+j])), hi: uint64(int64(w.ll[i*d+j]) >> 63)})
			at++
		}
	}
	for j := range d {
		var high, low int64 // at most 2^12 * 2^20 each
		for k := j; k < w.rows*d; k += d {
			high += int64(w.high[k])
			low += int64(w.low[k])
		}
		s := high<<sliceBits + low
		sums[j].add(int128{uint64(s), uint64(s >> 63)})
	}
}
