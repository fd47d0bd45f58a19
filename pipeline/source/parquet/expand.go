package parquet

import (
	"encoding/binary"

	"github.com/parquet-go/bitpack/unsafecast"

	"quern/features/column"
	"quern/internal/simd"
)

// blockRows is how many rows are done at once where a page has nulls, so that values
// are still in the innermost cache when they move from where they are decoded to
// their rows. It is a multiple of 64.
const blockRows = 4096

// block is the memory of such a step, and the kernels.
type block struct {
	kernels *simd.Kernels
	words   []uint32 // values of the rows, close together, with room after them
	longs   []uint64
	bits    []uint64
	indexes indexes
}

// slack is how many values a kernel may read past those that it is to spread.
const slack = 8

func newBlock(k *simd.Kernels) block {
	b := block{kernels: k, words: make([]uint32, blockRows+slack), longs: make([]uint64, blockRows+slack)}
	b.bits = make([]uint64, blockRows/64)
	b.indexes = indexes{kernels: k, dense: make([]int32, blockRows+2*slack)}
	return b
}

// rows returns the validity of n rows from start on, from the first bit of a word on,
// and how many are not null. n is at most blockRows.
func (b *block) rows(valid column.Bitmap, start, n int) (bits []uint64, present int) {
	bits = valid[start>>6:]
	if shift := start & 63; shift > 0 {
		from := bits
		bits = b.bits[:(n+63)/64]
		for i := range bits {
			bits[i] = from[i] >> shift
			if i+1 < len(from) {
				bits[i] |= from[i+1] << (64 - shift)
			}
		}
	}
	return bits, column.Bitmap(bits).Count(n)
}

// fixed is what stands for a value of 4 or 8 bytes.
type fixed interface{ uint32 | uint64 }

// bytesOf returns how many bytes T has.
func bytesOf[T fixed]() int {
	if uint64(^T(0)) == 1<<32-1 {
		return 4
	}
	return 8
}

// load reads len(into) values, least significant byte first, of data, which has them.
func load[T fixed](into []T, data []byte) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		copy(unsafecast.Slice[byte](into), data[:len(into)*bytesOf[T]()])
		return
	}
	if _, err := binary.Decode(data, binary.LittleEndian, into); err != nil {
		panic("quern: bug: " + err.Error())
	}
}

// loadRows reads the present values of rows start and following of valid from data,
// which has them, and writes each to its row. dense is memory for a block.
func loadRows[T fixed](b *block, into, dense []T, data []byte, valid column.Bitmap, start int) {
	for done := 0; done < len(into); {
		n := min(len(into)-done, blockRows)
		bits, present := b.rows(valid, start+done, n)
		rows := into[done : done+n]
		if present == n {
			load(rows, data)
		} else {
			load(dense[:present], data)
			simd.Expand(b.kernels, rows, dense[:present+slack], bits, 0)
		}
		data = data[present*bytesOf[T]():]
		done += n
	}
}

// spread moves the first present elements of s, one for each set bit of valid from
// start on, to the places of these bits, block by block from the back, so that it
// works in place. What lies at the other places is garbage.
func spread[T fixed](b *block, s, dense []T, valid column.Bitmap, start, present int) {
	for to := len(s); to > present; { // once they are equal, all that are left are in place
		at := (to - 1) / blockRows * blockRows
		bits, n := b.rows(valid, start+at, to-at)
		copy(dense, s[present-n:present])
		simd.Expand(b.kernels, s[at:to], dense[:n+slack], bits, 0)
		to, present = at, present-n
	}
}

// spreadBools is spread one by one.
func spreadBools(s []bool, valid column.Bitmap, start, present int) {
	from := present - 1
	for i := len(s) - 1; i > from; i-- {
		if valid.Get(start + i) {
			s[i] = s[from]
			from--
		}
	}
}

// spreadOffsets does the same with strings: ends[0] is the end of the string before
// the rows, those of the present strings follow, and the others become empty.
func spreadOffsets(ends []uint32, valid column.Bitmap, start, present int) {
	for i := len(ends) - 1; i > present; i-- {
		row := start + i - 1
		ends[i] = ends[present]
		present -= int(valid[row>>6] >> (row & 63) & 1)
	}
}

// spread gives the page's n rows their slots of out.values: present values stand in
// the first of these slots.
func (t *task) spread(n, present int) {
	v, from, to := &t.out.values, t.start, t.start+n
	if t.typ == column.String {
		v.Text.Offsets = growTo(v.Text.Offsets, to+1)
	}
	if present == n {
		return
	}
	valid := t.out.valid
	switch {
	case t.typ == column.String:
		spreadOffsets(v.Text.Offsets[from:], valid, from, present)
	case v.Bools != nil:
		spreadBools(v.Bools[from:to], valid, from, present)
	case v.Int32s != nil, v.Float32s != nil:
		spread(&t.block, words(v, from, to), t.block.words, valid, from, present)
	default:
		spread(&t.block, longs(v, from, to), t.block.longs, valid, from, present)
	}
}

// words returns slots from to to of a vector whose values have 4 bytes, as bits.
func words(v *column.Vector, from, to int) []uint32 {
	if v.Float32s != nil {
		return unsafecast.Slice[uint32](v.Float32s[from:to])
	}
	return unsafecast.Slice[uint32](v.Int32s[from:to])
}

// longs returns slots from to to of a vector whose values have 8 bytes, as bits.
func longs(v *column.Vector, from, to int) []uint64 {
	if v.Float64s != nil {
		return unsafecast.Slice[uint64](v.Float64s[from:to])
	}
	return unsafecast.Slice[uint64](v.Int64s[from:to])
}

// verbatim reports whether values that are written as PLAIN are those of the column,
// byte for byte.
func (t *task) verbatim() bool {
	switch t.col.physical {
	case int32s:
		return t.typ == column.Date || t.typ == column.Int32
	case floats:
		return t.typ == column.Float32
	case int64s:
		return t.col.form == asIs && (t.typ == column.Int64 || t.typ.Temporal())
	case doubles:
		return t.typ == column.Float64
	}
	return false
}

// copyRows reads the page's PLAIN values, if they are verbatim, straight to their rows.
func (t *task) copyRows(data []byte, into *column.Vector, n, present int) error {
	if int64(len(data)) < width(t.typ)*int64(present) {
		return short(present)
	}
	from, to := t.start, t.start+n
	switch narrow := t.typ.Narrow(); {
	case narrow && present == n:
		load(words(into, from, to), data)
	case narrow:
		loadRows(&t.block, words(into, from, to), t.block.words, data, t.out.valid, from)
	case present == n:
		load(longs(into, from, to), data)
	default:
		loadRows(&t.block, longs(into, from, to), t.block.longs, data, t.out.valid, from)
	}
	return nil
}

// indexRows reads the page's dictionary indexes straight to their rows; those of nulls
// become that of the null slot, which is the last of the dictionary.
func (t *task) indexRows(data []byte, n, present int) error {
	into := t.out.index[t.start : t.start+n]
	r := &t.block.indexes
	if err := r.begin(data, present, t.entries); err != nil {
		return err
	}
	if present == n {
		if err := r.read(into); err != nil {
			return err
		}
		return t.fits(into, 0)
	}
	for done, before := 0, 0; done < n; {
		rows := min(n-done, blockRows)
		bits, count := t.block.rows(t.out.valid, t.start+done, rows)
		if err := r.fill(count); err != nil {
			return err
		}
		if err := t.fits(r.dense[:count], before); err != nil {
			return err
		}
		simd.Expand(t.block.kernels, into[done:done+rows], r.dense[:count+slack], bits, int32(t.entries))
		r.drop(count)
		done, before = done+rows, before+count
	}
	return nil
}
