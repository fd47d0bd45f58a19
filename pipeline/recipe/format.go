package recipe

import (
	"bytes"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"quern/features"
)

// Format writes a recipe as canonical YAML: Parse gives back an equal one, places
// and comments aside. Options that have their default values are left out. An
// operator that is not in the catalogue and a text that is not UTF-8 are bugs of the
// caller; whether the recipe makes sense is not checked.
func (r Reader) Format(recipe *Recipe) []byte {
	w := &writer{Reader: r.withDefaults(), preset: recipe.Preset}
	w.comment("", recipe.Comment)
	w.line("quern: %d", Version)
	w.text("name", recipe.Name.Text)
	w.text("preset", string(recipe.Preset))
	w.source(recipe.Source)
	if recipe.Fit.Where.Text != "" {
		w.line("fit:")
		w.line("  where: %s", quote(recipe.Fit.Where.Text))
	}
	w.names("key", recipe.Key)
	w.text("time", recipe.Time.Text)
	w.names("keep", recipe.Keep)
	if len(recipe.Labels) > 0 {
		w.line("label:")
	}
	for _, l := range recipe.Labels {
		w.line("  %s: %s", word(l.Name.Text), quote(l.Expr.Text))
	}
	w.line("features:")
	for _, f := range recipe.Features {
		w.feature(f)
	}
	w.output(recipe.Output)
	w.online(recipe.Online)
	return w.out.Bytes()
}

// writer writes YAML.
type writer struct {
	Reader
	preset Preset
	out    bytes.Buffer
}

// line writes a line.
func (w *writer) line(format string, args ...any) { fmt.Fprintf(&w.out, format+"\n", args...) }

// comment writes text as comment lines.
func (w *writer) comment(indent, text string) {
	for line := range strings.Lines(text) {
		w.line("%s", strings.TrimRight(indent+"# "+strings.Map(visible, strings.TrimRight(line, "\n")), " "))
	}
}

// visible replaces what a recipe cannot hold.
func visible(r rune) rune {
	if unicode.IsControl(r) {
		return ' '
	}
	return r
}

// text writes a key with a text, unless it is empty.
func (w *writer) text(key, text string) {
	if text != "" {
		w.line("%s: %s", key, word(text))
	}
}

// names writes a key with a list of names, unless it is empty.
func (w *writer) names(key string, names []Name) {
	if len(names) > 0 {
		w.line("%s: %s", key, flowNames(names))
	}
}

// flowNames writes names as a list.
func flowNames(names []Name) string {
	words := make([]string, len(names))
	for i, n := range names {
		words[i] = word(n.Text)
	}
	return "[" + strings.Join(words, ", ") + "]"
}

// source writes the key source.
func (w *writer) source(s Source) {
	w.line("source:")
	if len(s.Files) == 1 {
		w.text("  "+string(s.Format), s.Files[0].Text)
	} else {
		w.names("  "+string(s.Format), s.Files)
	}
	if s.Where.Text != "" {
		w.line("  where: %s", quote(s.Where.Text))
	}
	if len(s.Schema) > 0 {
		w.line("  schema:")
	}
	for _, t := range s.Schema {
		w.line("    %s: %s", word(t.Name.Text), t.Type)
	}
	if s.CSV.Delimiter != 0 {
		w.line("  delimiter: %s", quote(string(s.CSV.Delimiter)))
	}
	if s.CSV.NoHeader {
		w.line("  header: false")
	}
	w.text("  null_text", s.CSV.NullText)
}

// feature writes one feature.
func (w *writer) feature(f Feature) {
	w.comment("  ", f.Comment)
	var lines []string
	add := func(key, value string) { lines = append(lines, key+": "+value) }
	if f.Name.Text != "" {
		add("name", word(f.Name.Text))
	}
	if len(f.Columns) > 0 {
		add("columns", flowNames(f.Columns))
	}
	if f.Expr.Text != "" {
		add("expr", quote(f.Expr.Text))
	}
	if f.As.Text != "" {
		add("as", word(f.As.Text))
	}
	if len(f.Steps) > 0 {
		lines = append(lines, "steps:")
	}
	for i, line := range lines {
		w.line("%s%s", []string{"  - ", "    "}[min(i, 1)], line)
	}
	for _, s := range f.Steps {
		w.line("      - %s", w.step(s))
	}
}

// step returns a step as it is written.
func (w *writer) step(s Step) string {
	name, fresh := w.fresh(s)
	op := reflect.ValueOf(s.Operator)
	if op.Kind() != reflect.Pointer {
		p := reflect.New(op.Type())
		p.Elem().Set(op)
		op = p
	}
	settings := features.Encode(op.Interface(), fresh)
	if len(settings) == 0 {
		return word(name)
	}
	parts := make([]string, len(settings))
	for i, o := range settings {
		parts[i] = word(o.Key) + ": " + flow(o.Value)
	}
	return word(name) + ": {" + strings.Join(parts, ", ") + "}"
}

// fresh finds the operator of s in the catalogue, by its name or else by its type,
// and returns it with its defaults.
func (w *writer) fresh(s Step) (string, features.Operator) {
	names := []string{s.Name}
	if s.Name == "" {
		names = w.Names()
	}
	for _, name := range names {
		entry, ok := w.Find(name)
		if !ok {
			continue
		}
		fresh := w.New(entry, w.preset)
		if of(s.Operator) == of(fresh) {
			return name, fresh
		}
	}
	panic(fmt.Sprintf("quern: bug: operator %q (%T) is not in the catalogue", s.Name, s.Operator))
}

// of returns the struct type of an operator.
func of(o features.Operator) reflect.Type {
	t := reflect.TypeOf(o)
	if t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// output writes the key output.
func (w *writer) output(o Output) {
	if o.Parquet == nil && o.Tensor == nil {
		return
	}
	w.line("output:")
	if p := o.Parquet; p != nil {
		w.line("  parquet: {%s}", given("path", p.Path.Text, "codec", string(p.Codec), "dtype", string(p.DType), "encoding", string(p.Encoding)))
	}
	if t := o.Tensor; t != nil {
		w.line("  tensor: {%s}", given("path", t.Path.Text, "format", string(t.Format), "dtype", string(t.DType), "layout", string(t.Layout)))
	}
}

// given writes those keys whose values are not empty.
func given(keysAndValues ...string) string {
	var parts []string
	for i := 0; i < len(keysAndValues); i += 2 {
		if v := keysAndValues[i+1]; v != "" {
			parts = append(parts, keysAndValues[i]+": "+word(v))
		}
	}
	return strings.Join(parts, ", ")
}

// flow writes an option's value.
func flow(value any) string {
	switch v := value.(type) {
	case nil:
		return "null"
	case bool:
		return fmt.Sprint(v)
	case features.Literal:
		return number(v)
	case string:
		return word(v)
	case []any:
		parts := make([]string, len(v))
		for i, item := range v {
			parts[i] = flow(item)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]any:
		var parts []string
		for _, key := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, word(key)+": "+flow(v[key]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	panic(fmt.Sprintf("quern: bug: an option's value is a %T", value))
}

// number writes a number. Underscores, which Go allows, are left out; what is no
// number in YAML becomes a text, which the option will refuse.
func number(l features.Literal) string {
	text := strings.ReplaceAll(string(l), "_", "")
	if s := shapeOf(text); s == numberShape || s == oddShape {
		return text
	}
	return quote(text)
}

// word writes a text, plain where no reader of YAML could take it for anything else.
func word(text string) string {
	if shapeOf(text) != textShape || len(text) > 200 {
		return quote(text)
	}
	for i, r := range text {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r == '_':
		case i > 0 && (r >= '0' && r <= '9' || strings.ContainsRune("-./*", r)):
		default:
			return quote(text)
		}
	}
	switch strings.ToLower(text) {
	case "y", "n", "yes", "no", "on", "off": // booleans of YAML 1.1
		return quote(text)
	}
	return text
}

// quote writes a text in double quotes.
func quote(text string) string {
	if !utf8.ValidString(text) {
		panic(fmt.Sprintf("quern: bug: %q is not UTF-8 and cannot stand in a recipe", text))
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteString("\\" + string(r))
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r > 0xffff && !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\U%08x`, r)
		case !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
