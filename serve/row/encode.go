package row

import (
	"encoding/binary"
	"math"
	"slices"

	"quern/features/column"
	"quern/features/diag"
)

// Input is a run of rows in columns: Keys and Fields in the order and of the types of the
// schema, plain or dictionary-coded, in storage or register form. Event and Created are
// timestamps, datetimes or dates; nil or null means NoTime. Rows are numbered Seq, Seq+1...
// if Numbered, else all have Seq.
type Input struct {
	Rows           int
	Keys, Fields   []*column.Column
	Event, Created *column.Column
	Seq            uint64
	Numbered       bool
}

// Encode replaces the contents of into with the rows of in. Rows with a null in their key
// are left out and counted. A row whose strings and lists are too long is a *diag.Error, Q652.
func (l *Layout) Encode(in Input, into *Rows) error {
	l.mustFit(in)
	into.Reset(l)
	into.From = l.keep(in, into)
	keep := into.From
	n := len(keep)
	into.Fixed = slices.Grow(into.Fixed, n*l.stride)[:n*l.stride]
	clear(into.Fixed)
	l.encodeStamps(in, keep, into.Fixed)
	for f, c := range in.Fields {
		l.encodeNulls(f, c, keep, into.Fixed)
		if !variable(c.Type()) {
			l.encodeField(f, c, keep, into.Fixed)
		}
	}
	if l.inline {
		for i, r := range keep {
			binary.LittleEndian.PutUint64(into.Fixed[i*l.stride+atKey:], uint64(keyInt(in.Keys[0], r)))
		}
	}
	if !l.heap {
		return nil
	}
	for i, r := range keep {
		if err := l.encodeHeap(in, r, into.Fixed[i*l.stride:(i+1)*l.stride], into); err != nil {
			return err
		}
	}
	return nil
}

// mustFit panics where in does not have the columns of the schema.
func (l *Layout) mustFit(in Input) {
	check := func(fields []column.Field, columns []*column.Column) {
		if len(fields) != len(columns) {
			panic("quern: bug: encode: another number of columns than the layout has")
		}
		for i, c := range columns {
			if c.Type() != fields[i].Type || c.Len < in.Rows {
				panic("quern: bug: encode: column " + fields[i].Name + " does not fit the layout")
			}
		}
	}
	check(l.schema.Keys, in.Keys)
	check(l.schema.Fields, in.Fields)
	for _, c := range []*column.Column{in.Event, in.Created} {
		if c != nil && (!c.Type().Temporal() || c.Len < in.Rows) {
			panic("quern: bug: encode: times of type " + c.Type().String())
		}
	}
}

// keep returns the rows whose keys have no null.
func (l *Layout) keep(in Input, into *Rows) []int {
	keep := slices.Grow(into.From[:0], in.Rows)
	for r := range in.Rows {
		if slices.ContainsFunc(in.Keys, func(c *column.Column) bool { return c.Null(r) }) {
			if into.NullKeys++; into.FirstNullKey < 0 {
				into.FirstNullKey = r
			}
			continue
		}
		keep = append(keep, r)
	}
	return keep
}

func (l *Layout) encodeStamps(in Input, keep []int, fixed []byte) {
	for i, r := range keep {
		b := fixed[i*l.stride:]
		event := in.Event
		if !l.schema.Time {
			event = nil
		}
		binary.LittleEndian.PutUint64(b[atEvent:], uint64(instant(event, r)))
		binary.LittleEndian.PutUint64(b[atCreated:], uint64(instant(in.Created, r)))
		seq := in.Seq
		if in.Numbered {
			seq += uint64(r)
		}
		binary.LittleEndian.PutUint64(b[atSeq:], seq)
	}
}

// instant returns row r of a column of times in microseconds. Days that int64 does not reach,
// 292,000 years from now, are the nearest instant that it does.
func instant(c *column.Column, r int) int64 {
	if c == nil || c.Null(r) {
		return NoTime
	}
	v := c.Values.Int(c.Slot(r))
	if c.Type() == column.Date {
		const day = int64(24 * 60 * 60 * 1e6)
		return min(max(v, (NoTime+1)/day), math.MaxInt64/day) * day
	}
	return v
}

// encodeNulls sets the bits of the rows that are null.
func (l *Layout) encodeNulls(f int, c *column.Column, keep []int, fixed []byte) {
	if c.Values.Valid == nil {
		return
	}
	for i, r := range keep {
		if c.Null(r) {
			fixed[i*l.stride+l.nulls+f>>3] |= 1 << (f & 7)
		}
	}
}

// encodeField writes the cells of a field that needs no heap.
func (l *Layout) encodeField(f int, c *column.Column, keep []int, fixed []byte) {
	at, v, nulls := l.cells[f].at, &c.Values, c.Values.Valid != nil
	for i, r := range keep {
		if s := c.Slot(r); !nulls || v.Valid.Get(s) {
			putValue(fixed[i*l.stride+at:], v, s)
		}
	}
}

// putValue writes slot s, which is not null and not of variable length, to the start of b.
func putValue(b []byte, v *column.Vector, s int) {
	switch v.Type {
	case column.Bool:
		b[0] = 0
		if v.Bools[s] {
			b[0] = 1
		}
	case column.Float32:
		bits := uint32(0)
		if v.Float32s != nil {
			bits = math.Float32bits(v.Float32s[s])
		} else {
			bits = math.Float32bits(float32(v.Float64s[s]))
		}
		binary.LittleEndian.PutUint32(b, bits)
	case column.Float64:
		binary.LittleEndian.PutUint64(b, math.Float64bits(v.Float64s[s]))
	case column.Int32, column.Date:
		binary.LittleEndian.PutUint32(b, uint32(v.Int(s)))
	default:
		binary.LittleEndian.PutUint64(b, uint64(v.Int(s)))
	}
}

// keyInt returns row r of a key column that is no string.
func keyInt(c *column.Column, r int) int64 {
	s := c.Slot(r)
	if c.Type() == column.Bool {
		if c.Values.Bools[s] {
			return 1
		}
		return 0
	}
	return c.Values.Int(s)
}

// encodeHeap appends the heap of row r and fills in what points to it.
func (l *Layout) encodeHeap(in Input, r int, fixed []byte, into *Rows) error {
	base, keys := len(into.Heap), 0
	if !l.inline {
		for _, c := range in.Keys {
			if c.Type() == column.String {
				into.Heap = appendText(into.Heap, c.Values.Text.At(c.Slot(r)), len(in.Keys) > 1)
			} else {
				into.Heap = appendInt(into.Heap, keyInt(c, r), true)
			}
		}
		keys = len(into.Heap) - base
	}
	for f, c := range in.Fields {
		if !variable(c.Type()) || c.Null(r) {
			continue
		}
		from, s := len(into.Heap), c.Slot(r)
		if c.Type() == column.String {
			into.Heap = append(into.Heap, c.Values.Text.At(s)...)
		} else {
			into.Heap = appendList(into.Heap, &c.Values, s)
		}
		if len(into.Heap)-base > MaxHeap {
			break
		}
		binary.LittleEndian.PutUint32(fixed[l.cells[f].at:], uint32(from-base))
		binary.LittleEndian.PutUint32(fixed[l.cells[f].at+4:], uint32(len(into.Heap)-from))
	}
	if n := len(into.Heap) - base; n > MaxHeap {
		return diag.New("Q652", "the strings and lists of a row have %d bytes or more: at most %d", n, MaxHeap).
			In(diag.Data{RowGroup: -1, Row: int64(r)})
	}
	binary.LittleEndian.PutUint64(fixed[l.span:], uint64(base))
	binary.LittleEndian.PutUint32(fixed[l.span+8:], uint32(len(into.Heap)-base))
	binary.LittleEndian.PutUint32(fixed[l.span+12:], uint32(keys))
	return nil
}

// appendList appends list s of a vector of lists, in the form that package row documents.
func appendList(b []byte, v *column.Vector, s int) []byte {
	lo, hi := v.List(s)
	elements, nulls, n := v.Elements, uint32(0), hi-lo
	for e := lo; e < hi && nulls == 0; e++ {
		if elements.Null(e) {
			nulls = 1
		}
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(n)<<1|nulls)
	if nulls == 1 {
		at := len(b)
		b = append(b, make([]byte, (n+7)/8)...)
		for i := range n {
			if elements.Null(lo + i) {
				b[at+i>>3] |= 1 << (i & 7)
			}
		}
	}
	at, w := len(b), elementWidth(v.Type.Elem())
	b = append(b, make([]byte, n*w)...)
	text := len(b)
	for i := range n {
		slot := elements.Slot(lo + i)
		null := elements.Values.Null(slot)
		if v.Type.Elem() != column.String {
			if !null {
				putValue(b[at+i*w:], &elements.Values, slot)
			}
			continue
		}
		if !null {
			b = append(b, elements.Values.Text.At(slot)...)
		}
		binary.LittleEndian.PutUint32(b[at+i*w:], uint32(len(b)-text))
	}
	return b
}
