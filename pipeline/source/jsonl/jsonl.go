// Package jsonl reads files of JSON lines as a source of column batches.
//
// Every line is one object of RFC 8259, in UTF-8; blank lines are skipped. The keys
// are the columns, in order of first appearance, and a key that a line lacks is
// null there. Files may be compressed with gzip or zstd, and each of these is one
// chunk.
//
// Strings, numbers, and true and false are kept apart: a column that mixes them is
// unusable unless the user gives it a type. Strings that are all days, wall clocks or
// instants make a column of these, as in CSV, so that both formats give one answer for
// one table; strings of digits stay strings.
//
// Arrays of scalars are lists, and these rules hold for their elements. An empty array is
// an empty list, null in place of an array a null one. A column that holds arrays
// beside scalars, objects, or arrays of more than scalars, is unusable.
//
// The syntax is checked to the last byte, in the columns that nobody reads too. A
// key that comes twice in an object, a lone surrogate and bytes that are not UTF-8
// are errors, because readers disagree on what they mean.
package jsonl

import (
	"bytes"
	"context"
	"fmt"

	"quern/features/column"
	"quern/features/diag"
	"quern/pipeline/source"
	"quern/pipeline/source/text"
)

// Options say what to read.
type Options struct {
	Files   []source.File // in the order of their rows
	Types   column.Schema // overrides the types of columns; the others are inferred from all rows
	Workers int           // how many scan for types and borders at the same time; 0: one
	// Memory bounds what a Reader holds: the text of a compressed file, and the rows of
	// a chunk times its columns. 0 means 1 GiB.
	Memory int64
	limits text.Limits
}

// Open scans the files for chunk borders and types: see package text for the types.
// A column of Types that no line has is a column of nulls, with a notice. Errors are
// *diag.Error.
func Open(ctx context.Context, opts Options) (source.Source, error) {
	return text.Open(ctx, opts.text(), format{opts.limits.Columns})
}

// Reopen returns a source of some chunks of a layout; see text.Reopen. Of opts, Files are
// the layout's and the rest what the source was opened with.
func Reopen(ctx context.Context, opts Options, l *source.Layout, chunks []int) (source.Source, error) {
	if len(l.Headers) > 0 {
		return nil, fmt.Errorf("%w: names before JSON lines", source.ErrLayout)
	}
	return text.Reopen(ctx, opts.text(), format{opts.limits.Columns}, l, chunks)
}

// text returns the options that all text formats have.
func (opts *Options) text() text.Options {
	return text.Options{Files: opts.Files, Types: opts.Types, Declare: true, Workers: opts.Workers, Memory: opts.Memory, Limits: opts.limits}
}

// format is JSON lines as text.Open needs to know them.
type format struct {
	columns int // the most that a parser may find; 0: defaultColumns
}

// defaultColumns is what text.Limits say when they say nothing.
const defaultColumns = 100_000

// Name is the format's in a layout.
func (format) Name() string { return "jsonl" }

// Quotes says that a line end always ends a record: JSON strings have none.
func (format) Quotes() bool { return false }

// Strict says that quoted numbers are strings.
func (format) Strict() bool { return true }

// Header skips a byte order mark.
func (format) Header(_ string, data []byte, last bool) (names []string, size int, err error) {
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")):
		e := diag.New("Q240", "the file is UTF-16")
		e.Next = "save it as UTF-8"
		return nil, 0, e
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		return nil, 3, nil
	case len(data) < 3 && !last:
		return nil, -1, nil
	}
	return nil, 0, nil
}

// NewParser returns a parser that knows no keys yet.
func (f format) NewParser(string, []string) text.Parser {
	p := &parser{limit: f.columns, ids: map[string]int32{}, expected: []int32{-1}}
	if p.limit == 0 {
		p.limit = defaultColumns
	}
	return p
}
