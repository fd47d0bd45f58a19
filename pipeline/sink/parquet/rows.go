package parquet

import "quern/features/column"

// collector gathers the rows of one column of a row group: as codes of a dictionary
// as long as that pays, else as plain values.
type collector struct {
	typ   column.Type
	rows  int
	coded bool
	codes []int32 // by row; null: nullCode
	nulls int     // among the codes
	dict  dictionary
	remap []int32        // slot of the batch -> code
	plain column.Vector  // memory of collected values
	whole *column.Vector // the values: plain, or a batch's own, not copied
}

// Codes that are none.
const (
	nullCode int32 = -1
	notYet   int32 = -2
)

// sampleRows is how many rows decide whether a column that came plain, or with many
// slots, is worth a dictionary.
const sampleRows = 1024

// reset forgets all rows.
func (w *collector) reset() {
	w.rows, w.coded, w.nulls, w.whole = 0, false, 0, nil
	w.codes = w.codes[:0]
	w.dict.reset()
	v := &w.plain
	v.Len = 0
	v.Valid = v.Valid[:0]
	v.Bools, v.Int32s, v.Int64s = v.Bools[:0], v.Int32s[:0], v.Int64s[:0]
	v.Float32s, v.Float64s = v.Float32s[:0], v.Float64s[:0]
	v.Text.Reset()
}

// add appends the rows of c. last says that no others follow in this row group, so
// that c's memory may be used until it is encoded.
func (w *collector) add(c *column.Column, last bool) {
	if w.rows == 0 {
		w.typ = c.Type()
		w.coded = w.typ != column.Bool // bools pack better as they are
	}
	if w.coded && !w.addCodes(c) {
		w.spread()
	}
	if !w.coded {
		w.addPlain(c, last)
	}
	w.rows += c.Len
}

// addCodes appends the codes of c's rows. It reports false, with nothing appended, if
// a dictionary does not pay.
func (w *collector) addCodes(c *column.Column) bool {
	start, nulls := len(w.codes), w.nulls
	w.codes = growInts(w.codes, c.Len)
	codes := w.codes[start:]
	limit := max(4*sampleRows, (w.rows+c.Len)/2)
	sample := c.Len
	if c.Index == nil || c.Values.Len > c.Len/2 {
		sample = min(c.Len, sampleRows)
	}
	before := len(w.dict.keys)
	w.code(codes[:sample], c, 0)
	good := sample == c.Len || 2*(len(w.dict.keys)-before) <= sample
	for from := sample; good && from < c.Len; {
		to := min(c.Len, from+4*sampleRows)
		w.code(codes[from:to], c, from)
		good = len(w.dict.keys) <= limit && w.dict.bytes <= maxDictionary
		from = to
	}
	if !good || w.dict.bytes > maxDictionary {
		w.codes, w.nulls = w.codes[:start], nulls
		return false
	}
	return true
}

// code fills codes with those of rows from, from+1, ... of c.
func (w *collector) code(codes []int32, c *column.Column, from int) {
	if c.Index == nil {
		w.codeSlots(codes, &c.Values, from)
		return
	}
	if from == 0 {
		w.remap = growInts(w.remap[:0], c.Values.Len)
		for i := range w.remap {
			w.remap[i] = notYet
		}
	}
	nulls, remap := 0, w.remap
	for i, slot := range c.Index[from : from+len(codes)] {
		code := remap[slot]
		if code == notYet {
			code = nullCode
			if c.Values.Valid.Get(int(slot)) {
				code = w.dict.code(&c.Values, int(slot))
			}
			remap[slot] = code
		}
		nulls += int(uint32(code) >> 31)
		codes[i] = code
	}
	w.nulls += nulls
}

// codeSlots fills codes with those of slots from, from+1, ...
func (w *collector) codeSlots(codes []int32, v *column.Vector, from int) {
	for i := range codes {
		codes[i] = nullCode
		if v.Valid.Get(from + i) {
			codes[i] = w.dict.code(v, from+i)
		} else {
			w.nulls++
		}
	}
}

// pays reports whether the codes and their dictionary are smaller than the values.
func (w *collector) pays() bool { return 2*len(w.dict.keys) <= w.rows+2 }

// spread turns the codes into plain values.
func (w *collector) spread() {
	w.coded = false
	v := &w.plain
	v.Type = w.typ
	for _, code := range w.codes {
		growBits(v, 1)
		if code == nullCode {
			appendZero(v)
		} else {
			w.dict.appendTo(v, int(code))
			v.Valid.Set(v.Len)
		}
		v.Len++
	}
	w.whole = v
	w.codes = w.codes[:0]
}

// appendZero appends what lies under a null.
func appendZero(v *column.Vector) {
	switch {
	case v.Type == column.String:
		v.Text.Append(nil)
	case v.Type == column.Bool:
		v.Bools = append(v.Bools, false)
	case v.Type == column.Float32:
		v.Float32s = append(v.Float32s, 0)
	case v.Type == column.Float64:
		v.Float64s = append(v.Float64s, 0)
	case v.Type.Narrow():
		v.Int32s = append(v.Int32s, 0)
	default:
		v.Int64s = append(v.Int64s, 0)
	}
}

// addPlain appends the values of c's rows, or takes them as they are if they are all.
func (w *collector) addPlain(c *column.Column, last bool) {
	if last && w.rows == 0 && c.Index == nil {
		w.whole = &c.Values
		return
	}
	v, from := &w.plain, &c.Values
	v.Type = w.typ
	growBits(v, c.Len)
	if c.Index == nil && from.Valid == nil {
		setBits(v.Valid, v.Len, c.Len)
	} else {
		for i := range c.Len {
			if from.Valid.Get(c.Slot(i)) {
				v.Valid.Set(v.Len + i)
			}
		}
	}
	v.Bools = appendSlots(v.Bools, from.Bools, c)
	v.Int32s = appendSlots(v.Int32s, from.Int32s, c)
	v.Int64s = appendSlots(v.Int64s, from.Int64s, c)
	v.Float32s = appendSlots(v.Float32s, from.Float32s, c)
	v.Float64s = appendSlots(v.Float64s, from.Float64s, c)
	if w.typ == column.String {
		appendTexts(&v.Text, c)
	}
	v.Len += c.Len
	w.whole = v
}

// appendSlots appends the slots of c's rows; src nil: nothing.
func appendSlots[T any](dst, src []T, c *column.Column) []T {
	if src == nil {
		return dst
	}
	if c.Index == nil {
		return append(dst, src[:c.Len]...)
	}
	for _, slot := range c.Index {
		dst = append(dst, src[slot])
	}
	return dst
}

func appendTexts(dst *column.Text, c *column.Column) {
	for i := range c.Len {
		slot := c.Slot(i)
		if c.Values.Valid.Get(slot) {
			dst.Append(c.Values.Text.At(slot))
		} else {
			dst.Append(nil)
		}
	}
}

// growBits makes room for n more bits, clear.
func growBits(v *column.Vector, n int) {
	for len(v.Valid)*64 < v.Len+n {
		v.Valid = append(v.Valid, 0)
	}
}

// setBits sets n bits from start on.
func setBits(b column.Bitmap, start, n int) {
	for i := start; i < start+n; {
		if i%64 == 0 && start+n-i >= 64 {
			b[i/64] = ^uint64(0)
			i += 64
			continue
		}
		b.Set(i)
		i++
	}
}

// growInts returns s with n more elements, whose contents are arbitrary.
func growInts(s []int32, n int) []int32 {
	if need := len(s) + n; need <= cap(s) {
		return s[:need]
	}
	bigger := make([]int32, len(s)+n, len(s)+n+len(s)/2)
	copy(bigger, s)
	return bigger
}
