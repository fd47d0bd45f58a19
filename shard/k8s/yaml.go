package k8s

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// document writes objects one after the other, the first below a line for people.
//
// The YAML is what people write: blocks, two blanks, no quotes where none are needed. A
// text that any version of YAML might take for something else is in double quotes, all on
// one line, so that nothing in it can end it.
func document(title string, objects ...object) []byte {
	w := &writer{}
	for i, o := range objects {
		w.line("---")
		if i == 0 {
			w.line("# " + title)
		}
		w.block(reflect.ValueOf(o), "")
	}
	return []byte(w.b.String())
}

// writer writes structs, maps of texts, slices, texts, numbers and bools.
type writer struct{ b strings.Builder }

func (w *writer) line(s string) { w.b.WriteString(s + "\n") }

// block writes the fields of a struct or map, each on a line of its own.
func (w *writer) block(v reflect.Value, indent string) {
	if v.Kind() == reflect.Map {
		m := v.Interface().(map[string]string)
		for _, key := range slices.Sorted(maps.Keys(m)) {
			w.line(indent + scalar(key) + ": " + scalar(m[key]))
		}
		return
	}
	for i := range v.NumField() {
		name, option, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		if field := v.Field(i); option != "omitempty" || !field.IsZero() {
			w.field(name, indent, field, option == "flow")
		}
	}
}

// field writes a name and its value: on the same line, or indented below.
func (w *writer) field(name, indent string, v reflect.Value, flow bool) {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	switch {
	case flow:
		items := make([]string, v.Len())
		for i := range items {
			items[i] = plain(v.Index(i))
		}
		w.line(indent + name + ": [" + strings.Join(items, ", ") + "]")
	case v.Kind() == reflect.Slice:
		w.line(indent + name + ":")
		for i := range v.Len() {
			w.item(indent, v.Index(i))
		}
	case v.Kind() == reflect.Struct || v.Kind() == reflect.Map:
		below := &writer{}
		below.block(v, indent+"  ")
		if below.b.Len() == 0 {
			w.line(indent + name + ": {}")
			return
		}
		w.line(indent + name + ":\n" + strings.TrimSuffix(below.b.String(), "\n"))
	default:
		w.line(indent + name + ": " + plain(v))
	}
}

// item writes an element of a list.
func (w *writer) item(indent string, v reflect.Value) {
	if v.Kind() != reflect.Struct {
		w.line(indent + "- " + plain(v))
		return
	}
	below := &writer{}
	below.block(v, indent+"  ")
	w.b.WriteString(indent + "- " + strings.TrimPrefix(below.b.String(), indent+"  "))
}

// plain writes a value that takes one line.
func plain(v reflect.Value) string {
	if v.Kind() == reflect.String {
		return scalar(v.String())
	}
	return fmt.Sprint(v.Interface())
}

// scalar writes a text as it is where it can be nothing but a text, else in quotes.
func scalar(s string) string {
	safe, err := regexp.MatchString(`^(?:(--?)?[A-Za-z/][-A-Za-z0-9_./=@+]*(:[-A-Za-z0-9_./=@+]+)*|[0-9]+[KMGT]i)$`, s)
	if err != nil {
		panic("quern: bug: " + err.Error())
	}
	if safe && !reserved(s) && !strings.HasPrefix(s, "---") {
		return s
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == ' ' || unicode.IsPrint(r) && r != unicode.ReplacementChar:
			b.WriteRune(r)
		case r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// reserved reports whether some version of YAML reads the word as something other than a
// text.
func reserved(s string) bool {
	switch strings.ToLower(s) {
	case "y", "n", "yes", "no", "on", "off", "true", "false", "null":
		return true
	}
	return false
}

func number(n uint32) string { return strconv.FormatUint(uint64(n), 10) }

func ptr[T any](v T) *T { return &v }
