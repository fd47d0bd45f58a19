// Package texttest holds what the tests of text sources share: files in memory,
// compression, and whole tables as text.
package texttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"quern/features/column"
	"quern/features/diag"
	"quern/pipeline/source"
	"quern/pipeline/store"
)

// File returns a file in memory. Its name may have key=value folders.
func File(name string, data []byte) source.File {
	keys, err := source.ParseKeys(name)
	if err != nil {
		panic(err)
	}
	return source.File{Name: name, Keys: keys, Open: func(context.Context) (store.Reader, error) {
		return memory{bytes.NewReader(data)}, nil
	}}
}

type memory struct{ *bytes.Reader }

func (memory) Close() error { return nil }

// Gzip returns data as one member of gzip.
func Gzip(data []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(data); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return out.Bytes()
}

// Zstd returns data as one frame of zstd.
func Zstd(data []byte) []byte {
	w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true))
	if err != nil {
		panic(err)
	}
	defer w.Close()
	return w.EncodeAll(data, nil)
}

// Table is a table as text: comparable, and readable in a failure.
type Table struct {
	Schema column.Schema
	Rows   [][]string // Null, or the value
}

// Null stands for a null in a Table.
const Null = "<null>"

// Read reads all columns of all chunks, and checks what the contract promises of each.
func Read(s source.Source) (*Table, error) {
	t := &Table{Schema: s.Schema()}
	names := make([]string, len(t.Schema))
	for i, f := range t.Schema {
		names[i] = f.Name
	}
	r, err := s.NewReader(names)
	if err != nil {
		return nil, err
	}
	defer r.Close() //nolint:errcheck // the tests look at what was read
	for i, c := range s.Chunks() {
		if c.Index != i || c.Group != -1 || c.Rows <= 0 || c.Bytes <= 0 || c.Memory < c.Bytes/1000 {
			return nil, fmt.Errorf("chunk %d is %+v", i, c)
		}
		b, err := r.Read(context.Background(), c)
		if err != nil {
			return nil, err
		}
		if int64(b.Rows) != c.Rows {
			return nil, fmt.Errorf("chunk %d has %d rows, not %d", i, b.Rows, c.Rows)
		}
		if err := t.add(&b); err != nil {
			return nil, fmt.Errorf("chunk %d: %w", i, err)
		}
	}
	return t, nil
}

func (t *Table) add(b *column.Batch) error {
	start := len(t.Rows)
	for range b.Rows {
		t.Rows = append(t.Rows, make([]string, len(b.Columns)))
	}
	for i := range b.Columns {
		c := &b.Columns[i]
		if c.Type() != t.Schema[i].Type || c.Len != b.Rows || c.Index != nil && len(c.Index) != b.Rows || c.Index == nil && c.Values.Len != b.Rows {
			return fmt.Errorf("column %s is %v with %d rows", t.Schema[i].Name, c.Type(), c.Len)
		}
		if err := shape(&c.Values); err != nil {
			return fmt.Errorf("column %s: %w", t.Schema[i].Name, err)
		}
		for row := range b.Rows {
			t.Rows[start+row][i] = Render(c, row)
		}
	}
	return nil
}

// shape checks the offsets of lists.
func shape(v *column.Vector) error {
	if !v.Type.IsList() {
		return nil
	}
	e := v.Elements
	if e == nil || e.Type() != v.Type.Elem() || len(v.Offsets) != v.Len+1 || v.Offsets[0] != 0 || int(v.Offsets[v.Len]) != e.Len {
		return fmt.Errorf("offsets %v of %d lists", v.Offsets, v.Len)
	}
	if e.Index != nil && len(e.Index) != e.Len || e.Index == nil && e.Values.Len != e.Len {
		return fmt.Errorf("%d elements with %d codes and %d slots", e.Len, len(e.Index), e.Values.Len)
	}
	for i := range v.Len {
		if lo, hi := v.List(i); lo > hi || v.Null(i) && lo != hi {
			return fmt.Errorf("list %d has elements %d to %d", i, lo, hi)
		}
	}
	return nil
}

// Render returns the value of a row: exact, with the bits of reals; of a list, those
// of its elements in quotes.
func Render(c *column.Column, row int) string {
	slot := c.Slot(row)
	if slot < 0 || slot >= c.Values.Len {
		return fmt.Sprintf("slot %d of %d", slot, c.Values.Len)
	}
	v := &c.Values
	switch {
	case v.Null(slot):
		return Null
	case v.Type.IsList():
		lo, hi := v.List(slot)
		elements := make([]string, 0, hi-lo)
		for e := lo; e < hi; e++ {
			elements = append(elements, Render(v.Elements, e))
		}
		return fmt.Sprintf("%q", elements)
	case v.Type == column.Bool:
		return fmt.Sprint(v.Bools[slot])
	case v.Type == column.String:
		return string(v.Text.At(slot))
	case v.Type == column.Float32:
		return fmt.Sprintf("%v %08x", v.Float32s[slot], math.Float32bits(v.Float32s[slot]))
	case v.Type == column.Float64:
		return fmt.Sprintf("%v %016x", v.Float64s[slot], math.Float64bits(v.Float64s[slot]))
	case v.Type.Narrow():
		return fmt.Sprint(v.Int32s[slot])
	}
	return fmt.Sprint(v.Int64s[slot])
}

// String returns the schema and the rows.
func (t *Table) String() string {
	var b strings.Builder
	for _, f := range t.Schema {
		fmt.Fprintf(&b, "%q:%v ", f.Name, f.Type)
	}
	for _, row := range t.Rows {
		fmt.Fprintf(&b, "\n%q", row)
	}
	return b.String()
}

// Describe reads all columns of all chunks, from the last chunk to the first, and returns
// all that can be seen of a source: its schema and notices, and columns with their
// dictionaries, or the error of a chunk.
func Describe(s source.Source) (string, error) {
	var out strings.Builder
	var names []string
	for _, f := range s.Schema() {
		names = append(names, f.Name)
		fmt.Fprintln(&out, f.Name, f.Type)
	}
	fmt.Fprintln(&out, s.Unusable(), s.Notices())
	r, err := s.NewReader(names)
	if err != nil {
		return "", err
	}
	defer r.Close() //nolint:errcheck // the tests look at what was read
	for _, c := range slices.Backward(s.Chunks()) {
		fmt.Fprintln(&out, c.Index, c.Rows, c.Digest)
		b, err := r.Read(context.Background(), c)
		if err != nil {
			fmt.Fprintln(&out, err)
			continue
		}
		for i := range b.Columns {
			describe(&out, &b.Columns[i])
		}
	}
	return out.String(), nil
}

// describe writes the values of a column, and how they are coded.
func describe(out *strings.Builder, c *column.Column) {
	slots := column.Column{Len: c.Values.Len, Values: c.Values}
	fmt.Fprint(out, c.Type(), c.Len, c.Index, c.Values.Valid == nil)
	for i := range slots.Len {
		fmt.Fprintf(out, " %q", Render(&slots, i))
	}
	fmt.Fprintln(out)
	if c.Values.Elements != nil {
		describe(out, c.Values.Elements)
	}
}

// Code returns the code of err, "" for nil and "?" for what is no diagnosis.
func Code(err error) string {
	var e *diag.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e):
		return string(e.Code)
	}
	return "?"
}
