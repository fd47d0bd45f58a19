package stat

import (
	"encoding/binary"

	"quern/features/column"
)

// Histogram counts the values of a numeric or temporal column in 2^16 bins that
// are intervals in the order of the values: round one of exact quantiles. Nulls
// and NaNs are skipped, infinities are values like others.
//
// Bins come from the leading bits of a value (floatBin, intBin). Only pages of
// bins that are in use take memory.
type Histogram struct {
	header
	one   single
	n     uint64
	pages [numBins / pageBins]*page
}

// pageBins is how many bins a page has.
const pageBins = 256

type page [pageBins]uint64

// N returns how many values there were: all rows but nulls and NaNs.
func (h *Histogram) N() uint64 { return h.n }

// Observe implements Statistic.
func (h *Histogram) Observe(args []column.Column, weights []uint64) {
	h.check(args, weights)
	v, weights := h.one.slots(&args[0], weights)
	real := v.Type.Real()
	switch {
	case weights != nil:
		for i := range v.Len {
			w := times(v, weights, i)
			switch {
			case w == 0 || real && v.Float64s[i] != v.Float64s[i]:
			case real:
				h.add(floatBin(v.Float64s[i]), w)
			default:
				h.add(intBin(v.Int64s[i]), w)
			}
		}
	case real:
		h.observeFloats(h.one.presentFloats(v))
	default:
		h.observeInts(h.one.presentInts(v))
	}
}

func (h *Histogram) observeFloats(x []float64) {
	skipped := 0
	for _, v := range x {
		if v != v {
			skipped++
			continue
		}
		bin := floatBin(v)
		p := h.pages[bin/pageBins]
		if p == nil {
			p = h.page(bin)
		}
		p[bin%pageBins]++
	}
	h.n = addRows(h.n, uint64(len(x)-skipped))
}

func (h *Histogram) observeInts(x []int64) {
	for _, v := range x {
		bin := intBin(v) % numBins
		p := h.pages[bin/pageBins]
		if p == nil {
			p = h.page(bin)
		}
		p[bin%pageBins]++
	}
	h.n = addRows(h.n, uint64(len(x)))
}

// page returns the page of bin, made if need be.
func (h *Histogram) page(bin uint32) *page {
	p := &h.pages[bin/pageBins]
	if *p == nil {
		*p = new(page)
	}
	return *p
}

// add counts w values of bin.
func (h *Histogram) add(bin uint32, w uint64) {
	h.n = addRows(h.n, w)
	h.page(bin)[bin%pageBins] += w
}

// each calls f for the bins that hold values, in order.
func (h *Histogram) each(f func(bin uint32, count uint64)) {
	for i, p := range h.pages {
		if p == nil {
			continue
		}
		for j, c := range p {
			if c != 0 {
				f(uint32(i*pageBins+j), c)
			}
		}
	}
}

// Merge implements Statistic.
func (h *Histogram) Merge(other Statistic) error {
	o, ok := other.(*Histogram)
	if !ok || !h.same(&o.header) {
		return ErrMismatch
	}
	if err := mergeable(h.n, o.n); err != nil {
		return err
	}
	o.each(h.add)
	return nil
}

// Subtract implements Statistic.
func (h *Histogram) Subtract(other Statistic) error {
	o, ok := other.(*Histogram)
	if !ok || !h.same(&o.header) {
		return ErrMismatch
	}
	for i, p := range o.pages {
		if p == nil {
			continue
		}
		for j, c := range p {
			if c > 0 && (h.pages[i] == nil || h.pages[i][j] < c) {
				return ErrNotInvertible
			}
		}
	}
	o.each(func(bin uint32, c uint64) {
		h.pages[bin/pageBins][bin%pageBins] -= c
		h.n -= c
	})
	return nil
}

// AppendBinary implements Statistic. The state is, per bin that holds values,
// the uvarint gap to the bin before (to -1 at first) and the uvarint count.
func (h *Histogram) AppendBinary(b []byte) ([]byte, error) {
	b = append(b, h.head...)
	next := uint32(0)
	h.each(func(bin uint32, c uint64) {
		b = binary.AppendUvarint(b, uint64(bin-next))
		b = binary.AppendUvarint(b, c)
		next = bin + 1
	})
	return b, nil
}

// UnmarshalBinary implements Statistic.
func (h *Histogram) UnmarshalBinary(data []byte) error {
	r, err := h.state(data)
	if err != nil {
		return err
	}
	d := Histogram{header: h.header}
	next := uint64(0)
	for len(r.data) > 0 && !r.bad {
		bin, c := next+min(r.uvarint(), numBins), r.counter()
		if r.bad || bin >= numBins || c == 0 || mergeable(d.n, c) != nil {
			r.bad = true
			break
		}
		d.add(uint32(bin), c)
		next = bin + 1
	}
	if err := r.end(); err != nil {
		return err
	}
	*h = d
	return nil
}

// Close implements Statistic.
func (h *Histogram) Close() error { return nil }
