// Package parquet reads Parquet files as a source of column batches.
//
// A chunk is one row group; only the columns that a reader names are read. Their
// dictionary codes stay as they are: such a column comes as dictionary and
// indexes, with one null slot at the end of the dictionary if the column can be
// null. A column of lists of scalars, in any of the ways that files have written them,
// is read by its levels; its elements are then read as a column is, and keep their
// dictionary too. It has the name of the outermost field. Structs, maps, lists of them
// or of lists, and types that quern has no counterpart for are listed with a reason and
// are errors where used; decimals and unsigned 64-bit integers are among them until
// Options.Types says what to read them as.
//
// Files are not trusted. Everything that the footer and the page headers claim is
// checked against the bytes that are there, and sized before memory is taken for
// it: damage is an error with a code, never a panic, a hang, a flood of memory
// or a wrong row (as far as bytes without a checksum can tell). That is why the
// reader is our own: checking a page by hand before a library decodes it is the
// same work twice. decoder.read is the one function that turns the bytes of a
// column chunk into a column.
//
// What most files are made of takes no step per value: levels become bitmaps word by
// word, PLAIN numbers are copied, indexes are unpacked by assembly, and a page with
// nulls is spread over its rows by package simd, a block at a time that stays in the
// cache.
package parquet

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"quern/features/column"
	"quern/features/diag"
	"quern/internal/simd"
	"quern/pipeline/source"
	"quern/pipeline/source/internal/inorder"
	"quern/pipeline/store"
)

// DefaultMemory is how many bytes one reader may take when Options do not say: 1 GiB.
const DefaultMemory = 1 << 30

// Options say what to read.
type Options struct {
	// Files in the order of their rows.
	Files []source.File
	// Memory bounds the bytes that one Reader holds: the batch and what decoding it
	// takes. Row groups that need more are an error. 0 means DefaultMemory.
	Memory int64
	// Types says what columns are to be read as. Decimals can be float64 and float32
	// (the nearest), int64 (values that are not whole or too large are an error, Q215)
	// or string (1.5 for 1.50); unsigned 64-bit integers int64, float64 or string. Other
	// columns are what the files say, or wider: int32 as int64 or float64, float32 as
	// float64. The same goes for the elements of lists: list<int32> as list<int64>.
	// Columns that are not named are what the files say.
	Types column.Schema
}

// Open reads the footers of the files and unites their schemas. Errors are
// *diag.Error: codes Q201 to Q219; about Types a diag.List: Q041, Q211, Q212.
func Open(ctx context.Context, opts Options) (source.Source, error) {
	if opts.Memory == 0 {
		opts.Memory = DefaultMemory
	}
	if len(opts.Files) == 0 {
		return nil, diag.New("Q201", "there are no Parquet files to read")
	}
	t := &table{memory: opts.Memory, kernels: simd.Best(), files: make([]file, len(opts.Files))}
	for i, f := range opts.Files {
		t.files[i] = file{File: f, number: i}
	}
	if err := t.readFooters(ctx); err != nil {
		return nil, err
	}
	keys := source.KeyColumns(opts.Files)
	if err := t.assign(opts.Types, keys); err != nil {
		return nil, err
	}
	if err := t.unite(keys); err != nil {
		return nil, err
	}
	t.listChunks()
	return t, nil
}

// readFooters opens the files, many at the same time. The error is that of the first file
// that has one.
func (t *table) readFooters(ctx context.Context) error {
	files := make([]source.File, len(t.files))
	for i := range t.files {
		files[i] = t.files[i].File
	}
	var large sync.Mutex
	return inorder.Run(source.Openers(files), len(files),
		func(_, i int) (struct{}, error) {
			f := &t.files[i]
			err := f.open(ctx, &large)
			if t.planned != nil {
				err = f.asPlanned(err, &t.planned.Files[f.number])
			}
			return struct{}{}, err
		},
		func(_ int, _ struct{}, err error) error { return err })
}

// table is a Source. It is immutable after Open.
type table struct {
	memory   int64
	kernels  *simd.Kernels
	planned  *source.Layout // the chunks are some of it; nil: it is all of its files
	files    []file         // those that the chunks lie in
	schema   column.Schema
	origins  []origin // of the columns of schema
	unusable map[string]string
	notices  []string
	chunks   []source.Chunk
	fileOf   []int // per chunk
}

// file is one file's footer, and how to open the file again.
type file struct {
	source.File
	footer
	number  int // among all files of the source
	size    int64
	version string // the store's name for what was opened; "": it has none
}

// open reads the footer and closes the file again: a source of ten thousand files
// must not hold as many open. Large footers are read one at a time.
func (f *file) open(ctx context.Context, large *sync.Mutex) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	defer func() { err = place(err, diag.Data{File: f.Name, RowGroup: -1, Row: -1}) }()
	defer recoverFault(&err)
	r, err := f.Open(ctx)
	if err != nil {
		return diag.New("Q202", "cannot open the file").Because(err)
	}
	defer r.Close()
	f.size, f.version = r.Size(), store.VersionOf(r)
	length, err := footerLength(r, f.size)
	if err != nil {
		return err
	}
	if length > largeFooter {
		large.Lock()
		defer large.Unlock()
	}
	f.footer, err = readFooter(r, f.size, length)
	return err
}

// listChunks numbers the row groups.
func (t *table) listChunks() {
	for i := range t.files {
		f := &t.files[i]
		for g := range f.groups {
			t.chunks = append(t.chunks, f.chunk(len(t.chunks), g))
			t.fileOf = append(t.fileOf, i)
		}
	}
}

// chunk describes row group g.
func (f *file) chunk(index, g int) source.Chunk {
	c := source.Chunk{Index: index, File: f.Name, Group: g, Rows: f.groups[g].rows}
	c.Digest = fmt.Sprintf("%x/%d", f.digest, g)
	for _, col := range f.groups[g].columns {
		c.Bytes += col.length
		c.Memory += col.uncompressed
	}
	return c
}

// Schema returns the usable columns.
func (t *table) Schema() column.Schema { return t.schema }

// Unusable returns why the other columns cannot be used.
func (t *table) Unusable() map[string]string { return t.unusable }

// Notices returns what the user should know.
func (t *table) Notices() []string { return t.notices }

// Chunks returns one chunk per row group.
func (t *table) Chunks() []source.Chunk { return t.chunks }

// Close does nothing: readers open the files.
func (t *table) Close() error { return nil }

// place completes the place in the data of an error that is a *diag.Error, and
// leaves others (a cancelled context) alone. What the error knows better stays.
func place(err error, d diag.Data) error {
	var e *diag.Error
	if !errors.As(err, &e) {
		return err
	}
	if e.Data != nil {
		if e.Data.Row >= 0 {
			d.Row = e.Data.Row
		}
		if e.Data.Column != "" {
			d.Column = e.Data.Column
		}
		if e.Data.RowGroup >= 0 {
			d.RowGroup = e.Data.RowGroup
		}
	}
	return e.In(d)
}

// recoverFault turns a panic while bytes from outside are read into an error. The
// decoders check before they index, so this is the last net, under them and under
// the decompressors; the tests fail when it catches anything.
func recoverFault(err *error) {
	if p := recover(); p != nil {
		*err = diag.New("Q219", "the reader broke down").Because(fmt.Errorf("panic: %v", p))
	}
}
