package parquet

import (
	"math"
	"math/bits"
	"slices"

	"quern/features/column"
)

// collector gathers the rows of one column of a row group: as codes of a dictionary
// as long as that pays, else as plain values.
type collector struct {
	typ  column.Type
	rows int
	// started is set once there was a column; coded says whether the rows are codes.
	started bool
	uncoded bool // never use a dictionary
	coded   bool
	codes   []int32 // by row; null: nullCode
	nulls   int     // among the codes
	dict    dictionary
	remap   []int32        // slot of the batch -> code
	seen    []uint64       // a bit per value
	ranks   []int32        // per word of seen: how many bits come before
	plain   column.Vector  // memory of collected values
	whole   *column.Vector // the values: plain, or a batch's own, not copied
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
	w.rows, w.started, w.coded, w.nulls, w.whole = 0, false, false, 0, nil
	w.codes = w.codes[:0]
	w.dict.reset()
	w.clearPlain()
}

// clearPlain forgets the plain values.
func (w *collector) clearPlain() {
	v := &w.plain
	v.Len = 0
	v.Valid = v.Valid[:0]
	v.Bools, v.Int32s, v.Int64s = v.Bools[:0], v.Int32s[:0], v.Int64s[:0]
	v.Float32s, v.Float64s = v.Float32s[:0], v.Float64s[:0]
	v.Text.Reset()
}

// begin readies the collector for the first rows, which are those of c.
func (w *collector) begin(c *column.Column) {
	if w.started {
		return
	}
	w.started, w.typ = true, c.Type()
	w.coded = !w.uncoded && w.typ != column.Bool // bools pack better as they are
}

// addCodes appends the codes of c's rows. It reports false, with nothing appended, if
// a dictionary does not pay.
func (w *collector) addCodes(c *column.Column) bool {
	start, nulls := len(w.codes), w.nulls
	w.codes = growInts(w.codes, c.Len)
	codes := w.codes[start:]
	if c.Index != nil && 2*c.Values.Len <= c.Len {
		w.codeEntries(codes, c)
		if w.dict.bytes > maxDictionary {
			w.codes, w.nulls = w.codes[:start], nulls
			return false
		}
		return true
	}
	limit := max(4*sampleRows, (w.rows+c.Len)/2)
	sample := min(c.Len, sampleRows)
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

// codeEntries fills codes with those of c's rows, a dictionary of much fewer slots:
// the slots in use are looked at one by one, the rows cost a gather.
func (w *collector) codeEntries(codes []int32, c *column.Column) {
	w.remap = growInts(w.remap[:0], c.Values.Len)
	remap := w.remap
	clear(remap)
	for _, slot := range c.Index[:c.Len] {
		remap[slot] = notYet
	}
	nulls, n := false, 0
	for slot, used := range remap {
		if used != notYet {
			continue
		}
		if n++; !c.Values.Valid.Get(slot) {
			remap[slot], nulls = nullCode, true
		}
	}
	if len(w.dict.keys) > 0 || !w.codeDistinct(&c.Values) {
		w.dict.reserve(len(w.dict.keys) + n)
		for slot, used := range remap {
			if used == notYet {
				remap[slot] = w.dict.code(&c.Values, slot)
			}
		}
	}
	for i, slot := range c.Index[:len(codes)] {
		codes[i] = remap[slot]
	}
	if nulls {
		for _, code := range codes {
			w.nulls += int(uint32(code) >> 31)
		}
	}
}

// codeDistinct gives the slots in use their codes, in the order of their values, if
// they are integers close to each other (ids are) and all different: a bit for each
// shows that, and no hash is needed. Otherwise it changes nothing and returns false.
func (w *collector) codeDistinct(v *column.Vector) bool {
	if v.Type.Kind() != column.Ints {
		return false
	}
	low, high := int64(math.MaxInt64), int64(math.MinInt64)
	for slot, used := range w.remap {
		if used == notYet {
			low, high = min(low, v.Int(slot)), max(high, v.Int(slot))
		}
	}
	span := uint64(high) - uint64(low)
	if low > high || span > uint64(16*len(w.remap)+1<<12) {
		return false
	}
	words := int(span/64) + 1
	w.seen = slices.Grow(w.seen[:0], words)[:words]
	clear(w.seen)
	for slot, used := range w.remap {
		if used != notYet {
			continue
		}
		at := uint64(v.Int(slot)) - uint64(low)
		if w.seen[at/64]>>(at%64)&1 == 1 {
			return false
		}
		w.seen[at/64] |= 1 << (at % 64)
	}
	w.dict.ascend(w.seen, low, width(v.Type))
	w.ranks = growInts(w.ranks[:0], words)
	for i, rank := 0, 0; i < words; i++ {
		w.ranks[i] = int32(rank)
		rank += bits.OnesCount64(w.seen[i])
	}
	for slot, used := range w.remap {
		if used == notYet {
			at := uint64(v.Int(slot)) - uint64(low)
			w.remap[slot] = w.ranks[at/64] + int32(bits.OnesCount64(w.seen[at/64]&(1<<(at%64)-1)))
		}
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
	w.toPlain()
	for _, code := range w.codes {
		w.spreadOne(code)
	}
	w.codes = w.codes[:0]
}

// toPlain says that rows are plain values from now on.
func (w *collector) toPlain() {
	w.coded, w.whole = false, &w.plain
	w.plain.Type = w.typ
}

// spreadOne appends the value of a code, and returns the bytes of a string.
func (w *collector) spreadOne(code int32) int64 {
	v := &w.plain
	growBits(v, 1)
	before := len(v.Text.Bytes)
	if code == nullCode {
		appendZero(v)
	} else {
		w.dict.appendTo(v, int(code))
		v.Valid.Set(v.Len)
	}
	v.Len++
	return int64(len(v.Text.Bytes) - before)
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

// addPlain appends the values of c's rows.
func (w *collector) addPlain(c *column.Column) {
	v, from := &w.plain, &c.Values
	v.Type = w.typ
	growBits(v, c.Len)
	if from.Valid == nil || from.Valid.Count(from.Len) == from.Len {
		setBits(v.Valid, v.Len, c.Len)
	} else {
		for i := range c.Len {
			at := v.Len + i
			v.Valid[at>>6] |= presence(from.Valid, c.Slot(i)) << (at & 63)
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

// presence is the bit of a slot, without a branch that nobody could foretell.
func presence(valid column.Bitmap, slot int) uint64 { return valid[slot>>6] >> (slot & 63) & 1 }

// appendSlots appends the slots of c's rows; src nil: nothing.
func appendSlots[T any](dst, src []T, c *column.Column) []T {
	if src == nil {
		return dst
	}
	if c.Index == nil {
		return append(dst, src[:c.Len]...)
	}
	start := len(dst)
	dst = slices.Grow(dst, c.Len)[:start+c.Len]
	rows := dst[start:]
	for i, slot := range c.Index[:len(rows)] {
		rows[i] = src[slot]
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
