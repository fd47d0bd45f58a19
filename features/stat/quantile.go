package stat

import (
	"fmt"
	"math"
	"math/big"
	"slices"

	"quern/features/column"
)

// Rule says which value is the quantile q of n ordered values x[0..n-1]. The
// rules are those of numpy.quantile's `method` of the same name.
type Rule string

// The rules.
const (
	// Linear interpolates at (n-1)*q between the two neighbours.
	Linear Rule = "linear"
	// Lower takes x[floor((n-1)*q)].
	Lower Rule = "lower"
	// InvertedCDF takes the least x[i] with (i+1)/n >= q.
	InvertedCDF Rule = "inverted_cdf"
)

// position is where a quantile lies: at rank, and a fraction of the way to rank+1.
type position struct {
	rank uint64
	part *big.Rat // 0 <= part < 1
}

// locate returns the position of quantile q of n > 0 values, exactly.
func locate(n uint64, q *big.Rat, rule Rule) position {
	if q.Sign() < 0 || q.Cmp(big.NewRat(1, 1)) > 0 {
		panic("quern: bug: quantile outside 0 to 1")
	}
	count := new(big.Int).SetUint64(n)
	none := new(big.Rat)
	if rule == InvertedCDF {
		k := new(big.Int).Mul(count, q.Num()) // ceil(n*q) - 1, at least 0
		k.Sub(k, big.NewInt(1)).Div(k, q.Denom())
		if k.Sign() < 0 {
			k.SetInt64(0)
		}
		return position{k.Uint64(), none}
	}
	if rule != Linear && rule != Lower {
		panic("quern: bug: quantile rule " + string(rule))
	}
	k := new(big.Int).Mul(count.Sub(count, big.NewInt(1)), q.Num())
	k, rest := k.QuoRem(k, q.Denom(), new(big.Int))
	if rule == Lower || rest.Sign() == 0 {
		return position{k.Uint64(), none}
	}
	return position{k.Uint64(), new(big.Rat).SetFrac(rest, q.Denom())}
}

// ranks returns the ranks that qs need, ascending, each once.
func ranks(n uint64, qs []*big.Rat, rule Rule) []uint64 {
	var all []uint64
	for _, q := range qs {
		p := locate(n, q, rule)
		all = append(all, p.rank)
		if p.part.Sign() != 0 {
			all = append(all, p.rank+1)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// BinsFor returns the bins that hold the values which the quantiles qs (each in
// 0 to 1) need, ascending: the Spec.Bins of round two. None if there are no values.
func (h *Histogram) BinsFor(qs []*big.Rat, rule Rule) []uint32 {
	var bins []uint32
	if h.n == 0 {
		return nil
	}
	wanted, seen := ranks(h.n, qs, rule), uint64(0)
	h.each(func(bin uint32, c uint64) {
		seen += c
		if len(wanted) > 0 && wanted[0] < seen {
			bins = append(bins, bin)
		}
		for len(wanted) > 0 && wanted[0] < seen {
			wanted = wanted[1:]
		}
	})
	return bins
}

// Quantiles returns the quantiles qs (each in 0 to 1) of the values that h and b
// have seen; b counts at least the bins of h.BinsFor(qs, rule). Linear is the
// correctly rounded value of the exact interpolation; between a finite value and
// an infinite one it is the infinite one, and between two infinities of
// different sign NaN. Integers beyond 2^53 are rounded: see QuantilesInt. It
// returns ErrEmpty without values and ErrMismatch when h and b saw different data.
func Quantiles(h *Histogram, b *BinCounts, qs []*big.Rat, rule Rule) ([]float64, error) {
	found, err := valuesAt(h, b, qs, rule)
	if err != nil {
		return nil, err
	}
	out := make([]float64, len(qs))
	real := h.spec.Types[0].Real()
	for i, q := range qs {
		p := locate(h.n, q, rule)
		lo, hi := found[p.rank], found[p.rank]
		if p.part.Sign() != 0 {
			hi = found[p.rank+1]
		}
		switch {
		case real:
			out[i] = interpolateFloats(unorderFloat(lo), unorderFloat(hi), p.part)
		default:
			out[i] = interpolate(new(big.Rat).SetInt64(lo), new(big.Rat).SetInt64(hi), p.part)
		}
	}
	return out, nil
}

// QuantilesInt is Quantiles for integer and temporal columns and rules that
// choose one of the values: no bit is lost.
func QuantilesInt(h *Histogram, b *BinCounts, qs []*big.Rat, rule Rule) ([]int64, error) {
	if h.spec.Types[0].Kind() != column.Ints || rule == Linear {
		panic("quern: bug: integer quantiles of real values or by interpolation")
	}
	found, err := valuesAt(h, b, qs, rule)
	if err != nil {
		return nil, err
	}
	out := make([]int64, len(qs))
	for i, q := range qs {
		out[i] = found[locate(h.n, q, rule).rank]
	}
	return out, nil
}

// interpolateFloats is interpolate for values that may be infinite.
func interpolateFloats(lo, hi float64, part *big.Rat) float64 {
	switch {
	case lo == hi || part.Sign() == 0:
		return lo
	case math.IsInf(lo, 0) && math.IsInf(hi, 0):
		return math.NaN()
	case math.IsInf(lo, 0):
		return lo
	case math.IsInf(hi, 0):
		return hi
	}
	return interpolate(new(big.Rat).SetFloat64(lo), new(big.Rat).SetFloat64(hi), part)
}

// interpolate returns lo + part*(hi-lo), correctly rounded.
func interpolate(lo, hi, part *big.Rat) float64 {
	hi.Sub(hi, lo)
	hi.Mul(hi, part)
	lo.Add(lo, hi)
	return roundRatio(lo.Num(), lo.Denom(), 0)
}

// valuesAt returns the values (floats as orderFloat) at the ranks that qs need.
func valuesAt(h *Histogram, b *BinCounts, qs []*big.Rat, rule Rule) (map[uint64]int64, error) {
	if h.n == 0 {
		return nil, ErrEmpty
	}
	if h.spec.Types[0] != b.spec.Types[0] {
		return nil, ErrMismatch
	}
	starts, counts := h.below(b.spec.Bins)
	seen := make([]uint64, len(starts))
	wanted := ranks(h.n, qs, rule)
	found := make(map[uint64]int64, len(wanted))
	next := 0 // the first of wanted that is not found
	err := b.eachValue(func(value int64, bin int, count uint64) {
		from := starts[bin] + seen[bin]
		seen[bin] += count
		for next < len(wanted) && wanted[next] < from {
			next++ // its bin is not in b
		}
		for ; next < len(wanted) && wanted[next] < from+count; next++ {
			found[wanted[next]] = value
		}
	})
	if err != nil {
		return nil, err
	}
	if !slices.Equal(seen, counts) {
		return nil, fmt.Errorf("%w: the rounds of a histogram saw different data", ErrMismatch)
	}
	if len(found) < len(wanted) {
		return nil, fmt.Errorf("%w: a quantile is in no bin of round two", ErrMismatch)
	}
	return found, nil
}

// below returns, for each of bins, how many values lie below it and how many in it.
func (h *Histogram) below(bins []uint32) (starts, counts []uint64) {
	starts, counts = make([]uint64, len(bins)), make([]uint64, len(bins))
	i, total := 0, uint64(0)
	h.each(func(bin uint32, c uint64) {
		for ; i < len(bins) && bins[i] < bin; i++ {
			starts[i] = total
		}
		if i < len(bins) && bins[i] == bin {
			starts[i], counts[i] = total, c
			i++
		}
		total += c
	})
	return starts, counts
}
