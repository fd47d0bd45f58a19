package parquet

import (
	"fmt"
	"strings"
	"unicode"

	"quern/features/column"
	"quern/features/diag"
	"quern/pipeline/source"
)

// assign makes the files' columns have the types that the caller wants them read as.
// It returns every mistake: Q041 for a type that a column does not have and cannot be
// read as, Q211 for a column that no type makes usable, Q212 for a column that is not
// there. Each names its column.
func (t *table) assign(types column.Schema, keys []source.KeyColumn) error {
	found, wrong := map[string]bool{}, map[string]*diag.Error{}
	for _, k := range keys {
		found[k.Name] = true
		if at := types.Find(k.Name); at >= 0 && types[at].Type != k.Values.Type {
			wrong[k.Name] = refusal(k.Name, fmt.Sprintf("is %s, by the folders' names", k.Values.Type), types[at].Type)
		}
	}
	for f := range t.files {
		for i := range t.files[f].columns {
			c := &t.files[f].columns[i]
			at := types.Find(c.name)
			if at < 0 || isKey(keys, c.name) {
				continue
			}
			found[c.name] = true
			if err := c.assign(types[at].Type); err != nil && wrong[c.name] == nil {
				wrong[c.name] = err.In(diag.Data{File: t.files[f].Name, RowGroup: -1, Row: -1, Column: c.name})
			}
		}
	}
	var mistakes diag.List
	for _, want := range types {
		switch {
		case wrong[want.Name] != nil:
			mistakes = append(mistakes, wrong[want.Name])
		case !found[want.Name]:
			mistakes = append(mistakes, t.unknown(want.Name, keys).In(diag.Data{RowGroup: -1, Row: -1, Column: want.Name}))
		}
	}
	return mistakes.Err()
}

func isKey(keys []source.KeyColumn, name string) bool {
	for i := range keys {
		if keys[i].Name == name {
			return true
		}
	}
	return false
}

// unknown is the error of a name that no file and no folder has.
func (t *table) unknown(name string, keys []source.KeyColumn) *diag.Error {
	var names []string
	for f := range t.files {
		for i := range t.files[f].columns {
			names = append(names, t.files[f].columns[i].name)
		}
	}
	for i := range keys {
		names = append(names, keys[i].Name)
	}
	e := diag.New("Q212", "there is no column %s", name)
	if near := diag.Nearest(name, names); near != "" {
		return e.WithHint("did you mean %q?", near)
	}
	return e
}

// assign makes c a column of type to, if its values are exact as such, or if it has no
// type of its own and can be read as one.
func (c *fileColumn) assign(to column.Type) *diag.Error {
	typeless := c.form == decimal || c.form == unsigned64
	value := to.Elem()
	switch {
	case c.reason != "" && !typeless:
		return diag.New("Q211", "column %q cannot be used: %s", c.name, c.reason)
	case c.list != to.IsList():
		return c.misshapen(to)
	case c.form == decimal && (value.Real() || value == column.Int64 || value == column.String):
	case c.form == unsigned64 && (value == column.Float64 || value == column.Int64 || value == column.String):
	case c.form == decimal:
		return refusal(c.name, c.is(), to).WithHint("write %s, %s, %s or %s", c.of(column.Float64), c.of(column.Float32), c.of(column.Int64), c.of(column.String))
	case c.form == unsigned64:
		return refusal(c.name, c.is(), to).WithHint("write %s, %s or %s", c.of(column.Int64), c.of(column.Float64), c.of(column.String))
	case !widens(c.typ, value):
		return refusal(c.name, c.is(), to)
	}
	c.typ, c.reason = value, ""
	return nil
}

// is says what c is.
func (c *fileColumn) is() string {
	what, many := "a decimal", "decimals"
	switch {
	case c.form == unsigned64:
		what, many = "an unsigned 64-bit integer", "unsigned 64-bit integers"
	case c.form != decimal:
		return "is " + c.of(c.typ).String()
	}
	if c.list {
		return "is a list of " + many
	}
	return "is " + what
}

// misshapen is the error of a list that shall be none, or the other way round.
func (c *fileColumn) misshapen(to column.Type) *diag.Error {
	e := refusal(c.name, c.is(), to)
	if c.list {
		return e.WithHint("write %s", c.of(to.Elem()))
	}
	return e.WithHint("write %s", to.Elem())
}

// widens reports whether every value of from is one of to.
func widens(from, to column.Type) bool {
	switch from {
	case to:
		return true
	case column.Int32:
		return to == column.Int64 || to == column.Float64
	case column.Float32:
		return to == column.Float64
	}
	return false
}

// refusal is the error of a type that a column cannot have.
func refusal(name, has string, to column.Type) *diag.Error {
	e := diag.New("Q041", "column %q %s; schema: cannot make it %s", name, has, to)
	return e.WithHint("use the step cast: {to: %s}", to.Elem()).In(diag.Data{RowGroup: -1, Row: -1, Column: name})
}

// giveType tells how to use a column that has no type of its own.
func giveType(name string, typ column.Type) string {
	if odd := func(r rune) bool { return r != '_' && !unicode.IsLetter(r) }; name == "" || strings.ContainsFunc(strings.TrimRight(name, "0123456789"), odd) {
		name = fmt.Sprintf("%q", name)
	}
	return fmt.Sprintf("give it a type: source: {..., schema: {%s: %s}}", name, typ)
}
