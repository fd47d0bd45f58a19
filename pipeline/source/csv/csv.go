// Package csv reads CSV files as a source of column batches.
//
// The format is that of RFC 4180: fields between delimiters, records between line
// ends (LF or CR LF), and double quotes around fields that hold either, with a quote
// inside written twice. The first record names the columns. A byte order mark of
// UTF-8 is skipped; files may be compressed with gzip or zstd, and each of these is
// one chunk.
//
// An unquoted empty field is null, and so is an unquoted field that reads NullText.
// A quoted empty field is the empty string: its column is one of strings, and under
// any other type that the user gives it is an error. Other than that, quotes do not
// decide the type: "12" is a number like 12.
//
// Blank lines are skipped, except in files of one column, where a blank line after
// the header is a row with a null. Everything that RFC 4180 does not allow is an
// error with the number of the row: quotes within unquoted fields, text after a
// closing quote, a CR without LF outside of quotes, too few or too many fields, NUL
// bytes, other encodings than supersets of ASCII.
package csv

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"quern/features/column"
	"quern/features/diag"
	"quern/pipeline/source"
	"quern/pipeline/source/text"
)

// Options say what to read and how it is written.
type Options struct {
	Files []source.File // in the order of their rows
	// Types overrides the types of columns; the others are inferred from all rows.
	Types     column.Schema
	Delimiter rune   // 0: a comma, or a tab for files named .tsv
	NoHeader  bool   // the first line is a row; Types names the columns, in order
	NullText  string // what stands for null beside the unquoted empty field; "": nothing
	Workers   int    // how many scan for types and borders at the same time; 0: one
	// Memory bounds what a Reader holds: the text of a compressed file, and the rows of
	// a chunk times its columns. 0 means 1 GiB.
	Memory int64
	limits text.Limits
}

// Open scans the files for chunk borders and types: see package text for the types.
// Errors are *diag.Error.
func Open(ctx context.Context, opts Options) (source.Source, error) {
	if err := opts.check(); err != nil {
		return nil, err
	}
	s, err := text.Open(ctx, opts.text(), &format{opts: opts})
	if err != nil {
		return nil, err
	}
	if schema := s.Schema(); len(schema) == 1 && strings.ContainsAny(schema[0].Name, ",;\t|") {
		notice := fmt.Sprintf("there is one column, called %q: is delimiter: as it should be?", schema[0].Name)
		return &doubtful{s.(source.Planner), append(s.Notices(), notice)}, nil
	}
	return s, nil
}

// Reopen returns a source of some chunks of a layout; see text.Reopen. Of opts, Files are
// the layout's and the rest what the source was opened with.
func Reopen(ctx context.Context, opts Options, l *source.Layout, chunks []int) (source.Source, error) {
	if err := opts.check(); err != nil {
		return nil, err
	}
	for _, at := range l.Spans {
		if h := l.Files[at.File].Header; h < 0 || len(l.Headers[h]) == 0 {
			return nil, fmt.Errorf("%w: rows without names", source.ErrLayout)
		}
	}
	return text.Reopen(ctx, opts.text(), &format{opts: opts}, l, chunks)
}

// text returns the options that all text formats have.
func (opts *Options) text() text.Options {
	return text.Options{Files: opts.Files, Types: opts.Types, Workers: opts.Workers, Memory: opts.Memory, Limits: opts.limits}
}

// check refuses options that cannot be.
func (opts *Options) check() error {
	switch d := opts.Delimiter; {
	case d < 0 || d > 0x7f || d == '"' || d == '\n' || d == '\r':
		return diag.New("Q018", "source.delimiter must be one ASCII character, and no quote or line break")
	case opts.NoHeader && len(opts.Types) == 0:
		e := diag.New("Q252", "the files have no header, so their columns have no names")
		e.Next = "name the columns, in their order, with schema: {name: type}"
		return e
	}
	return noLists(opts.Types)
}

// noLists refuses types of lists.
func noLists(types column.Schema) error {
	var mistakes diag.List
	for _, f := range types {
		if f.Type.IsList() {
			mistakes = append(mistakes, text.NoLists(f.Name, f.Type, "a CSV file"))
		}
	}
	return mistakes.Err()
}

// doubtful is a source with one more notice.
type doubtful struct {
	source.Planner
	notices []string
}

// Notices returns what the user should know.
func (d *doubtful) Notices() []string { return d.notices }

// format is CSV as text.Open needs to know it.
type format struct {
	opts Options
}

// Name is the format's in a layout.
func (f *format) Name() string { return "csv" }

// Quotes says that line ends between quotes are text.
func (f *format) Quotes() bool { return true }

// Strict says that quotes do not decide types.
func (f *format) Strict() bool { return false }

// Header reads the first record, unless the files have no header.
func (f *format) Header(name string, data []byte, last bool) (names []string, size int, err error) {
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		e := diag.New("Q240", "the file is UTF-16")
		e.Next = "save it as UTF-8"
		return nil, 0, e
	}
	bom := 0
	if bytes.HasPrefix(data, []byte("\xef\xbb\xbf")) {
		bom = 3
	}
	if f.opts.NoHeader {
		for _, field := range f.opts.Types {
			names = append(names, field.Name)
		}
		return names, bom, nil
	}
	p := newParser(f, 0, f.delimiter(name))
	var b text.Block
	for at := bom; at < len(data); at += b.Size {
		if err := p.Cut(data[at:], last, &b); err != nil {
			return nil, 0, inHeader(err)
		}
		if len(b.Ends) > 0 {
			for _, c := range b.Cells[:b.Ends[0]] {
				names = append(names, headerName(p, data[at:], c))
			}
			return names, at + b.Size, nil
		}
		if b.Size == 0 {
			return nil, -1, nil
		}
	}
	if last {
		return []string{}, len(data), nil
	}
	return nil, -1, nil
}

// inHeader says that an error was found before the first row.
func inHeader(err error) error {
	if e, ok := err.(*diag.Error); ok {
		c := *e
		c.Message = "in the header: " + c.Message
		return &c
	}
	return err
}

// headerName returns the name in a cell of the header; "" if there is none.
func headerName(p *parser, data []byte, c text.Cell) string {
	raw := data[c.Start:c.End]
	if c.Kind == text.Escaped {
		raw = p.Unescape(nil, raw)
	}
	return string(raw)
}

// NewParser returns a parser of files with so many columns.
func (f *format) NewParser(file string, names []string) text.Parser {
	p := newParser(f, len(names), f.delimiter(file))
	p.names = names
	return p
}

// delimiter returns the delimiter of a file.
func (f *format) delimiter(file string) byte {
	if f.opts.Delimiter != 0 {
		return byte(f.opts.Delimiter)
	}
	for _, end := range []string{".tsv", ".tsv.gz", ".tsv.zst"} {
		if strings.HasSuffix(strings.ToLower(file), end) {
			return '\t'
		}
	}
	return ','
}
