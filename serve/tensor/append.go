package tensor

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"math/bits"

	"quern/features/column"
)

// Append appends m as a message. It allocates nothing but what dst grows by.
func Append(dst []byte, m *Message) []byte {
	w := writer{dst: dst, base: len(dst), m: m}
	blocks := m.blocks()
	w.zeros(headerSize + entrySize*blocks)
	w.dst = append(w.dst, m.Schema...)
	w.entry = w.base + headerSize
	w.columns()
	if m.Kind == Answer {
		w.states()
	}
	w.align()
	w.header(blocks)
	return w.dst
}

// group returns the end of the group of columns that starts at from: neighbours of one
// fixed-size type, or one column.
func (m *Message) group(from int) int {
	t := m.Columns[from].Values.Type()
	to := from + 1
	for t.Size() > 0 && to < len(m.Columns) && m.Columns[to].Values.Type() == t {
		to++
	}
	return to
}

// nulls reports whether any column of a group may have a value that is not there.
func (m *Message) nulls(from, to int) bool {
	for i := from; i < to; i++ {
		if c := &m.Columns[i]; c.Shown != nil || c.Values.Values.Valid != nil {
			return true
		}
	}
	return false
}

// blocks returns how many blocks m has.
func (m *Message) blocks() (n int) {
	for from, to := 0, 0; from < len(m.Columns); from = to {
		to = m.group(from)
		if m.nulls(from, to) {
			n++
		}
		n += blocksOf(m.Columns[from].Values.Type(), m.elementNulls(from))
	}
	if m.Kind == Answer {
		n += 2
	}
	return n
}

// elementNulls reports whether a column has lists with elements that may not be there.
func (m *Message) elementNulls(i int) bool {
	e := m.Columns[i].Values.Values.Elements
	return e != nil && e.Values.Valid != nil
}

// blocksOf returns how many blocks the values of a group take.
func blocksOf(t column.Type, elementNulls bool) (n int) {
	switch {
	case !t.IsList() && t != column.String:
		return 1
	case !t.IsList():
		return 2
	}
	if n = 2; t.Elem() == column.String {
		n++
	}
	if elementNulls {
		n++
	}
	return n
}

// writer appends a message.
type writer struct {
	dst   []byte
	base  int // where the message starts
	entry int // where the next entry of the table goes
	m     *Message
}

func (w *writer) zeros(n int) {
	from := len(w.dst)
	if cap(w.dst)-from < n {
		w.dst = append(w.dst, make([]byte, n)...)
		return
	}
	w.dst = w.dst[:from+n]
	clear(w.dst[from:])
}

// align appends zeros up to the next multiple of the alignment.
func (w *writer) align() {
	n := len(w.dst) - w.base
	w.zeros(aligned(n) - n)
}

// block makes room for a block, notes it in the table, and returns it.
func (w *writer) block(r role, t column.Type, first, count, size int) []byte {
	w.align()
	at := len(w.dst)
	w.zeros(size)
	e := w.dst[w.entry : w.entry+entrySize]
	e[0], e[1] = byte(r), byte(t)
	binary.LittleEndian.PutUint32(e[4:], uint32(first))
	binary.LittleEndian.PutUint32(e[8:], uint32(count))
	binary.LittleEndian.PutUint64(e[16:], uint64(at-w.base))
	binary.LittleEndian.PutUint64(e[24:], uint64(size))
	w.entry += entrySize
	return w.dst[at : at+size]
}

func (w *writer) header(blocks int) {
	h := w.dst[w.base:]
	copy(h, magic)
	le := binary.LittleEndian
	le.PutUint16(h[8:], uint16(w.m.Kind))
	le.PutUint16(h[10:], uint16(w.m.Layout))
	le.PutUint32(h[12:], uint32(w.m.Rows))
	le.PutUint64(h[16:], uint64(len(h)))
	le.PutUint32(h[24:], uint32(len(w.m.Columns)))
	le.PutUint32(h[28:], uint32(len(w.m.Views)))
	le.PutUint32(h[32:], uint32(blocks))
	le.PutUint32(h[36:], uint32(len(w.m.Schema)))
	le.PutUint32(h[60:], checksum(h))
}

// checksum returns the CRC of a message but for the four bytes that hold it.
func checksum(b []byte) uint32 {
	return crc32.Update(crc32.ChecksumIEEE(b[:60]), crc32.IEEETable, b[headerSize:])
}

// columns writes the blocks of all groups.
func (w *writer) columns() {
	m := w.m
	for from, to := 0, 0; from < len(m.Columns); from = to {
		to = m.group(from)
		t := m.Columns[from].Values.Type()
		if m.nulls(from, to) {
			per := words(m.Rows) * 8
			b := w.block(roleValid, 0, from, to-from, per*(to-from))
			for i := from; i < to; i++ {
				m.Columns[i].validity(b[(i-from)*per:][:per], m.Rows)
			}
		}
		switch size := t.Size(); {
		case size > 0:
			w.fixed(t, from, to, size)
		case t == column.String:
			w.text(roleOffsets, roleBytes, t, from, &m.Columns[from], m.Rows)
		default:
			w.lists(t, from)
		}
	}
}

// There reports whether the value of a row is there.
func (c *Column) There(r int) bool {
	if c.Shown != nil {
		return c.Shown.Get(r)
	}
	return c.Values.Values.Valid.Get(c.Values.Slot(r))
}

// Full reports whether all values are there, each in the slot of its row.
func (c *Column) Full() bool {
	return c.Shown == nil && c.Values.Values.Valid == nil && c.Values.Index == nil
}

// validity writes a bit for each row.
func (c *Column) validity(b []byte, rows int) {
	if bits := c.bits(); bits != nil {
		for k := range words(rows) {
			binary.LittleEndian.PutUint64(b[8*k:], bits[k]&used(k, rows))
		}
		return
	}
	for r := range rows {
		if c.There(r) {
			b[r>>3] |= 1 << (r & 7)
		}
	}
}

// used returns the bits of word k of a bitmap that are of rows.
func used(k, rows int) uint64 {
	if rest := rows - 64*k; rest < 64 {
		return 1<<rest - 1
	}
	return math.MaxUint64
}

// bits returns a bit for each row where there are such, else nil.
func (c *Column) bits() column.Bitmap {
	if c.Shown != nil || c.Values.Index != nil {
		return c.Shown
	}
	return c.Values.Values.Valid
}

// fixed writes the values of a group.
func (w *writer) fixed(t column.Type, from, to, size int) {
	m, n := w.m, to-from
	b := w.block(roleValues, t, from, n, m.Rows*n*size)
	for i := from; i < to && m.Rows > 0; i++ {
		if m.Layout == Rows {
			m.Columns[i].Put(b[(i-from)*size:], m.Rows, n*size)
		} else {
			m.Columns[i].Put(b[(i-from)*m.Rows*size:], m.Rows, size)
		}
	}
}

// Put writes the values of a column of a fixed-size type as a message has them, a stride of
// bytes apart; those that are not there as gaps.
func (c *Column) Put(b []byte, rows, stride int) {
	if c.Values.Index != nil {
		for r := range rows {
			if at := b[r*stride:]; c.There(r) {
				c.putSlot(at, c.Values.Slot(r))
			} else {
				putGap(at, c.Values.Type())
			}
		}
		return
	}
	c.putPlain(b, rows, stride)
	for k, word := range c.bits()[:min(words(rows), len(c.bits()))] {
		for missing := ^word & used(k, rows); missing != 0; missing &= missing - 1 {
			putGap(b[(64*k+bits.TrailingZeros64(missing))*stride:], c.Values.Type())
		}
	}
}

// putPlain writes all slots, and what lies under those that are not there too.
func (c *Column) putPlain(b []byte, rows, stride int) {
	switch v := &c.Values.Values; {
	case v.Type == column.Bool:
		for i, x := range v.Bools[:rows] {
			b[i*stride] = 0
			if x {
				b[i*stride] = 1
			}
		}
	case v.Type == column.Float32:
		for i, x := range v.Float32s[:rows] {
			binary.LittleEndian.PutUint32(b[i*stride:], math.Float32bits(x))
		}
	case v.Type == column.Float64:
		for i, x := range v.Float64s[:rows] {
			binary.LittleEndian.PutUint64(b[i*stride:], math.Float64bits(x))
		}
	case v.Type.Narrow():
		for i, x := range v.Int32s[:rows] {
			binary.LittleEndian.PutUint32(b[i*stride:], uint32(x))
		}
	default:
		for i, x := range v.Int64s[:rows] {
			binary.LittleEndian.PutUint64(b[i*stride:], uint64(x))
		}
	}
}

// putSlot writes one slot.
func (c *Column) putSlot(b []byte, slot int) {
	switch v := &c.Values.Values; {
	case v.Type == column.Bool:
		b[0] = 0
		if v.Bools[slot] {
			b[0] = 1
		}
	case v.Type == column.Float32:
		binary.LittleEndian.PutUint32(b, math.Float32bits(v.Float32s[slot]))
	case v.Type == column.Float64:
		binary.LittleEndian.PutUint64(b, math.Float64bits(v.Float64s[slot]))
	case v.Type.Narrow():
		binary.LittleEndian.PutUint32(b, uint32(v.Int32s[slot]))
	default:
		binary.LittleEndian.PutUint64(b, uint64(v.Int64s[slot]))
	}
}

// The NaNs that stand for floats that are not there.
const (
	gap32 = 0x7FC00000
	gap64 = 0x7FF8000000000000
)

// putGap writes what stands for a value that is not there.
func putGap(b []byte, t column.Type) {
	switch {
	case t == column.Bool:
		b[0] = 0
	case t == column.Float32:
		binary.LittleEndian.PutUint32(b, gap32)
	case t == column.Float64:
		binary.LittleEndian.PutUint64(b, gap64)
	case t.Narrow():
		binary.LittleEndian.PutUint32(b, 0)
	default:
		binary.LittleEndian.PutUint64(b, 0)
	}
}

// text writes a column of strings as offsets and bytes.
func (w *writer) text(offsets, bytes role, t column.Type, first int, c *Column, rows int) {
	v := &c.Values.Values.Text
	b := w.block(offsets, t, first, 1, 4*(rows+1))
	total := 0
	for r := range rows {
		if c.There(r) {
			total += len(v.At(c.Values.Slot(r)))
		}
		binary.LittleEndian.PutUint32(b[4*(r+1):], uint32(total))
	}
	b = w.block(bytes, 0, first, 1, total)
	for r := range rows {
		if c.There(r) {
			b = b[copy(b, v.At(c.Values.Slot(r))):]
		}
	}
}

// lists writes a column of lists. Elements of lists that are not there are left out.
func (w *writer) lists(t column.Type, i int) {
	c, rows := &w.m.Columns[i], w.m.Rows
	v := &c.Values.Values
	b := w.block(roleOffsets, t, i, 1, 4*(rows+1))
	total := 0
	for r := range rows {
		if c.There(r) {
			lo, hi := v.List(c.Values.Slot(r))
			total += hi - lo
		}
		binary.LittleEndian.PutUint32(b[4*(r+1):], uint32(total))
	}
	e := elements{of: c, rows: rows, n: total}
	if w.m.elementNulls(i) {
		e.valid(w.block(roleElementValid, 0, i, 1, 8*words(total)))
	}
	if size := t.Elem().Size(); size > 0 {
		e.values(w.block(roleElementValues, t.Elem(), i, 1, size*total), size)
		return
	}
	offsets := w.block(roleElementOffsets, t.Elem(), i, 1, 4*(total+1))
	n := e.offsets(offsets)
	e.bytes(w.block(roleElementBytes, 0, i, 1, n))
}

// states writes the statuses and event times of all views.
func (w *writer) states() {
	m := w.m
	b := w.block(roleStatus, 0, 0, len(m.Views), len(m.Views)*m.Rows)
	for i := range m.Views {
		copy(b[i*m.Rows:], m.Views[i].Status[:m.Rows])
	}
	b = w.block(roleEvent, column.Timestamp, 0, len(m.Views), 8*len(m.Views)*m.Rows)
	for i := range m.Views {
		for r, at := range m.Views[i].Event[:m.Rows] {
			binary.LittleEndian.PutUint64(b[8*(i*m.Rows+r):], uint64(at))
		}
	}
}
