package parquet

import (
	"github.com/parquet-go/parquet-go/format"

	"quern/features/column"
)

// pages is what the indexes tell of one column chunk.
type pages struct {
	typ   column.Type
	pages []page
	low   [][]byte // encoded bounds; nil: the page has none
	high  [][]byte
	start int64
}

// chunk describes the encoded column, which starts at offset of the file.
func (w *columnWriter) chunk(name string, offset int64) format.ColumnChunk {
	var all bounds
	nulls, entries := 0, 0
	for _, p := range w.pages {
		all.join(p.bounds, w.typ)
		nulls, entries = nulls+p.nulls, entries+p.entries
	}
	m := format.ColumnMetaData{
		Type: physical(w.typ), PathInSchema: w.path(name), Codec: w.codec.kind, NumValues: int64(entries),
		Encoding:              []format.Encoding{format.Plain, format.RLE},
		TotalUncompressedSize: w.raw, TotalCompressedSize: int64(len(w.out)),
		DataPageOffset: offset + int64(w.dictSize),
		Statistics:     all.statistics(w.typ, nulls),
	}
	if w.coded {
		m.DictionaryPageOffset = offset
		m.Encoding = []format.Encoding{format.Plain, format.RLE, format.RLEDictionary}
	}
	return format.ColumnChunk{MetaData: m}
}

// path returns the names that lead to the leaf.
func (w *columnWriter) path(name string) []string {
	if w.lists.on {
		return []string{name, listName, elementName}
	}
	return []string{name}
}

// located returns what the indexes need, for a chunk that starts at offset.
func (w *columnWriter) located(offset int64) pages {
	p := pages{typ: w.typ, start: offset, pages: append([]page(nil), w.pages...)}
	for i := range p.pages {
		low, high, _ := p.pages[i].bounds.encoded(w.typ)
		p.low, p.high = append(p.low, low), append(p.high, high)
		p.pages[i].bounds = bounds{} // its strings belong to the batch
	}
	return p
}

// offsetIndex says where each page is.
func (p pages) offsetIndex() *format.OffsetIndex {
	x := &format.OffsetIndex{}
	for _, q := range p.pages {
		x.PageLocations = append(x.PageLocations, format.PageLocation{
			Offset: p.start + int64(q.offset), CompressedPageSize: int32(q.size), FirstRowIndex: int64(q.firstRow)})
	}
	return x
}

// columnIndex gives each page's bounds; nil if a page has values but no bounds (all
// NaN, long strings), because the format has no way to say so.
func (p pages) columnIndex() *format.ColumnIndex {
	x := &format.ColumnIndex{BoundaryOrder: format.Unordered}
	for i, q := range p.pages {
		if q.nulls < q.entries && p.low[i] == nil {
			return nil
		}
		x.NullPages = append(x.NullPages, q.nulls == q.entries)
		x.NullCounts = append(x.NullCounts, int64(q.nulls))
		x.MinValues = append(x.MinValues, p.low[i])
		x.MaxValues = append(x.MaxValues, p.high[i])
	}
	return x
}
