// Package npy writes tensors as NumPy .npy files, version 1.0 of the format of
// NEP 1: features.npy, ids.npy and labels.npy, or one file per column.
//
//	"\x93NUMPY" 1 0   2 bytes length of the header, little-endian
//	header            a Python literal: {'descr': '<f4', 'fortran_order': False,
//	                  'shape': (rows, columns), }, padded with spaces so that the
//	                  data starts at a multiple of 64, ended by a newline
//	data              rows one after the other
//
// The parts of a run are pieces: the arrays' bytes one after the other, with their
// lengths behind, 8 bytes each. Assemble puts the header before all rows.
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
			return nil, diag.New("Q422", "column %q cannot name a file", a.Name).WithHint("rename it, or use layout: rows")
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
	w    io.Writer
	rows *tensor.Writer
}

// Write appends a batch.
func (p *piece) Write(batch column.Batch) error { return p.rows.Append(batch) }

// Reset starts another piece.
func (p *piece) Reset(w io.Writer) error {
	p.w = w
	p.rows.Reset()
	return nil
}

// Close writes the piece.
func (p *piece) Close() error {
	var lengths []byte
	for i := range p.rows.Arrays() {
		data := p.rows.Data(i)
		if _, err := p.w.Write(data); err != nil {
			return err
		}
		lengths = binary.LittleEndian.AppendUint64(lengths, uint64(len(data)))
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
	var rows int64
	for _, p := range pieces {
		rows += p.Rows
	}
	if _, err := w.Write(header(arrays[i], rows)); err != nil {
		return err
	}
	for _, p := range pieces {
		from, size, err := section(p, i, len(arrays))
		if err != nil {
			return err
		}
		if _, err := io.Copy(w, io.NewSectionReader(p, from, size)); err != nil {
			return err
		}
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

// header returns the header of an array of rows.
func header(a tensor.Array, rows int64) []byte {
	shape := fmt.Sprintf("(%d, %d)", rows, len(a.Fields))
	if a.Vector {
		shape = fmt.Sprintf("(%d,)", rows)
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
