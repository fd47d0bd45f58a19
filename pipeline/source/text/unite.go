package text

import (
	"fmt"
	"slices"
	"strings"

	"quern/features/column"
	"quern/features/diag"
	"quern/pipeline/source"
)

// unite sets the schema, notices and the list of chunks. A key of the folders that is
// also a column hides it: the folders are what the writer sorted the rows by.
func (t *table) unite() error {
	keys, err := t.keyColumns()
	if err != nil {
		return err
	}
	for i := range t.files {
		if t.files[i].rows == 0 {
			t.notices = append(t.notices, fmt.Sprintf("file %s has no rows", t.files[i].Name))
		}
	}
	for i := range t.columns.all {
		c := &t.columns.all[i]
		switch {
		case c.name == "":
			t.notices = append(t.notices, "a column without a name in the header is left out")
		case slices.ContainsFunc(keys, func(k key) bool { return k.name == c.name }):
			t.notices = append(t.notices, fmt.Sprintf("column %s is in the files and in the folders' names: the folders' values are used", c.name))
		default:
			t.addColumn(c)
		}
	}
	t.keys = map[string]*column.Column{}
	for i := range keys {
		t.schema = append(t.schema, column.Field{Name: keys[i].name, Type: keys[i].column.Type()})
		t.keys[keys[i].name] = &keys[i].column
	}
	if err := t.declare(); err != nil {
		return err
	}
	t.settle()
	t.listChunks()
	t.columns = registry{}
	return nil
}

// addColumn judges a column of the files.
func (t *table) addColumn(c *registered) {
	v := c.judge(t.format.Strict())
	given := t.Types.Find(c.name)
	if given >= 0 {
		v = c.accept(t.Types[given].Type)
	}
	if v.reason != "" {
		t.unusable[c.name] = v.reason
		return
	}
	t.schema = append(t.schema, column.Field{Name: c.name, Type: v.typ})
	c.typ = v.typ
	if v.notice != "" {
		t.notices = append(t.notices, fmt.Sprintf("column %s %s", c.name, v.notice))
	}
	if all := c.classes | c.elements; given < 0 && all&otherCell != 0 && all&(numberCells|timeCells) != 0 {
		t.notices = append(t.notices, fmt.Sprintf("column %s holds %q beside numbers or times, so it is read as strings", c.name, c.example))
	}
	if gap := t.gap(c); gap >= 0 {
		t.notices = append(t.notices, fmt.Sprintf("column %s is not in %d of %d files (the first: %s): its rows there are null",
			c.name, len(t.columns.filled)-c.files, len(t.columns.filled), t.files[gap].Name))
	}
}

// settle gives the plain values that are kept the types that all rows say, and frees
// the columns that nobody can read.
func (t *table) settle() {
	t.places = t.columns.places
	for i := range t.chunks {
		for place := range t.chunks[i].kept {
			k, typ := &t.chunks[i].kept[place], t.columns.all[place].typ
			if typ == column.Invalid {
				*k = kept{state: keptLost}
			} else if k.state == keptPlain {
				var ok bool
				if k.plain, ok = widened(&k.plain, typ); !ok {
					*k = kept{state: keptLost}
				}
			}
		}
	}
}

// gap returns the first file with rows that lacks c, or -1.
func (t *table) gap(c *registered) int {
	if c.gap < 0 && c.files < len(t.columns.filled) {
		return t.columns.filled[c.files]
	}
	return c.gap
}

// declare looks for types of columns that are not there: a mistake, or columns of
// nulls if these may be declared.
func (t *table) declare() error {
	var mistakes diag.List
	find := t.schema.Finder(len(t.Types))
	for _, f := range t.Types {
		if _, ok := t.unusable[f.Name]; ok || find(f.Name) >= 0 {
			continue
		}
		if !t.Declare {
			mistakes = append(mistakes, t.missing(f.Name))
			continue
		}
		t.schema = append(t.schema, f)
		t.notices = append(t.notices, fmt.Sprintf("column %s of schema: is in none of the files: all its rows are null", f.Name))
	}
	return mistakes.Err()
}

// missing explains why there is no column called name.
func (t *table) missing(name string) *diag.Error {
	if reason, ok := t.unusable[name]; ok {
		return diag.New("Q211", "column %s cannot be used: %s", name, reason)
	}
	e := diag.New("Q212", "there is no column %s", name)
	names := make([]string, len(t.schema))
	for i, f := range t.schema {
		names[i] = f.Name
	}
	if near := diag.Nearest(name, names); near != "" {
		return e.WithHint("did you mean %q?", near)
	}
	return e.WithHint("the columns are: %s", strings.Join(names[:min(len(names), 20)], ", "))
}

// listChunks numbers the chunks that have rows.
func (t *table) listChunks() {
	t.chunks = slices.DeleteFunc(t.chunks, func(c chunk) bool { return c.rows == 0 })
	for i, c := range t.chunks {
		t.listed = append(t.listed, source.Chunk{
			Index: i, File: t.files[c.file].Name, Group: -1, Rows: c.rows, Bytes: c.to - c.from,
			// Each cell and element takes a code or value, and its text at most once.
			Memory: c.decoded + 4*(c.rows*int64(c.columns)+c.elements),
			Digest: c.digest,
		})
	}
}

// key is a column that the folders' names give: a row per file.
type key struct {
	name   string
	column column.Column
}

// keyColumns types the keys, by their values or as the user says.
func (t *table) keyColumns() ([]key, error) {
	var keys []key
	for _, k := range source.KeyColumns(t.Files) {
		c := column.Column{Len: k.Values.Len, Values: k.Values}
		if at := t.Types.Find(k.Name); at >= 0 {
			if t.Types[at].Type.IsList() {
				return nil, NoLists(k.Name, t.Types[at].Type, "the name of a folder")
			}
			var err error
			if c, err = t.typedKey(k.Name, t.Types[at].Type); err != nil {
				return nil, err
			}
		}
		keys = append(keys, key{k.Name, c})
	}
	return keys, nil
}

// typedKey parses the values of a key.
func (t *table) typedKey(name string, typ column.Type) (column.Column, error) {
	var b builder
	b.reset(typ, len(t.Files), newSeed())
	for f, file := range t.Files {
		at := slices.IndexFunc(file.Keys, func(k source.Key) bool { return k.Name == name })
		if at < 0 || file.Keys[at].Null {
			continue
		}
		if !b.add(f, []byte(file.Keys[at].Value)) {
			err := wrongValue([]byte(file.Keys[at].Value), name, typ)
			return column.Column{}, err.In(diag.Data{File: file.Name, RowGroup: -1, Row: -1, Column: name})
		}
	}
	return b.finish(len(t.Files)), nil
}

// NoLists says that the user gave a column a type of lists, where there are none.
func NoLists(name string, typ column.Type, where string) *diag.Error {
	e := diag.New("Q041", "column %q cannot be %v: %s holds no lists", name, typ, where)
	return e.In(diag.Data{RowGroup: -1, Row: -1, Column: name}).WithHint("Parquet and JSON lines have lists")
}

// wrongValue says that a text is not of its column's type.
func wrongValue(text []byte, name string, typ column.Type) *diag.Error {
	e := diag.New("Q246", "%q is no %s", Shorten(text), describe(typ.Elem()))
	e.Next = fmt.Sprintf("correct the row, or read the column as it is with schema: {%s: %v}", name, column.String.Like(typ))
	return e
}

// describe returns what the values of a type are.
func describe(typ column.Type) string {
	switch typ {
	case column.Bool:
		return "bool (true or false)"
	case column.Date:
		return "date (such as 2001-06-01)"
	case column.Datetime:
		return "datetime (such as 2001-06-01T17:30:00)"
	case column.Timestamp:
		return "timestamp (such as 2001-06-01T17:30:00Z)"
	}
	return typ.String()
}

// Shorten returns text for a message: at most 40 bytes of it.
func Shorten(text []byte) string {
	if len(text) > 40 {
		return string(text[:37]) + "..."
	}
	return string(text)
}
