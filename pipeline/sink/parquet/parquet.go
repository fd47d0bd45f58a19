// Package parquet writes Parquet files with pages of its own making. A column with
// few distinct values leaves dictionary-coded; if it came so, each dictionary entry is
// looked at once, and its rows cost one gather. Everything else is PLAIN. Pages carry
// statistics and CRCs; column and offset indexes are written. A column of lists is
// written as one of its elements, whose levels say where lists start and what is null.
//
//	"PAR1"
//	row group*   one per 64 Ki rows or more: per column [dictionary page] data page (v2)*
//	indexes      per column a column index and an offset index
//	footer       FileMetaData, its length, "PAR1"
package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"quern/features/column"
	"quern/features/diag"
	"quern/internal/simd"
	"quern/pipeline/sink"
)

// Format writes one Parquet file per part. The zero value compresses with zstd.
type Format struct {
	// Codec is "zstd", "snappy" or "none"; "" is zstd.
	Codec string
	// Plain writes no dictionaries.
	Plain bool
}

// createdBy identifies the writer; it changes when the bytes do.
const createdBy = "quern version 2"

const magic = "PAR1"

// minGroupRows is how many rows are collected before a row group is written:
// smaller ones cost readers more than they are worth. In a table with very many
// columns it is fewer rows: minGroupCells values.
const (
	minGroupRows  = 1 << 16
	minGroupCells = 1 << 23
)

// Suffix returns ".parquet".
func (Format) Suffix() string { return ".parquet" }

// NewPart starts a file.
func (f Format) NewPart(w io.Writer, fields []sink.Field) (sink.Part, error) {
	codec, err := newCodec(f.Codec)
	if err != nil {
		return nil, err
	}
	p := &part{fields: fields, limits: formatLimits(), columns: make([]*columnWriter, len(fields))}
	kernels := simd.Best()
	p.newWriter = func() *columnWriter {
		return &columnWriter{codec: codec, kernels: kernels, limits: p.limits, collector: collector{uncoded: f.Plain}}
	}
	return p, p.Reset(w)
}

// part is a file in the making.
type part struct {
	w       io.Writer
	fields  []sink.Field
	columns []*columnWriter // by field; nil: it has no rows that are not in the file
	idle    []*columnWriter // for the next fields
	waiting int             // rows that wait for a row group
	run     int             // rows begun
	full    bool            // the rows begun end a row group
	offset  int64
	rows    int64
	group   group // in the making
	groups  []format.RowGroup
	indexes [][]pages
	limits  limits

	newWriter func() *columnWriter
}

// group is a row group whose columns are written one after the other.
type group struct {
	offset  int64
	chunks  []format.ColumnChunk // by field
	indexes []pages
	written []bool
}

// Reset starts another file.
func (p *part) Reset(w io.Writer) error {
	p.w, p.waiting, p.run, p.full, p.offset, p.rows, p.groups, p.indexes = w, 0, 0, false, 0, 0, nil, nil
	for i := range p.columns {
		p.release(i)
	}
	err := p.emit([]byte(magic))
	p.beginGroup()
	return err
}

func (p *part) emit(b []byte) error {
	n, err := p.w.Write(b)
	p.offset += int64(n)
	return err
}

// open returns the writer of field i.
func (p *part) open(i int) *columnWriter {
	switch n := len(p.idle); {
	case p.columns[i] != nil:
	case n > 0:
		p.columns[i], p.idle = p.idle[n-1], p.idle[:n-1]
	default:
		p.columns[i] = p.newWriter()
	}
	return p.columns[i]
}

// release takes the writer of field i away: columns that are written one after the
// other share their memory.
func (p *part) release(i int) {
	if w := p.columns[i]; w != nil {
		w.reset()
		p.columns[i], p.idle = nil, append(p.idle, w)
	}
}

// Write appends a batch.
func (p *part) Write(batch column.Batch) error {
	if err := p.Begin(batch.Rows); err != nil {
		return err
	}
	for i := range batch.Columns {
		if err := p.column(i, &batch.Columns[i]); err != nil {
			return err
		}
	}
	return p.End()
}

// Begin implements sink.ColumnPart: many rows become a row group, few wait for others.
func (p *part) Begin(rows int) error {
	p.run, p.full = rows, p.waiting+rows >= min(minGroupRows, max(1024, minGroupCells/max(1, len(p.fields))))
	return nil
}

// Columns implements sink.ColumnPart.
func (p *part) Columns(fields []int, columns []column.Column) error {
	for i, at := range fields {
		if err := p.column(at, &columns[i]); err != nil {
			return err
		}
	}
	return nil
}

// column appends rows of field i. In a full group its pages are made at once, and
// leave for the file as soon as the column has all its rows.
func (p *part) column(i int, c *column.Column) error {
	text, err := p.weigh(i, c)
	if err != nil {
		return err
	}
	w := p.open(i)
	if w.text += text; w.text > p.limits.batchText {
		p.full = true // more cannot wait
	}
	if !p.full {
		w.add(c)
		return nil
	}
	w.append(c)
	if w.total() == p.waiting+p.run {
		return p.finish(i)
	}
	return nil
}

// finish writes the column chunk of field i.
func (p *part) finish(i int) error {
	w := p.open(i)
	w.end()
	p.group.chunks[i] = w.chunk(p.fields[i].Name, p.offset)
	p.group.indexes[i] = w.located(p.offset)
	p.group.written[i] = true
	err := p.emit(w.out)
	p.release(i)
	return err
}

// End implements sink.ColumnPart.
func (p *part) End() error {
	p.waiting, p.run = p.waiting+p.run, 0
	for _, w := range p.columns {
		p.full = p.full || w != nil && w.text >= p.limits.groupText
	}
	if !p.full {
		return nil
	}
	p.full = false
	return p.flush()
}

// flush ends the row group of the rows that wait, if there are any.
func (p *part) flush() error {
	if p.waiting == 0 {
		return nil
	}
	if len(p.groups) >= p.limits.groups {
		return diag.New("Q424", "a part would have more than %d row groups", p.limits.groups)
	}
	g := format.RowGroup{NumRows: int64(p.waiting), Ordinal: int16(len(p.groups)), FileOffset: p.group.offset, Columns: p.group.chunks}
	for i := range p.columns {
		if !p.group.written[i] {
			if w := p.open(i); w.total() != p.waiting {
				panic(fmt.Sprintf("quern: bug: field %d has %d rows of %d", i, w.total(), p.waiting))
			}
			if err := p.finish(i); err != nil {
				return err
			}
		}
		g.TotalByteSize += g.Columns[i].MetaData.TotalUncompressedSize
		g.TotalCompressedSize += g.Columns[i].MetaData.TotalCompressedSize
	}
	p.groups = append(p.groups, g)
	p.indexes = append(p.indexes, p.group.indexes)
	p.rows += int64(p.waiting)
	p.waiting = 0
	p.beginGroup()
	return nil
}

// beginGroup readies the next row group.
func (p *part) beginGroup() {
	n := len(p.fields)
	p.group = group{p.offset, make([]format.ColumnChunk, n), make([]pages, n), make([]bool, n)}
}

// Close writes the indexes and the footer.
func (p *part) Close() error {
	if err := p.flush(); err != nil {
		return err
	}
	if err := p.writeIndexes(); err != nil {
		return err
	}
	meta := format.FileMetaData{Version: 2, Schema: schema(p.fields), NumRows: p.rows, RowGroups: p.groups, CreatedBy: createdBy}
	for range p.fields {
		meta.ColumnOrders = append(meta.ColumnOrders, format.ColumnOrder{Value: new(format.TypeDefinedOrder)})
	}
	footer, err := thrift.Marshal(new(thrift.CompactProtocol), &meta)
	if err != nil {
		return fmt.Errorf("quern: bug: own footer does not encode: %w", err)
	}
	footer = binary.LittleEndian.AppendUint32(footer, uint32(len(footer)))
	return p.emit(append(footer, magic...))
}

// writeIndexes writes all column indexes, then all offset indexes.
func (p *part) writeIndexes() error {
	err := p.eachChunk(func(c *format.ColumnChunk, x pages) error {
		index := x.columnIndex()
		if index == nil {
			return nil
		}
		text, err := thrift.Marshal(new(thrift.CompactProtocol), index)
		c.ColumnIndexOffset, c.ColumnIndexLength = p.offset, int32(len(text))
		return errors.Join(err, p.emit(text))
	})
	if err != nil {
		return err
	}
	return p.eachChunk(func(c *format.ColumnChunk, x pages) error {
		text, err := thrift.Marshal(new(thrift.CompactProtocol), x.offsetIndex())
		c.OffsetIndexOffset, c.OffsetIndexLength = p.offset, int32(len(text))
		return errors.Join(err, p.emit(text))
	})
}

func (p *part) eachChunk(f func(*format.ColumnChunk, pages) error) error {
	for g := range p.groups {
		for i := range p.groups[g].Columns {
			if err := f(&p.groups[g].Columns[i], p.indexes[g][i]); err != nil {
				return err
			}
		}
	}
	return nil
}
