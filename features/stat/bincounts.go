package stat

import (
	"bytes"

	"quern/features/column"
)

// BinCounts is ValueCounts of the values that lie in the bins of Spec.Bins:
// round two of exact quantiles (see Histogram, Quantiles). Nulls, NaNs and all
// other values are skipped.
type BinCounts struct {
	header
	one    single
	wanted [numBins / 64]uint64 // bitmap of Spec.Bins
	counts *ValueCounts
}

func newBinCounts(h header, res Resources) *BinCounts {
	b := &BinCounts{header: h, counts: newValueCounts(newHeader(Spec{Kind: KindValueCounts, Types: h.spec.Types}), res)}
	for _, bin := range h.spec.Bins {
		b.wanted[bin/64] |= 1 << (bin % 64)
	}
	return b
}

// Total returns how many values lie in the bins.
func (b *BinCounts) Total() uint64 { return b.counts.total }

func (b *BinCounts) has(bin uint32) bool { return b.wanted[bin/64]>>(bin%64)&1 == 1 }

// bin returns the bin of a value as intValue returns it.
func (b *BinCounts) bin(value int64) uint32 {
	if b.spec.Types[0].Real() {
		return floatBin(unorderFloat(value))
	}
	return intBin(value)
}

// eachValue calls f for every value (as intValue returns it) in ascending order,
// with the place of its bin in Spec.Bins.
func (b *BinCounts) eachValue(f func(value int64, bin int, count uint64)) error {
	at := 0
	return b.counts.Each(func(key []byte, count uint64) bool {
		value := intValue(key)
		for b.spec.Bins[at] != b.bin(value) {
			at++
		}
		f(value, at, count)
		return true
	})
}

// Observe implements Statistic.
func (b *BinCounts) Observe(args []column.Column, weights []uint64) {
	b.check(args, weights)
	v, weights := b.one.slots(&args[0], weights)
	real := v.Type.Real()
	var keys block
	for i := range v.Len {
		if v.Null(i) || weights != nil && weights[i] == 0 {
			continue
		}
		var value int64
		switch {
		case !real:
			value = v.Int64s[i]
		case v.Float64s[i] != v.Float64s[i]:
			continue
		default:
			value = orderFloat(v.Float64s[i] + 0)
		}
		if !b.has(b.bin(value)) {
			continue
		}
		times := uint64(1)
		if weights != nil {
			times = weights[i]
		}
		if keys.add(packInt(value), nil, times); keys.full() {
			b.counts.put(&keys)
			keys.reset()
		}
	}
	b.counts.put(&keys)
}

// Merge implements Statistic.
func (b *BinCounts) Merge(other Statistic) error {
	o, ok := other.(*BinCounts)
	if !ok || !b.same(&o.header) {
		return ErrMismatch
	}
	return b.counts.mergeCounts(o.counts)
}

// Subtract implements Statistic.
func (b *BinCounts) Subtract(other Statistic) error {
	o, ok := other.(*BinCounts)
	if !ok || !b.same(&o.header) {
		return ErrMismatch
	}
	return b.counts.subtractCounts(o.counts)
}

// AppendBinary implements Statistic. The state is that of ValueCounts.
func (b *BinCounts) AppendBinary(data []byte) ([]byte, error) {
	return b.counts.appendEntries(append(data, b.head...))
}

// UnmarshalBinary implements Statistic.
func (b *BinCounts) UnmarshalBinary(data []byte) error { return b.decode(bytes.Clone(data)) }

// decode is UnmarshalBinary that keeps data.
func (b *BinCounts) decode(data []byte) error {
	r, err := b.state(data)
	if err != nil {
		return err
	}
	d := newValueCounts(b.counts.header, b.counts.res)
	err = d.readCounts(wholePieces(r.data), uint64(len(r.data)), func(c []Cell) bool {
		if c[0].Null || c[0].Float != c[0].Float {
			return false
		}
		if b.spec.Types[0].Real() {
			return b.has(floatBin(c[0].Float))
		}
		return b.has(intBin(c[0].Int))
	})
	if err != nil {
		d.close()
		return err
	}
	b.counts.replace(d)
	return nil
}

// Close implements Statistic.
func (b *BinCounts) Close() error { return b.counts.Close() }
