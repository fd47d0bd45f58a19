// Package parquet writes Parquet files with pages of its own making. A column with
// few distinct values leaves dictionary-coded; if it came so, each dictionary entry is
// looked at once, and its rows cost one gather. Everything else is PLAIN. Pages carry
// statistics and CRCs; column and offset indexes are written.
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
	"quern/pipeline/sink"
)

// Format writes one Parquet file per part. The zero value compresses with zstd.
type Format struct {
	// Codec is "zstd", "snappy" or "none"; "" is zstd.
	Codec string
}

// createdBy identifies the writer; it changes when the bytes do.
const createdBy = "quern version 1"

const magic = "PAR1"

// minGroupRows is how many rows are collected before a row group is written:
// smaller ones cost readers more than they are worth.
const minGroupRows = 1 << 16

// Suffix returns ".parquet".
func (Format) Suffix() string { return ".parquet" }

// NewPart starts a file.
func (f Format) NewPart(w io.Writer, fields []sink.Field) (sink.Part, error) {
	codec, err := newCodec(f.Codec)
	if err != nil {
		return nil, err
	}
	p := &part{fields: fields, limits: formatLimits()}
	for range fields {
		p.columns = append(p.columns, &columnWriter{codec: codec, pageText: p.limits.pageText})
	}
	return p, p.Reset(w)
}

// part is a file in the making.
type part struct {
	w       io.Writer
	fields  []sink.Field
	columns []*columnWriter
	waiting int   // rows that wait for a row group
	text    int64 // bytes of the longest column of strings among them
	offset  int64
	rows    int64
	groups  []format.RowGroup
	indexes [][]pages
	limits  limits
}

// Reset starts another file.
func (p *part) Reset(w io.Writer) error {
	p.w, p.waiting, p.text, p.offset, p.rows, p.groups, p.indexes = w, 0, 0, 0, 0, nil, nil
	for _, c := range p.columns {
		c.reset()
	}
	return p.emit([]byte(magic))
}

func (p *part) emit(b []byte) error {
	n, err := p.w.Write(b)
	p.offset += int64(n)
	return err
}

// Write appends a batch: as a row group of its own if it is large enough, else it
// is collected with its neighbours. A batch with very long strings is written in
// pieces.
func (p *part) Write(batch column.Batch) error {
	text, err := p.longest(batch)
	if err != nil {
		return err
	}
	if text > p.limits.batchText && batch.Rows > 64 {
		half := (batch.Rows/2 + 63) &^ 63
		if err := p.Write(cut(batch, 0, half)); err != nil {
			return err
		}
		return p.Write(cut(batch, half, batch.Rows))
	}
	if p.text+text > p.limits.batchText {
		if err := p.flush(); err != nil {
			return err
		}
	}
	full := p.waiting+batch.Rows >= minGroupRows || p.text+text >= p.limits.groupText
	for i := range batch.Columns {
		p.columns[i].add(&batch.Columns[i], full)
	}
	p.waiting, p.text = p.waiting+batch.Rows, p.text+text
	if !full {
		return nil
	}
	return p.flush()
}

// flush writes the collected rows as a row group.
func (p *part) flush() error {
	if p.waiting == 0 {
		return nil
	}
	if len(p.groups) >= p.limits.groups {
		return diag.New("Q424", "a part would have more than %d row groups", p.limits.groups)
	}
	g := format.RowGroup{NumRows: int64(p.waiting), Ordinal: int16(len(p.groups)), FileOffset: p.offset}
	written := make([]pages, len(p.columns))
	for i, c := range p.columns {
		c.encode()
		chunk := c.chunk(p.fields[i].Name, p.offset)
		written[i] = c.located(p.offset)
		if err := p.emit(c.out); err != nil {
			return err
		}
		g.TotalByteSize += chunk.MetaData.TotalUncompressedSize
		g.TotalCompressedSize += chunk.MetaData.TotalCompressedSize
		g.Columns = append(g.Columns, chunk)
		c.reset()
	}
	p.groups = append(p.groups, g)
	p.indexes = append(p.indexes, written)
	p.rows += int64(p.waiting)
	p.waiting, p.text = 0, 0
	return nil
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
