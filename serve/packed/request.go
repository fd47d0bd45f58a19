package packed

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"quern/features/column"
	"quern/features/diag"
	"quern/serve/lookup"
	"quern/serve/protofield"
)

// maxKeys is how many columns of keys a request may have: more than any views have.
const maxKeys = 1000

// Request is a LookupRequest, taken apart but not yet understood: spans of the message. It
// is reused.
type Request struct {
	Features      [][]byte // VIEW:FEATURE or VIEW@VERSION:FEATURE
	View, Service []byte
	Full          bool // columns are called VIEW__FEATURE
	Rows          bool // LAYOUT_ROWS

	keys []keyColumn
}

// keyColumn is a KeyColumn.
type keyColumn struct {
	name, message []byte
	used          bool
}

// Reset empties r and lets go of the message that it has spans of.
func (r *Request) Reset() {
	clear(r.Features)
	clear(r.keys)
	*r = Request{Features: r.Features[:0], keys: r.keys[:0]}
}

// Read takes a message apart. It fails with Q614 where it is no LookupRequest, and with
// Q609 where it has more than most features.
func (r *Request) Read(message []byte, most int) error {
	r.Reset()
	return protofield.Each(message, func(f protofield.Field) error {
		switch {
		case f.Is(1, protowire.BytesType):
			if len(r.Features) == most {
				return diag.New("Q609", "the request has more than %d features", most)
			}
			r.Features = append(r.Features, f.Bytes)
			return text(f.Bytes, "features")
		case f.Is(2, protowire.BytesType):
			r.View = f.Bytes
			return text(f.Bytes, "view")
		case f.Is(3, protowire.BytesType):
			r.Service = f.Bytes
			return text(f.Bytes, "service")
		case f.Is(4, protowire.VarintType):
			r.Full = f.Bits != 0
		case f.Is(5, protowire.BytesType):
			return r.addKey(f.Bytes)
		case f.Is(6, protowire.VarintType):
			if f.Bits > 1 {
				return diag.New("Q614", "layout %d is none: 0 for columns, 1 for rows", f.Bits)
			}
			r.Rows = f.Bits == 1
		}
		return nil
	})
}

// addKey notes a column of keys, once.
func (r *Request) addKey(message []byte) error {
	k := keyColumn{message: message}
	err := protofield.Each(message, func(f protofield.Field) error {
		if f.Is(1, protowire.BytesType) {
			k.name = f.Bytes
			return text(f.Bytes, "the name of a key")
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i := range r.keys {
		if bytes.Equal(r.keys[i].name, k.name) {
			return diag.New("Q614", "the key %q is there twice", lookup.Clip(k.name))
		}
	}
	if len(r.keys) == maxKeys {
		return diag.New("Q609", "the request has more than %d columns of keys", maxKeys)
	}
	r.keys = append(r.keys, k)
	return nil
}

// Name appends what tells this question from others, but for its keys: for a cache.
func (r *Request) Name(dst []byte) []byte {
	full := byte(0)
	if r.Full {
		full = 1
	}
	dst = append(dst, full)
	for _, part := range [][]byte{r.View, r.Service} {
		dst = append(binary.AppendUvarint(dst, uint64(len(part))), part...)
	}
	for _, f := range r.Features {
		dst = append(binary.AppendUvarint(dst, uint64(len(f))), f...)
	}
	return dst
}

// Keys reads the keys that q needs, at most limit rows. It fails with Q606 (one is not
// there), Q607 (a value is not of its type), Q608 (of different lengths), Q609 (too many)
// and Q614, also for a key that q does not need: it would be a misspelt one.
func (r *Request) Keys(q *lookup.Query, limit int, into *lookup.Keys) error {
	into.Reset(q)
	rows := -1
	for i, k := range q.Keys {
		from := r.key(k.Name)
		if from == nil {
			return diag.New("Q606", "the request has no key %q: views that are asked for have it", k.Name).In(at(k.Name, -1))
		}
		from.used = true
		c := &into.Columns[i]
		if err := from.read(k, limit, c); err != nil {
			return err
		}
		if rows >= 0 && c.Len != rows {
			return diag.New("Q608", "key %q has %d values, key %q has %d", q.Keys[0].Name, rows, k.Name, c.Len)
		}
		rows = c.Len
	}
	for i := range r.keys {
		if !r.keys[i].used {
			return diag.New("Q614", "%q is no key of what is asked for", lookup.Clip(r.keys[i].name))
		}
	}
	if rows <= 0 {
		return diag.New("Q615", "the request has no rows: give every key at least one value")
	}
	into.Rows = rows
	return nil
}

// key returns the column called name, or nil.
func (r *Request) key(name string) *keyColumn {
	for i := range r.keys {
		if string(r.keys[i].name) == name {
			return &r.keys[i]
		}
	}
	return nil
}

// read appends the values of a column to c, which is of key k.
func (k *keyColumn) read(key column.Field, limit int, c *lookup.Cells) error {
	way := protowire.Number(0) // the field that has the values
	add := func(number protowire.Number, value func() lookup.Problem) error {
		if way != 0 && way != number {
			return diag.New("Q614", "key %q has values of two kinds", key.Name).In(at(key.Name, -1))
		}
		way = number
		if c.Len == limit {
			return diag.New("Q609", "the request has more than %d rows for its features", limit)
		}
		if p := value(); p != "" {
			return diag.New("Q607", "key %q, row %d: the value %s (the key is %s)", key.Name, c.Len, string(p), key.Type).
				In(at(key.Name, c.Len))
		}
		return nil
	}
	return protofield.Each(k.message, func(f protofield.Field) error {
		switch {
		case f.Is(2, protowire.BytesType) && len(f.Bytes)%8 == 0:
			for b := f.Bytes; len(b) > 0; b = b[8:] {
				if err := add(2, func() lookup.Problem { return addInt(c, int64(binary.LittleEndian.Uint64(b))) }); err != nil {
					return err
				}
			}
		case f.Is(2, protowire.Fixed64Type):
			return add(2, func() lookup.Problem { return addInt(c, int64(f.Bits)) })
		case f.Is(3, protowire.BytesType):
			return add(3, func() lookup.Problem { return addText(c, f.Bytes) })
		case f.Is(4, protowire.BytesType):
			return add(4, func() lookup.Problem { return c.AddBytes(f.Bytes) })
		case f.Is(5, protowire.VarintType):
			return add(5, func() lookup.Problem { return c.AddBool(f.Bits != 0) })
		case f.Is(5, protowire.BytesType):
			for b := f.Bytes; len(b) > 0; {
				bit, n := protowire.ConsumeVarint(b)
				if n < 0 {
					return protofield.Damaged(n)
				}
				b = b[n:]
				if err := add(5, func() lookup.Problem { return c.AddBool(bit != 0) }); err != nil {
					return err
				}
			}
		case f.Number >= 2 && f.Number <= 5:
			return diag.New("Q614", "the values of key %q are not packed as the message says", key.Name)
		}
		return nil
	})
}

// addInt appends a whole number: times in microseconds, days as days.
func addInt(c *lookup.Cells, n int64) lookup.Problem {
	switch c.Type {
	case column.Timestamp, column.Datetime:
		return c.AddMicros(n)
	case column.Date:
		return c.AddDay(n)
	}
	return c.AddInt(n)
}

func addText(c *lookup.Cells, text []byte) lookup.Problem {
	if !utf8.Valid(text) {
		return "is not UTF-8"
	}
	return c.AddString(text)
}

// at is the place of a value of a key; row -1 is the key as a whole.
func at(key string, row int) diag.Data {
	return diag.Data{RowGroup: -1, Row: int64(row), Column: key}
}

// text checks that a string is UTF-8, as strings of protobuf are.
func text(b []byte, what string) error {
	if !utf8.Valid(b) {
		return diag.New("Q614", "%s is not UTF-8", what)
	}
	return nil
}
