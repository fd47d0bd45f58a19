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
	left   int64 // bytes that the current batch may still take
	raw    []byte
	pages  []page
	plain  []byte // a decompressed page
	values values
	coded  []int32 // the indexes of a page, in a chunk that is dictionary-coded only in part
	codecs decompressor
}

// output holds the memory of one column of a batch.
type output struct {
	column column.Column
	values column.Vector // of the rows, or of the dictionary
	dict   column.Vector // the dictionary of a chunk that is dictionary-coded only in part
	index  []int32
	valid  column.Bitmap // a bit per row
	ones   column.Bitmap // of the dictionary's slots
}

// read reads column col of a row group, as type typ, into out.
//
// A chunk that is dictionary-coded from end to end becomes a dictionary column,
// with a null slot at the end if the column is optional. Writers give up a
// dictionary that grows too large; such a chunk becomes a plain column.
func (d *decoder) read(r store.Reader, k *chunk, col *fileColumn, typ column.Type, rows int, out *output) error {
	if !known(k.codec) {
		return diag.New("Q207", "the column is compressed with %s, which quern cannot read", codecName(k.codec))
	}
	if k.length > d.left {
		return tooLarge("the column", d.left)
	}
	d.raw = resize(d.raw, int(k.length))
	if err := readFull(r, d.raw, k.offset); err != nil {
		return err
	}
	var err error
	if d.pages, err = listPages(d.raw, int64(rows), col.physical, d.pages[:0]); err != nil {
		return err
	}
	t := task{decoder: d, codec: k.codec, col: col, typ: typ, rows: rows, out: out, pages: d.pages}
	return t.run()
}

// task is the decoding of one column chunk.
type task struct {
	*decoder
	codec      int32
	col        *fileColumn
	typ        column.Type
	rows       int
	out        *output
	pages      []page // the data pages, once run has taken the dictionary off
	dictionary *page
	coded      bool          // every page is dictionary-coded
	entries    int           // of the dictionary
	bad        column.Bitmap // the dictionary's entries that do not fit the type; nil: none
	start      int           // rows done
	present    int           // of these, how many are not null
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
	if t.coded {
		t.out.index = resize(t.out.index, t.rows)
	} else {
		resetVector(&t.out.values, t.typ, t.rows)
	}
	if t.col.optional {
		t.out.valid = resize(t.out.valid, (t.rows+63)/64)
		clear(t.out.valid)
	}
	for i := range t.pages {
		if err := t.page(&t.pages[i]); err != nil {
			return err
		}
	}
	t.finish()
	return nil
}

// budget takes what the column needs for sure off the memory that is left, before
// any of it is allocated. The bytes of strings come on top while they are read.
func (t *task) budget(dictionary *page) error {
	need := int64(t.rows) / 4 // bitmaps
	if t.coded {
		need += 4 * int64(t.rows)
	} else {
		need += width(t.typ) * int64(t.rows)
	}
	if dictionary != nil {
		need += width(t.typ) * (int64(dictionary.values) + 1)
	}
	passing := int64(len(t.raw)) // what the next column can use again
	for i := range t.pages {
		p := &t.pages[i]
		passing = max(passing, int64(len(t.raw))+int64(p.uncompressed)+8*int64(p.values))
	}
	if need+passing > t.left {
		return tooLarge("the row group", t.left)
	}
	t.left -= need
	return nil
}

// width returns the bytes that a slot of a vector takes, strings' bytes apart.
func width(t column.Type) int64 {
	switch {
	case t == column.Bool:
		return 1
	case t.Narrow(), t == column.String:
		return 4
	}
	return 8
}

// resetVector makes v a vector of n slots of type t, none of them null; a vector of
// strings becomes empty.
func resetVector(v *column.Vector, t column.Type, n int) {
	v.Type, v.Len, v.Valid = t, n, nil
	switch t {
	case column.Bool:
		v.Bools = resize(v.Bools, n)
	case column.Int32, column.Date:
		v.Int32s = resize(v.Int32s, n)
	case column.Int64, column.Timestamp, column.Datetime:
		v.Int64s = resize(v.Int64s, n)
	case column.Float32:
		v.Float32s = resize(v.Float32s, n)
	case column.Float64:
		v.Float64s = resize(v.Float64s, n)
	case column.String:
		v.Text.Offsets = slices.Grow(v.Text.Offsets[:0], n+1)
		v.Text.Reset()
	}
}

// textLimit is how long the bytes of a Text may get: its offsets have 32 bits.
func (t *task) textLimit() int64 { return min(math.MaxUint32, t.left) }

// readDictionary decodes the dictionary: into out.values if that is what the column
// will be, else into out.dict.
func (t *task) readDictionary(p *page) error {
	t.entries = int(p.values)
	into := &t.out.dict
	slots := t.entries
	if t.coded {
		into = &t.out.values
		if t.col.optional {
			slots++
		}
	}
	// The page must be able to hold so many values before there is room for them.
	if int64(t.entries) > 8*int64(p.uncompressed) {
		return short(t.entries)
	}
	resetVector(into, t.typ, slots)
	data, err := t.body(p, p.body, int(p.uncompressed))
	if err != nil {
		return err
	}
	if err := t.decode(data, plain, into, 0, t.entries); err != nil {
		if err := t.entryFault(err, into); err != nil {
			return err
		}
	}
	if slots > t.entries && t.typ == column.String {
		into.Text.Append(nil)
	}
	t.left -= int64(len(into.Text.Bytes))
	return nil
}

// entryFault handles an error of decoding the dictionary. A value that does not fit the
// type which the caller has given is an error only where a row uses it, and the row is
// its place: such entries are marked in t.bad.
func (t *task) entryFault(err error, into *column.Vector) error {
	var o *overflow
	switch {
	case !errors.As(err, &o):
		return err
	case o.code != "Q215":
		return overflowed(o, nil, -1)
	}
	t.bad = column.NewBitmap(t.entries)
	if t.typ == column.String {
		into.Text.Reset()
	}
	return t.store(into, 0, t.entries, t.bad)
}

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
	t.plain = resize(t.plain, length)
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

// fits checks that the rows of a page use no entry of the dictionary that does not fit
// the type. indexes are those of the present rows.
func (t *task) fits(indexes []int32) error {
	if t.bad == nil {
		return nil
	}
	for i, entry := range indexes {
		if t.bad.Get(int(entry)) {
			what, err := t.misfit(int(entry))
			if err != nil {
				return err
			}
			return overflowed(&overflow{i, "Q215", what}, t.validity(), t.start)
		}
	}
	return nil
}

// misfit says why an entry of the dictionary does not fit the type.
func (t *task) misfit(entry int) (string, error) {
	p := t.dictionary
	data, err := t.body(p, p.body, int(p.uncompressed))
	if err != nil {
		return "", err
	}
	t.values.text.Reset()
	if err := t.values.decode(data, plain, t.col.physical, t.col.width, t.entries, &t.values.text, t.textLimit()); err != nil {
		return "", err
	}
	var slot column.Vector
	resetVector(&slot, t.typ, 1)
	t.values.exact.set(t.col.scale)
	return t.values.putExact(t.col, entry, &slot, 0), nil
}

// page decodes a data page: its levels, then its values.
func (t *task) page(p *page) error {
	n := int(p.values)
	data, present, err := t.levels(p)
	if err != nil {
		return err
	}
	switch {
	case t.coded:
		into := t.out.index[t.start : t.start+n]
		if err := readIndexes(data, into[:present], t.entries); err != nil {
			return err
		}
		if err := t.fits(into[:present]); err != nil {
			return err
		}
		if present < n {
			spreadIndexes(into, t.out.valid, t.start, present, int32(t.entries))
		}
	case p.encoding.dictionary():
		if err := t.gather(data, present); err != nil {
			return err
		}
		t.spread(n, present)
	default:
		if err := t.decode(data, p.encoding, &t.out.values, t.start, present); err != nil {
			var o *overflow
			if errors.As(err, &o) {
				return overflowed(o, t.validity(), t.start)
			}
			return err
		}
		t.spread(n, present)
	}
	t.start += n
	t.present += present
	return nil
}

// validity returns the bitmap of the rows done, nil for a required column.
func (t *task) validity() column.Bitmap {
	if !t.col.optional {
		return nil
	}
	return t.out.valid
}

// levels reads the definition levels of a page into out.valid and returns the
// values after them, decompressed, and how many there are.
func (t *task) levels(p *page) (data []byte, present int, err error) {
	n := int(p.values)
	if p.kind == dataPage2 {
		levels, stored := p.body[p.repeatBytes:p.repeatBytes+p.levelBytes], p.body[p.repeatBytes+p.levelBytes:]
		present = n
		if t.col.optional {
			if present, err = readLevels(levels, t.out.valid, t.start, n); err != nil {
				return nil, 0, err
			}
		}
		if present != n-int(p.nulls) {
			return nil, 0, diag.New("Q205", "a page counts %d nulls but has %d", p.nulls, n-present)
		}
		data, err = t.body(p, stored, int(p.uncompressed-p.repeatBytes-p.levelBytes))
		return data, present, err
	}
	if data, err = t.body(p, p.body, int(p.uncompressed)); err != nil || !t.col.optional {
		return data, n, err
	}
	switch p.levels {
	case runLength:
		var levels []byte
		if levels, data, err = lengthPrefixed(data); err == nil {
			present, err = readLevels(levels, t.out.valid, t.start, n)
		}
	case bitPacked:
		if present, err = readPackedLevels(data, t.out.valid, t.start, n); err == nil {
			data = data[(n+7)/8:]
		}
	default:
		err = diag.New("Q207", "the levels of a page are written as %s, which quern cannot read", p.levels)
	}
	return data, present, err
}

// gather looks the indexes of a page up and writes the values as plain ones.
func (t *task) gather(data []byte, present int) error {
	t.decoder.coded = resize(t.decoder.coded, present)
	indexes := t.decoder.coded
	if err := readIndexes(data, indexes, t.entries); err != nil {
		return err
	}
	if err := t.fits(indexes); err != nil {
		return err
	}
	into, from, end := &t.out.values, &t.out.dict, t.start+present
	switch {
	case t.typ == column.String:
		total := int64(0)
		for _, i := range indexes {
			total += int64(from.Text.Offsets[i+1] - from.Text.Offsets[i])
		}
		if err := room(&into.Text, int(total), t.textLimit()); err != nil {
			return err
		}
		for _, i := range indexes {
			into.Text.Append(from.Text.At(int(i)))
		}
	case t.typ == column.Bool:
		gather(into.Bools[t.start:end], from.Bools, indexes)
	case into.Int32s != nil:
		gather(into.Int32s[t.start:end], from.Int32s, indexes)
	case into.Int64s != nil:
		gather(into.Int64s[t.start:end], from.Int64s, indexes)
	case into.Float32s != nil:
		gather(into.Float32s[t.start:end], from.Float32s, indexes)
	case into.Float64s != nil:
		gather(into.Float64s[t.start:end], from.Float64s, indexes)
	}
	return nil
}

// spread gives the page's n rows their slots of out.values: present values stand in
// the first of these slots.
func (t *task) spread(n, present int) {
	v, from, to := &t.out.values, t.start, t.start+n
	if t.typ == column.String {
		v.Text.Offsets = slices.Grow(v.Text.Offsets, n-present)[:to+1]
		if present < n {
			spreadOffsets(v.Text.Offsets[from+1:], t.out.valid, from, present, v.Text.Offsets[from])
		}
		return
	}
	if present == n {
		return
	}
	switch {
	case v.Bools != nil:
		spread(v.Bools[from:to], t.out.valid, from, present)
	case v.Int32s != nil:
		spread(v.Int32s[from:to], t.out.valid, from, present)
	case v.Int64s != nil:
		spread(v.Int64s[from:to], t.out.valid, from, present)
	case v.Float32s != nil:
		spread(v.Float32s[from:to], t.out.valid, from, present)
	case v.Float64s != nil:
		spread(v.Float64s[from:to], t.out.valid, from, present)
	}
}

// finish makes the column of what has been decoded.
func (t *task) finish() {
	v, out := &t.out.values, t.out
	switch {
	case t.coded && t.col.optional:
		out.ones = resize(out.ones, (t.entries+64)/64)
		clear(out.ones)
		out.ones.Fill(t.entries)
		v.Valid = out.ones
	case !t.coded && t.present < t.rows:
		v.Valid = out.valid
	}
	out.column = column.Column{Len: t.rows, Values: *v}
	if t.coded {
		out.column.Index = out.index
	}
	if !t.coded {
		t.left -= int64(len(v.Text.Bytes))
	}
}
