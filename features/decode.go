package features

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sort"
	"strconv"
	"strings"

	"quern/features/diag"
)

// Decode sets the fields of the operator op (a pointer to a struct, with its
// defaults set) from options as a recipe states them: values are nil, bool,
// Literal, string, []any and map[string]any of these. A field's key is its
// `quern:"key"` tag; fields without one are not options. Supported fields: bool,
// int, int64, float64, string, Literal, Chooser words, slices of these,
// and OptionSetter. It reports every mistake, in the order of the struct's
// fields, unknown keys last; each is a *diag.Error of code Q071 or Q072.
func Decode(op any, options map[string]any) []*OptionError {
	v := reflect.ValueOf(op).Elem()
	fields := optionFields(v.Type())
	var mistakes []*OptionError
	var keys []string
	for _, f := range fields {
		keys = append(keys, f.key)
		value, ok := options[f.key]
		if !ok {
			continue
		}
		for _, m := range setOption(v.Field(f.index), value) {
			mistakes = append(mistakes, m.under(f.key))
		}
	}
	return append(mistakes, unknownKeys(options, keys)...)
}

// OptionError is a mistake in one option of a step. Path leads to it from the
// step's options ("quantiles[1]"), so that the recipe's reader can point at it;
// "" is the step itself.
type OptionError struct {
	Path string
	Err  *diag.Error
}

// Error returns the text of the diag.Error.
func (e *OptionError) Error() string { return e.Err.Error() }

// Unwrap returns the *diag.Error.
func (e *OptionError) Unwrap() error { return e.Err }

// under returns e with its path put below key.
func (e *OptionError) under(key string) *OptionError {
	path := key
	if strings.HasPrefix(e.Path, "[") {
		path += e.Path
	} else if e.Path != "" {
		path += "." + e.Path
	}
	return &OptionError{Path: path, Err: e.Err}
}

// Setting is one option with its value, as Decode takes it.
type Setting struct {
	Key   string
	Value any
}

// Encode returns the options of op that differ from those of fresh (the same type
// with its defaults), in the order of the struct: Decode of them into fresh makes
// an operator equal to op. Both are pointers.
func Encode(op, fresh any) []Setting {
	v, d := reflect.ValueOf(op).Elem(), reflect.ValueOf(fresh).Elem()
	var out []Setting
	for _, f := range optionFields(v.Type()) {
		_, chooser := v.Field(f.index).Interface().(Chooser)
		if chooser && v.Field(f.index).String() == "" {
			continue // the empty word is the default
		}
		if !reflect.DeepEqual(v.Field(f.index).Interface(), d.Field(f.index).Interface()) {
			out = append(out, Setting{Key: f.key, Value: getOption(v.Field(f.index))})
		}
	}
	return out
}

// optionField is a field of an operator's struct that recipes can set.
type optionField struct {
	key   string
	index int
}

// optionFields returns the fields that carry a quern tag.
func optionFields(t reflect.Type) []optionField {
	var out []optionField
	for i := range t.NumField() {
		if key := t.Field(i).Tag.Get("quern"); key != "" {
			out = append(out, optionField{key: key, index: i})
		}
	}
	return out
}

// unknownKeys reports the keys of options that are not in known, sorted.
func unknownKeys(options map[string]any, known []string) []*OptionError {
	var unknown []string
	for key := range options {
		if !slices.Contains(known, key) {
			unknown = append(unknown, key)
		}
	}
	sort.Strings(unknown)
	out := make([]*OptionError, len(unknown))
	for i, key := range unknown {
		e := diag.New("Q072", "unknown option %q", key)
		if near := diag.Nearest(key, known); near != "" {
			e = e.WithHint("did you mean %q?", near)
		} else if len(known) == 0 {
			e = e.WithHint("this operator has no options")
		} else {
			e = e.WithHint("options are: %s", strings.Join(known, ", "))
		}
		out[i] = &OptionError{Path: key, Err: e}
	}
	return out
}

// setOption puts value into dst and returns what is wrong with it.
func setOption(dst reflect.Value, value any) []*OptionError {
	if setter, ok := dst.Addr().Interface().(OptionSetter); ok {
		return wrongValue(setter.SetOption(value))
	}
	if dst.Kind() == reflect.Slice {
		return setList(dst, value)
	}
	return wrongValue(setScalar(dst, value))
}

// setList puts a list into a slice.
func setList(dst reflect.Value, value any) []*OptionError {
	list, ok := value.([]any)
	if !ok {
		return wrongValue(fmt.Errorf("must be a list, not %s", shapeOf(value)))
	}
	out := reflect.MakeSlice(dst.Type(), len(list), len(list))
	var mistakes []*OptionError
	for i, item := range list {
		for _, m := range setOption(out.Index(i), item) {
			mistakes = append(mistakes, m.under(fmt.Sprintf("[%d]", i)))
		}
	}
	dst.Set(out)
	return mistakes
}

// setScalar puts a scalar into a bool, a number or a string.
func setScalar(dst reflect.Value, value any) error {
	if literal, ok := value.(Literal); ok {
		return setNumber(dst, literal)
	}
	switch v := value.(type) {
	case nil: // YAML reads the bare word null as nothing
		if chooser, ok := dst.Interface().(Chooser); ok && slices.Contains(chooser.Choices(), "null") {
			dst.SetString("null")
			return nil
		}
	case bool:
		if dst.Kind() == reflect.Bool {
			dst.SetBool(v)
			return nil
		}
	case string:
		if dst.Kind() == reflect.String && dst.Type() != reflect.TypeFor[Literal]() {
			dst.SetString(v)
			return checkChoice(dst, v)
		}
	}
	return fmt.Errorf("must be %s, not %s", wantedShape(dst), shapeOf(value))
}

// setNumber puts a number into a Literal, an integer or a float.
func setNumber(dst reflect.Value, literal Literal) error {
	exact, ok := literal.Rat()
	if !ok {
		return fmt.Errorf("must be a finite number, not %s", string(literal))
	}
	switch dst.Kind() {
	case reflect.Int, reflect.Int64:
		if !exact.IsInt() || !exact.Num().IsInt64() {
			return fmt.Errorf("must be an integer, not %s", string(literal))
		}
		dst.SetInt(exact.Num().Int64())
		return nil
	case reflect.Float64:
		f, _ := exact.Float64()
		dst.SetFloat(f)
		return nil
	}
	if dst.Type() == reflect.TypeFor[Literal]() {
		dst.SetString(string(literal))
		return nil
	}
	return fmt.Errorf("must be %s, not the number %s", wantedShape(dst), string(literal))
}

// checkChoice refuses a word that a Chooser does not know.
func checkChoice(dst reflect.Value, word string) error {
	chooser, ok := dst.Interface().(Chooser)
	if !ok {
		return nil
	}
	if slices.Contains(chooser.Choices(), word) {
		return nil
	}
	return notOneOf(word, chooser.Choices())
}

// notOneOf says that word is none of choices, with the nearest one.
func notOneOf(word string, choices []string) error {
	text := fmt.Sprintf("must be one of %s, not %q", strings.Join(choices, ", "), word)
	if near := diag.Nearest(word, choices); near != "" {
		return &hinted{text: text, hint: fmt.Sprintf("did you mean %q?", near)}
	}
	return errors.New(text)
}

// hinted is a plain sentence with a hint.
type hinted struct{ text, hint string }

// Error returns the sentence.
func (h *hinted) Error() string { return h.text }

// wrongValue wraps a sentence as a mistake, or returns none for nil.
func wrongValue(err error) []*OptionError {
	if err == nil {
		return nil
	}
	e := diag.New("Q071", "%s", err.Error())
	var h *hinted
	if errors.As(err, &h) {
		e = e.WithHint("%s", h.hint)
	}
	return []*OptionError{{Err: e}}
}

// wantedShape names what a field takes, with its article.
func wantedShape(dst reflect.Value) string {
	if dst.Type() == reflect.TypeFor[Literal]() {
		return "a number"
	}
	switch dst.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "an integer"
	case reflect.Float64:
		return "a number"
	}
	if chooser, ok := dst.Interface().(Chooser); ok {
		return "one of " + strings.Join(chooser.Choices(), ", ")
	}
	return "a text"
}

// shapeOf names what a recipe says, with its article.
func shapeOf(value any) string {
	switch v := value.(type) {
	case nil:
		return "nothing"
	case bool:
		return strconv.FormatBool(v)
	case Literal:
		return "the number " + string(v)
	case string:
		return fmt.Sprintf("the text %q", v)
	case []any:
		return "a list"
	}
	return "a map"
}

// getOption returns the value that setOption would take to make v.
func getOption(v reflect.Value) any {
	if getter, ok := v.Interface().(OptionGetter); ok {
		return getter.Option()
	}
	switch v.Kind() {
	case reflect.Slice:
		list := make([]any, v.Len())
		for i := range list {
			list[i] = getOption(v.Index(i))
		}
		return list
	case reflect.Bool:
		return v.Bool()
	case reflect.Int, reflect.Int64:
		return Literal(strconv.FormatInt(v.Int(), 10))
	case reflect.Float64:
		return Literal(strconv.FormatFloat(v.Float(), 'g', -1, 64))
	}
	if v.Type() == reflect.TypeFor[Literal]() {
		return v.Interface()
	}
	return v.String()
}
