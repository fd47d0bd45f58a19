package parquet

import (
	"math"

	"github.com/parquet-go/bitpack"

	"quern/features/diag"
	"quern/internal/simd"
)

// padding is how many bytes the kernels may read past the end of what is packed. The
// buffers of pages have them; a slice that does not is decoded one by one.
const padding = bitpack.PaddingInt64

// indexes decodes the dictionary indexes of a page, all at once with read or some at a
// time with fill, and checks that all are below entries.
type indexes struct {
	kernels *simd.Kernels
	runs    runs
	run     run // what is left of it is decoded next
	entries int
	dense   []int32 // has slack for a group of eight
	have    int     // decoded into dense
}

// begin starts with the n indexes of a page, the first byte being their width.
func (x *indexes) begin(data []byte, n, entries int) error {
	x.entries, x.have, x.run, x.runs = entries, 0, run{}, runs{}
	if n == 0 {
		return nil
	}
	if len(data) == 0 || data[0] > 32 {
		return diag.New("Q205", "a page of dictionary indexes does not say how wide they are")
	}
	x.runs = runs{data: data[1:], width: int(data[0]), left: n}
	return nil
}

// read decodes all indexes.
func (x *indexes) read(into []int32) error {
	for rest := into; len(rest) > 0; {
		run, err := x.runs.next()
		if err != nil {
			return err
		}
		if run.packed != nil {
			unpack(rest[:run.n], run.packed, x.runs.width)
		} else {
			fill(rest[:run.n], int32(run.value))
		}
		rest = rest[run.n:]
	}
	return x.check(into)
}

// fill decodes until dense has n indexes.
func (x *indexes) fill(n int) error {
	from := x.have
	for x.have < n {
		if x.run.n == 0 {
			var err error
			if x.run, err = x.runs.next(); err != nil {
				return err
			}
		}
		take := min(n-x.have, x.run.n)
		if x.run.packed != nil {
			take = min((take+7)&^7, x.run.n) // the groups start with whole bytes
			unpack(x.dense[x.have:x.have+take], x.run.packed, x.runs.width)
			x.run.packed = x.run.packed[min(take*x.runs.width/8, len(x.run.packed)):]
		} else {
			fill(x.dense[x.have:x.have+take], int32(x.run.value))
		}
		x.run.n -= take
		x.have += take
	}
	return x.check(x.dense[from:x.have])
}

// drop takes the first n indexes off dense.
func (x *indexes) drop(n int) { x.have = copy(x.dense, x.dense[n:x.have]) }

// check checks that indexes are below entries, where their width does not say so.
func (x *indexes) check(indexes []int32) error {
	if x.runs.width < 32 && int64(1)<<x.runs.width <= int64(x.entries) || len(indexes) == 0 {
		return nil
	}
	r := x.kernels.Int32Range(indexes, nil)
	if r.Low >= 0 && int64(r.High) < int64(x.entries) {
		return nil
	}
	highest := uint32(0)
	for _, i := range indexes {
		highest = max(highest, uint32(i))
	}
	return diag.New("Q205", "a dictionary index is out of range: %d of %d entries", highest, x.entries)
}

// unpack decodes len(into) values of width bits, at least 1, from packed, which holds
// at least as many.
func unpack[T bitpack.Int](into []T, packed []byte, width int) {
	whole := min(len(into), max(cap(packed)-padding, 0)*8/width) &^ 7
	if whole > 0 {
		bitpack.Unpack(into[:whole], packed[:whole/8*width+padding], uint(width))
	}
	unpackSlowly(into[whole:], packed[whole/8*width:], width)
}

// unpackSlowly is unpack one by one.
func unpackSlowly[T bitpack.Int](into []T, packed []byte, width int) {
	mask := uint64(math.MaxUint64) >> (64 - width)
	for i := range into {
		into[i] = T(bitsAt(packed, i*width) & mask)
	}
}
