package reduce

import (
	"math/bits"

	"quern/features/stat"
)

// Layout of the state of the kernels of sums.cu: words, then cells. See exact.cuh.
const (
	sumRows = iota
	sumNulls
	sumNaNs
	sumPosInfs
	sumNegInfs
	sumHead   = 8
	sumCells  = 2048
	cellWords = 6

	// SumsBytes is the size of the state of quern_sums_real and quern_sums_integer.
	SumsBytes = 8 * (sumHead + sumCells*cellWords)
	// SumsRows is how many rows a state may take before it must be read and zeroed.
	SumsRows = 1 << 30
)

// cellExp is the exponent of the weight of a cell.
func cellExp(cell int) int { return cell - 1075 }

// Sums gives what quern_sums_real or quern_sums_integer has added up to a statistic of
// kind sums. Counts and sums that no rows have are ErrImpossible, and teach nothing.
func Sums(into *stat.Sums, state []byte) error {
	n := word(state, sumRows)
	for i := sumNulls; i <= sumNegInfs; i++ {
		if word(state, i) > n {
			return ErrImpossible
		}
		n -= word(state, i)
	}
	x := stat.Exact{N: n, PosInfs: word(state, sumPosInfs), NegInfs: word(state, sumNegInfs)}
	for cell := range sumCells {
		at := sumHead + cell*cellWords
		exp := cellExp(cell)
		x.Sum = appendSigned(x.Sum, word(state, at), exp)
		x.Sum = appendSigned(x.Sum, word(state, at+1), exp+32)
		for i := range 4 {
			x.Squares = appendUnsigned(x.Squares, word(state, at+2+i), 2*exp+32*i)
		}
	}
	if into.AddExact(&x, word(state, sumNaNs)) != nil {
		return ErrImpossible
	}
	return nil
}

// appendSigned appends a word in two's complement times 2^exp, unless it is 0.
func appendSigned(parts []stat.Scaled, word uint64, exp int) []stat.Scaled {
	if word == 0 {
		return parts
	}
	return append(parts, stat.Scaled{Lo: word, Hi: uint64(int64(word) >> 63), Exp: exp})
}

// appendUnsigned appends a word times 2^exp, unless it is 0.
func appendUnsigned(parts []stat.Scaled, word uint64, exp int) []stat.Scaled {
	if word == 0 {
		return parts
	}
	return append(parts, stat.Scaled{Lo: word, Exp: exp})
}

// Window is the bits that the cells of keyed sums have room for: multiples of 2^Exp below
// 2^(Exp+32 Words).
type Window struct {
	Exp   int
	Words int
}

// Low is Exp as keyed.cu counts it: Task.P[5].
func (w Window) Low() uint64 { return uint64(w.Exp + 1075) }

// CellBytes is the size of a cell of keyed sums.
func (w Window) CellBytes() int { return 8 * (3 + 3*w.Words) }

// SpanBytes is the size of what quern_keyed_span leaves.
const SpanBytes = 16

// Widen returns the least window that holds w and the values of a span, which it makes a
// little wider than it must be, because more will come. The zero Window holds nothing.
func (w Window) Widen(span []byte) Window {
	high, low := int(word(span, 0)), 4096-int(word(span, 1))
	if high == 0 {
		if w.Words == 0 {
			w.Words = 1 // zeros only: integers
		}
		return w
	}
	if w.Words > 0 {
		high, low = max(high, int(w.Low())+32*w.Words), min(low, int(w.Low()))
	} else if low >= 1075 {
		low = 1075 // integers
	} else {
		low = max(1, low-4)
	}
	return Window{Exp: low - 1075, Words: (high - low + 31) / 32}
}

// sum returns the exact sums of a cell of keyed sums, whose words begin at word at.
func (w Window) sum(cells []byte, at int) stat.Exact {
	x := stat.Exact{N: word(cells, at), PosInfs: word(cells, at+1), NegInfs: word(cells, at+2)}
	if x.N == 0 {
		return x
	}
	if w.Words == 1 && w.Exp == 0 { // labels: one part each
		x.Sum = appendSigned(nil, word(cells, at+3), 0)
		low, high := word(cells, at+4), word(cells, at+5)
		lo, carry := bits.Add64(low, high<<32, 0)
		x.Squares = []stat.Scaled{{Lo: lo, Hi: high>>32 + carry}}
		return x
	}
	for i := range w.Words {
		x.Sum = appendSigned(x.Sum, word(cells, at+3+i), w.Exp+32*i)
	}
	for i := range 2 * w.Words {
		x.Squares = appendUnsigned(x.Squares, word(cells, at+3+w.Words+i), 2*w.Exp+32*i)
	}
	return x
}
