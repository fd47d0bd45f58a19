package table

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"quern/features/column"
	"quern/features/diag"
	"quern/features/program"
)

// Formats lists the formats of Print.
func Formats() []string { return []string{"table", "json", "jsonl", "csv"} }

// Print writes the first rows of t (0: all) in one of the Formats and returns how
// many they were. JSON has no NaN or infinities: they are written as texts. In CSV
// an unquoted empty field is null and a quoted one the empty text; a list is an array
// of JSON.
func (t *Table) Print(ctx context.Context, w io.Writer, format string, rows int64) (int64, error) {
	p := printer{fields: t.Fields, w: w, left: rows, all: rows == 0}
	var row func(cells []program.Value) error
	switch format {
	case "table":
		grid := &grid{printer: &p}
		row = grid.row
		defer grid.flush()
	case "json", "jsonl":
		lines := &jsonRows{printer: &p, array: format == "json"}
		row = lines.row
		defer lines.end()
	case "csv":
		p.csvHeader()
		row = p.csvRow
	default:
		return 0, diag.New("Q501", "--format is one of %s, not %q", strings.Join(Formats(), ", "), format)
	}
	cells := make([]program.Value, len(t.Fields))
	err := t.Each(ctx, func(b column.Batch) (bool, error) {
		for i := range b.Rows {
			if !p.all && p.left == 0 {
				return false, nil
			}
			for j := range b.Columns {
				c := &b.Columns[j]
				cells[j] = program.ValueAt(&c.Values, c.Slot(i))
			}
			if err := row(cells); err != nil {
				return false, err
			}
			p.left--
			p.shown++
		}
		return p.all || p.left > 0, nil
	})
	return p.shown, err
}

// printer is what the formats share.
type printer struct {
	fields column.Schema
	w      io.Writer
	left   int64
	all    bool
	shown  int64
}

// jsonRows writes rows as objects: one a line, or as the elements of an array.
type jsonRows struct {
	*printer
	array bool
	begun bool
}

func (j *jsonRows) row(cells []program.Value) error {
	var b bytes.Buffer
	switch {
	case j.array && j.begun:
		b.WriteString(",\n ")
	case j.array:
		b.WriteString("[\n ")
	}
	j.begun = true
	b.WriteByte('{')
	for i, f := range j.fields {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(quoted(f.Name) + ": " + jsonValue(f.Type, cells[i]))
	}
	b.WriteByte('}')
	if !j.array {
		b.WriteByte('\n')
	}
	_, err := j.w.Write(b.Bytes())
	return err
}

// end closes the array.
func (j *jsonRows) end() {
	switch {
	case j.array && j.begun:
		io.WriteString(j.w, "\n]\n") //nolint:errcheck // the buffer remembers its error
	case j.array:
		io.WriteString(j.w, "[]\n") //nolint:errcheck // likewise
	}
}

// jsonValue writes a value as JSON.
func jsonValue(t column.Type, v program.Value) string {
	switch {
	case v.Null:
		return "null"
	case t.IsList():
		elements := make([]string, len(v.List))
		for i, e := range v.List {
			elements[i] = jsonValue(t.Elem(), e)
		}
		return "[" + strings.Join(elements, ", ") + "]"
	case t.Kind() == column.Floats && math.IsNaN(v.Float):
		return `"NaN"`
	case t.Kind() == column.Floats && math.IsInf(v.Float, 0):
		return map[bool]string{true: `"Infinity"`, false: `"-Infinity"`}[v.Float > 0]
	case t.Kind() == column.Strings || t.Temporal():
		return quoted(string(program.AppendFormat(nil, t, v)))
	}
	return string(program.AppendFormat(nil, t, v))
}

// quoted writes a text as JSON; bytes that are not UTF-8 become U+FFFD.
func quoted(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic("quern: bug: a text does not encode: " + err.Error())
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func (p *printer) csvHeader() {
	names := make([]string, len(p.fields))
	for i, f := range p.fields {
		names[i] = csvText(f.Name)
	}
	fmt.Fprintln(p.w, strings.Join(names, ","))
}

func (p *printer) csvRow(cells []program.Value) error {
	texts := make([]string, len(cells))
	for i, v := range cells {
		switch t := p.fields[i].Type; {
		case v.Null:
		case t.IsList():
			texts[i] = csvText(jsonValue(t, v))
		default:
			texts[i] = csvText(string(program.AppendFormat(nil, t, v)))
		}
	}
	_, err := fmt.Fprintln(p.w, strings.Join(texts, ","))
	return err
}

// csvText quotes a text where CSV needs it, and where it would read as null.
func csvText(s string) string {
	if s != "" && !strings.ContainsAny(s, ",\"\r\n") {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}

// gridRows is how many rows decide on the widths of the columns, and maxCell how
// many runes of a cell are shown.
const (
	gridRows = 1000
	maxCell  = 40
)

// grid writes rows in columns: a name, a type, then values, numbers to the right.
type grid struct {
	*printer
	rows   [][]string
	widths []int
}

func (g *grid) row(cells []program.Value) error {
	texts := make([]string, len(cells))
	for i, v := range cells {
		texts[i] = CellText(g.fields[i].Type, v)
	}
	if g.widths != nil {
		return g.line(texts)
	}
	if g.rows = append(g.rows, texts); len(g.rows) == gridRows {
		return g.flush()
	}
	return nil
}

// flush writes the head and the rows that were held back.
func (g *grid) flush() error {
	if g.widths != nil || len(g.fields) == 0 {
		return nil
	}
	names, types := make([]string, len(g.fields)), make([]string, len(g.fields))
	g.widths = make([]int, len(g.fields))
	for i, f := range g.fields {
		names[i], types[i] = short(f.Name), f.Type.String()
	}
	for _, texts := range append([][]string{names, types}, g.rows...) {
		for i, s := range texts {
			g.widths[i] = max(g.widths[i], utf8.RuneCountInString(s))
		}
	}
	for _, texts := range append([][]string{names, types}, g.rows...) {
		if err := g.line(texts); err != nil {
			return err
		}
	}
	return nil
}

// line writes one line of cells.
func (g *grid) line(texts []string) error {
	var b strings.Builder
	for i, s := range texts {
		pad := strings.Repeat(" ", max(0, g.widths[i]-utf8.RuneCountInString(s)))
		if i > 0 {
			b.WriteString("  ")
		}
		if g.fields[i].Type.Numeric() {
			b.WriteString(pad + s)
		} else {
			b.WriteString(s + pad)
		}
	}
	_, err := fmt.Fprintln(g.w, strings.TrimRight(b.String(), " "))
	return err
}

// CellText writes a value for people: one line without control characters, cut to
// 40 runes. The texts that would read as something else are quoted. A list is [a, b].
func CellText(t column.Type, v program.Value) string {
	if v.Null {
		return "null"
	}
	if t.IsList() {
		return listText(t.Elem(), v.List)
	}
	s := string(program.AppendFormat(nil, t, v))
	if t != column.String {
		return s
	}
	if s == "" || s == "null" || strings.TrimSpace(s) != s || !utf8.ValidString(s) || strings.ContainsFunc(s, unprintable) {
		s = fmt.Sprintf("%q", s)
	}
	return short(s)
}

// listText writes as much of a list as is shown.
func listText(elem column.Type, list []program.Value) string {
	text := "["
	for i, v := range list {
		if len(text) > utf8.UTFMax*maxCell {
			break // what follows is cut anyway
		}
		if i > 0 {
			text += ", "
		}
		s := CellText(elem, v)
		if elem == column.String && !v.Null && s[0] != '"' && strings.ContainsAny(s, ",[]") {
			s = fmt.Sprintf("%q", s)
		}
		text += s
	}
	return short(text + "]")
}

// short cuts s to maxCell printable runes.
func short(s string) string {
	runes := []rune(strings.Map(func(r rune) rune {
		if unprintable(r) {
			return utf8.RuneError
		}
		return r
	}, s))
	if len(runes) > maxCell {
		return string(runes[:maxCell-1]) + "…"
	}
	return string(runes)
}

// unprintable reports whether r could steer a terminal or hide text.
func unprintable(r rune) bool { return r != ' ' && !unicode.IsGraphic(r) || unicode.Is(unicode.Cf, r) }
