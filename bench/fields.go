package bench

import (
	"math"

	"quern/features/column"
	"quern/features/real"
)

// field makes one column, a row group at a time, in memory that it keeps.
type field interface {
	field() column.Field
	// fill returns the next rows of the column; they are valid until the next call.
	fill(s *stream, rows int) column.Column
}

// integers are whole log-normal numbers, dictionary-coded.
type integers struct {
	name            string
	typ             column.Type // Int32 or Int64
	mu, sigma, null float64
	shift           int64 // added
	coder           coder
	values          column.Vector
}

func (f *integers) field() column.Field { return column.Field{Name: f.name, Type: f.typ} }

func (f *integers) fill(s *stream, rows int) column.Column {
	f.coder.reset(rows)
	for i := range rows {
		if s.chance(f.null) {
			f.coder.index[i] = 0
			continue
		}
		x := real.Exp(float64(s.normal()*f.sigma) + f.mu)
		f.coder.add(i, uint64(int64(min(x, 2e9))+f.shift))
	}
	v := &f.values
	*v = column.Vector{Type: f.typ, Len: len(f.coder.keys), Valid: firstNull(v.Valid, len(f.coder.keys)),
		Int32s: v.Int32s[:0], Int64s: v.Int64s[:0]}
	for _, k := range f.coder.keys {
		if f.typ == column.Int32 {
			v.Int32s = append(v.Int32s, int32(k))
		} else {
			v.Int64s = append(v.Int64s, int64(k))
		}
	}
	return column.Column{Len: rows, Values: *v, Index: f.coder.index}
}

// words are texts of eight hexadecimal digits with Zipf's frequencies,
// dictionary-coded.
type words struct {
	name  string
	salt  uint64
	null  float64
	ranks *zipf
	coder coder
	text  column.Text
	valid column.Bitmap
}

func (f *words) field() column.Field { return column.Field{Name: f.name, Type: column.String} }

func (f *words) fill(s *stream, rows int) column.Column {
	f.coder.reset(rows)
	for i := range rows {
		if s.chance(f.null) {
			f.coder.index[i] = 0
			continue
		}
		f.coder.add(i, uint64(f.ranks.draw(s)))
	}
	f.text.Reset()
	var digits [8]byte
	for _, rank := range f.coder.keys {
		f.text.Append(appendHex(digits[:0], uint32(mix(rank*64+f.salt))))
	}
	n := len(f.coder.keys)
	f.valid = firstNull(f.valid, n)
	return column.Column{Len: rows, Index: f.coder.index, Values: column.Vector{Type: column.String, Len: n, Valid: f.valid, Text: f.text}}
}

// appendHex appends x as eight hexadecimal digits.
func appendHex(dst []byte, x uint32) []byte {
	for shift := 28; shift >= 0; shift -= 4 {
		dst = append(dst, "0123456789abcdef"[x>>shift&15])
	}
	return dst
}

// reals are log-normal float32, plain, some null and some NaN.
type reals struct {
	name      string
	null, nan float64
	values    []float32
	valid     column.Bitmap
}

func (f *reals) field() column.Field { return column.Field{Name: f.name, Type: column.Float32} }

func (f *reals) fill(s *stream, rows int) column.Column {
	f.values, f.valid = f.values[:0], emptied(f.valid, rows)
	for i := range rows {
		x := float32(real.Exp(s.normal()))
		if f.null > 0 && s.chance(f.null) {
			x = 0
		} else {
			f.valid.Set(i)
			if f.nan > 0 && s.chance(f.nan) {
				x = float32(math.NaN())
			}
		}
		f.values = append(f.values, x)
	}
	return column.Column{Len: rows, Values: column.Vector{Type: column.Float32, Len: rows, Valid: f.valid, Float32s: f.values}}
}

// keys are texts of 8 to 23 bytes, plain, uniformly one of so many.
type keys struct {
	name string
	many uint32
	text column.Text
}

func (f *keys) field() column.Field { return column.Field{Name: f.name, Type: column.String} }

func (f *keys) fill(s *stream, rows int) column.Column {
	f.text.Reset()
	var digits [24]byte
	for range rows {
		x := mix(uint64(s.below(f.many)))
		word := appendHex(appendHex(appendHex(digits[:0], uint32(x)), uint32(x>>32)), uint32(x>>16))
		f.text.Append(word[:8+x>>60])
	}
	return column.Column{Len: rows, Values: column.Vector{Type: column.String, Len: rows, Text: f.text}}
}

// labels are 0 or 1.
type labels struct {
	name   string
	rate   float64
	values []int32
}

func (f *labels) field() column.Field { return column.Field{Name: f.name, Type: column.Int32} }

func (f *labels) fill(s *stream, rows int) column.Column {
	f.values = f.values[:0]
	for range rows {
		x := int32(0)
		if s.chance(f.rate) {
			x = 1
		}
		f.values = append(f.values, x)
	}
	return column.Column{Len: rows, Values: column.Vector{Type: column.Int32, Len: rows, Int32s: f.values}}
}

// coder numbers keys in the order in which they come; number 0 is null.
type coder struct {
	index []int32
	keys  []uint64
	table []int32 // number; 0: free
}

// reset makes room for rows rows.
func (c *coder) reset(rows int) {
	if cap(c.index) < rows {
		size := 64
		for size < 2*rows {
			size *= 2
		}
		c.index, c.table = make([]int32, rows), make([]int32, size)
	}
	clear(c.table)
	c.index, c.keys = c.index[:rows], append(c.keys[:0], 0)
}

func (c *coder) add(row int, key uint64) {
	mask := uint64(len(c.table) - 1)
	for at := mix(key) & mask; ; at = (at + 1) & mask {
		n := c.table[at]
		if n == 0 {
			n = int32(len(c.keys))
			c.table[at], c.keys = n, append(c.keys, key)
		}
		if c.keys[n] == key {
			c.index[row] = n
			return
		}
	}
}

// firstNull returns a bitmap of n bits in which only the first is not set.
func firstNull(b column.Bitmap, n int) column.Bitmap {
	b = emptied(b, n)
	b.Fill(n)
	b.Clear(0)
	return b
}

// emptied returns a bitmap of n bits, none set, in b's memory if it suffices.
func emptied(b column.Bitmap, n int) column.Bitmap {
	size := (n + 63) / 64
	if cap(b) < size {
		return column.NewBitmap(n)
	}
	clear(b[:size])
	return b[:size]
}
