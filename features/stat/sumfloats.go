package stat

import (
	"math"

	"quern/features/column"
	"quern/internal/simd"
)

// sumFloats sums real values exactly, in two ways. Nearly all values of a column
// are of similar size: those in a window of exponents are added up by the kernels
// of package simd, as fixed-point limbs. The others go to a table of all exponents.
// Where the window lies cannot change the sums.
type sumFloats struct {
	kernels *simd.Kernels
	window  simd.Window
	settled int // blocks until the window may move
	rest    []float64
	n       uint64 // values in the window since the last flush
	sum     [2]int128
	squares [3]int128
	others  *table64 // made when first needed
}

func newSumFloats(k *simd.Kernels) *sumFloats {
	return &sumFloats{kernels: k}
}

// observe adds the values of x that are not null and returns how many are finite,
// and how many NaN. Infinities go to total.
func (f *sumFloats) observe(t column.Type, x []float64, valid column.Bitmap, total *Group) (finite, nans int) {
	f.rest = resize(f.rest, simd.SumBlock+simd.SumSlack)
	for len(x) > 0 {
		n := min(len(x), simd.SumBlock)
		if f.settled == 0 {
			f.settle(t, x[:n], valid, total)
		}
		l := f.kernels.Sum(&f.window, x[:n], valid, f.rest)
		f.add(&l)
		nans += l.NaNs
		finite += l.Taken + l.Rest
		if l.Rest > 0 {
			finite -= f.addOthers(f.rest[:l.Rest], total)
		}
		if f.settled > 1 || l.Rest > n/8 {
			f.settled--
		}
		if x = x[n:]; valid != nil {
			valid = valid[n/64:] // a whole block, or the end
		}
	}
	return finite, nans
}

// settledBlocks is for how many blocks a window stays, however badly it fits.
const settledBlocks = 16

// settle moves the window to where most values of x are.
func (f *sumFloats) settle(t column.Type, x []float64, valid column.Bitmap, total *Group) {
	f.settled = settledBlocks
	digits, exponents := 53, 23
	if t == column.Float32 {
		digits, exponents = 24, 27
	}
	lowest, ok := crowd(x, valid, exponents)
	if !ok && f.window.Bits != 0 {
		return
	}
	f.flush(total)
	if lowest -= 1023 + digits - 1; t == column.Float32 {
		f.window.Set24(lowest)
	} else {
		f.window.Set53(lowest)
	}
}

// crowd returns the biased exponent from which on as many values of x as possible
// have one of the next k exponents, judging by a sample; false: no sample has any.
func crowd(x []float64, valid column.Bitmap, k int) (lowest int, ok bool) {
	const samples = 256
	var counts [2048 + 64]uint16
	for i := 0; i < len(x); i += 1 + len(x)/samples {
		if v := math.Abs(x[i]); v <= math.MaxFloat64 && v > 0 && valid.Get(i) {
			counts[math.Float64bits(v)>>52]++
		}
	}
	in, most, first, last := 0, 0, 1023-k/2, 1023-k/2
	for e := range 2048 + k {
		in += int(counts[e])
		if e >= k {
			in -= int(counts[e-k])
		}
		if in > most {
			most, first = in, e
		}
		if in == most && e-first < 2*k {
			last = e
		}
	}
	return (first+last)/2 - k + 1, most > 0 // the middle of where nothing is lost
}

// add takes the sums of a block.
func (f *sumFloats) add(l *simd.Limbs) {
	f.n += uint64(l.Taken)
	for i, v := range l.Sum {
		f.sum[i].add(int128{uint64(v), uint64(v >> 63)})
	}
	for i, v := range l.Squares {
		f.squares[i].add(int128{uint64(v), uint64(v >> 63)})
	}
}

// addOthers adds values that were not in the window and returns how many are
// infinite.
func (f *sumFloats) addOthers(x []float64, total *Group) (infinite int) {
	infinite = f.table().observe(x)
	if infinite > 0 {
		for _, v := range x {
			if math.IsInf(v, 0) {
				total.addFloatTimes(v, 1)
			}
		}
	}
	return infinite
}

// table returns the table of all exponents.
func (f *sumFloats) table() *table64 {
	if f.others == nil {
		f.others = new(table64)
	}
	return f.others
}

// flush adds everything to total, whose n already counts it, and forgets it.
func (f *sumFloats) flush(total *Group) {
	if f.others != nil {
		f.others.flush(total)
	}
	if f.n == 0 {
		return
	}
	w := total.widen()
	for i, v := range f.sum {
		w.s1.addSigned(v.lo, v.hi, f.window.Exp+simd.LimbBits*i)
	}
	for i, v := range f.squares {
		w.s2.addSigned(v.lo, v.hi, 2*f.window.Exp+simd.LimbBits*i)
	}
	f.n, f.sum, f.squares = 0, [2]int128{}, [3]int128{}
}
