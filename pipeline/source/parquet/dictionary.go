package parquet

import (
	"errors"

	"quern/features/column"
	"quern/features/diag"
)

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
		return diag.New(o.code, "%s", o.what)
	}
	t.bad = column.NewBitmap(t.entries)
	if t.typ == column.String {
		into.Text.Reset()
	}
	return t.store(into, 0, t.entries, t.bad)
}

// fits checks that the rows of a page use no entry of the dictionary that does not fit
// the type. indexes are those of present rows; before is how many of the page came before.
func (t *task) fits(indexes []int32, before int) error {
	if t.bad == nil {
		return nil
	}
	for i, entry := range indexes {
		if t.bad.Get(int(entry)) {
			what, err := t.misfit(int(entry))
			if err != nil {
				return err
			}
			return t.overflowed(&overflow{before + i, "Q215", what})
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

// gather looks the indexes of a page up and writes the values as plain ones.
func (t *task) gather(data []byte, present int) error {
	t.indexes = resize(t.indexes, present)
	indexes := t.indexes
	r := &t.block.indexes
	if err := r.begin(data, present, t.entries); err != nil {
		return err
	}
	if err := r.read(indexes); err != nil {
		return err
	}
	if err := t.fits(indexes, 0); err != nil {
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
