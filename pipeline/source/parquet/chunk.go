package parquet

import (
	"errors"
	"math"
	"slices"

	"quern/features/column"
	"quern/features/diag"
	"quern/pipeline/store"
)

// decoder turns the bytes of column chunks into columns. It keeps its buffers from
// one chunk to the next, whatever their columns are.
type decoder struct {
	left    int64 // bytes that the current batch may still take
	raw     []byte
	pages   []page
	plain   []byte // a decompressed page
	values  values
	block   block
	indexes []int32 // of a page, in a chunk that is dictionary-coded only in part
	repeats []uint8 // levels of a page of lists
	defines []uint8
	codecs  decompressor
}

// output holds the memory of one column of a batch. Of a list column, all but column,
// offsets and lists is that of its elements.
type output struct {
	typ      column.Type // that the memory is for
	column   column.Column
	values   column.Vector // of the rows, or of the dictionary
	dict     column.Vector // the dictionary of a chunk that is dictionary-coded only in part
	index    []int32
	valid    column.Bitmap // a bit per row
	ones     column.Bitmap // of the dictionary's slots
	elements column.Column
	offsets  []uint32
	lists    column.Bitmap // a bit per list
}

// become makes out the output of a column of type typ. Only one slice of a vector may be
// in use, so the others go to spare, and that of typ comes from there.
func (out *output) become(typ column.Type, spare *column.Vector) {
	if out.typ == typ {
		return
	}
	keep(spare, &out.values)
	keep(spare, &out.dict)
	*out = output{typ: typ, index: out.index, valid: out.valid, ones: out.ones, offsets: out.offsets, lists: out.lists}
	take(&out.values, spare, typ.Elem())
}

// read reads column col of a row group, as type typ, into out.
//
// A chunk that is dictionary-coded from end to end becomes a dictionary column,
// with a null slot at the end if the column is optional. Writers give up a
// dictionary that grows too large; such a chunk becomes a plain column. The elements
// of lists are read in the same way, as a column of their own.
func (d *decoder) read(r store.Reader, k *chunk, col *fileColumn, typ column.Type, rows int, out *output) error {
	if !known(k.codec) {
		return diag.New("Q207", "the column is compressed with %s, which quern cannot read", codecName(k.codec))
	}
	if k.length > d.left {
		return tooLarge("the column", d.left)
	}
	slots := int64(rows)
	if col.list {
		if slots = k.values; slots > maxRows {
			return diag.New("Q209", "the column has %d elements in one row group; at most %d are read", slots, maxRows)
		}
	}
	d.raw = padded(d.raw, int(k.length))
	if err := readFull(r, d.raw, k.offset); err != nil {
		return err
	}
	var err error
	if d.pages, err = listPages(d.raw, col, slots, d.pages[:0]); err != nil {
		return err
	}
	t := task{decoder: d, codec: k.codec, col: col, typ: typ.Elem(), slots: int(slots), out: out, pages: d.pages}
	t.lists = lists{wanted: rows, empty: col.empty(), full: col.full()}
	return t.run()
}

// task is the decoding of one column chunk: of its values, or of the elements of its
// lists, which are values like others once the levels have been read.
type task struct {
	*decoder
	codec      int32
	col        *fileColumn
	typ        column.Type // of the values
	slots      int         // of values: rows, or a bound on the elements
	out        *output
	pages      []page // the data pages, once run has taken the dictionary off
	dictionary *page
	coded      bool          // every page is dictionary-coded
	entries    int           // of the dictionary
	bad        column.Bitmap // the dictionary's entries that do not fit the type; nil: none
	start      int           // slots done
	present    int           // of these, how many are not null
	lists      lists         // the rows, if they are lists
}

func (t *task) run() error {
	var dictionary *page
	if len(t.pages) > 0 && t.pages[0].kind == dictionaryPage {
		dictionary, t.pages = &t.pages[0], t.pages[1:]
	}
	t.coded = dictionary != nil && !slices.ContainsFunc(t.pages, func(p page) bool { return !p.encoding.dictionary() })
	if err := t.budget(dictionary); err != nil {
		return err
	}
	if dictionary != nil {
		t.dictionary = dictionary
		if err := t.readDictionary(dictionary); err != nil {
			return err
		}
	}
	t.reset()
	for i := range t.pages {
		if err := t.page(&t.pages[i]); err != nil {
			return err
		}
	}
	return t.finish()
}

// budget takes what the column needs for sure off the memory that is left, before
// any of it is allocated. The bytes of strings come on top while they are read.
func (t *task) budget(dictionary *page) error {
	need := int64(t.slots) / 4 // bitmaps
	if t.coded {
		need += 4 * int64(t.slots)
	} else {
		need += width(t.typ) * int64(t.slots)
	}
	if dictionary != nil {
		need += width(t.typ) * (int64(dictionary.values) + 1)
	}
	each := int64(8) // of a page's values, as they are stored
	if t.col.list {
		need += t.lists.size()
		each += 2 // levels
	}
	passing := int64(len(t.raw)) // what the next column can use again
	for i := range t.pages {
		p := &t.pages[i]
		passing = max(passing, int64(len(t.raw))+int64(p.uncompressed)+each*int64(p.values))
	}
	if need+passing > t.left {
		return tooLarge("the row group", t.left)
	}
	t.left -= need
	return nil
}

// reset makes room for the slots.
func (t *task) reset() {
	if t.coded {
		t.out.index = resize(t.out.index, t.slots)
	} else {
		resetVector(&t.out.values, t.typ, t.slots)
	}
	if t.col.optional {
		t.out.valid = resize(t.out.valid, (t.slots+63)/64)
		clear(t.out.valid)
	}
	if t.col.list {
		t.lists.reset(t.out)
	}
}

// textLimit is how long the bytes of a Text may get: its offsets have 32 bits.
func (t *task) textLimit() int64 { return min(math.MaxUint32, t.left) }

// body returns the decompressed form of stored, which is (a part of) the page's body.
func (t *task) body(p *page, stored []byte, length int) ([]byte, error) {
	if length == 0 { // codecs disagree about what nothing is once compressed
		return nil, nil
	}
	if t.codec == uncompressedCodec || p.stored {
		if len(stored) != length {
			return nil, diag.New("Q205", "a page that is not compressed has %d bytes instead of %d", len(stored), length)
		}
		return stored, nil
	}
	t.plain = padded(t.plain, length)
	return t.plain, t.codecs.decompress(t.codec, stored, t.plain)
}

// decode writes n values of a page into slots start and following of into.
func (t *task) decode(data []byte, e encoding, into *column.Vector, start, n int) error {
	text := &t.values.text
	if t.inPlace() {
		text = &into.Text
	} else {
		text.Reset()
	}
	if err := t.values.decode(data, e, t.col.physical, t.col.width, n, text, t.textLimit()); err != nil {
		return err
	}
	if t.inPlace() {
		return nil
	}
	return t.store(into, start, n, nil)
}

// inPlace reports whether values are decoded to where they stay.
func (t *task) inPlace() bool { return t.typ == column.String && t.col.form == asIs }

// store writes the n values that have been decoded into slots start and following. See
// storeExact for bad.
func (t *task) store(into *column.Vector, start, n int, bad column.Bitmap) error {
	if t.col.form == decimal || t.col.form == unsigned64 {
		return t.values.storeExact(t.col, into, start, n, t.textLimit()-int64(len(t.values.text.Bytes)), bad)
	}
	return t.values.store(t.col, into, start, n)
}

// page decodes a data page: its levels, then its values.
func (t *task) page(p *page) error {
	data, n, present, err := t.levels(p)
	if err != nil {
		return err
	}
	switch {
	case t.coded:
		if err := t.indexRows(data, n, present); err != nil {
			return err
		}
	case p.encoding.dictionary():
		if err := t.gather(data, present); err != nil {
			return err
		}
		t.spread(n, present)
	case p.encoding == plain && t.verbatim():
		if err := t.copyRows(data, &t.out.values, n, present); err != nil {
			return err
		}
	default:
		if err := t.decode(data, p.encoding, &t.out.values, t.start, present); err != nil {
			var o *overflow
			if errors.As(err, &o) {
				return t.overflowed(o)
			}
			return err
		}
		t.spread(n, present)
	}
	t.start += n
	t.present += present
	return nil
}

// overflowed places an overflow of the page that is read: in its row.
func (t *task) overflowed(o *overflow) error {
	valid := t.out.valid
	if !t.col.optional {
		valid = nil
	}
	row := slotOf(valid, t.start, o.at)
	if t.col.list {
		row = t.lists.rowOf(row)
	}
	return diag.New(o.code, "%s", o.what).In(diag.Data{RowGroup: -1, Row: int64(row)})
}

// finish makes the column of what has been decoded.
func (t *task) finish() error {
	v, out := &t.out.values, t.out
	c := &out.column
	if t.col.list {
		c = &out.elements
	}
	*c = column.Column{Len: t.start}
	switch {
	case t.coded:
		c.Index = out.index[:t.start]
		if t.col.optional {
			out.ones = resize(out.ones, (t.entries+64)/64)
			clear(out.ones)
			out.ones.Fill(t.entries)
			v.Valid = out.ones
		}
	default:
		cutVector(v, t.start)
		if t.present < t.start {
			v.Valid = out.valid[:(t.start+63)/64]
		}
		t.left -= int64(len(v.Text.Bytes))
	}
	c.Values = *v
	if t.col.list {
		return t.lists.finish(out)
	}
	return nil
}
