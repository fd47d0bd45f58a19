package parquet

import (
	"encoding/binary"
	"math"
	"math/bits"

	"quern/features/column"
	"quern/features/diag"
)

// Levels say where the values of a page belong. A flat column that can be null has
// a definition level per row: 1 if the row has a value. For those of lists see lists.

// levelBlock is the levels of one kind in a page, as they are written.
type levelBlock struct {
	data     []byte
	encoding encoding // runLength or bitPacked
}

// levels reads the levels of a page. It returns the values after them, decompressed,
// how many slots they are for, and how many of these have a value.
func (t *task) levels(p *page) (data []byte, slots, present int, err error) {
	repeats, defines, data, err := t.split(p)
	if err != nil {
		return nil, 0, 0, err
	}
	slots, present = int(p.values), int(p.values)
	switch {
	case t.col.list:
		slots, present, err = t.nest(p, repeats, defines)
	case t.col.optional && defines.encoding == bitPacked:
		present, err = readPackedLevels(defines.data, t.out.valid, t.start, slots)
	case t.col.optional:
		present, err = readLevels(defines.data, t.out.valid, t.start, slots)
	}
	if err == nil && p.kind == dataPage2 && present != int(p.values-p.nulls) {
		err = diag.New("Q205", "a page counts %d nulls but has %d", p.nulls, int(p.values)-present)
	}
	return data, slots, present, err
}

// split returns the parts of a page: repetition levels, definition levels and values.
//
//	version 1: all compressed together, and levels only where the column has some
//	version 2: levels as they are, then values, which may be compressed
func (t *task) split(p *page) (repeats, defines levelBlock, data []byte, err error) {
	if p.kind == dataPage2 {
		at := p.repeatBytes + p.levelBytes
		repeats = levelBlock{p.body[:p.repeatBytes], runLength}
		defines = levelBlock{p.body[p.repeatBytes:at], runLength}
		data, err = t.body(p, p.body[at:], int(p.uncompressed-at))
		return repeats, defines, data, err
	}
	data, err = t.body(p, p.body, int(p.uncompressed))
	if err == nil && t.col.list {
		repeats, data, err = cutLevels(data, p.repeats, 1, int(p.values))
	}
	if depth := t.col.full(); err == nil && depth > 0 {
		defines, data, err = cutLevels(data, p.levels, bits.Len8(depth), int(p.values))
	}
	return repeats, defines, data, err
}

// cutLevels cuts n levels of so many bits off the front of data.
func cutLevels(data []byte, e encoding, width, n int) (levelBlock, []byte, error) {
	switch e {
	case runLength:
		block, rest, err := lengthPrefixed(data)
		return levelBlock{block, e}, rest, err
	case bitPacked:
		size := int((int64(n)*int64(width) + 7) / 8)
		if len(data) < size {
			return levelBlock{}, nil, diag.New("Q205", "the levels are cut off")
		}
		return levelBlock{data[:size], e}, data[size:], nil
	}
	return levelBlock{}, nil, diag.New("Q207", "the levels of a page are written as %s, which quern cannot read", e)
}

// read decodes len(into) levels of width bits, 1 or 2.
func (b levelBlock) read(into []uint8, width int) error {
	mask := uint8(1)<<width - 1
	if b.encoding == bitPacked { // most significant bit first
		for i := range into {
			bit := i * width
			into[i] = b.data[bit>>3] >> (8 - width - bit&7) & mask
		}
		return nil
	}
	r := runs{data: b.data, width: width, left: len(into)}
	for r.left > 0 {
		at := len(into) - r.left
		run, err := r.next()
		if err != nil {
			return err
		}
		levels := into[at : at+run.n]
		if run.packed == nil {
			fill(levels, uint8(run.value))
			continue
		}
		for i := range levels {
			bit := i * width
			levels[i] = run.packed[bit>>3] >> (bit & 7) & mask
		}
	}
	return nil
}

// readLevels decodes n definition levels of a flat column into bits start to
// start+n of valid, which are clear, and returns how many are set.
func readLevels(data []byte, valid column.Bitmap, start, n int) (int, error) {
	if n == 0 {
		return 0, nil
	}
	r := runs{data: data, width: 1, left: n}
	w := bitWriter{to: valid[start>>6:], word: valid[start>>6], used: start & 63}
	for r.left > 0 {
		if w.short(&r) {
			continue
		}
		run, err := r.next()
		if err != nil {
			return 0, err
		}
		if run.packed != nil {
			w.write(run.packed, run.n)
		} else {
			w.repeat(uint64(run.value), run.n)
		}
	}
	w.end()
	return w.set, nil
}

// bitWriter appends bits to a bitmap.
type bitWriter struct {
	to   column.Bitmap
	word uint64 // what to[0] will be
	used int    // bits of word, 0 to 63
	set  int    // bits that were appended as 1
}

// add appends the lowest n bits of x, whose others are 0; n is 1 to 64.
func (w *bitWriter) add(x uint64, n int) {
	w.set += bits.OnesCount64(x)
	w.word |= x << w.used
	if w.used += n; w.used < 64 {
		return
	}
	w.used -= 64
	w.to[0], w.to = w.word, w.to[1:]
	w.word = x >> (n - w.used)
}

// short appends the next run if it and its header are short and sound, as in pages
// with many nulls nearly all are. It reports whether it did.
func (w *bitWriter) short(r *runs) bool {
	if len(r.data) < 9 || r.left < 64 || r.data[0] < 2 || r.data[0] >= 0x80 {
		return false
	}
	h, x := int(r.data[0]), binary.LittleEndian.Uint64(r.data[1:])
	n, size := h>>1, 2
	if h&1 == 1 {
		if n > 8 {
			return false
		}
		n, size = 8*n, 1+n
	} else if x = -(x & 0xff); x+1 > 1 { // neither 0 nor all ones
		return false
	}
	w.add(x&(math.MaxUint64>>(64-n)), n)
	r.left -= n
	r.data = r.data[size:]
	return true
}

// repeat appends a bit n times.
func (w *bitWriter) repeat(bit uint64, n int) {
	for ; n > 0; n -= 64 {
		take := min(n, 64)
		w.add(-bit&(math.MaxUint64>>(64-take)), take)
	}
}

// write appends n bits, which packed has.
func (w *bitWriter) write(packed []byte, n int) {
	for ; n >= 64; n -= 64 {
		w.add(binary.LittleEndian.Uint64(packed), 64)
		packed = packed[8:]
	}
	if n > 0 {
		var last [8]byte
		copy(last[:], packed)
		w.add(binary.LittleEndian.Uint64(last[:])&(math.MaxUint64>>(64-n)), n)
	}
}

// end writes the bits of the last word.
func (w *bitWriter) end() {
	if w.used > 0 {
		w.to[0] = w.word
	}
}

// readPackedLevels is readLevels for the old encoding BIT_PACKED: one bit per
// level, most significant first.
func readPackedLevels(data []byte, valid column.Bitmap, start, n int) (int, error) {
	if len(data) < (n+7)/8 {
		return 0, diag.New("Q205", "the levels are cut off")
	}
	present := 0
	for i := range n {
		if data[i>>3]>>(7-i&7)&1 == 1 {
			valid.Set(start + i)
			present++
		}
	}
	return present, nil
}
