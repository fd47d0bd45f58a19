package lookup

import (
	"encoding/base64"
	"math"
	"strconv"

	"quern/features/column"
)

// Cells is a column that is built value by value from what a client sent. Its
// vector is in storage form. It keeps its memory from one Reset to the next.
//
// The methods that append return a Problem when the value has no meaning in the
// column's type, and append nothing then:
//
//	type            from numbers                      from text                     from true, false
//	int32, int64    whole, in range; 7.0 and 7e0 too   -?digits, no leading zeros    -
//	float32/64      all that do not overflow           NaN, Infinity, -Infinity      -
//	string          whole, as their digits             UTF-8; base64 where Binary    -
//	bool            -                                  -                             yes
//	timestamp       whole: seconds since 1970          ISO 8601; without a zone: UTC -
//	datetime        whole: seconds since 1970          ISO 8601 without a zone       -
//	date            -                                  ISO 8601, midnight            -
//	lists           element by element (Begin, Element, End)
//
// A float32 is the float32 nearest to the number's text; every other conversion is
// exact.
type Cells struct {
	column.Vector
	Binary bool // text is base64, and what is stored are its bytes

	memory column.Vector // slices that the present type does not use
	inner  *Cells        // builds the elements
}

// Problem says what is wrong with a value, as the end of a sentence: "is no whole
// number". The empty Problem is none.
type Problem string

// The problems.
const (
	fine       Problem = ""
	wrongType  Problem = "has a type that the column cannot take"
	notWhole   Problem = "is no whole number"
	outOfRange Problem = "is out of the range of the type"
	notDigits  Problem = "is text that is no whole number in plain digits"
	notBase64  Problem = "is not base64"
	notUTF8    Problem = "is not UTF-8"
	notTime    Problem = "is no time like 2026-11-22T10:00:00Z"
	tooFine    Problem = "is finer than a microsecond"
	hasZone    Problem = "has a zone, and the column has none"
	notDay     Problem = "is no day like 2026-11-22"
	isNull     Problem = "is null"
	isLong     Problem = "makes the column longer than 4 GiB"
)

// Reset empties c and makes it a column of type t.
func (c *Cells) Reset(t column.Type, binary bool) {
	c.stash()
	m := &c.memory
	c.Binary = binary
	c.Vector = column.Vector{Type: t}
	v := &c.Vector
	switch {
	case t.IsList():
		if c.inner == nil {
			c.inner = &Cells{}
		}
		c.inner.Reset(t.Elem(), binary)
		v.Offsets, m.Offsets = append(m.Offsets[:0], 0), nil
		if m.Elements == nil {
			m.Elements = &column.Column{}
		}
		v.Elements = m.Elements
		*v.Elements = column.Column{Values: c.inner.Vector}
	case t == column.Bool:
		v.Bools, m.Bools = m.Bools[:0], nil
	case t == column.Int32 || t == column.Date:
		v.Int32s, m.Int32s = m.Int32s[:0], nil
	case t.Kind() == column.Ints:
		v.Int64s, m.Int64s = m.Int64s[:0], nil
	case t == column.Float32:
		v.Float32s, m.Float32s = m.Float32s[:0], nil
	case t == column.Float64:
		v.Float64s, m.Float64s = m.Float64s[:0], nil
	case t == column.String:
		v.Text, m.Text = m.Text, column.Text{}
		v.Text.Reset()
	default:
		panic("quern: bug: cells of type " + t.String())
	}
}

// stash takes back the memory of the vector's slices.
func (c *Cells) stash() {
	v, m := &c.Vector, &c.memory
	keep(&m.Bools, v.Bools)
	keep(&m.Int32s, v.Int32s)
	keep(&m.Int64s, v.Int64s)
	keep(&m.Float32s, v.Float32s)
	keep(&m.Float64s, v.Float64s)
	keep(&m.Text.Offsets, v.Text.Offsets)
	keep(&m.Text.Bytes, v.Text.Bytes)
	keep(&m.Offsets, v.Offsets)
	keep((*[]uint64)(&m.Valid), v.Valid)
	if v.Elements != nil && c.inner != nil {
		c.inner.Vector = v.Elements.Values
	}
}

func keep[T any](memory *[]T, used []T) {
	if used != nil {
		*memory = used
	}
}

// makeRows makes c a column of n rows, none of them null. Numbers and booleans have n
// slots with garbage in them; text and lists are empty, to be appended to.
func (c *Cells) makeRows(n int) {
	v := &c.Vector
	v.Len = n
	switch {
	case v.Bools != nil || v.Type == column.Bool:
		v.Bools = resize(v.Bools, n)
	case v.Type == column.Int32 || v.Type == column.Date:
		v.Int32s = resize(v.Int32s, n)
	case v.Type.Kind() == column.Ints:
		v.Int64s = resize(v.Int64s, n)
	case v.Type == column.Float32:
		v.Float32s = resize(v.Float32s, n)
	case v.Type == column.Float64:
		v.Float64s = resize(v.Float64s, n)
	}
}

// SetNull makes row i null. All rows must be there.
func (c *Cells) SetNull(i int) {
	v := &c.Vector
	if v.Valid == nil {
		v.Valid = resize(c.memory.Valid, (v.Len+63)/64)
		v.Valid.Fill(v.Len)
	}
	v.Valid.Clear(i)
}

// AddNumber appends the value of a JSON number.
func (c *Cells) AddNumber(text []byte) Problem {
	switch t := c.Type; {
	case t.Integer():
		n, p := wholeNumber(text)
		if p != fine {
			return p
		}
		return c.AddInt(n)
	case t == column.Timestamp || t == column.Datetime:
		n, p := wholeNumber(text)
		if p != fine {
			return p
		}
		return c.seconds(n)
	case t.Real():
		return c.real(string(text))
	case t == column.String && !c.Binary:
		if p := plainDigits(text); p != fine {
			return notWhole
		}
		return c.bytes(text)
	}
	return wrongType
}

// AddInt appends a whole number to a column of int32, int64, float32, float64 (where it
// is exact), string, timestamp or datetime.
func (c *Cells) AddInt(n int64) Problem {
	switch t := c.Type; {
	case t == column.Int64:
		c.Int64s = append(c.Int64s, n)
	case t == column.Int32:
		if n != int64(int32(n)) {
			return outOfRange
		}
		c.Int32s = append(c.Int32s, int32(n))
	case t == column.Timestamp || t == column.Datetime:
		return c.seconds(n)
	case t == column.Float64 && n >= -1<<53 && n <= 1<<53:
		c.Float64s = append(c.Float64s, float64(n))
	case t == column.Float32 && n >= -1<<24 && n <= 1<<24:
		c.Float32s = append(c.Float32s, float32(n))
	case t.Real():
		return outOfRange
	case t == column.String && !c.Binary:
		var digits [20]byte
		return c.bytes(strconv.AppendInt(digits[:0], n, 10))
	default:
		return wrongType
	}
	return c.present()
}

// AddFloat appends a floating-point number to a column of float32 (to the nearest) or
// float64.
func (c *Cells) AddFloat(x float64) Problem {
	switch c.Type {
	case column.Float64:
		c.Float64s = append(c.Float64s, x)
	case column.Float32:
		narrow := float32(x)
		if math.IsInf(float64(narrow), 0) && !math.IsInf(x, 0) {
			return outOfRange
		}
		c.Float32s = append(c.Float32s, narrow)
	default:
		if c.Type.Integer() && x == math.Trunc(x) && math.Abs(x) <= 1<<53 {
			return c.AddInt(int64(x))
		}
		if c.Type.Integer() {
			return notWhole
		}
		return wrongType
	}
	return c.present()
}

// AddBool appends true or false.
func (c *Cells) AddBool(x bool) Problem {
	if c.Type != column.Bool {
		return wrongType
	}
	c.Bools = append(c.Bools, x)
	return c.present()
}

// AddString appends the value of a text, which must be UTF-8.
func (c *Cells) AddString(text []byte) Problem {
	switch t := c.Type; {
	case t == column.String && c.Binary:
		return c.base64(text)
	case t == column.String:
		return c.bytes(text)
	case t.Integer():
		if p := plainDigits(text); p != fine {
			return notDigits
		}
		n, p := wholeNumber(text)
		if p != fine {
			return p
		}
		return c.AddInt(n)
	case t.Real():
		switch string(text) {
		case "NaN", "Infinity", "-Infinity":
			return c.real(string(text))
		}
	case t == column.Timestamp:
		return c.instant(text)
	case t == column.Datetime:
		return c.wallClock(text)
	case t == column.Date:
		return c.day(text)
	}
	return wrongType
}

// AddBytes appends bytes to a column of strings, as they are.
func (c *Cells) AddBytes(raw []byte) Problem {
	if c.Type != column.String {
		return wrongType
	}
	return c.bytes(raw)
}

// AddMicros appends an instant, in microseconds since 1970-01-01T00:00:00Z, to a column
// of timestamps or datetimes.
func (c *Cells) AddMicros(n int64) Problem {
	if c.Type != column.Timestamp && c.Type != column.Datetime {
		return wrongType
	}
	c.Int64s = append(c.Int64s, n)
	return c.present()
}

// AddDay appends a day, counted from 1970-01-01, to a column of dates.
func (c *Cells) AddDay(n int64) Problem {
	if c.Type != column.Date {
		return wrongType
	}
	if n != int64(int32(n)) {
		return outOfRange
	}
	c.Int32s = append(c.Int32s, int32(n))
	return c.present()
}

// AddNull appends a null.
func (c *Cells) AddNull() {
	v := &c.Vector
	switch {
	case v.Type.IsList():
		v.Offsets = append(v.Offsets, v.Offsets[len(v.Offsets)-1])
	case v.Type == column.Bool:
		v.Bools = append(v.Bools, false)
	case v.Type == column.Int32 || v.Type == column.Date:
		v.Int32s = append(v.Int32s, 0)
	case v.Type.Kind() == column.Ints:
		v.Int64s = append(v.Int64s, 0)
	case v.Type == column.Float32:
		v.Float32s = append(v.Float32s, 0)
	case v.Type == column.Float64:
		v.Float64s = append(v.Float64s, 0)
	default:
		v.Text.Append(nil)
	}
	v.Len++
	c.growValid()
	c.SetNull(v.Len - 1)
}

// present counts a value that was appended.
func (c *Cells) present() Problem {
	c.Len++
	if c.Valid != nil {
		c.growValid()
		c.Valid.Set(c.Len - 1)
	}
	return fine
}

// growValid gives Valid, where there is one, the word of the last row.
func (c *Cells) growValid() {
	if c.Valid != nil && len(c.Valid)*64 < c.Len {
		c.Valid = append(c.Valid, 0)
	}
}

// Element returns the column of a list's elements: what is appended to it until End
// are the elements of the next list. It is nil when c is no column of lists.
func (c *Cells) Element() *Cells {
	if !c.Type.IsList() {
		return nil
	}
	return c.inner
}

// End appends the list whose elements were appended to Element.
func (c *Cells) End() Problem {
	c.endRow()
	return c.present()
}

// endRow is End for a column that was given its rows by makeRows: it ends the list of
// the next row.
func (c *Cells) endRow() {
	c.Offsets = append(c.Offsets, uint32(c.inner.Len))
	*c.Elements = column.Column{Len: c.inner.Len, Values: c.inner.Vector}
}

// absent is endRow for a row that is not there or null: text and lists get their
// offset. Other columns stay as they are.
func (c *Cells) absent() {
	switch c.Type.Kind() {
	case column.Strings:
		c.Text.Append(nil)
	case column.Lists:
		c.Offsets = append(c.Offsets, c.Offsets[len(c.Offsets)-1])
	}
}

func (c *Cells) bytes(raw []byte) Problem {
	if len(c.Text.Bytes)+len(raw) > math.MaxUint32 {
		return isLong
	}
	c.Text.Append(raw)
	return c.present()
}

func (c *Cells) base64(text []byte) Problem {
	at := len(c.Text.Bytes)
	out, err := base64.StdEncoding.AppendDecode(c.Text.Bytes, text)
	if err != nil {
		return notBase64
	}
	if len(out) > math.MaxUint32 {
		return isLong
	}
	c.Text.Bytes = out[:at]
	return c.bytes(out[at:])
}

func (c *Cells) real(text string) Problem {
	if c.Type == column.Float32 {
		x, err := strconv.ParseFloat(text, 32)
		if err != nil {
			return outOfRange
		}
		c.Float32s = append(c.Float32s, float32(x))
		return c.present()
	}
	x, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return outOfRange
	}
	c.Float64s = append(c.Float64s, x)
	return c.present()
}

func (c *Cells) seconds(n int64) Problem {
	if n > maxSecond || n < minSecond {
		return outOfRange
	}
	return c.AddMicros(n * 1e6)
}

// resize returns s with n elements. The first keep their values; the others are
// garbage from earlier, or zero.
func resize[S ~[]T, T any](s S, n int) S {
	if n <= cap(s) {
		return s[:n]
	}
	return append(s[:cap(s)], make(S, n-cap(s))...)
}
