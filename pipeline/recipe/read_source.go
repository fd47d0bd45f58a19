package recipe

import (
	"slices"
	"strings"
	"unicode/utf8"

	"quern/features/column"
	"quern/features/diag"
)

// formats lists the formats of sources.
func formats() []FileFormat { return []FileFormat{Parquet, CSVText, JSONL} }

// sourceKeys reads the key source.
func (in *reading) sourceKeys(n *node) {
	s := &in.recipe.Source
	keys := []key{
		{"where", "", func(n *node) { s.Where = in.expr(n, "source.where") }},
		{"schema", "", in.schema},
		{"delimiter", "", in.delimiter},
		{"header", "", func(n *node) { s.CSV.NoHeader = !in.boolean(n, "source.header", true) }},
		{"null_text", "", func(n *node) { s.CSV.NullText = in.name(n, "source.null_text").Text }},
	}
	for i, f := range formats() {
		keys = append(keys[:i], append([]key{{string(f), "", func(n *node) { s.Files = in.files(n, f) }}}, keys[i:]...)...)
	}
	in.mapping(n, "source", keys)
	if n.kind == mapping {
		in.checkFormat(n)
	}
}

// checkFormat makes sure that the source has one format, and no options of another.
func (in *reading) checkFormat(n *node) {
	s := &in.recipe.Source
	for _, p := range n.pairs {
		for _, f := range formats() {
			if p.key.text != string(f) {
				continue
			}
			if s.Format != "" && s.Format != f {
				in.add(p.key.place, diag.New("Q014", "source has both %s and %s", s.Format, f).
					WithHint("a recipe reads one table, in one format"))
				continue
			}
			s.Format, s.Place = f, p.key.place
		}
	}
	if s.Format == "" {
		in.add(n.place, diag.New("Q009", "source names no files").WithHint("add parquet:, csv: or jsonl: with a path"))
		return
	}
	for _, p := range n.pairs {
		switch p.key.text {
		case "delimiter", "header", "null_text":
			if s.Format != CSVText {
				in.add(p.key.place, diag.New("Q014", "%s is for csv files only, but these are %s", p.key.text, s.Format))
			}
		}
	}
}

// files reads a path or a list of them.
func (in *reading) files(n *node, f FileFormat) []Name {
	if n.kind == list {
		return in.names(n, "source."+string(f))
	}
	if path := in.name(n, "source."+string(f)); path.Text != "" {
		return []Name{path}
	}
	return nil
}

// schema reads the types that override what the files say.
func (in *reading) schema(n *node) {
	for _, p := range in.pairs(n, "source.schema", "{distance: float32}") {
		if t := in.columnType(p.value, "the type of column "+p.key.text); t != column.Invalid {
			in.recipe.Source.Schema = append(in.recipe.Source.Schema,
				Typed{Name: Name{p.key.text, p.key.place}, Type: t, At: p.value.place})
		}
	}
}

// columnType reads a type, a list type among them.
func (in *reading) columnType(n *node, what string) column.Type {
	name := in.name(n, what)
	t, ok := column.ParseType(name.Text)
	if ok || name.Text == "" {
		return t
	}
	words, lists := typeNames()
	otherwise := "it is one of " + strings.Join(words, ", ") + ", or a list of one of them, such as list<string>"
	if strings.Contains(name.Text, "<") {
		words = lists
	}
	in.add(name.Place, diag.New("Q011", "%s cannot be %q", what, shorten(name.Text)).
		WithHint("%s", meant(nearest(name.Text, words), otherwise)))
	return column.Invalid
}

// typeNames lists the types, the wide ones first: int is meant to be int64.
func typeNames() (scalars, lists []string) {
	types := column.Types()
	slices.SortStableFunc(types, func(a, b column.Type) int {
		if a.Narrow() == b.Narrow() {
			return 0
		} else if a.Narrow() {
			return 1
		}
		return -1
	})
	for _, t := range types {
		scalars, lists = append(scalars, t.String()), append(lists, column.ListOf(t).String())
	}
	return scalars, lists
}

// delimiter reads the one character that separates the fields of a CSV file.
func (in *reading) delimiter(n *node) {
	if n.kind != scalar || n.null() || n.shape() == boolShape {
		in.wrong(n, "source.delimiter", "one character", `such as ";" or "\t"`)
		return
	}
	r, size := utf8.DecodeRuneInString(n.text)
	if size != len(n.text) || r >= utf8.RuneSelf || r == '"' || r == '\n' || r == '\r' || r == 0 {
		in.add(n.place, diag.New("Q018", "source.delimiter must be one ASCII character, and no quote or line break").
			WithHint(`such as ";" or "\t"`))
		return
	}
	in.recipe.Source.CSV.Delimiter = r
	if r == ',' {
		in.recipe.Source.CSV.Delimiter = 0
	}
}

// boolean reads true or false.
func (in *reading) boolean(n *node, what string, otherwise bool) bool {
	if n.kind != scalar || n.shape() != boolShape {
		in.wrong(n, what, "true or false", "")
		return otherwise
	}
	return n.text[0] == 't' || n.text[0] == 'T'
}

// output reads the key output.
func (in *reading) output(n *node) {
	out := &in.recipe.Output
	in.mapping(n, "output", []key{
		{"parquet", "", func(n *node) {
			p := &ParquetOutput{Place: n.place}
			out.Parquet = p
			in.mapping(n, "output.parquet", []key{
				{"path", "path: out/features", func(n *node) { p.Path = in.name(n, "output.parquet.path") }},
				{"codec", "", func(n *node) { p.Codec = choice(in, n, "output.parquet.codec", p.Codec.Values(), p.Codec) }},
				{"dtype", "", func(n *node) { p.DType = choice(in, n, "output.parquet.dtype", p.DType.Values(), p.DType) }},
				{"encoding", "", func(n *node) {
					p.Encoding = choice(in, n, "output.parquet.encoding", p.Encoding.Values(), p.Encoding)
				}},
			})
		}},
		{"tensor", "", func(n *node) {
			t := &TensorOutput{Place: n.place}
			out.Tensor = t
			in.mapping(n, "output.tensor", []key{
				{"path", "path: out/tensors", func(n *node) { t.Path = in.name(n, "output.tensor.path") }},
				{"format", "", func(n *node) { t.Format = choice(in, n, "output.tensor.format", t.Format.Values(), t.Format) }},
				{"dtype", "", func(n *node) { t.DType = choice(in, n, "output.tensor.dtype", t.DType.Values(), t.DType) }},
				{"layout", "", func(n *node) { t.Layout = choice(in, n, "output.tensor.layout", t.Layout.Values(), t.Layout) }},
			})
		}},
	})
	if out.Parquet != nil && out.Tensor != nil && out.Parquet.Path.Text != "" && out.Parquet.Path.Text == out.Tensor.Path.Text {
		in.add(out.Tensor.Path.Place, diag.New("Q019", "output.parquet has the same path").WithHint("each output is a folder of its own"))
	}
}
