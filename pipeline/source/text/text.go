// Package text is what the sources of text formats share: a file is cut into
// chunks at the ends of records, compressed files are decoded as a stream, types
// are inferred from all rows, and cells become columns. A format says how a record
// is cut into cells (see Parser) and no more.
//
// Opening a source reads its files twice: once for the borders of chunks, once to
// parse every record, count it and learn the types. Both run in parallel and are
// merged in input order, so neither the number of workers nor the size of a chunk
// can be seen in the result. What is parsed is kept as far as Limits.Keep allows:
// numbers of texts, or values (see gatherer). Readers take chunks from there, and parse
// only what is not kept, so it cannot be seen either what that is; but an edit of
// a file after Open may go unseen. A file with a mistake in its syntax is refused here,
// with the number of the row; a value that is not of the type that the user gave is
// found when its column is read.
//
// Types are inferred by these rules, the same for all formats. A column is
//
//	bool        if all cells are true or false, in any case
//	int64       if all are integers without a plus sign or leading zeros
//	float64     if all are numbers: 1.5, .5, 2e-3, nan, inf, -inf, -0
//	date        if all are days: 2001-06-01
//	datetime    if all are days or wall clocks: 2001-06-01T17:30:00.25, 2001-06-01 17:30
//	timestamp   if all are instants, with Z or an offset: 2001-06-01T17:30:00+02:00
//	string      else, and if all are null
//
// So 007 and +5 make a column of strings, since they are more often codes than
// numbers. Integers beyond int64 and numbers beyond float64 do the same, with a
// notice, because their digits would be lost; integers beyond int64 among other
// reals are reals. Under a type that the user gives, the text of a cell means what
// the expression functions int, float, bool, date ... make of it.
//
// Where a format has arrays, a column of arrays of scalars is one of lists. These rules
// give the type of its elements, from all elements of all rows; list<string> if there
// are none, or only nulls. An empty array is a list without elements, and no null. A
// column that holds arrays beside scalars, or arrays of more than scalars, is unusable.
package text

import (
	"context"
	"errors"

	"quern/features/column"
	"quern/features/diag"
	"quern/pipeline/source"
)

// Format is what a text format must say.
type Format interface {
	// Name is the format's in a source.Layout.
	Name() string
	// Quotes reports whether a line end between double quotes belongs to the record.
	// Such a format must have double quotes only in pairs, around or within fields.
	Quotes() bool
	// Strict reports whether the syntax tells numbers from strings: a quoted number
	// is a string then, and a column that mixes them is unusable.
	Strict() bool
	// Header returns the names of a file's columns, in the order of its cells, and how
	// many bytes precede its first record; nil names if records name their cells.
	// data is the front of the file; a negative size asks for more, unless last is set,
	// which says that data is the whole file.
	Header(name string, data []byte, last bool) (names []string, size int, err error)
	// NewParser returns a parser for records of a file, whose header has such names.
	NewParser(file string, names []string) Parser
}

// Parser cuts the records of one file, or of one run of records, into cells.
type Parser interface {
	// Cut cuts records at the front of data, which is not empty, into cells, until the
	// block is full or data has no more whole records; last says that nothing follows
	// data, so that nothing is left then. What is no record but, say, blank lines, is a
	// block of its own, without records. If there is a mistake, Cut stops before it,
	// and returns it, a *diag.Error without a place, if it is in the first record.
	Cut(data []byte, last bool, b *Block) error
	// Names returns the columns so far, by their numbers in cells. It only grows.
	Names() []string
	// Unescape appends the text that an Escaped cell stands for.
	Unescape(dst, raw []byte) []byte
	// Element returns the first element of a List cell that begins at byte at of data,
	// or the one after the element that ends there; false if there is none. Elements
	// have no column.
	Element(data []byte, at uint32) (Cell, bool)
}

// Cell is a field of a record: bytes Start to End of the data.
type Cell struct {
	Column     int32 // in Names
	Start, End uint32
	Kind       Kind
}

// Kind says how a cell is written.
type Kind uint8

// The kinds of cells.
const (
	Null    Kind = iota // no value
	Bare                // unquoted text, or a number or literal of JSON
	Quoted              // quoted text, without the quotes
	Escaped             // quoted text with escapes in it
	List                // an array of scalars, brackets included
	Nested              // an object, or an array of more than scalars: columns cannot hold it
)

// DefaultMemory is how many bytes a chunk may have when Options do not say: 1 GiB.
const DefaultMemory = 1 << 30

// Options say what to read.
type Options struct {
	Files []source.File // in the order of their rows
	Types column.Schema // overrides what is inferred
	// Declare lets Types name columns that no file has: they are null.
	Declare bool
	Workers int // how many scan at the same time; 0: one
	// Memory bounds what one reader holds: the decoded bytes of a compressed file,
	// which is one chunk, and the rows of a chunk times its columns. 0: DefaultMemory.
	Memory int64
	Limits Limits
}

// Limits are sizes that are options only so that tests can make them small. Zeros
// stand for the usual ones.
type Limits struct {
	Chunk   int64 // bytes that a chunk of an uncompressed file aims at: 4 MiB
	Row     int   // most bytes of a record: 64 MiB
	Columns int   // most columns of a source: 100,000
	Window  int   // bytes that are read at once: 128 KiB
	// What Open keeps of the rows that it parses, in bytes: a quarter of what the readers
	// of all workers may hold. Negative: nothing.
	Keep int64
}

// withDefaults returns o without zeros.
func (o Options) withDefaults() Options {
	o.Workers = max(1, o.Workers)
	orElse(&o.Memory, DefaultMemory)
	orElse(&o.Limits.Keep, o.Memory/4*int64(o.Workers))
	orElse(&o.Limits.Chunk, 4<<20)
	orElse(&o.Limits.Row, 64<<20)
	orElse(&o.Limits.Columns, 100_000)
	orElse(&o.Limits.Window, 128<<10)
	return o
}

// orElse gives *x a value if it is zero.
func orElse[T int | int64](x *T, value T) {
	if *x == 0 {
		*x = value
	}
}

// Open scans the files for chunk borders and types. Errors are *diag.Error: codes
// Q041, Q201, Q202, Q210 to Q214 and Q240 to Q252.
func Open(ctx context.Context, opts Options, format Format) (source.Source, error) {
	if len(opts.Files) == 0 {
		return nil, diag.New("Q201", "there are no files to read")
	}
	t := &table{Options: opts.withDefaults(), format: format, unusable: map[string]string{}}
	for _, step := range []func(context.Context) error{t.readHeaders, t.findBorders, t.scanChunks} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	if err := t.unite(); err != nil {
		return nil, err
	}
	return t, nil
}

// table is a Source. It is immutable after Open.
type table struct {
	Options
	format   Format
	files    []file
	chunks   []chunk
	listed   []source.Chunk // of chunks
	columns  registry       // used by Open
	places   map[string]int // of columns in the chunks' kept ones
	spare    allowance      // for kept ones
	schema   column.Schema
	keys     map[string]*column.Column // columns of schema that the folders' names give: a row per file
	unusable map[string]string
	notices  []string
	planned  bool // chunks are those of a layout: their bytes must be too
}

// file is what is known of a file without its records.
type file struct {
	source.File
	packing packing
	size    int64
	version string   // the store's name for what was opened; "": it has none
	start   int64    // where the records begin, after decoding
	names   []string // of its cells; nil if records name them
	rows    int64
}

// chunk is a run of records of a file.
type chunk struct {
	file     int
	from, to int64 // bytes of the file; of a packed file, all
	first    int64 // the number of the first row, in the file
	rows     int64
	decoded  int64 // bytes of the records
	columns  int   // that they have
	elements int64 // of all lists
	digest   string
	kept     []kept // by the columns' places; those beyond its end have no cells
	whole    bool   // kept holds all columns
}

// Schema returns the usable columns.
func (t *table) Schema() column.Schema { return t.schema }

// Unusable returns why the other columns cannot be used.
func (t *table) Unusable() map[string]string { return t.unusable }

// Notices returns what the user should know.
func (t *table) Notices() []string { return t.notices }

// Chunks returns the chunks that have rows.
func (t *table) Chunks() []source.Chunk { return t.listed }

// Close frees what is kept of the rows: readers open the files.
func (t *table) Close() error {
	for i := range t.chunks {
		t.chunks[i].kept, t.chunks[i].whole = nil, false
	}
	return nil
}

// place completes the place in the data of an error that is a *diag.Error, and
// leaves others (a cancelled context) alone. Rows in the error count from row.
func place(err error, file string, row int64) error {
	var e *diag.Error
	if !errors.As(err, &e) {
		return err
	}
	d := diag.Data{File: file, RowGroup: -1, Row: -1}
	if e.Data != nil {
		d.Column = e.Data.Column
		if e.Data.Row >= 0 {
			d.Row = row + e.Data.Row
		}
	}
	return e.In(d)
}

// atRow returns err placed at a row, counted from the chunk's first one.
func atRow(err error, row int64) error {
	var e *diag.Error
	if !errors.As(err, &e) || e.Data != nil {
		return err
	}
	return e.In(diag.Data{RowGroup: -1, Row: row})
}
