// Package source says what a source of rows must do. Its sub-packages each read
// one format.
package source

import (
	"context"

	"quern/features/column"
)

// Source is a table in chunks: the files of one format that a recipe names, with
// one logical schema. Chunks are numbered in input order, and that order is the
// order of rows. A Source is safe for concurrent use.
type Source interface {
	// Schema is the union of the files' columns, in order of first appearance, with
	// integers widened where files differ, those in lists too. Columns that quern cannot
	// use (structs, maps, decimals ...) are in Unusable instead.
	Schema() column.Schema
	// Unusable maps the other columns' names to the reason; using one is an error
	// that tells it.
	Unusable() map[string]string
	// Notices are sentences for the user: nanoseconds floored, a file without a column.
	Notices() []string
	// Chunks lists the chunks; it reads no rows (text formats: a scan for borders).
	Chunks() []Chunk
	// NewReader returns a reader of the named columns, in that order. Readers are
	// used by one goroutine each.
	NewReader(columns []string) (Reader, error)
	// Close closes the files. Readers must be closed before.
	Close() error
}

// Columnar is a Source that stores columns apart: whoever reads some does not pay for
// the others. Its Readers are Selectors.
type Columnar interface {
	Source
	// ColumnBytes returns how many bytes the named columns have in all chunks, once
	// uncompressed, as the format says: for planning.
	ColumnBytes(columns []string) int64
}

// Selector is a Reader that can change to other columns.
type Selector interface {
	Reader
	// Select makes columns those that the next Read returns, in that order. It keeps
	// what buffers it has. Errors are those of NewReader.
	Select(columns []string) error
}

// Chunk is the unit of input: a row group, or a byte range of a text file.
type Chunk struct {
	Index int    // position in Chunks
	File  string // as the user would recognise it
	Group int    // row group within the file; -1 for text formats
	Rows  int64  // -1: not known before it is read
	Bytes int64  // stored size of all columns, for planning
	// Columns' uncompressed size in bytes, where the format says so: for planning.
	Memory int64
	// Digest identifies the bytes that the chunk's rows come from, the names of their
	// columns included: equal digests, equal rows, if they are read with equal options.
	// Text formats hash the bytes. Parquet hashes the file's size and footer, which has
	// the sizes of all column chunks, and their statistics if the writer put them there:
	// other pages under the same footer go unnoticed, as damage or, where a file is
	// written anew with values of the same sizes and statistics, as an edit. Empty: the
	// source does not know.
	Digest string
}

// Reader reads chunks, any of them, in any order.
type Reader interface {
	// Read returns the rows of chunk in storage form. The batch is valid until the
	// next call: buffers are reused. Errors are *diag.Error that name the file, row
	// group and column. A damaged chunk never gives wrong rows in silence.
	Read(ctx context.Context, chunk Chunk) (column.Batch, error)
	Close() error
}
