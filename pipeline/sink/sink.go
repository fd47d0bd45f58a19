// Package sink says what a sink of rows must do. Its sub-packages each write one
// format; package output publishes what they write.
package sink

import (
	"io"

	"quern/features/column"
	"quern/features/program"
)

// Field is an output column: its name, type, and what it is for.
type Field struct {
	column.Field
	Role program.Role
	// Width is how many elements every list of the column has, and none of the lists
	// is null (see program.Program.Widths). 0: they differ, or it is no column of lists.
	Width int
}

// Part writes one part: consecutive batches of rows, in order. A Part is used by
// one goroutine at a time. Its bytes follow from the rows, the batches and the
// options alone.
type Part interface {
	// Write appends a batch in storage form. It keeps nothing of it.
	Write(batch column.Batch) error
	// Close writes what is left (a footer) and flushes to the io.Writer, which it
	// does not close.
	Close() error
	// Reset starts another part of the same format and fields that writes to w, as
	// NewPart would, and reuses the memory of this one, whatever became of it.
	Reset(w io.Writer) error
}

// ColumnPart is a Part that also takes rows column by column, so that whoever computes
// them needs to hold one column at a time.
type ColumnPart interface {
	Part
	// Begin begins a run of rows, which follow those before.
	Begin(rows int) error
	// Columns appends the values of fields, by number, in storage form: all rows of the
	// run, or the next ones. It keeps nothing of them.
	Columns(fields []int, columns []column.Column) error
	// End ends the run. Every field has been given all its rows.
	End() error
}

// SizedPart is a Part that holds less if it knows how many rows are to come: one whose
// file begins with what their number decides.
type SizedPart interface {
	Part
	// Expect says, before the first Write, how many rows the part will have. Without it
	// they end at Close.
	Expect(rows int)
}

// Format makes parts of one format.
type Format interface {
	// Suffix of the files, with its dot: ".parquet".
	Suffix() string
	// NewPart starts a part that writes to w.
	NewPart(w io.Writer, fields []Field) (Part, error)
}

// Assembler is a Format whose parts are only pieces: when all are there, the final
// files are put together from them, each with the rows of all pieces in order.
type Assembler interface {
	Format
	// Files returns the names of the final files.
	Files(fields []Field) ([]string, error)
	// Assemble writes final file number i.
	Assemble(i int, fields []Field, pieces []Piece, w io.Writer) error
}

// Piece is a part that was written for an Assembler.
type Piece struct {
	io.ReaderAt
	Size int64
	Rows int64
}
