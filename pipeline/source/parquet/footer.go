package parquet

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"math"
	"slices"

	"quern/features/diag"
)

// A Parquet file is
//
//	"PAR1" | column chunks ... | footer (Thrift) | length of the footer, 4 bytes | "PAR1"
//
// maxFooter bounds the footer, maxRows the rows of a row group (indexes are int32).
const (
	maxFooter = 64 << 20
	// Footers above this take their turn: the memory for those that are being read is
	// bounded.
	largeFooter = 1 << 20
	maxRows     = math.MaxInt32 - 1
)

// footer is what we keep of a file's metadata.
type footer struct {
	columns []fileColumn // the top-level columns
	groups  []group
	digest  [sha256.Size]byte // of the file's size and the footer's bytes
}

// group is a row group.
type group struct {
	rows    int64
	columns []chunk // one per leaf of the schema, in its order
}

// chunk is where the pages of one column of a row group lie.
type chunk struct {
	offset       int64 // of the first page
	length       int64 // of all pages with their headers
	uncompressed int64
	values       int64
	codec        int32
	physical     physical
}

// metadata is the footer as it is written.
type metadata struct {
	rows      int64
	schema    []element
	groups    []group
	encrypted bool
	external  bool // a column lies in another file
}

// readFooter reads and checks the footer of a file of size bytes, whose length is that of
// footerLength.
func readFooter(r io.ReaderAt, size, length int64) (footer, error) {
	data := make([]byte, length)
	if err := readFull(r, data, size-8-length); err != nil {
		return footer{}, err
	}
	if err := checkHead(r); err != nil { // last: whoever has read the end of an object has the footer
		return footer{}, err
	}
	c := cursor{data: data}
	m := c.metadata()
	if c.err != nil {
		return footer{}, diag.New("Q204", "the footer is damaged").Because(c.err)
	}
	if m.encrypted {
		return footer{}, diag.New("Q207", "the file is encrypted, which quern cannot read")
	}
	if m.external {
		return footer{}, diag.New("Q207", "the file keeps columns in other files, which quern cannot read")
	}
	columns, leaves, err := parseSchema(m.schema)
	if err != nil {
		return footer{}, err
	}
	f := footer{columns: columns, groups: m.groups}
	h := sha256.New()
	h.Write(binary.LittleEndian.AppendUint64(nil, uint64(size)))
	h.Write(data)
	h.Sum(f.digest[:0])
	return f, f.check(m.rows, leaves, size-8-int64(len(data)))
}

// footerLength checks the end of a file and returns how many Thrift bytes its footer has.
func footerLength(r io.ReaderAt, size int64) (int64, error) {
	if size < 12 {
		return 0, diag.New("Q203", "this is no Parquet file: it has %d bytes", size)
	}
	var tail [8]byte
	if err := readFull(r, tail[:], size-8); err != nil {
		return 0, err
	}
	length := int64(binary.LittleEndian.Uint32(tail[:]))
	var mistake *diag.Error
	switch {
	case string(tail[4:]) == "PARE":
		return 0, diag.New("Q207", "the file is encrypted, which quern cannot read")
	case string(tail[4:]) != "PAR1":
		mistake = diag.New("Q203", "this is no whole Parquet file: it does not end with PAR1")
	case length > size-12 || length > maxFooter:
		mistake = diag.New("Q204", "the footer's length cannot be right: %d bytes of %d", length, size)
	default:
		return length, nil
	}
	if err := checkHead(r); err != nil { // which says more
		return 0, err
	}
	return 0, mistake
}

// checkHead checks that a file begins as Parquet files do.
func checkHead(r io.ReaderAt) error {
	var head [4]byte
	if err := readFull(r, head[:], 0); err != nil {
		return err
	}
	if string(head[:]) != "PAR1" {
		return diag.New("Q203", "this is no Parquet file: it does not start with PAR1")
	}
	return nil
}

// readFull reads len(b) bytes at offset.
func readFull(r io.ReaderAt, b []byte, offset int64) error {
	n, err := r.ReadAt(b, offset)
	if n == len(b) {
		return nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return diag.New("Q202", "cannot read %d bytes at %d", len(b), offset).Because(err)
}

// check holds the footer against itself and against end, where the column chunks
// must end.
func (f *footer) check(rows int64, leaves []physical, end int64) error {
	type span struct{ from, to int64 }
	var spans []span
	for g := range f.groups {
		group := &f.groups[g]
		if group.rows < 0 || group.rows > maxRows {
			return diag.New("Q204", "row group %d has an impossible number of rows: %d", g, group.rows)
		}
		rows -= group.rows
		if len(group.columns) != len(leaves) {
			return diag.New("Q204", "row group %d has %d columns, the schema has %d", g, len(group.columns), len(leaves))
		}
		for i, c := range group.columns {
			if group.rows == 0 && c.values == 0 {
				group.columns[i].length = 0 // there may be anything: it is not read
				continue
			}
			if c.physical != leaves[i] {
				return diag.New("Q204", "row group %d: column %d is %s, in the schema %s", g, i, c.physical, leaves[i])
			}
			if c.offset < 4 || c.length < 0 || c.uncompressed < 0 || c.values < 0 || c.offset > end || c.length > end-c.offset {
				return diag.New("Q204", "row group %d: column %d lies outside the file", g, i)
			}
			if c.length > 0 {
				spans = append(spans, span{c.offset, c.offset + c.length})
			}
		}
		for _, col := range f.columns {
			values := group.columns[col.leaf].values
			// A list has a pair of levels for each element, and one if it has none.
			if col.reason == "" && (values < group.rows || values > group.rows && !col.list) {
				return diag.New("Q204", "row group %d has %d rows but column %s %d values", g, group.rows, col.name, values)
			}
		}
	}
	if rows != 0 {
		return diag.New("Q204", "the row groups' rows do not add up to the file's")
	}
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	for i := 1; i < len(spans); i++ {
		if spans[i].from < spans[i-1].to {
			return diag.New("Q204", "two columns share the bytes at %d", spans[i].from)
		}
	}
	return nil
}

// metadata reads the struct FileMetaData.
func (c *cursor) metadata() (m metadata) {
	var seen [5]bool
	for f := (field{}); c.next(&f); {
		if f.id >= 0 && int(f.id) < len(seen) {
			if seen[f.id] { // a second schema or list of row groups would be added to the first
				c.fail()
			}
			seen[f.id] = true
		}
		switch f.id {
		case 2:
			for n := c.list(f.kind, kindStruct); n > 0 && c.err == nil; n-- {
				m.schema = append(m.schema, c.element())
				if len(m.schema) > maxElements {
					c.fail()
				}
			}
		case 3:
			m.rows = c.int64(f.kind)
		case 4:
			for n := c.list(f.kind, kindStruct); n > 0 && c.err == nil; n-- {
				m.groups = append(m.groups, c.group(&m))
			}
		case 8:
			m.encrypted = true
			c.skip(f.kind)
		default:
			c.skip(f.kind)
		}
	}
	if !seen[2] || !seen[3] || !seen[4] {
		c.fail()
	}
	return m
}

// group reads the struct RowGroup.
func (c *cursor) group(m *metadata) (g group) {
	g.rows = -1
	for f := (field{}); c.next(&f); {
		switch f.id {
		case 1:
			g.columns = nil
			for n := c.list(f.kind, kindStruct); n > 0 && c.err == nil; n-- {
				g.columns = append(g.columns, c.chunk(m))
			}
		case 3:
			g.rows = c.int64(f.kind)
		default:
			c.skip(f.kind)
		}
	}
	return g
}

// chunk reads the struct ColumnChunk.
func (c *cursor) chunk(m *metadata) (k chunk) {
	found := false
	for f := (field{}); c.next(&f); {
		switch f.id {
		case 1:
			m.external = m.external || len(c.binary(f.kind)) > 0
		case 3:
			c.structure(f.kind)
			k = c.columnMetadata()
			found = true
		case 8:
			m.encrypted = true
			c.skip(f.kind)
		default:
			c.skip(f.kind)
		}
	}
	if !found && !m.encrypted {
		c.fail()
	}
	return k
}

// columnMetadata reads the struct ColumnMetaData. Some writers leave the offset of
// the dictionary page unset, or zero, and let the data pages' offset point to it:
// the pages say themselves what they are, so the smaller offset is the start.
func (c *cursor) columnMetadata() (k chunk) {
	k = chunk{physical: -1, codec: -1, values: -1, length: -1}
	dictionary := int64(0)
	for f := (field{}); c.next(&f); {
		switch f.id {
		case 1:
			k.physical = physical(c.int32(f.kind))
		case 4:
			k.codec = c.int32(f.kind)
		case 5:
			k.values = c.int64(f.kind)
		case 6:
			k.uncompressed = c.int64(f.kind)
		case 7:
			k.length = c.int64(f.kind)
		case 9:
			k.offset = c.int64(f.kind)
		case 11:
			dictionary = c.int64(f.kind)
		default:
			c.skip(f.kind)
		}
	}
	if dictionary > 0 && dictionary < k.offset {
		k.offset = dictionary
	}
	return k
}
