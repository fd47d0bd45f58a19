// Package npy writes tensors as NumPy .npy files, version 1.0 of the format of
// NEP 1: features.npy, ids.npy and labels.npy, or one file per column; and the arrays of
// lists, see package tensor.
//
//	"\x93NUMPY" 1 0   2 bytes length of the header, little-endian
//	header            a Python literal: {'descr': '<f4', 'fortran_order': False,
//	                  'shape': (rows, columns), }, padded with spaces so that the
//	                  data starts at a multiple of 64, ended by a newline
//	data              rows one after the other
//
// The parts of a run are pieces: the arrays' bytes one after the other, with their
// lengths behind, 8 bytes each. Assemble puts the header before all rows. The offsets
// of lists start at 0 in every piece, and in the file run through all of them.
package npy

import (
	"encoding/binary"
	"fmt"
	"io"
	"strings"

	"quern/features/column"
	"quern/features/diag"
	"quern/pipeline/sink"
	"quern/pipeline/sink/tensor"
)

// Format writes .npy files. The zero value writes matrices of rows.
type Format struct {
	// Columns: one file per column instead.
	Columns bool
}

// Suffix returns ".npy".
func (Format) Suffix() string { return ".npy" }

// Files returns one name per array.
func (f Format) Files(fields []sink.Field) ([]string, error) {
	arrays, err := tensor.Layout(fields, f.Columns)
	names := make([]string, len(arrays))
	for i, a := range arrays {
		if strings.ContainsAny(a.Name, `/\`+"\x00") || strings.HasPrefix(a.Name, ".") || a.Name == "" {
			hint := "rename it, or use layout: rows"
			if a.Lists != tensor.NoLists {
				hint = "rename it"
			}
			return nil, diag.New("Q422", "column %q cannot name a file", fields[a.Fields[0]].Name).WithHint("%s", hint)
		}
		names[i] = a.Name + ".npy"
	}
	return names, err
}

// NewPart starts a piece.
func (f Format) NewPart(w io.Writer, fields []sink.Field) (sink.Part, error) {
	rows, err := tensor.NewWriter(fields, f.Columns)
	if err != nil {
		return nil, err
	}
	return &piece{w: w, rows: rows}, nil
}

type piece struct {
	w        io.Writer
	rows     *tensor.Writer
	expected int     // rows; 0: not known
	written  []int64 // the lengths of the arrays, if they are written
}

// Expect implements sink.SizedPart.
func (p *piece) Expect(rows int) { p.expected = rows }

// Write appends a batch.
func (p *piece) Write(batch column.Batch) error {
	if p.written != nil && batch.Rows > 0 {
		panic("quern: bug: more rows than were expected")
	}
	if batch.Rows == 0 || batch.Rows != p.expected || p.rows.Rows() > 0 {
		return p.rows.Append(batch)
	}
	p.written = p.rows.SizesOf(batch)
	return p.rows.Stream(p.w, batch)
}

// Reset starts another piece.
func (p *piece) Reset(w io.Writer) error {
	p.w, p.expected, p.written = w, 0, nil
	p.rows.Reset()
	return nil
}

// Close writes the piece, or what is left of it.
func (p *piece) Close() error {
	if p.written == nil {
		p.written = p.rows.Sizes()
		for i := range p.rows.Arrays() {
			if _, err := p.w.Write(p.rows.Data(i)); err != nil {
				return err
			}
		}
	}
	var lengths []byte
	for _, n := range p.written {
		lengths = binary.LittleEndian.AppendUint64(lengths, uint64(n))
	}
	_, err := p.w.Write(lengths)
	return err
}

// Assemble writes the file of array i.
func (f Format) Assemble(i int, fields []sink.Field, pieces []sink.Piece, w io.Writer) error {
	arrays, err := tensor.Layout(fields, f.Columns)
	if err != nil {
		return err
	}
	var bytes int64
	data := make([]*io.SectionReader, len(pieces))
	for j, p := range pieces {
		from, size, err := section(p, i, len(arrays))
		if err != nil {
			return err
		}
		data[j] = io.NewSectionReader(p, from, size)
		bytes += size
	}
	if arrays[i].Lists == tensor.Offsets {
		return joinOffsets(w, &arrays[i], bytes, data)
	}
	if _, err := w.Write(header(&arrays[i], bytes)); err != nil {
		return err
	}
	for _, d := range data {
		if _, err := io.Copy(w, d); err != nil {
			return err
		}
	}
	return nil
}

// joinOffsets writes the offsets of all pieces, which have bytes together, as one
// array: each piece goes on where the last one ended, and only one zero stands before.
func joinOffsets(w io.Writer, a *tensor.Array, bytes int64, pieces []*io.SectionReader) error {
	const size = 8
	bytes -= size * int64(len(pieces)) // the zeros
	if _, err := w.Write(append(header(a, bytes+size), make([]byte, size)...)); err != nil {
		return err
	}
	base := uint64(0)
	buffer := make([]byte, 1<<16)
	for _, p := range pieces {
		last := base
		for at := int64(size); at < p.Size(); at += int64(len(buffer)) {
			some := buffer[:min(int64(len(buffer)), p.Size()-at)]
			if _, err := p.ReadAt(some, at); err != nil {
				return err
			}
			for k := 0; k+size <= len(some); k += size {
				last = base + binary.LittleEndian.Uint64(some[k:])
				binary.LittleEndian.PutUint64(some[k:], last)
			}
			if _, err := w.Write(some); err != nil {
				return err
			}
		}
		base = last
	}
	return nil
}

// section returns where the bytes of array i of n lie in a piece.
func section(p sink.Piece, i, n int) (from, size int64, err error) {
	lengths := make([]byte, 8*n)
	if _, err := p.ReadAt(lengths, p.Size-int64(len(lengths))); err != nil {
		return 0, 0, err
	}
	for j := range i {
		from += int64(binary.LittleEndian.Uint64(lengths[8*j:]))
	}
	return from, int64(binary.LittleEndian.Uint64(lengths[8*i:])), nil
}

// header returns the header of an array of so many bytes.
func header(a *tensor.Array, bytes int64) []byte {
	dims := a.Shape(bytes)
	shape := fmt.Sprintf("(%d,)", dims[0])
	if len(dims) == 2 {
		shape = fmt.Sprintf("(%d, %d)", dims[0], dims[1])
	}
	descr := [...]string{tensor.F32: "<f4", tensor.F64: "<f8", tensor.I64: "<i8", tensor.U8: "|u1"}[a.DType]
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s, }", descr, shape)
	const fixed = 10 // magic, version, length
	for (fixed+len(text)+1)%64 != 0 {
		text += " "
	}
	text += "\n"
	h := append([]byte("\x93NUMPY\x01\x00"), 0, 0)
	binary.LittleEndian.PutUint16(h[8:], uint16(len(text)))
	return append(h, text...)
}
