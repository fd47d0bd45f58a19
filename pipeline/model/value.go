package model

import (
	"encoding/json"
	"strconv"

	"quern/features/column"
	"quern/features/program"
)

// formatColumn returns the values of a plain column as JSON. A value is null or a
// string: a quoted text, a decimal integer, a hexadecimal real, true or false. A list
// is null or an array of these.
func formatColumn(c *column.Column) []json.RawMessage {
	out := make([]json.RawMessage, c.Len)
	for i := range c.Len {
		text, err := json.Marshal(formatValue(c.Type(), program.ValueAt(&c.Values, i)))
		if err != nil {
			panic("quern: bug: golden rows do not encode: " + err.Error())
		}
		out[i] = text
	}
	return out
}

// formatValue returns what stands for v in JSON: nil, a string, or a slice of both.
func formatValue(t column.Type, v program.Value) any {
	if v.Null {
		return nil
	}
	switch t.Kind() {
	case column.Bools:
		return strconv.FormatBool(v.Bool)
	case column.Ints:
		return strconv.FormatInt(v.Int, 10)
	case column.Floats:
		return strconv.FormatFloat(v.Float, 'x', -1, 64)
	case column.Strings:
		return strconv.QuoteToASCII(string(v.Str))
	}
	list := make([]any, len(v.List))
	for i, x := range v.List {
		list[i] = formatValue(t.Elem(), x)
	}
	return list
}

// parseColumn reads what formatColumn wrote.
func parseColumn(t column.Type, texts []json.RawMessage) (column.Column, error) {
	values := make([]program.Value, len(texts))
	for i, text := range texts {
		var err error
		if values[i], err = parseValue(t, text); err != nil {
			return column.Column{}, err
		}
	}
	return column.Column{Len: len(values), Values: program.StoredVector(t, values...)}, nil
}

func parseValue(t column.Type, text json.RawMessage) (v program.Value, err error) {
	if t.IsList() {
		return parseList(t.Elem(), text)
	}
	var s *string
	if err := json.Unmarshal(text, &s); err != nil || s == nil {
		return program.NullValue(), err
	}
	switch t.Kind() {
	case column.Bools:
		v.Bool, err = strconv.ParseBool(*s)
	case column.Ints:
		v.Int, err = strconv.ParseInt(*s, 10, 64)
	case column.Floats:
		v.Float, err = strconv.ParseFloat(*s, 64)
	case column.Strings:
		var unquoted string
		unquoted, err = strconv.Unquote(*s)
		v.Str = []byte(unquoted)
	}
	return v, err
}

// parseList reads a list of values of type elem.
func parseList(elem column.Type, text json.RawMessage) (v program.Value, err error) {
	var list *[]json.RawMessage
	if err := json.Unmarshal(text, &list); err != nil || list == nil {
		return program.NullValue(), err
	}
	v.List = make([]program.Value, len(*list))
	for i, x := range *list {
		if v.List[i], err = parseValue(elem, x); err != nil {
			return v, err
		}
	}
	return v, nil
}
