package parquet

import (
	"fmt"

	"quern/features/column"
	"quern/features/diag"
	"quern/pipeline/source"
)

// origin says where the values of a column of the schema come from.
type origin struct {
	key *column.Vector // a slot per file: the column is a key of the folders' names
	at  []int          // per file, the position in file.columns; -1: the file lacks it
}

// union is a column while the files' schemas are united.
type union struct {
	name   string
	typ    column.Type // Invalid before the first file
	first  string      // the first file that has the column
	reason string
	form   form // of the last file; any file with nanos or julianDay sets it
	at     []int
}

// unite sets the schema: the columns of all files in order of first appearance,
// then the keys. A key that is also a column hides it: the folders are what the
// writer sorted the rows by.
func (t *table) unite(keys []source.KeyColumn) error {
	columns, err := t.uniteFiles()
	if err != nil {
		return err
	}
	hidden := map[string]bool{}
	for _, k := range keys {
		hidden[k.Name] = true
	}
	t.unusable = map[string]string{}
	for _, c := range columns {
		switch {
		case hidden[c.name]:
			t.notices = append(t.notices, fmt.Sprintf("column %s is in the files and in the folders' names: the folders' values are used", c.name))
		case c.reason != "":
			t.unusable[c.name] = c.reason
		default:
			t.schema = append(t.schema, column.Field{Name: c.name, Type: c.typ})
			t.origins = append(t.origins, origin{at: c.at})
			t.notice(&c)
		}
	}
	for i := range keys {
		t.schema = append(t.schema, column.Field{Name: keys[i].Name, Type: keys[i].Values.Type})
		t.origins = append(t.origins, origin{key: &keys[i].Values})
	}
	return nil
}

// uniteFiles returns the union of the files' columns.
func (t *table) uniteFiles() ([]union, error) {
	var columns []union
	places := map[string]int{}
	for f := range t.files {
		for i := range t.files[f].columns {
			c := &t.files[f].columns[i]
			at, ok := places[c.name]
			if !ok {
				at = len(columns)
				places[c.name] = at
				columns = append(columns, union{name: c.name, first: t.files[f].Name, at: absent(len(t.files))})
			}
			columns[at].at[f] = i
			if err := columns[at].add(c, &t.files[f], len(t.files) > 1); err != nil {
				return nil, err
			}
		}
	}
	return columns, nil
}

// absent returns n times -1.
func absent(n int) []int {
	at := make([]int, n)
	fill(at, -1)
	return at
}

// add widens u by the column c of file f.
func (u *union) add(c *fileColumn, f *file, many bool) error {
	if c.form == nanos || c.form == julianDay {
		u.form = c.form
	}
	switch {
	case u.reason != "":
	case c.reason != "" && many:
		u.reason = fmt.Sprintf("in %s %s", f.Name, c.reason)
	case c.reason != "":
		u.reason = c.reason
	case u.typ == column.Invalid:
		u.typ = c.of(c.typ)
	default:
		typ, ok := widen(u.typ, c.of(c.typ))
		if !ok {
			e := diag.New("Q208", "column %s is %s in %s and %s in %s", c.name, u.typ, u.first, c.of(c.typ), f.Name)
			return e.In(diag.Data{File: f.Name, RowGroup: -1, Row: -1, Column: c.name})
		}
		u.typ = typ
	}
	return nil
}

// widen returns the type that holds all values of both; of lists, all elements.
func widen(a, b column.Type) (column.Type, bool) {
	switch {
	case a == b:
		return a, true
	case a.IsList() != b.IsList():
		return column.Invalid, false
	case a.Elem().Integer() && b.Elem().Integer():
		return column.Int64.Like(a), true
	case a.Elem().Real() && b.Elem().Real():
		return column.Float64.Like(a), true
	}
	return column.Invalid, false
}

// notice tells what the user should know about a usable column.
func (t *table) notice(u *union) {
	switch u.form {
	case nanos:
		t.notices = append(t.notices, fmt.Sprintf("column %s counts nanoseconds: they are rounded down to microseconds", u.name))
	case julianDay:
		t.notices = append(t.notices, fmt.Sprintf("column %s is stored as INT96: it is read as an instant, rounded down to microseconds", u.name))
	}
	missing, first := 0, ""
	for f, at := range u.at {
		if at < 0 {
			if missing == 0 {
				first = t.files[f].Name
			}
			missing++
		}
	}
	if missing > 0 {
		t.notices = append(t.notices, fmt.Sprintf("column %s is not in %d of %d files (the first: %s): its rows there are null", u.name, missing, len(t.files), first))
	}
}
